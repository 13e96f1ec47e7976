"""What changed and no mail that was tried shows: a gap, so that nothing is said of it."""

from __future__ import annotations

import pytest

from eximsim.gate.change_steps import toggles
from eximsim.gate.compare import compare
from eximsim.gate.unseen import unseen_gaps
from tests.gate.deletions import CONF, policy

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
    return [gap.where for gap in unseen_gaps(base, head, toggles(base, head), ())]


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
