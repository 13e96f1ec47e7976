"""Callouts of both engines: the inline one up to 4.88, the shared one since 4.89."""

from __future__ import annotations

import pytest

from eximsim.mta.records.verification import CalloutSettings
from eximsim.mta.verify.verify import verify_address
from eximsim.status import Rc
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
    SENDER,
    SERVFAIL,
    UNUSABLE,
    WRONG,
    Mx,
    Site,
    variant,
)
from tests.mta.verify.test_cutthrough import ran

TRY = {"hosts_try_dane": "*"}
REQUIRE = {"hosts_require_dane": "*"}
BOTH = pytest.mark.parametrize("release", [NEW, NEWEST])
ACCEPTED, NOT_DONE = "250 Accepted", "451 Could not complete recipient verify callout"
ONE_RCPT = f"EHLO c\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<a@test.ex>\r\nQUIT\r\n"
LOCAL_PROBLEM = "451 Temporary local problem - please try later"


def plain(**phases: Answer) -> Mx:
    return Mx(Behaviour(extensions=(), **phases))  # type: ignore[arg-type]  # by name


def rejected(site: Site) -> str:
    """Why the recipient was not accepted, as the main log has it."""
    return site.log[-1].partition(" <a@test.ex>: ")[2]


# ---- what is said and what its answer means --------------------------------------------


@BOTH
def test_a_callout_says_mail_with_the_empty_sender_and_rcpt_and_leaves(release: str) -> None:
    site = Site([Mx(PLAIN)], release)
    assert site.verify() == [ACCEPTED]
    assert site.calls == [("10.9.1.1", ["EHLO", "MAIL FROM:<>", "RCPT TO:<a@test.ex>", "QUIT"])]


@BOTH
def test_use_sender_says_mail_with_the_messages_sender(release: str) -> None:
    site = Site([Mx(PLAIN)], release, callout="5s,no_cache,use_sender")
    site.verify()
    assert f"MAIL FROM:<{SENDER}>" in site.calls[0][1]


@BOTH
@pytest.mark.parametrize(("main", "domain"), [({}, "myhost.test.ex"), ({"qualify_domain": "q.ex"}, "q.ex")])
def test_use_postmaster_says_mail_with_this_hosts_postmaster(
    release: str, main: dict[str, str], domain: str
) -> None:
    site = Site([Mx(PLAIN)], release, callout="5s,no_cache,use_postmaster", main=main)
    site.verify()
    assert f"MAIL FROM:<postmaster@{domain}>" in site.calls[0][1]


@BOTH
def test_with_details_a_client_is_told_why_nobody_could_be_asked(release: str) -> None:
    site = Site([Mx(REFUSING)], release, main={"smtp_return_error_details": ""})
    told = site.exim("-bs", stdin=ONE_RCPT).stdout
    assert f"{NOT_DONE.replace(' ', '-', 1)} for <a@test.ex>.\r\n451-" in told
    assert "\r\n451 the address will never be accepted.\r\n" in told


@BOTH
@pytest.mark.parametrize(
    ("server", "answer", "asked"),
    [
        (plain(rcpt=reply("550 unknown")), "550 550 unknown", ["mx1"]),
        (plain(mail=reply("550 not you")), "550 550 not you", ["mx1"]),
        (plain(banner=reply("554 no service")), "550 554 no service", ["mx1"]),
        (plain(rcpt=reply("450 later")), ACCEPTED, ["mx1", "mx2"]),
        (plain(mail=reply("450 later")), ACCEPTED, ["mx1", "mx2"]),
        (plain(banner=reply("421 busy")), ACCEPTED, ["mx1", "mx2"]),
        (plain(rcpt=Answer(then=Then.CLOSE)), ACCEPTED, ["mx1", "mx2"]),
        (plain(rcpt=Answer(then=Then.SILENCE)), ACCEPTED, ["mx1", "mx2"]),
        (Mx(REFUSING), ACCEPTED, ["mx2"]),
        (plain(ehlo=reply("502 what")), ACCEPTED, ["mx1"]),
    ],
)
def test_a_5xx_answer_is_final_and_anything_else_leaves_it_to_the_next_host(
    release: str, server: Mx, answer: str, asked: list[str]
) -> None:
    site = Site([server, Mx(PLAIN)], release)
    assert site.verify() == [answer]
    assert site.called == asked


