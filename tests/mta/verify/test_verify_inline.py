"""What only the callout's own SMTP client did (up to 4.88)."""

from __future__ import annotations

import pytest

from eximsim.mta.verify.verify_decisions import Heard
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from tests.mta.scenario import GOOD, NEW, OLD, UNUSABLE, Mx, Site

ACCEPTED, NOT_DONE = "250 Accepted", "451 Could not complete recipient verify callout"
RANDOM = "myhost.test.ex-1798761600-testing@test.ex"
TRY = {"hosts_try_dane": "*"}


def plain(*recipients: tuple[str, Answer], **phases: Answer) -> Mx:
    return Mx(Behaviour(extensions=(), recipients=recipients, **phases))  # type: ignore[arg-type]  # by name


def said(site: Site) -> list[str]:
    """The envelope commands of the only call."""
    ((_, events),) = site.calls
    return [event for event in events if event not in ("EHLO", "QUIT")]


def test_a_server_that_takes_a_made_up_recipient_is_not_asked_further() -> None:
    site = Site([plain()], callout="5s,no_cache,random")
    assert site.verify() == [ACCEPTED]
    assert said(site) == ["MAIL FROM:<>", f"RCPT TO:<{RANDOM}>"]


def test_one_that_refuses_it_is_asked_for_the_real_one() -> None:
    site = Site([plain((RANDOM, reply("550 unknown")))], callout="5s,no_cache,random")
    assert site.verify() == [ACCEPTED]
    assert said(site) == [
        "MAIL FROM:<>",
        f"RCPT TO:<{RANDOM}>",
        "RSET",
        "MAIL FROM:<>",
        "RCPT TO:<a@test.ex>",
    ]


@pytest.mark.parametrize(
    ("option", "server", "answer", "asked"),
    [
        ("postmaster", plain(), ACCEPTED, ["postmaster@test.ex"]),
        ("postmaster", plain(("postmaster@test.ex", reply("550 no"))), "550 550 no", ["postmaster@test.ex"]),
        ("postmaster", plain(("postmaster@test.ex", reply("450 no"))), NOT_DONE, ["postmaster@test.ex"]),
        (
            "fullpostmaster",
            plain(("postmaster@test.ex", reply("550 no"))),
            ACCEPTED,
            ["postmaster@test.ex", "postmaster"],
        ),
        (
            "fullpostmaster",
            plain(("postmaster@test.ex", reply("550 no")), ("postmaster", reply("551 no"))),
            "550 551 no",
            ["postmaster@test.ex", "postmaster"],
        ),
    ],
)
def test_the_postmaster_must_exist_too_if_that_is_asked_for(
    option: str, server: Mx, answer: str, asked: list[str]
) -> None:
    site = Site([server], callout=f"5s,no_cache,{option}")
    assert site.verify() == [answer]
    assert said(site)[2:] == ["RSET", "MAIL FROM:<>", *(f"RCPT TO:<{name}>" for name in asked)]


def test_postmaster_mailfrom_is_the_sender_for_the_postmaster() -> None:
    site = Site([plain()], callout="5s,no_cache,postmaster_mailfrom=p@test.ex")
    site.verify()
    assert said(site)[2:] == ["RSET", "MAIL FROM:<p@test.ex>", "RCPT TO:<postmaster@test.ex>"]


@pytest.mark.parametrize(
    ("answer", "heard", "why"),
    [
        (
            Answer(then=Then.CLOSE),
            Heard.OTHER,
            'response to "RCPT TO:<a@test.ex>" from {host} was: connection dropped',
        ),
        (Answer(then=Then.SILENCE), Heard.TIMEOUT, "Could not complete recipient verify callout"),
        (reply("nonsense"), Heard.ERROR, "Could not complete recipient verify callout"),
    ],
)
def test_errno_decides_what_a_lost_answer_is_called(answer: Answer, heard: Heard, why: str) -> None:
    site = Site([plain(rcpt=answer)])
    assert site.verify() == [NOT_DONE]
    (decision,) = site.decisions("callout refused")
    assert decision.inputs["heard"] == heard.value
    assert site.log[-1].endswith(f"<a@test.ex>: {why.format(host='mx1.test.ex [10.9.1.1]')}")


@pytest.mark.parametrize(("release", "retried"), [(OLD, True), (NEW, False)])
def test_until_the_change_unusable_tlsa_records_led_to_a_handshake_on_a_closed_socket(
    release: str, retried: bool
) -> None:
    site = Site([Mx(tlsa=UNUSABLE)], release, transport=TRY)
    assert site.verify() == [NOT_DONE]
    line = "DANE attempt failed; trying CA-root TLS to mx1.test.ex [10.9.1.1] (not in hosts_require_dane)"
    assert (line in site.log) is retried


@pytest.mark.parametrize(("release", "port"), [("4.85", "_-1"), (OLD, "_25")])
def test_in_4_85_tlsa_records_were_asked_for_before_the_port_was_known(release: str, port: str) -> None:
    site = Site([Mx(tlsa=GOOD)], release, transport=TRY)
    site.verify()
    assert [question for question in site.world.questions if question.startswith("TLSA")] == [
        f"TLSA {port}._tcp.mx1.test.ex"
    ]


def test_a_host_that_was_not_found_securely_fails_the_callout_where_dane_is_required() -> None:
    site = Site([Mx(dnssec=False), Mx()], transport={"hosts_require_dane": "*"})
    assert site.verify() == ["550 Administrative prohibition"]
    assert "DANE error: mx1.test.ex lookup not DNSSEC" in site.log


def test_hosts_avoid_esmtp_says_helo_at_once() -> None:
    site = Site([plain()], NEW, transport={"hosts_avoid_esmtp": "*"})
    assert site.verify() == [ACCEPTED]
    assert site.calls[0][1][0] == "HELO"


def test_that_a_made_up_recipient_was_refused_is_remembered_for_the_domain() -> None:
    site = Site([plain((RANDOM, reply("550 unknown")))], OLD, callout="5s,random")
    assert site.verify("a@test.ex") == [ACCEPTED]
    assert site.verify("b@test.ex") == [ACCEPTED]
    asked = [event for _, events in site.calls for event in events if event.startswith("RCPT")]
    assert asked == [f"RCPT TO:<{RANDOM}>", "RCPT TO:<a@test.ex>", "RCPT TO:<b@test.ex>"]
