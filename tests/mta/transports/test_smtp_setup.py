from __future__ import annotations

import pytest

from eximsim.profiles import profile, with_tls
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from tests.mta.scenario import (
    BAD_TLS,
    GOOD,
    NEW,
    NEWEST,
    NXDOMAIN,
    OLD,
    PLAIN,
    REFUSING,
    SERVFAIL,
    UNUSABLE,
    WRONG,
    Mx,
    Site,
    delivered,
)

TRY = {"hosts_try_dane": "*"}
REQUIRE = {"hosts_require_dane": "*"}
OFFERS_AUTH = Mx(Behaviour(extensions=("STARTTLS", "AUTH PLAIN LOGIN")))
TLS_IS_A_MUST = {"hosts_require_tls": "*"}


def commands(site: Site) -> list[str]:
    """What the only server saw."""
    ((_, events),) = site.calls
    return [event.partition(" ")[0] for event in events]


# ---- greeting --------------------------------------------------------------------------


def test_a_host_that_cannot_be_reached_defers_with_the_systems_number() -> None:
    assert delivered(Mx(REFUSING)).outcome == "DEFER 111: None"


def test_helo_follows_a_refused_ehlo() -> None:
    site = delivered(Mx(Behaviour(ehlo=reply("502 what"))))
    assert commands(site)[:3] == ["EHLO", "HELO", "MAIL"]
    assert site.outcome == "sent to mx1.test.ex (clear)"


def test_hosts_avoid_esmtp_says_helo_at_once() -> None:
    assert commands(delivered(Mx(), hosts_avoid_esmtp="*"))[:2] == ["HELO", "MAIL"]


def test_a_refused_helo_ends_the_call() -> None:
    site = delivered(Mx(Behaviour(ehlo=reply("502 what"), helo=reply("550 no"))))
    assert site.outcome == "FAIL 0: SMTP error from remote mail server after HELO myhost.test.ex: 550 no"


@pytest.mark.parametrize("library", ["openssl", "gnutls"])
def test_a_refused_helo_in_clear_is_no_failed_handshake(library: str) -> None:
    no = reply("550 no")
    site = delivered(Mx(Behaviour(ehlo=no, helo=no)), with_tls(profile(NEWEST), library))
    assert site.outcome == "FAIL 0: SMTP error from remote mail server after HELO myhost.test.ex: 550 no"


def test_a_lost_connection_after_ehlo_is_no_reason_for_helo() -> None:
    site = delivered(Mx(Behaviour(ehlo=Answer(then=Then.CLOSE))))
    assert commands(site) == ["EHLO"]
    assert site.outcome.startswith("DEFER -18: Remote host closed connection in response to EHLO")


@pytest.mark.parametrize(
    ("setting", "name"), [("client.test.ex", "client.test.ex"), ("${uc:$primary_hostname}", "MYHOST.TEST.EX")]
)
def test_helo_data_is_expanded(setting: str, name: str) -> None:
    site = delivered(Mx(Behaviour(ehlo=reply("554 no"), helo=reply("554 no"))), helo_data=setting)
    assert site.outcome == f"FAIL 0: SMTP error from remote mail server after HELO {name}: 554 no"


def test_a_bad_greeting_counts_before_helo_data_that_does_not_expand() -> None:
    site = delivered(Mx(Behaviour(banner=reply("421 busy"))), helo_data="$nothing")
    assert site.outcome.startswith(
        "DEFER 0: SMTP error from remote mail server after initial connection: 421"
    )


@pytest.mark.parametrize(("action", "told"), [("${if eq{a}{b}{c}}", ""), ("", "unknown variable name")])
def test_why_helo_data_does_not_expand_is_forgotten_over_an_event(action: str, told: str) -> None:
    site = delivered(Mx(), helo_data="$nothing", event_action=action)
    (line,) = [line for line in site.log if line.startswith("== ")]
    assert line.partition("failed to expand helo_data: ")[2].startswith(told)
    assert line.endswith("helo_data: ") is not bool(told)


def test_helo_data_that_does_not_expand_defers() -> None:
    site = delivered(Mx(), helo_data="$nothing")
    assert site.outcome.startswith("DEFER -27: failed to expand helo_data: unknown variable name")


def test_quit_is_said_where_the_server_has_said_no_and_not_where_it_is_gone() -> None:
    assert commands(delivered(Mx(Behaviour(banner=reply("554 no")))))[-1] == "QUIT"
    assert commands(delivered(Mx(Behaviour(banner=Answer(then=Then.CLOSE))))) == []


# ---- the reply to STARTTLS -------------------------------------------------------------

