from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.world.smtp_behaviour import Answer, Behaviour, Then, reply
from eximsim.world.smtp_server import SmtpServer, SmtpSession
from tests.mta.scenario import CHAINS, GOOD, NEW, NEWEST, PIPELINING, PLAIN, REFUSING, SENDER, Mx, Site

RECIPIENTS = tuple(f"{letter}@test.ex" for letter in "abcde")
SILENCE, CLOSE = Answer(then=Then.SILENCE), Answer(then=Then.CLOSE)
ON_THE_LIST = {"250 OK": "sent", "550 no": "FAIL", "450 later": "DEFER"}


def server(*extensions: str, **phases: Answer) -> Mx:
    """A server without TLS that differs in some phases."""
    return Mx(Behaviour(extensions=extensions, **phases))  # type: ignore[arg-type]  # by name


def events(site: Site) -> list[str]:
    """What the first server saw after EHLO."""
    _, (ehlo, *seen) = site.calls[0]
    assert ehlo == "EHLO"
    return [event.replace(f" FROM:<{SENDER}>", "").replace("RCPT TO:", "") for event in seen]


def words(site: Site) -> list[str]:
    """Sent, FAIL or DEFER of each recipient."""
    return [
        outcome.partition(" ")[0] for address, outcome in site.outcomes.items() if "myhost" not in address
    ]


# ---- one transaction -------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", [PLAIN, PIPELINING])
def test_a_message_goes_to_all_recipients_at_once(behaviour: Behaviour) -> None:
    site = Site([Mx(behaviour)])
    log = site.deliver(*RECIPIENTS[:2], body="Subject: x\n\nhello\n.dot\n")
    assert [message.recipients for message in site.messages] == [RECIPIENTS[:2]]
    assert site.messages[0].content.endswith(b"\r\n\r\nhello\r\n.dot\r\n")
    assert [line[:2] for line in log] == ["=>", "->", "Co"]


def test_the_size_is_announced_to_a_server_that_takes_it() -> None:
    site = Site([server("SIZE 9000")], transport={"size_addition": "5000"})
    site.deliver()
    (announced,) = (event for event in events(site) if event.startswith("MAIL"))
    assert announced.startswith("MAIL SIZE=")
    assert 5000 < int(announced.partition("=")[2]) < 6000


def test_pipelining_sends_what_can_go_together() -> None:
    site = Site([server("PIPELINING", mail=CLOSE)])
    site.deliver()
    command = "MAIL FROM:<s@myhost.test.ex>"
    assert site.outcome == f"DEFER -18: Remote host closed connection in response to pipelined {command}"


def test_hosts_avoid_pipelining_waits_for_each_reply() -> None:
    site = Site([server("PIPELINING", mail=CLOSE)], transport={"hosts_avoid_pipelining": "*"})
    site.deliver()
    assert site.outcome == f"DEFER -18: Remote host closed connection in response to MAIL FROM:<{SENDER}>"


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)])
@given(answers=st.lists(st.sampled_from(sorted(ON_THE_LIST)), min_size=1, max_size=5))
@settings(max_examples=30)
def test_each_recipient_has_its_own_answer_pipelined_or_not(
    extensions: tuple[str, ...], answers: list[str]
) -> None:
    replies = tuple((name, reply(text)) for name, text in zip(RECIPIENTS, answers, strict=False))
    site = Site([Mx(Behaviour(extensions=extensions, recipients=replies))])
    site.deliver(*RECIPIENTS[: len(answers)])
    assert words(site) == [ON_THE_LIST[answer] for answer in answers]
    accepted = tuple(name for name, answer in replies if answer.lines == ("250 OK",))
    assert [message.recipients for message in site.messages] == ([accepted] if accepted else [])


