"""What changed and no mail that was tried shows: a gap, so that nothing is said of it."""

from __future__ import annotations

import re
from copy import copy

import pytest

from eximsim.commands.gate import exit_code
from eximsim.errors import ExitCode, InputError
from eximsim.gate.change_steps import toggles
from eximsim.gate.compare import compare
from eximsim.gate.diagram import Forest
from eximsim.gate.lock_text import read_lock
from eximsim.gate.unseen import unseen_gaps
from tests.gate.deletions import CONF, Gates, policy

TEXT = """\
primary_hostname = mta.own.example
acl_not_smtp = own
begin acl
own:
  deny condition = ACL
  accept
begin routers
few:
  driver = dnslookup
  domains = partner.example
  transport = strict
some:
  driver = dnslookup
  condition = CONDITION
  transport = strict
begin transports
strict:
  driver = smtp
"""
LONG = "${if >{${strlen:$local_part}}{50}}"
OTHER = "${if eq{$sender_host_address}{192.0.2.1}}"


def gaps(was: tuple[str, str], now: tuple[str, str] = ("no", "no"), text: str = TEXT) -> list[str]:
    """Where changes are that nothing was seen of."""
    base, head = (
        policy({"exim.conf": text.replace("CONDITION", a).replace("ACL", b)}) for a, b in (was, now)
    )
    return [gap.where for gap in unseen_gaps((base, head), toggles(base, head), (), ({"few", "some"},))]


@pytest.mark.parametrize(
    ("condition", "acl", "expected"),
    [
        (LONG, "no", ["exim.conf:14"]),
        ("no", LONG, ["exim.conf:5"]),
        ("${if eq{${hash_3:$sender_address}}{abc}}", "no", ["exim.conf:14"]),
        ("${if eq{$local_part}{joe}}", "${if eq{$domain}{bank.example}}", []),
        (OTHER, OTHER, []),
    ],
)
def test_what_picks_addresses_by_more_than_names_has_to_be_seen(
    condition: str, acl: str, expected: list[str]
) -> None:
    assert gaps((condition, acl)) == expected


def test_acls_that_nobody_asks_about_local_messages_do_not_count() -> None:
    assert gaps(("no", LONG), text=TEXT.replace("acl_not_smtp", "acl_smtp_data")) == []


def test_the_gate_does_not_say_that_nothing_changes() -> None:
    base, head = (policy({CONF: TEXT.replace("CONDITION", one).replace("ACL", "no")}) for one in (LONG, "no"))
    report = compare(base, head)
    assert report.groups == ()
    assert [gap.where for gap in report.gaps] == ["exim.conf:14"]


IDLE = TEXT.replace("ACL", "no").replace("CONDITION", LONG)
"""The second router takes no mail that anybody finds."""


@pytest.mark.parametrize(
    ("was", "now", "where"),
    [
        (LONG, "no", 14),
        ("some:\n", "some:\n  errors_to = a@own.example\n", 13),
        (f"some:\n  driver = dnslookup\n  condition = {LONG}\n  transport = strict\n", "", 12),
        ("domains = partner.example", "domains = bank.example", None),
    ],
)
def test_a_router_that_takes_no_mail_that_was_tried_is_a_gap_if_it_changes(
    was: str, now: str, where: int | None
) -> None:
    base, head = (policy({CONF: text}) for text in (IDLE, IDLE.replace(was, now)))
    report = compare(base, head)
    found = [int(gap.where.rpartition(":")[2]) for gap in report.gaps]
    assert found == ([] if where is None else [where])


@pytest.fixture(scope="module")
def gates() -> Gates:
    return Gates({CONF: IDLE})


@pytest.mark.parametrize(
    ("was", "now", "where"),
    [
        (LONG, "no", 14),
        (f"  condition = {LONG}\n", "", 14),
        (LONG, LONG.replace("50", "60"), 14),
        (f"some:\n  driver = dnslookup\n  condition = {LONG}\n  transport = strict\n", "", 12),
        ("primary_hostname", "# nothing\nprimary_hostname", None),
    ],
)
def test_a_lock_knows_what_was_not_seen_when_it_was_made(
    gates: Gates, was: str, now: str, where: int | None
) -> None:
    assert gates.gaps == ()
    report = gates.locked(policy({CONF: IDLE.replace(was, now)}))
    assert [gap.where for gap in report.gaps] == ([] if where is None else [f"{CONF}:{where}"])
    assert exit_code(report, ()) is (ExitCode.AS_IT_SHOULD_BE if where is None else ExitCode.COULD_NOT_LOOK)


def test_a_lock_that_does_not_say_what_was_not_seen_is_a_gap_as_soon_as_a_line_changes(gates: Gates) -> None:
    older = copy(gates)
    older.lock = re.sub(r"unseen is told\n|\nunseen\n(?:  .*\n)+", "", gates.lock)
    report = older.locked(policy({CONF: IDLE.replace("primary", "# changed\nprimary")}))
    assert [gap.where for gap in report.gaps][:1] == [f"{CONF}:1"]


def test_what_a_lock_says_is_not_seen_has_to_be_readable(gates: Gates) -> None:
    with pytest.raises(InputError, match="expected what is not seen"):
        read_lock(gates.lock.replace(f", {CONF}:14 ", " "), "policy.lock", Forest())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("* lost_connection", [20]),
        ("* rcpt_452", [20]),
        ("* refused_A", [20]),
        ("* rcpt_4xx F,2h,1h", []),
        ("* timeout_connect F,2h,1h", []),
    ],
)
def test_retry_rules_for_errors_that_are_not_explored(rule: str, expected: list[int]) -> None:
    plain = IDLE + "begin retry\n* * F,2h,1h\n"
    one, two = (policy({CONF: text}) for text in (plain, plain.replace("* *", f"{rule}\n* *")))
    for base, head in ((one, two), (two, one)):
        found = unseen_gaps((base, head), toggles(base, head), (), ({"few", "some"},))
        assert [int(gap.where.rpartition(":")[2]) for gap in found] == expected