@pytest.mark.parametrize(
    ("release", "server", "why"),
    [
        (NEW, plain(rcpt=reply("550 no")), 'response to "RCPT TO:<a@test.ex>" from {host} was: 550 no'),
        (
            NEWEST,
            plain(rcpt=reply("550 no")),
            "{host} : SMTP error from remote mail server after RCPT TO:<a@test.ex>: 550 no",
        ),
        (NEW, plain(rcpt=reply("450 x")), 'response to "RCPT TO:<a@test.ex>" from {host} was: 450 x'),
        (
            NEWEST,
            plain(rcpt=reply("450 x")),
            "Could not complete recipient verify callout: {host} :"
            " SMTP error from remote mail server after RCPT TO:<a@test.ex>: 450 x",
        ),
        (NEW, Mx(REFUSING), "could not connect to {host}: Connection refused"),
        (
            "4.89",
            Mx(REFUSING),
            "Could not complete recipient verify callout: {host} : could not connect: Connection refused",
        ),
        (NEWEST, Mx(REFUSING), "Could not complete recipient verify callout: {host} : Connection refused"),
    ],
)
def test_the_log_says_what_was_answered_as_the_release_words_it(release: str, server: Mx, why: str) -> None:
    site = Site([server], release)
    site.verify()
    assert rejected(site) == why.format(host="mx1.test.ex [10.9.1.1]")


@BOTH
def test_with_several_hosts_only_the_dull_text_is_left(release: str) -> None:
    site = Site([plain(rcpt=reply("450 later"))] * 2, release)
    assert site.verify() == [NOT_DONE]
    assert rejected(site) == "Could not complete recipient verify callout"


@BOTH
def test_defer_ok_takes_an_unfinished_callout_for_an_answer(release: str) -> None:
    assert Site([Mx(REFUSING)], release, callout="5s,no_cache,defer_ok").verify() == [ACCEPTED]


@BOTH
def test_maxwait_ends_the_search_for_an_answer(release: str) -> None:
    silent = plain(rcpt=Answer(then=Then.SILENCE))
    site = Site([silent, silent, Mx(PLAIN)], release, callout="5s,no_cache,maxwait=6s")
    assert site.verify() == [NOT_DONE]
    assert site.called == ["mx1", "mx2"]


@pytest.mark.parametrize("begun", [0.0, 0.9])
def test_maxwait_is_over_in_the_very_second(begun: float) -> None:
    silent = plain(rcpt=Answer(then=Then.SILENCE))
    site = Site([silent, Mx(PLAIN)], NEWEST, callout="5s,no_cache,maxwait=5s")
    site.world.sleep(begun)
    assert site.verify() == [NOT_DONE]
    assert site.called == ["mx1"]


# ---- TLS -------------------------------------------------------------------------------


@BOTH
def test_a_callout_uses_tls_where_it_is_offered(release: str) -> None:
    site = Site(release=release)
    assert site.verify() == [ACCEPTED]
    assert site.calls[0][1][:4] == ["EHLO", "STARTTLS", "TLS", "EHLO"]


@BOTH
def test_hosts_verify_avoid_tls_keeps_it_off(release: str) -> None:
    site = Site(release=release, transport={"hosts_verify_avoid_tls": "*"})
    assert site.verify() == [ACCEPTED]
    assert "STARTTLS" not in site.calls[0][1]


@pytest.mark.parametrize(
    ("release", "answer", "calls"),
    [(OLD, NOT_DONE, 1), (NEW, NOT_DONE, 1), ("4.88", ACCEPTED, 2), (NEWEST, ACCEPTED, 2)],
)
def test_a_failed_handshake_is_tried_again_in_clear_since_4_88(release: str, answer: str, calls: int) -> None:
    site = Site([Mx(BAD_TLS)], release)
    assert site.verify() == [answer]
    assert len(site.calls) == calls


