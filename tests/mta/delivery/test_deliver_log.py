from __future__ import annotations

import re

import pytest

from eximsim.mta.delivery.deliver_log import string_log_address
from eximsim.mta.records.structs import Address
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import GOOD, NEW, NEWEST, PLAIN, REFUSING, SENDER, Mx, Site, variant

HOST = "H=mx1.test.ex [10.9.1.1]"
SENT = 'C="250 OK id=X"'


def line(server: Mx, selectors: str = "", release: str = NEW, **transport: str) -> str:
    """The first line of a delivery, from the mark on, as it is in the log."""
    site = Site([server], release, transport=transport, main={"log_selector": selectors})
    site.exim("-odf", "-f", SENDER, "a@test.ex")
    lines = site.machine.files["/spool/log/mainlog"]
    return next(
        re.sub(r"^.*?(?=[-=*][>=*] )", "", text) for text in lines if re.search("[-=*][>=*] a@", text)
    )


# ---- deliveries ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ("", f"=> a@test.ex R=r T=smtp {HOST} {SENT}"),
        ("-smtp_confirmation", f"=> a@test.ex R=r T=smtp {HOST}"),
        ("+sender_on_delivery", f"=> a@test.ex F=<{SENDER}> R=r T=smtp {HOST} {SENT}"),
        ("+return_path_on_delivery", f"=> a@test.ex P=<{SENDER}> R=r T=smtp {HOST} {SENT}"),
        ("+outgoing_port", f"=> a@test.ex R=r T=smtp {HOST}:25 {SENT}"),
        ("+queue_time", f"=> a@test.ex R=r T=smtp {HOST} {SENT} QT=0s"),
        ("+deliver_time", f"=> a@test.ex R=r T=smtp {HOST} {SENT} DT=0s"),
    ],
)
def test_selectors_choose_what_a_delivery_line_has(selectors: str, expected: str) -> None:
    assert line(Mx(PLAIN), selectors) == expected


@pytest.mark.parametrize(
    ("server", "selectors", "release", "host"),
    [
        (Mx(PLAIN), "+dnssec", "4.88", "H=mx1.test.ex DS [10.9.1.1]"),
        (Mx(PLAIN), "", "4.88", HOST),
        (Mx(PLAIN, dnssec=False), "+dnssec", "4.88", HOST),
    ],
)
def test_a_host_that_dnssec_vouches_for_is_marked_on_request(
    server: Mx, selectors: str, release: str, host: str
) -> None:
    assert line(server, selectors, release) == f"=> a@test.ex R=r T=smtp {host} {SENT}"


def test_the_size_of_the_message_is_shown_on_request() -> None:
    assert re.search(r" T=smtp S=\d+ H=", line(Mx(PLAIN), "+delivery_size"))


@pytest.mark.parametrize(
    ("selectors", "release", "expected"),
    [
        ("", NEW, "X=TLSv1.2:ECDHE-ECDSA-AES256-GCM-SHA384:256 CV=dane"),
        ("", NEWEST, "X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=dane"),
        ("-tls_cipher", NEW, "CV=dane"),
        ("-tls_certificate_verified", NEW, "X=TLSv1.2:ECDHE-ECDSA-AES256-GCM-SHA384:256"),
        ("-tls_cipher +tls_peerdn", NEW, 'CV=dane DN="/CN=*.test.ex"'),
    ],
)
def test_a_tls_session_is_shown_as_the_selectors_say(selectors: str, release: str, expected: str) -> None:
    shown = line(Mx(tlsa=GOOD), selectors, release, hosts_try_dane="*")
    assert shown == f"=> a@test.ex R=r T=smtp {HOST} {expected} {SENT}"


def test_the_servers_words_are_quoted_and_its_quotes_and_backslashes_escaped() -> None:
    server = Mx(Behaviour(extensions=(), end_of_data=reply(r'250 "a\b"')))
    assert line(server).endswith(r'C="250 \"a\\b\""')


# ---- deferrals and failures ------------------------------------------------------------


def test_a_systems_error_is_named_after_its_number() -> None:
    assert line(Mx(REFUSING)) == "== a@test.ex R=r T=smtp defer (111): Connection refused"


def test_the_host_of_a_deferral_has_its_port_on_request() -> None:
    later = Mx(Behaviour(extensions=(), rcpt=reply("450 later")))
    text = "SMTP error from remote mail server after RCPT TO:<a@test.ex>: 450 later"
    assert line(later) == f"== a@test.ex R=r T=smtp defer (-44) {HOST}: {text}"
    assert line(later, "+outgoing_port") == f"== a@test.ex R=r T=smtp defer (-44) {HOST}:25: {text}"


@pytest.mark.parametrize(("release", "colon"), [(NEW, ":"), (NEWEST, " :")])
def test_the_newest_release_puts_a_blank_before_the_reason_of_a_failure(release: str, colon: str) -> None:
    never = Mx(Behaviour(extensions=(), rcpt=reply("550 never")))
    text = "SMTP error from remote mail server after RCPT TO:<a@test.ex>: 550 never"
    assert line(never, release=release) == f"** a@test.ex R=r T=smtp {HOST}{colon} {text}"
    assert line(never, "+sender_on_delivery", release).startswith(f"** a@test.ex F=<{SENDER}> R=r T=smtp H=")


def test_what_was_not_tried_is_logged_only_with_its_selector() -> None:
    def skipped(selectors: str) -> list[str]:
        site = Site([Mx(REFUSING)], main={"log_selector": selectors})
        site.deliver()
        return site.queue_run()

    assert skipped("-retry_defer") == []
    assert skipped("")[0].startswith("== a@test.ex R=r T=smtp defer (-53)")


@pytest.mark.parametrize(("moved", "shown"), [(False, "(-53)"), (True, "(-54)")])
def test_only_the_numbers_of_the_retry_family_moved(moved: bool, shown: str) -> None:
    site = Site([Mx(REFUSING)], variant(NEW, retry_errno_moved=moved))
    assert "(111)" in site.deliver()[-1]
    assert shown in site.queue_run()[0]


# ---- the address -----------------------------------------------------------------------


def family(*names: str) -> Address:
    addr = None
    for name in names:
        addr = Address(name, local_part=name.partition("@")[0], domain="test.ex", parent=addr)
    assert addr is not None
    return addr


@pytest.mark.parametrize(
    ("names", "selectors", "expected"),
    [
        (("a@test.ex",), "", "a@test.ex"),
        (("list@test.ex", "a@test.ex"), "", "a@test.ex <list@test.ex>"),
        (("A@test.ex", "a@test.ex"), "", "a@test.ex <A@test.ex>"),
        (("a@TEST.ex", "a@test.ex"), "", "a@test.ex"),
        (("top@test.ex", "list@test.ex", "a@test.ex"), "", "a@test.ex <top@test.ex>"),
        (
            ("top@test.ex", "list@test.ex", "a@test.ex"),
            "+all_parents",
            "a@test.ex (list@test.ex) <top@test.ex>",
        ),
        (
            ("t@test.ex", "l@test.ex", "m@test.ex", "a@test.ex"),
            "+all_parents",
            "a@test.ex (m@test.ex, l@test.ex) <t@test.ex>",
        ),
    ],
)
def test_an_address_is_shown_with_the_recipient_that_it_comes_from(
    names: tuple[str, ...], selectors: str, expected: str
) -> None:
    process = Site(main={"log_selector": selectors}).process()
    assert string_log_address(process, family(*names)) == expected