LOST = Answer(then=Then.CLOSE)
STARTTLS = [
    (reply("454 not now"), "true", "sent to mx1.test.ex (clear)"),
    (
        reply("454 not now"),
        "false",
        "DEFER 0: SMTP error from remote mail server after STARTTLS: 454 not now",
    ),
    (reply("554 never"), "true", "sent to mx1.test.ex (clear)"),
    (reply("554 never"), "false", "sent to mx1.test.ex (clear)"),
    (LOST, "true", "DEFER -18: Remote host closed connection in response to STARTTLS"),
    (LOST, "false", "DEFER -18: Remote host closed connection in response to STARTTLS"),
    (Answer(then=Then.SILENCE), "true", "DEFER 110: SMTP timeout after STARTTLS"),
    (reply("nonsense"), "true", "DEFER -19: Malformed SMTP reply in response to STARTTLS: nonsense"),
]


@pytest.mark.parametrize(("answer", "tryclear", "outcome"), STARTTLS)
def test_a_refused_starttls_goes_on_in_clear_where_that_is_allowed(
    answer: Answer, tryclear: str, outcome: str
) -> None:
    site = delivered(Mx(Behaviour(starttls=answer)), tls_tempfail_tryclear=tryclear)
    assert site.outcome == outcome
    assert site.called == ["mx1"], "the same connection goes on"


@pytest.mark.parametrize("answer", [reply("454 not now"), reply("554 never")])
def test_with_hosts_require_tls_a_refusal_defers(answer: Answer) -> None:
    site = delivered(Mx(Behaviour(starttls=answer)), **TLS_IS_A_MUST)
    assert site.outcome == "DEFER -38: a TLS session is required, but an attempt to start TLS failed"


def test_starttls_is_not_said_where_it_is_not_offered_or_not_wanted() -> None:
    assert "STARTTLS" not in commands(delivered(Mx(PLAIN)))
    assert "STARTTLS" not in commands(delivered(Mx(), hosts_avoid_tls="*"))


def test_after_a_handshake_ehlo_is_said_again_and_its_answer_counts() -> None:
    site = delivered(Mx())
    assert commands(site)[:5] == ["EHLO", "STARTTLS", "TLS", "EHLO", "MAIL"]


@pytest.mark.parametrize(
    ("transport", "server"),
    [
        (TLS_IS_A_MUST, Mx(PLAIN)),
        (REQUIRE, Mx(PLAIN, tlsa=GOOD)),
        (TRY, Mx(PLAIN, tlsa=GOOD)),
    ],
)
def test_a_server_without_tls_is_no_use_where_tls_is_a_must(transport: dict[str, str], server: Mx) -> None:
    site = delivered(server, **transport)
    assert site.outcome == ("DEFER -38: a TLS session is required, but the server did not offer TLS support")
    assert commands(site) == ["EHLO", "QUIT"]


def test_dane_makes_a_4xx_reply_to_starttls_a_failure_of_the_host() -> None:
    site = delivered(Mx(Behaviour(starttls=reply("454 not now")), tlsa=GOOD), **TRY)
    assert site.outcome == "DEFER 0: SMTP error from remote mail server after STARTTLS: 454 not now"


def test_dane_and_hosts_avoid_tls_exclude_each_other() -> None:
    site = delivered(Mx(tlsa=GOOD), hosts_avoid_tls="*", **TRY)
    assert site.outcome == "DEFER -38: a TLS session is required, but an attempt to start TLS failed"


# ---- a failed DANE handshake -----------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "line"),
    [
        (OLD, None),
        (NEW, None),
        ("4.88", "DANE attempt failed; no TLS connection to mx1.test.ex [10.9.1.1]"),
        ("4.90", "DANE attempt failed; TLS connection to mx1.test.ex [10.9.1.1]: (SSL_connect): error"),
        (NEWEST, "DANE attempt failed; TLS connection to mx1.test.ex [10.9.1.1]: (SSL_connect): error"),
    ],
)
def test_a_failed_dane_verification_is_logged_as_the_release_does(release: str, line: str | None) -> None:
    site = delivered(Mx(tlsa=WRONG), release, **TRY)
    found = [logged for logged in site.log if logged.startswith("DANE attempt failed")]
    assert [logged[: len(line)] for logged in found if line] == ([line] if line else [])
    assert bool(found) is (line is not None)
    assert site.outcome.startswith("DEFER -37: ")
    assert site.messages == []


@pytest.mark.parametrize("option", ["hosts_try_dane", "hosts_require_dane"])
def test_before_4_87_the_dane_verdict_was_overridden(option: str) -> None:
    assert delivered(Mx(tlsa=WRONG), "4.86", **{option: "*"}).outcome == "sent to mx1.test.ex (dane)"


@pytest.mark.parametrize(
    ("release", "option", "outcome"),
    [
        (OLD, "hosts_try_dane", "sent to mx1.test.ex (yes)"),
        (OLD, "hosts_require_dane", "DEFER -37: failure while setting up TLS session"),
        (NEW, "hosts_try_dane", "DEFER -37: failure while setting up TLS session"),
        (NEW, "hosts_require_dane", "DEFER -37: failure while setting up TLS session"),
        ("4.90", "hosts_try_dane", "DEFER -37: TLS session: NULL"),
        ("4.94.1", "hosts_try_dane", "DEFER -37: TLS session: "),
    ],
)
def test_unusable_records_meant_ordinary_tls_until_the_change(
    release: str, option: str, outcome: str
) -> None:
    site = delivered(Mx(tlsa=UNUSABLE), release, **{option: "*"})
    assert site.outcome == outcome
    assert "DANE error: No usable TLSA records" in site.log
    retried = "DANE attempt failed; trying CA-root TLS to mx1.test.ex [10.9.1.1] (not in hosts_require_dane)"
    assert (retried in site.log) is (outcome == "sent to mx1.test.ex (yes)")


