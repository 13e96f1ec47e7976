"""TLS sessions that a client takes up again, with servers that give tickets, by library and release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.profiles import Profile, profile
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import GOOD, NEWEST, WRONG, Mx, Settings, Site

NEW, AGAIN, OLDER = "11", "31", "23"
SHOWN = "$tls_out_resumption $tls_out_certificate_verified $tls_out_sni $tls_out_cipher"
BY_SENDER = "${if eq{$sender_address}{d@x.ex}{*}}"
_GNUTLS_NEWEST = replace(profile(NEWEST), tls_library=GNUTLS)
_LIBRARIES = pytest.mark.parametrize("release", [profile(NEWEST), _GNUTLS_NEWEST], ids=["OpenSSL", "GnuTLS"])


def noting(text: str) -> str:
    """An event_action that logs ``text`` when a connection ends."""
    logs = f"${{acl{{accept logwrite = NOTED {text}}}}}"
    return f"${{if eq{{$event_name}}{{tcp:close}}{{{logs}}}}}"


def site(
    release: Profile | str = NEWEST,
    tlsa: object = None,
    version: str = "TLSv1.3",
    chain: str = "good",
    transport: Settings | None = None,
) -> Site:
    server = Mx(Behaviour(tickets=True, max_version=version, chain=chain), tlsa=tlsa)  # type: ignore[arg-type]
    options = {
        "tls_resumption_hosts": "*",
        "tls_try_verify_hosts": "*",
        "tls_verify_certificates": "/root.pem",
        "event_action": noting(SHOWN),
        **(transport or {}),
    }
    router = {"dnssec_request_domains": "*"}
    return Site((server,), release, transport=options, router=router)


def seen(made: Site, sender: str = "s@x.ex") -> list[str]:
    """What is noted of the connections for one message."""
    first = len(made.log)
    made.exim("-odf", "-f", sender, "a@test.ex")
    return [line.partition("NOTED ")[2] for line in made.log[first:] if "NOTED " in line]


@_LIBRARIES
@pytest.mark.parametrize(("version", "again"), [("TLSv1.3", AGAIN), ("TLSv1.2", OLDER)])
def test_a_ticket_serves_the_next_message(release: Profile, version: str, again: str) -> None:
    made = site(release, version=version)
    told = [seen(made)[0].split()[:2] for _ in range(3)]
    assert told == [[NEW, "1"], [again, "1"], [again, "1"]]


def test_with_gnutls_a_resumed_session_is_shown_without_a_signature() -> None:
    ciphers = {}
    for version in ("TLSv1.2", "TLSv1.3"):
        made = site("4.96-debian12", version=version)
        ciphers[version] = [seen(made)[0].split()[-1] for _ in range(2)]
    assert [text.split(":")[1].startswith("ECDHE_") for text in ciphers["TLSv1.2"]] == [True, True]
    assert ["SHA256__AES" in text for text in ciphers["TLSv1.2"]] == [True, False]
    assert ciphers["TLSv1.3"][1] == "TLS1.3:(AES_256_GCM:256"


@_LIBRARIES
def test_with_dane_no_session_is_found_again(release: Profile) -> None:
    made = site(release, GOOD, transport={"hosts_require_dane": "*"})
    assert [seen(made)[0].split()[0] for _ in range(2)] == [NEW, NEW]
    assert made.events.count("message accepted") == 2


def test_up_to_4_95_a_session_is_kept_by_address_alone() -> None:
    made = site("4.95", transport={"tls_sni": "$sender_address_local_part.ex"})
    assert [seen(made, sender)[0].split()[:3] for sender in ("x@x.ex", "y@x.ex")] == [
        [NEW, "1", "x.ex"],
        [AGAIN, "1", "y.ex"],
    ]
    newer = site(transport={"tls_sni": "$sender_address_local_part.ex"})
    assert [seen(newer, sender)[0].split()[0] for sender in ("x@x.ex", "y@x.ex", "x@x.ex")] == [
        NEW,
        NEW,
        AGAIN,
    ]


@pytest.mark.parametrize(("release", "taken"), [("4.95", 2), ("4.96", 1), (NEWEST, 1)])
def test_in_4_95_nobody_looks_at_the_records_of_a_resumed_session(release: str, taken: int) -> None:
    made = site(release, WRONG, transport={"hosts_try_dane": BY_SENDER})
    for sender in ("s@x.ex", "d@x.ex"):
        seen(made, sender)
    assert made.events.count("message accepted") == taken


@pytest.mark.parametrize(
    ("release", "second"),
    [(profile(NEWEST), [[AGAIN, "0"]]), (_GNUTLS_NEWEST, [["7", "0"], ["0", "0"]])],
    ids=["OpenSSL", "GnuTLS"],
)
def test_gnutls_judges_a_resumed_session_again(release: Profile, second: list[list[str]]) -> None:
    made = site(release, chain="selfsigned", transport={"tls_verify_hosts": BY_SENDER})
    assert seen(made)[0].split()[:2] == [NEW, "0"]
    told = [line.split()[:2] for line in seen(made, "d@x.ex")]
    assert told[0] == second[0]
    assert len(told) == len(second)


def test_gnutls_sees_tickets_that_it_has_not_asked_for() -> None:
    noted = [seen(site(release, transport={"tls_resumption_hosts": ":"}))[0].split()[0] for release in
             (_GNUTLS_NEWEST, profile(NEWEST))]  # fmt: skip
    assert noted == ["9", "1"]


def test_gnutls_and_openssl_name_a_suite_of_tls_1_3_differently() -> None:
    made = [site(release, transport={"event_action": noting("$tls_out_cipher_std")})
            for release in (profile(NEWEST), _GNUTLS_NEWEST)]  # fmt: skip
    assert [seen(one)[0] for one in made] == [
        "TLS_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    ]


def test_a_server_without_tickets_has_none_taken_up() -> None:
    made = site()
    made.replace_server(1, Behaviour(banner=reply("220 another")))
    assert [seen(made)[0].split()[0] for _ in range(2)] == ["3", "3"]