def test_data_is_said_only_to_a_server_that_has_taken_a_recipient_unless_it_went_out_before() -> None:
    refused = Site([server(rcpt=reply("550 no"))])
    refused.deliver()
    assert events(refused) == ["MAIL", "<a@test.ex>", "QUIT"]
    pipelined = Site([server("PIPELINING", rcpt=reply("550 no"), data=reply("503 none"))])
    pipelined.deliver()
    assert events(pipelined) == ["MAIL", "<a@test.ex>", "DATA", "QUIT"]
    assert words(pipelined) == ["FAIL"]


def test_return_path_of_the_transport_is_the_sender_that_the_server_sees() -> None:
    site = Site(transport={"return_path": "bounce+$sender_address_local_part@test.ex"})
    site.deliver()
    assert site.messages[0].sender == "bounce+s@test.ex"


# ---- whose fault it is -----------------------------------------------------------------

FAULTS = [
    ({"mail": reply("450 later")}, "message", "DEFER -45: SMTP error from remote mail server after MAIL"),
    ({"mail": reply("550 no")}, "message", "FAIL 0: SMTP error from remote mail server after MAIL"),
    ({"mail": SILENCE}, "message", "DEFER 110: SMTP timeout after MAIL"),
    ({"mail": CLOSE}, "host", "DEFER -18: Remote host closed connection in response to MAIL"),
    ({"rcpt": CLOSE}, "host", "DEFER -18: Remote host closed connection in response to RCPT"),
    ({"rcpt": reply("rubbish")}, "host", "DEFER -19: Malformed SMTP reply in response to RCPT"),
    ({"data": reply("450 later")}, "message", "DEFER -46: SMTP error from remote mail server after DATA"),
    ({"data": reply("550 no")}, "message", "FAIL 0: SMTP error from remote mail server after DATA"),
    ({"data": CLOSE}, "host", "DEFER -18: Remote host closed connection in response to DATA"),
    ({"data": SILENCE}, "host", "DEFER 110: SMTP timeout after DATA"),
    (
        {"end_of_data": reply("450 later")},
        "message",
        "DEFER -46: SMTP error from remote mail server after end",
    ),
    ({"end_of_data": reply("550 no")}, "message", "FAIL 0: SMTP error from remote mail server after end"),
    (
        {"end_of_data": CLOSE},
        "message",
        "DEFER -18: Remote host closed connection in response to end of data",
    ),
    ({"end_of_data": SILENCE}, "message", "DEFER 110: SMTP timeout after end of data"),
    ({"end_of_data": reply("rubbish")}, "host", "DEFER -19: Malformed SMTP reply in response to end of data"),
]


@pytest.mark.parametrize(("phases", "blamed", "outcome"), FAULTS)
def test_a_failure_is_the_messages_or_the_hosts(phases: dict[str, Answer], blamed: str, outcome: str) -> None:
    site = Site([server(**phases)])
    site.deliver()
    assert site.outcome.startswith(outcome)
    (message_id, *_) = [*site.machine.spool.ids(), ""]
    keys = {"message": [f"T:mx1.test.ex:10.9.1.1:{message_id}"], "host": ["T:mx1.test.ex:10.9.1.1"]}
    expected = [] if outcome.startswith("FAIL") else keys[blamed]
    assert list(site.machine.hints.retry) == expected


@pytest.mark.parametrize("phase", ["mail", "data", "end_of_data"])
def test_a_message_that_a_host_defers_is_tried_at_the_next(phase: str) -> None:
    site = Site([server(**{phase: reply("450 later")}), Mx()])
    log = site.deliver()
    assert log[0].startswith("SMTP error from remote mail server after")
    assert site.outcome == "sent to mx2.test.ex (yes)"


def test_a_late_reply_to_rcpt_defers_all_recipients() -> None:
    site = Site([server(rcpt=SILENCE)])
    site.deliver(*RECIPIENTS[:2])
    timeout = "DEFER 110: SMTP timeout after RCPT TO:<a@test.ex>"
    assert site.outcomes == dict.fromkeys(RECIPIENTS[:2], timeout)