@BOTH
@pytest.mark.parametrize("server", [Mx(PLAIN), Mx(Behaviour(starttls=reply("554 never")))])
def test_where_tls_is_a_must_a_callout_does_not_go_on_without(release: str, server: Mx) -> None:
    site = Site([server], release, transport={"hosts_require_tls": "*"})
    assert site.verify() == [NOT_DONE]
    assert not any(event.startswith("MAIL") for event in site.calls[0][1])


# ---- DANE ------------------------------------------------------------------------------


@pytest.mark.parametrize("release", [OLD, NEW, "4.88", "4.89", "4.90", NEWEST])
@pytest.mark.parametrize("transport", [TRY, REQUIRE])
def test_a_good_tlsa_record_lets_a_callout_through(release: str, transport: dict[str, str]) -> None:
    site = Site([Mx(tlsa=GOOD)], release, transport=transport)
    assert site.verify() == [ACCEPTED]
    assert "TLS" in site.calls[0][1]


@pytest.mark.parametrize("release", [OLD, NEW, "4.88", "4.89", "4.90", "4.95"])
@pytest.mark.parametrize("tlsa", [WRONG, UNUSABLE])
def test_no_callout_completes_where_dane_has_failed(release: str, tlsa: dict[str, object]) -> None:
    site = Site([Mx(tlsa=tlsa)], release, transport=REQUIRE)
    assert site.verify() == [NOT_DONE]
    assert not any(event.startswith("MAIL") for _, events in site.calls for event in events)


@pytest.mark.parametrize(
    ("servers", "shown"),
    [
        ([Mx(tlsa=UNUSABLE)], ["NULL"]),
        ([Mx(REFUSING), Mx(tlsa=UNUSABLE)], ["callout"]),
        ([Mx(tlsa=UNUSABLE), Mx(tlsa=UNUSABLE)], ["NULL", "callout"]),
    ],
)
def test_a_text_that_was_never_set_is_another_in_4_95_once_a_callout_has_asked_a_host(
    servers: list[Mx], shown: list[str]
) -> None:
    site = Site(servers, "4.95", transport=TRY)
    site.verify()
    assert [line.rpartition(": ")[2] for line in site.log if "DANE attempt failed" in line] == shown


@pytest.mark.parametrize(
    ("release", "transport", "tlsa", "answer"),
    [
        (OLD, TRY, SERVFAIL, LOCAL_PROBLEM),
        (NEW, TRY, SERVFAIL, LOCAL_PROBLEM),
        ("4.89", TRY, SERVFAIL, NOT_DONE),
        (NEWEST, TRY, SERVFAIL, NOT_DONE),
        (OLD, TRY, NXDOMAIN, ACCEPTED),
        (NEW, TRY, NXDOMAIN, LOCAL_PROBLEM),
        (NEWEST, TRY, NXDOMAIN, ACCEPTED),
        (NEW, REQUIRE, NXDOMAIN, "550 Administrative prohibition"),
        (NEWEST, REQUIRE, NXDOMAIN, NOT_DONE),
    ],
)
def test_a_tlsa_lookup_without_a_record_means_what_the_release_makes_of_it(
    release: str, transport: dict[str, str], tlsa: dict[str, object], answer: str
) -> None:
    site = Site([Mx(tlsa=tlsa)], release, transport=transport)
    assert site.verify() == [answer]


def test_in_4_88_a_recipient_passes_unasked_where_dane_is_only_requested_and_there_is_no_record() -> None:
    site = Site([Mx(plain(rcpt=reply("550 unknown")).behaviour, tlsa=NXDOMAIN)], "4.88", transport=TRY)
    assert site.verify() == [ACCEPTED]
    assert not any(event.startswith("RCPT") for _, events in site.calls for event in events)


