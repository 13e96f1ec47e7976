"""DKIM at the end of an incoming message: log lines, the ACL for each signer, variables, given answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from eximsim.mta.expand.expand import expand
from eximsim.ports import Told
from eximsim.world.answers import Answers
from tests.mta.front import Front
from tests.mta.miscmods.rfc8463 import MESSAGE, NAME, RECORD, SIGNATURE


def key_zone(record: str) -> list[Mapping[str, object]]:
    """The zone that holds a key record."""
    return [{"name": NAME, "type": "TXT", "data": [f"{len(record):02x}{record.encode().hex()}"]}]


KEY = key_zone(RECORD)
OPEN = "acl_smtp_rcpt = accept\nlog_selector = +dkim_verbose\n"
SEEN = "DKIM: d=football.example.com s=brisbane c=relaxed/relaxed a=ed25519-sha256 b=512 "
WHO = "i=@football.example.com t=1528637909 "


def taken_in(
    main: str = "",
    acls: str = "",
    *,
    message: bytes = SIGNATURE + MESSAGE,
    zone: Sequence[Mapping[str, object]] = KEY,
    answers: Answers | None = None,
    release: str = "4.99",
) -> tuple[Front, list[str]]:
    """The machine after one message over SMTP, and its log lines without message ids."""
    front = Front(OPEN + main, acls, zone=zone, release=release)
    if answers is not None:
        front.world.host = replace(front.world.host, answers=answers)
    data = message.decode().rstrip("\n").split("\n")
    front.smtp("HELO c.ex", "MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>", "DATA", *data, ".", "QUIT")
    return front, [line.partition(" ")[2] for line in front.log()]


def test_the_log_tells_of_each_signature_and_the_arrival_line_of_the_first_that_is_good() -> None:
    _, log = taken_in()
    assert log[0] == f"{SEEN}{WHO}[verification succeeded]"
    assert " DKIM=football.example.com id=" in log[1]


def test_without_its_selectors_the_log_tells_nothing() -> None:
    front = Front("acl_smtp_rcpt = accept\nlog_selector = -dkim\n", zone=KEY)
    data = (SIGNATURE + MESSAGE).decode().rstrip("\n").split("\n")
    front.smtp("HELO c.ex", "MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>", "DATA", *data, ".", "QUIT")
    log = front.log()
    assert len(log) == 1
    assert [line for line in log if "DKIM" in line] == []


@pytest.mark.parametrize(
    ("message", "zone", "said"),
    [
        (MESSAGE.replace(b"hungry", b"angry"), KEY,
         "[verification failed - body hash mismatch (body probably modified in transit)]"),
        (MESSAGE.replace(b"dinner", b"supper"), KEY,
         "[verification failed - signature did not verify (headers probably modified in transit)]"),
        (MESSAGE, [], "[invalid - public key record (currently?) unavailable]"),
        (MESSAGE, key_zone("v=DKIM1"), "[invalid - syntax error in public key record]"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_logged(message: bytes, zone: Sequence[Mapping[str, object]], said: str) -> None:
    _, log = taken_in(message=SIGNATURE + message, zone=zone)
    assert f"{SEEN}{WHO}{said}" in log
    assert "DKIM=" not in log[-1]


_SHOWN = "logwrite = $dkim_cur_signer|$dkim_verify_status|$dkim_verify_reason|$dkim_key_length|$dkim_algo"


def test_the_acl_is_run_for_each_signer_once_for_each_of_his_signatures() -> None:
    main = "acl_smtp_dkim = check\ndkim_verify_signers = other.ex : $dkim_signers : other.ex\n"
    _, log = taken_in(main, f"check:\n  accept {_SHOWN}\n")
    assert log[0] == "other.ex|none||0|"
    assert log[1] == "football.example.com|pass||253|ed25519-sha256"
    assert log[2].startswith(SEEN)
    assert log[3] == "@football.example.com|pass||253|ed25519-sha256"


def test_the_acl_for_data_sees_all_verdicts() -> None:
    signers = "dkim_verify_signers = other.ex : football.example.com\n"
    main = f"acl_smtp_dkim = accept\nacl_smtp_data = check\n{signers}"
    acls = (
        "check:\n  warn dkim_status = pass\n logwrite = one is good: $dkim_verify_status\n"
        "  warn dkim_status = fail\n logwrite = one has failed\n  accept\n"
    )
    _, log = taken_in(main, acls)
    assert "one is good: none:pass" in log
    assert "one has failed" not in log


def test_an_acl_may_put_its_own_verdict_in_place() -> None:
    main = "acl_smtp_dkim = check\nacl_smtp_data = data\n"
    acls = (
        "check:\n  accept\n  set dkim_verify_status = fail\n  set dkim_verify_reason = not today\n"
        "data:\n  accept logwrite = ${authresults{here.ex}}\n"
    )
    _, log = taken_in(main, acls)
    assert f"{SEEN}{WHO}[fail - not today]" in log
    result = "dkim=policy (fail:fail - not today) header.d=football.example.com"
    assert any(result in line for line in log)
    assert "DKIM=" not in log[-1]


def test_the_acl_refuses() -> None:
    front, log = taken_in("acl_smtp_dkim = deny message = no\n")
    assert log[-1].endswith("rejected DKIM : no")
    assert front.machine.spool.ids() == []


def test_the_acl_discards() -> None:
    _, log = taken_in("acl_smtp_dkim = discard\n")
    assert "=> blackhole (DKIM ACL discarded recipients)" in log


def test_signers_can_be_told_apart_by_the_acl() -> None:
    acls = "check:\n  deny dkim_signers = football.example.com\n message = not you\n  accept\n"
    _, log = taken_in("acl_smtp_dkim = check\n", acls)
    assert log[-1].endswith("rejected DKIM : not you")


def test_signers_are_not_known_in_other_acls() -> None:
    _, log = taken_in("acl_smtp_data = check\n", "check:\n  accept dkim_signers = x\n")
    assert log[-1].endswith("cannot test dkim_signers condition in DATA ACL")


@pytest.mark.parametrize("where", ["mail", "predata"])
def test_verification_can_be_switched_off(where: str) -> None:
    _, log = taken_in(f"acl_smtp_{where} = accept control = dkim_disable_verify\n")
    assert [line for line in log if "DKIM" in line] == []


def test_what_hides_behind_a_line_that_is_none_of_the_header_is_not_looked_at() -> None:
    _, log = taken_in(message=b"no header line\n" + SIGNATURE + MESSAGE)
    assert [line for line in log if "DKIM" in line] == []


def test_too_many_signatures_switch_it_off() -> None:
    front, log = taken_in(message=SIGNATURE * 20 + MESSAGE)
    assert front.log()[0] == "DKIM: validation error: EXCESS_SIGS"
    assert log[1] == "DKIM: Error during validation, disabling signature verification: EXCESS_SIGS"
    assert "DKIM=" not in log[-1]


def test_another_message_of_the_session_knows_nothing_of_it() -> None:
    front = Front(
        OPEN + "acl_smtp_data = accept logwrite = <$dkim_signers> <$dkim_verify_status>\n", zone=KEY
    )
    signed = (SIGNATURE + MESSAGE).decode().rstrip("\n").split("\n")
    session = ("MAIL FROM:<a@b.ex>", "RCPT TO:<c@d.ex>", "DATA")
    front.smtp("HELO c.ex", *session, *signed, ".", *session, "Subject: x", ".", "QUIT")
    seen = [line.partition(" ")[2] for line in front.log() if "<" in line and "<=" not in line]
    assert seen == ["<football.example.com:@football.example.com> <>", "<> <>"]


def test_hashes_that_are_not_wanted_are_passed_over() -> None:
    _, log = taken_in("dkim_verify_hashes = sha1\n")
    assert [line for line in log if "DKIM" in line] == []


def test_the_results_for_a_header_line() -> None:
    _, log = taken_in("acl_smtp_data = check\n", "check:\n  accept logwrite = ${authresults{here.ex}}\n")
    assert (
        "Authentication-Results: here.ex;\\n\tdkim=pass header.d=football.example.com "
        "header.i=@football.example.com header.s=brisbane header.a=ed25519-sha256"
    ) in log


def test_a_verdict_that_is_given_stands_in_for_a_key_that_the_zones_lack() -> None:
    given = Answers().with_more([("variable", "dkim_verify_status", Told("pass"))])
    data = "acl_smtp_dkim = accept\nacl_smtp_data = accept dkim_status = pass\n"
    front, log = taken_in(data, zone=[], answers=given)
    assert log[-1].startswith("<= ")
    assert front.machine.spool.ids() != []


# ---- outside a reception -------------------------------------------------------------------------------

DEFAULTS = {
    "dkim_algo": "",
    "dkim_bodylength": "9999999999999",
    "dkim_created": "0",
    "dkim_expires": "9999999999999",
    "dkim_key_granularity": "*",
    "dkim_key_length": "0",
    "dkim_key_testing": "0",
    "dkim_verify_status": "",
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_without_a_signature_the_variables_have_the_values_that_exim_gives_them(name: str) -> None:
    assert expand(Front().process(), f"${name}") == DEFAULTS[name]