@pytest.mark.parametrize(("release", "colon"), [(NEW, ":"), (NEWEST, "")])
def test_a_deferred_recipient_is_logged_while_hosts_are_left(release: str, colon: str) -> None:
    site = Site([server(rcpt=reply("450 later")), Mx()], release)
    refusal = "SMTP error from remote mail server after RCPT TO:<a@test.ex>: 450 later"
    assert site.deliver()[0] == f"H=mx1.test.ex [10.9.1.1]{colon} {refusal}"


# ---- several transactions --------------------------------------------------------------


def test_max_rcpt_splits_the_recipients_over_transactions_of_one_connection() -> None:
    site = Site([Mx(PLAIN)], transport={"max_rcpt": "2"}, main={"remote_max_parallel": "5"})
    site.deliver(*RECIPIENTS)
    assert [message.recipients for message in site.messages] == [
        RECIPIENTS[:2],
        RECIPIENTS[2:4],
        RECIPIENTS[4:],
    ]
    assert words(site) == ["sent"] * 5


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_a_host_of_serialize_hosts_that_a_parallel_batch_may_be_speaking_to_is_not_modelled(
    parallel: str,
) -> None:
    transport = {"max_rcpt": "1", "serialize_hosts": "*"}
    site = Site([Mx(PLAIN)], transport=transport, main={"remote_max_parallel": parallel})
    if parallel == "1":
        site.deliver(*RECIPIENTS[:2])
        assert words(site) == ["sent"] * 2
    else:
        with pytest.raises(Unsupported, match="serialize_hosts"):
            site.deliver(*RECIPIENTS[:2])


def test_a_batch_passes_over_a_host_that_another_is_surely_still_speaking_to() -> None:
    """As in Exim's own test 0288: there a program waits before it begins the next batch."""
    slow = Mx(Behaviour(extensions=(), mail=reply("250 OK", delay=3)))
    site = Site(
        [slow],
        NEWEST,
        transport={"max_rcpt": "1", "serialize_hosts": "*"},
        main={"remote_max_parallel": "2"},
    )
    site.machine.test_harness = True
    log = site.deliver("a@test.ex", "b@test.ex")
    assert [line.partition(" R=")[0] for line in log] == ["== b@test.ex", "=> a@test.ex"]
    assert log[0].endswith("connection limit reached for all hosts for 'test.ex'")
    assert site.queue_run()[0].startswith("=> b@test.ex")


def test_with_room_for_few_batches_it_is_not_known_which_of_them_is_over_first() -> None:
    slow = Mx(Behaviour(extensions=(), mail=reply("250 OK", delay=3)))
    site = Site(
        [slow, Mx(PLAIN)],
        NEWEST,
        transport={"max_rcpt": "1", "serialize_hosts": "mx1.test.ex"},
        main={"remote_max_parallel": "2"},
    )
    site.machine.test_harness = True
    with pytest.raises(Unsupported, match="serialize_hosts"):
        site.deliver(*RECIPIENTS[:4])


def test_rset_is_said_only_after_a_transaction_that_was_not_completed() -> None:
    site = Site([server(rcpt=reply("250 OK"))], transport={"max_rcpt": "2"})
    site.deliver(*RECIPIENTS[:4])
    assert "RSET" not in events(site)
    refusing = Behaviour(extensions=(), recipients=tuple((name, reply("550 no")) for name in RECIPIENTS[:2]))
    site = Site([Mx(refusing)], transport={"max_rcpt": "2"})
    site.deliver(*RECIPIENTS[:3])
    assert events(site)[:5] == ["MAIL", "<a@test.ex>", "<b@test.ex>", "RSET", "MAIL"]
    assert words(site) == ["FAIL", "FAIL", "sent"]


def test_a_refused_rset_defers_what_is_left() -> None:
    refusing = Behaviour(extensions=(), rcpt=reply("550 no"), reset=reply("500 what"))
    site = Site([Mx(refusing)], transport={"max_rcpt": "1"}, main={"remote_max_parallel": "1"})
    site.deliver(*RECIPIENTS[:3])
    assert words(site)[0] == "FAIL"