@pytest.mark.parametrize("release", ["4.93", "4.95"])
def test_from_4_93_to_4_95_a_host_that_dane_rules_out_kills_the_process(release: str) -> None:
    site = Site([Mx(tlsa=SERVFAIL)], release, transport=TRY)
    assert site.exim("-bs", stdin=ONE_RCPT).code == -11


def test_in_4_92_it_survives_if_an_earlier_callout_has_connected() -> None:
    other = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx2.test.ex"]]}
    site = Site([Mx(tlsa=SERVFAIL), Mx(PLAIN, tlsa=NXDOMAIN)], "4.92", transport=TRY, zone=[other])
    assert site.verify("b@other.ex", "a@test.ex")[0] == ACCEPTED
    alone = Site([Mx(tlsa=SERVFAIL)], "4.92", transport=TRY)
    assert alone.exim("-bs", stdin=ONE_RCPT).code == -11


def test_in_4_96_it_writes_of_a_null_pointer_and_goes_on() -> None:
    site = Site([Mx(tlsa=SERVFAIL)], "4.96", transport=TRY)
    assert site.verify() == [NOT_DONE]
    assert "null conn-context pointer" in site.log
    assert "null conn-context pointer" in site.panic_log


def test_since_4_98_it_goes_on_to_the_next_host() -> None:
    site = Site([Mx(tlsa=SERVFAIL), Mx(tlsa=GOOD)], "4.98", transport=TRY)
    assert site.verify() == [ACCEPTED]
    assert site.called == ["mx2"]
    assert site.panic_log == []


# ---- a host without an address, ports --------------------------------------------------


@BOTH
def test_a_callout_goes_to_the_transports_port(release: str) -> None:
    site = Site([Mx()], release, transport={"port": "2525"})
    site.serve("10.9.1.1", PLAIN, 2525)
    assert site.verify() == [ACCEPTED]
    assert site.world.accepted[0].server.port == 2525


@BOTH
def test_a_port_that_is_none_is_a_panic_and_becomes_25(release: str) -> None:
    site = Site([Mx(PLAIN)], release, transport={"port": "gopher"})
    assert site.verify() == [ACCEPTED]
    assert site.panic_log == ['<a@test.ex>: TCP port "gopher" is not defined for callout']


# ---- senders, and what is not modelled --------------------------------------------------


@BOTH
def test_who_verifies_a_sender_is_told_the_command_and_the_answer(release: str) -> None:
    process = Site([plain(rcpt=reply("550 unknown"))], release).process()
    ask = CalloutSettings(seconds=5, no_cache=True)
    found = verify_address(process, "a@test.ex", is_recipient=False, callout=ask)
    assert (found.rc, found.failure) == (Rc.FAIL, "recipient")
    assert found.user_message == ("Called:   10.9.1.1\nSent:     RCPT TO:<a@test.ex>\nResponse: 550 unknown")


@pytest.mark.parametrize(
    ("release", "banner", "sent"),
    [("4.89", "554 go", "QUIT"), (NEWEST, "554 go", "QUIT"), (NEWEST, "220 come", "QUIT")],
)
def test_who_verifies_a_sender_with_a_host_that_refuses_its_name_is_told_of_the_quit(
    release: str, banner: str, sent: str
) -> None:
    server = plain(banner=reply(banner), ehlo=reply("500 what"), helo=reply("500 what"))
    process = Site([server], release).process()
    ask = CalloutSettings(seconds=5, no_cache=True)
    found = verify_address(process, "a@test.ex", is_recipient=False, callout=ask)
    assert f"\nSent:     {sent}\n" in (found.user_message or "")


@pytest.mark.parametrize(("release", "shown"), [("4.93", "no (truncated)"), ("4.92", "no \u00e9")])
def test_the_client_hears_a_hosts_reply_up_to_its_first_odd_character(release: str, shown: str) -> None:
    site = Site([plain(rcpt=reply("550 no \u00e9"))], release)
    assert site.verify()[0].endswith(f"550 550 {shown}")


