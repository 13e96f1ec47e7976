"""``verify = recipient/quota``: the mailbox is asked before the message comes."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import Front

ROUTERS = """
begin routers
gone:
  driver = redirect
  local_parts = gone
  allow_fail
  data = :fail: moved away
away:
  driver = accept
  local_parts = away
  transport = far
here:
  driver = accept
  local_parts = box : other
  transport = box
begin transports
far:
  driver = smtp
  hosts = 127.0.0.1
box:
  driver = appendfile
  file = /mail/box
  user = caller
  quota = ${if eq{$local_part}{box}{1k}{0}}
"""


def front_with(options: str, *, main: str = "", release: str = "4.99") -> Front:
    acls = f"""
r:
  deny !verify = recipient/quota{options}
       logwrite = $recipient_verify_failure: $acl_verify_message
  accept"""
    front = Front(f"acl_smtp_rcpt = r\n{main}", acls, release, routers=ROUTERS)
    front.world.disk.know_folder("/mail", uid=1000, gid=1000, mode=0o755)
    return front


def asked(front: Front, *recipients: str, size: int | None = None) -> list[str]:
    given = "" if size is None else f" SIZE={size}"
    commands = [f"RCPT TO:<{one}@d.ex>" for one in recipients]
    said = front.smtp("EHLO a.ex", f"MAIL FROM:<s@a.ex>{given}", *commands)
    return [line for line in said if line[:1].isdigit()][-1 - len(recipients) : -1]


REFUSED = "550 Administrative prohibition"


def test_a_message_is_refused_that_has_no_room() -> None:
    front = front_with("")
    assert asked(front, "box", "other", size=2000) == [REFUSED, "250 Accepted"]
    assert "quota: Over quota" in front.log()


def test_without_a_size_only_what_is_there_counts() -> None:
    assert asked(front_with(""), "box") == ["250 Accepted"]


def test_the_answer_is_remembered_unless_that_is_not_wanted() -> None:
    front = front_with("=cacheneg=100s,cachepos=20s")
    assert asked(front, "box", size=2000) == [REFUSED]
    assert asked(front, "box", size=10) == [REFUSED]
    assert "quota: Previous (cached) quota verification failure" in front.log()
    front.world.sleep(101)
    assert asked(front, "box", size=10) == ["250 Accepted"]
    assert asked(front, "box", size=2000) == ["250 Accepted"]
    front.world.sleep(21)
    assert asked(front, "box", size=2000) == [REFUSED]
    front = front_with("=no_cache")
    assert asked(front, "box", size=2000) == [REFUSED]
    assert asked(front, "box", size=10) == ["250 Accepted"]


def test_an_address_that_cannot_be_routed_is_refused_and_not_remembered() -> None:
    front = front_with("", main="smtp_return_error_details\n")
    assert asked(front, "gone", "nobody") == [
        "550 Rejected after RCPT: moved away",
        "550 Rejected after RCPT: Unrouteable address",
    ]
    assert not front.machine.hints.callout


def test_what_is_no_mailbox_in_a_file_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="recipient/quota with transport driver smtp"):
        asked(front_with(""), "away")


def test_only_of_a_recipient_and_since_a_release() -> None:
    assert asked(front_with("", release="4.94.1"), "box")[0].startswith("451")
    front = Front("acl_smtp_rcpt = r", "r:\n  require verify = sender/quota\n", routers=ROUTERS)
    assert asked(front, "box")[0].startswith("451")
    assert any("can only verify quota of recipient" in line for line in front.log())