def test_after_a_transaction_in_which_everyone_was_deferred_there_is_no_other() -> None:
    refusing = Behaviour(extensions=(), recipients=tuple((name, reply("450 no")) for name in RECIPIENTS[:2]))
    site = Site([Mx(refusing)], transport={"max_rcpt": "2"})
    site.deliver(*RECIPIENTS[:3])
    assert events(site) == ["MAIL", "<a@test.ex>", "<b@test.ex>", "QUIT"]
    assert words(site) == ["DEFER"] * 3
    assert site.log[-1] == "== c@test.ex R=r T=smtp defer (0)"


def test_who_was_left_over_at_one_host_is_tried_at_the_next() -> None:
    refusing = Behaviour(extensions=(), recipients=tuple((name, reply("450 no")) for name in RECIPIENTS[:2]))
    site = Site([Mx(refusing), Mx(PLAIN)], transport={"max_rcpt": "2"})
    site.deliver(*RECIPIENTS[:3])
    assert words(site) == ["sent"] * 3
    assert [message.recipients for message in site.messages] == [RECIPIENTS[:2], RECIPIENTS[2:3]]


# ---- a server that has enough recipients -------------------------------------------------


@pytest.mark.parametrize(("release", "transactions"), [("4.92", 1), ("4.95", 2), ("4.99", 2)])
def test_recipients_that_are_too_many_are_named_again_on_the_same_connection(
    release: str, transactions: int
) -> None:
    once = (("b@test.ex", reply("452 too many")),)
    site = Site([Mx(Behaviour(extensions=("PIPELINING",), recipients=once))], release)
    site.deliver(*RECIPIENTS[:3])
    assert events(site).count("MAIL") == transactions
    assert [event for event in events(site) if event.startswith("<b@")] == ["<b@test.ex>"] * transactions


def test_the_first_recipient_is_not_named_again_for_a_452() -> None:
    every = tuple((address, reply("452 too many")) for address in RECIPIENTS[:2])
    site = Site([Mx(Behaviour(extensions=("PIPELINING",), recipients=every))], "4.95")
    site.deliver(*RECIPIENTS[:2])
    assert events(site).count("MAIL") == 1
    assert words(site) == ["DEFER", "DEFER"]


# ---- limits that a server names (RFC 9422) -------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "release", "batches"),
    [
        ("RCPTMAX=2", "4.98", [[2, 2, 1]]),
        ("RCPTMAX=2", "4.97", [[5]]),
        ("MAILMAX=1 RCPTMAX=2", "4.98", [[2], [2], [1]]),
        ("mailmax=2 rcptmax=2", "4.98", [[2, 2], [1]]),
        ("RCPTMAX=0", "4.98", [[5]]),
    ],
)
def test_no_more_is_sent_than_the_server_says(limits: str, release: str, batches: list[list[int]]) -> None:
    site = Site([server("SIZE", f"LIMITS {limits}")], release)
    site.deliver(*RECIPIENTS)
    assert words(site) == ["sent"] * len(RECIPIENTS)
    seen = [[part.count("RCPT") for part in " ".join(events).split("MAIL")[1:]] for _, events in site.calls]
    assert seen == batches


@pytest.mark.parametrize("starttls", ["454 later", "554 never"])
@pytest.mark.parametrize(("release", "transactions"), [("4.97", 1), ("4.98", 2), (NEWEST, 2)])
def test_the_limits_of_a_server_hold_in_clear_although_it_offers_starttls(
    release: str, transactions: int, starttls: str
) -> None:
    offered = Behaviour(extensions=("STARTTLS", "LIMITS RCPTMAX=1"), starttls=reply(starttls))
    site = Site([Mx(offered)], release)
    site.deliver(*RECIPIENTS[:2])
    assert events(site).count("MAIL") == transactions