# ---- a random recipient and the postmaster ---------------------------------------------

RANDOM = "RCPT TO:<myhost.test.ex-"
SINCE_489 = pytest.mark.parametrize("release", ["4.89", "4.92", NEWEST])


def answering(*recipients: tuple[str, Answer], **phases: Answer) -> Mx:
    return Mx(Behaviour(extensions=(), recipients=recipients, **phases))  # type: ignore[arg-type]  # by name


def heard(site: Site) -> list[str]:
    return [event for _, events in site.calls for event in events]


def test_a_host_that_takes_a_random_recipient_is_asked_no_more() -> None:
    site = Site([answering()], NEWEST, callout="5s,random")
    assert site.verify() == [ACCEPTED]
    assert len([event for event in heard(site) if event.startswith("RCPT")]) == 1
    assert heard(site)[2].startswith(RANDOM)
    assert site.verify("b@test.ex") == [ACCEPTED]
    assert len(site.calls) == 1


@pytest.mark.parametrize(
    ("release", "failure"),
    [(NEWEST, "random"), ("4.92", "random"), ("4.91", ""), ("4.89.1", ""), ("4.89", "")],
)
def test_that_a_random_recipient_was_taken_is_known_and_cached(release: str, failure: str) -> None:
    site = Site([answering()], release, callout="5s,random")
    process = site.process()
    for address in ("a@test.ex", "b@test.ex"):
        settings = CalloutSettings(random=True)
        verify_address(process, address, is_recipient=True, callout=settings)
        assert process.variables["recipient_verify_failure"] == failure


def test_in_4_89_a_host_that_takes_a_random_recipient_has_not_answered() -> None:
    site = Site([answering()], "4.89", callout="5s,no_cache,random")
    assert site.verify() == [NOT_DONE]
    assert rejected(site).endswith('-testing@test.ex>" was: 250 OK')


@SINCE_489
def test_a_host_that_refuses_a_random_recipient_is_asked_about_the_real_one(release: str) -> None:
    site = Site(
        [answering(("a@test.ex", reply("250 OK")), rcpt=reply("550 no"))], release, callout="5s,random"
    )
    assert site.verify() == [ACCEPTED]
    said = heard(site)
    assert said[2].startswith(RANDOM)
    assert [said[1], *said[3:]] == [
        "MAIL FROM:<>", "RSET", "MAIL FROM:<>", "RCPT TO:<a@test.ex>", "QUIT",
    ]  # fmt: skip


@SINCE_489
def test_a_host_that_breaks_off_after_a_random_recipient_is_called_again(release: str) -> None:
    server = answering(("a@test.ex", reply("250 OK")), rcpt=reply("550 no"), reset=Answer(then=Then.CLOSE))
    site = Site([server], release, callout="5s,random")
    assert site.verify() == [ACCEPTED]
    assert len(site.calls) == 2


@SINCE_489
def test_a_host_that_refuses_to_begin_anew_after_a_random_recipient_is_not_told_quit(release: str) -> None:
    server = answering(("a@test.ex", reply("250 OK")), rcpt=reply("550 no"), reset=reply("500 what"))
    site = Site([server], release, callout="5s,random")
    assert site.verify() == [ACCEPTED]
    first, second = (said for _, said in site.calls)
    assert first[-1] != "QUIT"
    assert second[-1] == "QUIT"


@SINCE_489
def test_a_temporary_answer_about_a_random_recipient_leaves_it_to_the_next_host(release: str) -> None:
    site = Site(
        [answering(rcpt=reply("450 later")), answering(rcpt=reply("550 no"))], release, callout="5s,random"
    )
    assert site.verify()[0].startswith("550")
    assert site.called == ["mx1", "mx2"]


