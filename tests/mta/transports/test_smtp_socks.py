"""SMTP through SOCKS proxies: what they are told, which of them is taken, and what comes of their answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from eximsim.errors import Unsupported
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession
from tests.mta.scenario import NEWEST, Mx, Site

PROXY = "10.9.1.99"
TAKEN = b"\x05\x00\x00\x01\x7f\x00\x00\x01\xbe\xef"


@dataclass
class Proxy:
    """A session that answers each piece of what it is sent with the next of ``says``; None: it closes."""

    says: list[bytes | None]
    heard: list[bytes] = field(default_factory=list)
    ended: bool = False

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        return ()

    def on_data(self, data: bytes) -> Iterable[Action]:
        self.heard.append(data)
        said = self.says.pop(0) if self.says else None
        return (Close(),) if said is None else (Send(said),)

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        return ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        return ()

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        self.ended = True
        return (Close(),)

    def on_close(self) -> None:
        pass


def sent(proxy: Proxy, option: str = PROXY, profile: str = NEWEST) -> Site:
    """A message through ``proxy``, which listens on the usual port."""
    site = Site((Mx(),), profile, transport={"socks_proxy": option}, main={"log_selector": "+proxy"})
    site.world.listen(PROXY, 1080, lambda: proxy)
    site.deliver("a@test.ex")
    return site


def test_a_proxy_is_told_where_to_connect_and_speaks_for_the_host() -> None:
    proxy = Proxy(
        [
            b"\x05\x00",
            TAKEN + b"220 hi\r\n",
            b"250 mx\r\n",
            *[b"250 ok\r\n"] * 2,
            b"354 go\r\n",
            b"250 kept\r\n",
        ]
    )
    site = sent(proxy)
    assert proxy.heard[0] == b"\x05\x01\x00"
    assert proxy.heard[1][:4] == b"\x05\x01\x00\x01"
    assert proxy.heard[1][-2:] == (25).to_bytes(2, "big")
    assert f'PRX=[{PROXY}] C="250 kept"' in "\n".join(site.log)


@pytest.mark.parametrize(
    ("release", "ports", "shown"),
    [("4.86", "", ""), ("4.89", "", " PRX=[]"), ("4.89", "+outgoing_port", " PRX=[]:0"), ("4.92", "", "")],
)
def test_without_a_proxy_older_releases_name_an_empty_one(release: str, ports: str, shown: str) -> None:
    site = Site((Mx(),), release, main={"log_selector": f"+proxy {ports}"})
    (line,) = (line for line in site.deliver("a@test.ex") if line.startswith("=> "))
    assert (" PRX=" in line) is bool(shown)
    assert f"]{':25' if ports else ''}{shown}" in line


@pytest.mark.parametrize(
    ("says", "option", "error"),
    [
        ([b"\x05\x00", b"\x05\x05"], PROXY, "Connection refused"),
        ([b"\x05\x00", b"\x05\x04"], PROXY, "No route to host"),
        ([b"\x05\x00", b"\x05\x63"], PROXY, "Protocol error"),
        ([b"\x04\x00"], PROXY, "Protocol error"),
        ([None], PROXY, "Software caused connection abort"),
        ([b"\x05\xff"], PROXY, "Protocol error"),
        ([b"\x05\x02", b"\x01\x01"], f"{PROXY} auth=name name=fred pass=bad", "Permission denied"),
        ([], "10.9.1.98 : 10.9.1.97", "Device or resource busy"),
    ],
)
def test_what_a_proxy_says_is_an_error_of_the_connection(
    says: list[bytes | None], option: str, error: str
) -> None:
    assert f"{error}" in "\n".join(sent(Proxy(says), option).log)


def test_a_name_and_a_password_are_sent_if_they_are_asked_for() -> None:
    proxy = Proxy([b"\x05\x02", b"\x01\x00"])
    sent(proxy, f"{PROXY} auth=name name=fred pass=fubar")
    assert proxy.heard[:2] == [b"\x05\x01\x02", b"\x01\x04fred\x05fubar"]


@pytest.mark.parametrize(("profile", "method"), [("4.89", 0), ("4.90", 2)])
def test_the_method_offered_is_that_of_the_last_proxy_since_4_90(profile: str, method: int) -> None:
    proxy = Proxy([None])
    sent(proxy, f"{PROXY} pri=2 : 10.9.1.98 auth=name name=a pass=b", profile)
    assert proxy.heard == [bytes((5, 1, method))]


@pytest.mark.parametrize("seed", range(6))  # of two alike either may be drawn
def test_the_proxy_of_the_highest_priority_is_tried_first(seed: int) -> None:
    listed = f"10.9.1.98 : {PROXY} pri=2"
    site, proxy = Site((Mx(),), NEWEST, transport={"socks_proxy": listed}, seed=seed), Proxy([None])
    site.world.listen(PROXY, 1080, lambda: proxy)
    site.deliver("a@test.ex")
    assert proxy.heard
    assert "socks_sock_connect" not in "".join(site.log)


def test_nothing_means_no_proxy_since_4_99() -> None:
    site = sent(Proxy([]), "${if eq{1}{2}{x}}")
    assert "=> a@test.ex" in "\n".join(site.log)
    assert "PRX" not in "\n".join(site.log)


@pytest.mark.parametrize("says", [[b"\x05"], [b"\x05\x00", b"\x05"]])
def test_a_reply_that_is_too_short_ends_the_call_and_is_shown(
    says: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy([*says])
    site = Site((Mx(),), NEWEST, transport={"socks_proxy": PROXY})
    site.world.listen(PROXY, 1080, lambda: proxy)
    monkeypatch.setattr(site.world, "hang_up", lambda: None)  # the end of the process closes nothing
    shown = site.exim("-v", "-odf", "a@test.ex").stderr
    step = "method select" if len(says) == 1 else "connect"
    assert f"proxy rcv_err {step}: " in shown
    assert proxy.ended


@pytest.mark.parametrize("port", ["1081", "65535", "66617"])
def test_a_proxy_listens_on_the_port_that_is_named_for_it(port: str) -> None:
    proxy = Proxy([None])
    site = Site((Mx(),), NEWEST, transport={"socks_proxy": f"{PROXY} port={port}"})
    site.world.listen(PROXY, int(port) % 65536, lambda: proxy)
    site.deliver("a@test.ex")
    assert proxy.heard


@pytest.mark.parametrize(("profile", "firsts"), [("4.94.1", {1}), ("4.95", {0, 1})])
def test_of_two_proxies_of_one_weight_the_first_is_always_drawn_until_it_is_fair(
    profile: str, firsts: set[int]
) -> None:
    def heard_by_first(seed: int) -> int:
        site = Site((Mx(),), profile, transport={"socks_proxy": f"{PROXY} : 10.9.1.98"}, seed=seed)
        proxy = Proxy([None])
        site.world.listen(PROXY, 1080, lambda: proxy)
        site.world.listen("10.9.1.98", 1080, lambda: Proxy([None]))
        site.deliver("a@test.ex")
        return len(proxy.heard)

    assert {heard_by_first(seed) for seed in range(12)} == firsts


@pytest.mark.parametrize(
    ("option", "says", "profile"),
    [
        ("proxy.example", (), NEWEST),
        (f"{PROXY} weight=-1:10.9.1.98", (), NEWEST),
        (f"{PROXY}:10.9.1.98", (), "4.86"),
        (f"{PROXY} auth=name name={'n' * 256}", (b"\x05\x02",), NEWEST),
    ],
)
def test_what_is_not_modelled_of_proxies_is_told_with_its_place(
    option: str, says: tuple[bytes, ...], profile: str
) -> None:
    with pytest.raises(Unsupported, match="SOCKS prox") as told:
        sent(Proxy([*says]), option, profile)
    assert told.value.path == "/config"
    assert told.value.line


@pytest.mark.parametrize("option", ["name", "pass"])
def test_a_name_and_a_password_of_255_octets_can_be_told(option: str) -> None:
    proxy = Proxy([b"\x05\x02", b"\x01\x01"])
    sent(proxy, f"{PROXY} auth=name {option}={'n' * 255}", NEWEST)
    assert bytes((255,)) + b"n" * 255 in proxy.heard[1]