@pytest.mark.parametrize(
    ("extensions", "seen"), [(("PIPELINING",), ["MAIL", "DATA", "EOF"]), ((), ["MAIL", "QUIT"])]
)
def test_after_a_connection_lost_at_the_servers_limit_there_is_another_for_nobody(
    extensions: tuple[str, ...], seen: list[str]
) -> None:
    lost = Behaviour(
        extensions=("LIMITS MAILMAX=1 RCPTMAX=1", *extensions), recipients=((RECIPIENTS[1], CLOSE),)
    )
    site = Site([Mx(lost), Mx(PLAIN)], NEWEST)
    site.deliver(*RECIPIENTS[:3])
    hosts = [address for address, _ in site.calls]
    assert hosts == ["10.9.1.1"] * 3 + ["10.9.1.2"]
    assert [event.partition(" FROM")[0] for event in site.calls[2][1][1:]] == seen
    assert words(site) == ["sent"] * 3


def test_envelope_to_names_the_recipients_of_all_transactions() -> None:
    site = Site([server("LIMITS RCPTMAX=1")], NEWEST, transport={"envelope_to_add": "true"})
    site.deliver(*RECIPIENTS[:2])
    named = b"Envelope-to: a@test.ex,\r\n b@test.ex\r\n"
    assert [named in message.content for message in site.messages] == [True, True]


def test_a_chunk_for_nobody_follows_a_connection_lost_at_the_servers_limit() -> None:
    said = ("LIMITS MAILMAX=1 RCPTMAX=1", "PIPELINING", "CHUNKING")
    lost = Behaviour(extensions=said, recipients=((RECIPIENTS[1], CLOSE),))
    site = Site([Mx(lost), Mx(PLAIN)], NEWEST)
    site.deliver(*RECIPIENTS[:3])
    assert [event[:4] for event in site.calls[2][1][1:3]] == ["MAIL", "BDAT"]


def test_recipients_of_one_domain_share_a_transaction_with_a_server_of_one_domain_at_a_time() -> None:
    site = Site([server("SIZE", "LIMITS RCPTDOMAINMAX=1")], "4.98")
    site.deliver("a@test.ex", "b@test.ex")
    assert sum(event.startswith("MAIL") for event in events(site)) == 1


@pytest.mark.parametrize(("release", "continued"), [("4.98", "bc"), ("4.99", "b")])
def test_up_to_4_98_whoever_comes_after_the_second_transactions_first_counts_as_continued(
    release: str, continued: str
) -> None:
    zone = [{"name": "x.ex", "type": "MX", "ad": True, "data": [[1, "mx1.test.ex"]]}]
    site = Site([server("SIZE", "LIMITS RCPTDOMAINMAX=1")], release, zone=zone)
    lines = site.deliver("a@test.ex", "b@x.ex", "c@test.ex")
    assert {line[3] for line in lines if "[10.9.1.1]*" in line} == set(continued)


class _PutsOffAfterTheFirst(SmtpServer):
    """A server that takes a message, and puts MAIL off on each connection after that."""

    def __call__(self) -> SmtpSession:
        session = super().__call__()
        self.behaviour = replace(self.behaviour, mail=reply("451 later"))
        return session


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",)])
def test_a_server_that_has_had_its_messages_may_be_called_without_end(extensions: tuple[str, ...]) -> None:
    limited = Behaviour(extensions=(*extensions, "LIMITS MAILMAX=1 RCPTMAX=1"))
    for release in ("4.97", NEWEST):
        site = Site((Mx(REFUSING),), release)
        site.world.listen("10.9.1.1", 25, _PutsOffAfterTheFirst(limited, CHAINS.chains))
        if release == NEWEST:
            with pytest.raises(Unsupported, match=r"called without end.*/config:"):
                site.deliver("a@test.ex", "b@test.ex", "c@test.ex")
        else:
            site.deliver("a@test.ex", "b@test.ex", "c@test.ex")
            assert site.events.count("message accepted") == 1