@SINCE_489
def test_the_postmaster_is_asked_about_after_the_recipient(release: str) -> None:
    site = Site([answering()], release, callout="5s,postmaster")
    assert site.verify() == [ACCEPTED]
    assert heard(site) == [
        "EHLO", "MAIL FROM:<>", "RCPT TO:<a@test.ex>",
        "RSET", "MAIL FROM:<>", "RCPT TO:<postmaster@test.ex>", "QUIT",
    ]  # fmt: skip


def test_v_tells_that_a_postmaster_is_in_the_way_of_cutthrough() -> None:
    site = Site([answering()], NEWEST, callout="5s,postmaster")
    dialogue = f"EHLO client\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<a@test.ex>\r\nQUIT\r\n"
    shown = site.exim("-v", "-bs", stdin=dialogue).stderr.splitlines()
    assert " Cutthrough cancelled by presence of postmaster verify" in shown


@SINCE_489
def test_a_host_without_a_postmaster_is_refused_now_and_from_the_cache(release: str) -> None:
    site = Site([answering(("postmaster@test.ex", reply("550 none")))], release, callout="5s,postmaster")
    assert site.verify()[0].startswith("550")
    assert site.verify("b@test.ex")[0].startswith("550")
    assert len(site.calls) == 1


@SINCE_489
def test_what_a_verification_came_to_is_forgotten_at_the_end_of_its_statement(release: str) -> None:
    server = answering(("a@test.ex", reply("450 later")))
    site = Site([server], release, callout="5s\n         logwrite = <$acl_verify_message>")
    assert site.verify("b@test.ex", "a@test.ex", "b@test.ex") == [ACCEPTED, NOT_DONE, ACCEPTED]
    assert site.log[-1] == "<>"


REFUSED = ("a@test.ex", reply("550 no"))


@SINCE_489
def test_the_postmaster_is_asked_about_after_a_recipient_that_is_refused_too(release: str) -> None:
    site = Site([answering(REFUSED)], release, callout="5s,postmaster")
    assert site.verify() == ["550 250 OK"]
    assert rejected(site).endswith("remote mail server after RCPT TO:<a@test.ex>: 550 no")
    assert heard(site)[3:] == ["RSET", "MAIL FROM:<>", "RCPT TO:<postmaster@test.ex>", "QUIT"]
    assert site.verify()[0].startswith("550")
    assert len(site.calls) == 1


@SINCE_489
def test_a_postmaster_who_is_not_there_is_what_a_refused_recipient_is_told(release: str) -> None:
    server = answering(REFUSED, ("postmaster@test.ex", reply("551 none")))
    site = Site([server], release, callout="5s,postmaster")
    assert site.verify() == ["550 551 none"]


@SINCE_489
def test_a_host_that_does_not_begin_anew_after_a_refusal_leaves_it_to_the_next_one(release: str) -> None:
    site = Site([answering(REFUSED, reset=reply("450 no")), answering()], release, callout="5s,postmaster")
    assert site.verify() == [ACCEPTED]
    assert site.called == ["mx1", "mx2"]


@SINCE_489
def test_a_postmaster_without_a_domain_will_do_if_that_is_asked_for(release: str) -> None:
    server = answering(("postmaster@test.ex", reply("550 none")))
    assert Site([server], release, callout="5s,fullpostmaster").verify() == [ACCEPTED]


def test_the_postmaster_is_asked_about_from_another_sender() -> None:
    site = Site([answering()], NEWEST, callout="5s,postmaster_mailfrom=me@test.ex")
    site.verify()
    assert [event for event in heard(site) if event.startswith("MAIL")] == [
        "MAIL FROM:<>", "MAIL FROM:<me@test.ex>",
    ]  # fmt: skip


def watched(site: Site) -> list[str]:
    return [line.strip() for line in site.exim("-v", "-bs", stdin=ONE_RCPT).stderr.splitlines()]