def test_a_failed_handshake_is_a_line_of_its_own_until_4_90() -> None:
    line = "H=mx1.test.ex [10.9.1.1] TLS error on connection (SSL_connect): "
    old, new = (delivered(Mx(BAD_TLS), release, **TLS_IS_A_MUST) for release in (NEW, "4.90"))
    assert any(logged.startswith(line) for logged in old.log)
    assert not any(logged.startswith(line) for logged in new.log)
    assert new.outcome.startswith("DEFER -37: TLS session: (SSL_connect): error:")


# ---- server name -----------------------------------------------------------------------


def sni(site: Site) -> str | None:
    (session,) = (item.session for item in site.world.accepted)
    return session.log.sni  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("release", "name"),
    [(NEW, None), ("4.94.1", "test.ex"), ("4.94.2+fixes", "mx1.test.ex"), (NEWEST, "mx1.test.ex")],
)
def test_under_dane_new_releases_ask_for_a_name(release: str, name: str | None) -> None:
    assert sni(delivered(Mx(tlsa=GOOD), release, **TRY)) == name
    assert sni(delivered(Mx(tlsa=NXDOMAIN), "4.88", **TRY)) is None


def test_tls_sni_is_expanded_for_the_host() -> None:
    assert sni(delivered(Mx(), tls_sni="x-$host")) == "x-mx1.test.ex"


# ---- smtps -----------------------------------------------------------------------------


def test_smtps_begins_with_the_handshake() -> None:
    site = delivered(Mx(Behaviour(tls_on_connect=True)), protocol="smtps", port="25")
    assert commands(site)[:3] == ["TLS", "EHLO", "MAIL"]
    assert site.outcome == "sent to mx1.test.ex (yes)"


def test_smtps_with_a_plain_server_is_not_tried_in_clear() -> None:
    site = delivered(Mx(), protocol="smtps", port="25")
    assert site.outcome == "DEFER -37: failure while setting up TLS session"
    assert site.called == ["mx1"]


# ---- what is not modelled --------------------------------------------------------------


def test_a_host_that_offers_no_authentication_is_of_no_use_where_it_is_required() -> None:
    site = delivered(Mx(), hosts_require_auth="*")
    assert site.outcome == "DEFER -42: authentication required but server did not advertise AUTH support"
    assert commands(site)[-1] == "QUIT"


def test_a_mechanism_that_the_client_does_not_have_is_not_tried() -> None:
    assert delivered(OFFERS_AUTH, hosts_try_auth="*").outcome.startswith("sent")
    site = delivered(OFFERS_AUTH, hosts_require_auth="*")
    assert site.outcome == "DEFER -42: authentication required but no common mechanisms were found"


@pytest.mark.parametrize(("library", "failed"), [("openssl", False), ("gnutls", True)])
def test_with_gnutls_alone_a_call_lost_at_the_first_read_over_tls_is_a_failed_handshake(
    library: str, failed: bool
) -> None:
    lost = Behaviour(tls_on_connect=True, ehlo=Answer(then=Then.CLOSE))
    release = with_tls(profile("4.96"), library)
    site = Site([Mx(lost)], release, transport={"protocol": "smtps", "port": "25"})
    site.deliver()
    assert site.log[-1].endswith("error on first read") is failed
    assert (
        site.log[-1].endswith("Remote host closed connection in response to EHLO myhost.test.ex")
        is not failed
    )


def test_a_call_that_dane_rules_out_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site([Mx(tlsa=SERVFAIL)], NEW, transport={"hosts_require_dane": "*"})
    monkeypatch.setattr(site.world, "hang_up", lambda: None)  # the end of the process closes nothing
    site.deliver()
    assert site.events == ["EOF"]


@pytest.mark.parametrize("release", ["4.92", NEWEST])
def test_a_call_to_another_host_takes_danes_word_from_who_has_been_sent_to(release: str) -> None:
    first = Mx(Behaviour(recipients=(("b@test.ex", reply("450 later")),)), tlsa=GOOD, preference=10)
    second = Mx(Behaviour(banner=reply("421 no")), preference=20)
    told = []
    for hosts in ([first], [first, second]):
        site = Site(hosts, release, transport={"hosts_try_dane": "*"})
        (line,) = (line for line in site.deliver("a@test.ex", "b@test.ex") if line.startswith("=> a@test.ex"))
        told.append(line.partition(" CV=")[2].split()[0])
    assert told == ["dane", "yes"]