def test_envelope_to_names_those_that_dane_leaves_to_another_connection() -> None:
    other = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]}
    options = {"hosts_require_dane": "*", "envelope_to_add": "true"}
    site = Site((Mx(tlsa=GOOD),), NEWEST, transport=options, zone=(other,))
    site.deliver("a@test.ex", "b@other.ex")
    assert [len(one.recipients) for one in site.messages] == [1, 1]
    for one in site.messages:
        assert b"Envelope-to: a@test.ex,\r\n b@other.ex\r\n" in one.content


def test_envelope_to_names_those_that_are_the_same_where_the_message_goes_to_a_fallback_host() -> None:
    options = {"envelope_to_add": "true", "fallback_hosts": "spare.ex"}
    site = Site(
        (Mx(REFUSING, preference=10),),
        NEWEST,
        transport=options,
        zone=({"name": "spare.ex", "type": "A", "ad": True, "data": ["10.9.9.9"]},),
    )
    site.serve("10.9.9.9", PLAIN)
    site.deliver("a@test.ex", "a@test.ex")
    (one,) = site.messages
    assert b"Envelope-to: a@test.ex,\r\n a@test.ex\r\n" in one.content


@pytest.mark.parametrize(("limit", "marked"), [("1", ""), ("2", "bd")])
@pytest.mark.parametrize("release", ["4.98", "4.99"])
def test_a_connection_that_is_made_anew_at_the_servers_limit_is_not_called_a_continued_one(
    release: str, limit: str, marked: str
) -> None:
    site = Site([server("SIZE", f"LIMITS MAILMAX={limit} RCPTMAX=1")], release)
    log = site.deliver(*(f"{name}@test.ex" for name in "abcd"))
    assert "".join(line[3] for line in log if "]* C=" in line) == marked


THREE = {"name": "three.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]}
ONE_DOMAIN = ("LIMITS RCPTDOMAINMAX=1",)


@pytest.mark.parametrize(
    ("server", "outcome"),
    [
        ({"rcpt": reply("450 later")}, "FAIL 0: None"),
        ({"end_of_data": reply("550 no")}, "FAIL 0: None"),
        ({"extensions": ("LIMITS RCPTDOMAINMAX=1 MAILMAX=1",)}, "FAIL 0: None"),
        ({"mail": reply("450 later")}, "DEFER"),
        ({}, "sent to mx1.test.ex (clear)"),
    ],
)
def test_who_is_passed_over_for_a_servers_limit_of_domains_and_does_not_get_a_turn_has_failed(
    server: dict[str, Any], outcome: str
) -> None:
    behaviour = Behaviour(**{"extensions": ONE_DOMAIN, **server})
    site = Site((Mx(behaviour),), NEWEST, zone=(THREE,))
    site.deliver("a@test.ex", "b@three.ex", "c@test.ex")
    assert site.outcomes["b@three.ex"].startswith(outcome)


def test_a_next_host_does_not_get_who_was_passed_over() -> None:
    both = {**THREE, "data": [[10, "mx1.test.ex"], [20, "mx2.test.ex"]]}
    first = Mx(Behaviour(extensions=ONE_DOMAIN, rcpt=reply("450 later")), preference=10)
    site = Site((first, Mx(PLAIN, preference=20)), NEWEST, zone=(both,))
    site.deliver("a@test.ex", "b@three.ex")
    assert site.outcomes["b@three.ex"] == "FAIL 0: None"
    assert site.outcomes["a@test.ex"] == "sent to mx2.test.ex (clear)"


@pytest.mark.parametrize(("release", "waits"), [("4.98", True), ("4.99", False)])
def test_a_server_that_is_gone_before_the_next_transaction_has_gone_after_the_message(
    release: str, waits: bool
) -> None:
    gone = Behaviour(extensions=ONE_DOMAIN, end_of_data=Answer(("250 ok",), then=Then.CLOSE))
    site = Site((Mx(gone),), release, zone=(THREE,))
    log = site.deliver("a@test.ex", "b@three.ex")
    assert "H=mx1.test.ex [10.9.1.1]: Remote host closed connection in response to end of data" in log
    assert site.outcomes["b@three.ex"].startswith("DEFER" if waits else "sent")
    assert len(site.calls) == 2 - waits