def test_the_dialogue_of_a_callout_is_shown_with_v() -> None:
    lines = watched(Site([plain(banner=reply("220 here"))], NEWEST))
    start = lines.index("connected")
    assert lines[start - 1] == "Connecting to mx1.test.ex [10.9.1.1]:25 ..."
    assert lines[start + 1] == "SMTP<< 220 here"
    assert [line.split()[1] for line in lines if line.startswith("SMTP>>")] == [
        "EHLO",
        "MAIL",
        "RCPT",
        "QUIT",
    ]
    assert lines[lines.index("SMTP(close)>>") + 1] == "cmdlog: '220:EHLO:250:MAIL:250:RCPT:250:QUIT:221'"


def test_a_host_that_cannot_be_reached_is_shown_with_v() -> None:
    lines = watched(Site([Mx(Behaviour(listen=False))], NEWEST))
    start = lines.index("sock_connect failed: Connection refused")
    assert lines[start + 1] == "cmdlog: (unset)"


@pytest.mark.parametrize("release", [NEW, NEWEST])
def test_the_end_of_a_connection_is_shown_with_v(release: str) -> None:
    site = Site([plain(mail=Answer(then=Then.CLOSE))], release)
    assert ("SMTP(closed)<<" in watched(site)) is site.profile.end_of_replies_shown


def test_a_callout_without_v_shows_nothing() -> None:
    assert Site([Mx(PLAIN)], NEWEST).exim("-bs", stdin=ONE_RCPT).stderr == ""


def test_a_recipient_that_cannot_be_there_has_its_domain_in_ascii_where_a_host_was_told_so() -> None:
    zone = [
        {"name": "xn--4ca.ex", "type": "MX", "ad": True, "data": [[1, "mx1.test.ex"], [2, "mx2.test.ex"]]},
    ]
    program = variant(NEWEST, i18n=True)
    first = answering(("a@xn--4ca.ex", reply("450 later")), rcpt=reply("550 no"))
    site = Site([first, answering()], program, callout="5s,no_cache,random", zone=zone)
    site.exim("-bs", stdin=f"EHLO c\r\nMAIL FROM:<{SENDER}> SMTPUTF8\r\nRCPT TO:<a@\u00e4.ex>\r\nQUIT\r\n")
    assert site.called == ["mx1", "mx2"]
    domains = {event.partition("@")[2] for event in heard(site) if event.startswith("RCPT")}
    assert domains == {"xn--4ca.ex>"}


@pytest.mark.parametrize("release", ["4.88", NEWEST])
def test_what_has_not_failed_has_no_name(release: str) -> None:
    verify = "         verify = recipient/callout=no_cache\n         logwrite = <$recipient_verify_failure>\n"
    _, _, log = ran("a@one.test.ex", control="no_pipelining", acl=verify, release=release)
    assert log[0] == "<>"


def test_that_mail_is_put_off_is_logged_once_where_there_is_no_other_host() -> None:
    site = Site([plain(mail=reply("450 later"))], "4.89")
    assert site.verify() == [NOT_DONE]
    assert len(site.log) == 1


class _Denying(Site):
    """The ACL refuses what can be verified."""

    condition = "recipient/callout=5s,no_cache"

    def _configuration(self) -> str:
        accept = f"accept verify = recipient/callout={self.callout}"
        return super()._configuration().replace(accept, f"deny verify = {self.condition}\n  accept")


class _DenyingUnasked(_Denying):
    condition = "recipient"


@pytest.mark.parametrize("release", ["4.89", "4.95", NEWEST])
def test_an_answer_that_means_yes_is_put_into_words_if_it_is_the_addresss_own(release: str) -> None:
    """As programs of these releases tell it with -bhc."""
    child = "red:\n driver = redirect\n local_parts = c\n data = a@test.ex"
    prohibited = "550 Administrative prohibition"
    site = _Denying([Mx(PLAIN)], release, routers=child)
    assert site.verify("a@test.ex", "c@test.ex") == ["550 250 OK", prohibited]
    assert rejected(site) == ""
    assert site.log[-2].endswith('rejected RCPT <a@test.ex>: response to "RCPT TO:<a@test.ex>" was: 250 OK')
    assert _DenyingUnasked([Mx(PLAIN)], release).verify("a@test.ex") == [prohibited]
