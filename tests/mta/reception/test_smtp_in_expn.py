"""EXPN and ETRN: what a client may learn of an address, and ask of the queue."""

from __future__ import annotations

import pytest

from eximsim.errors import Unanswered
from tests.mta.front import Front

ROUTERS = """
begin routers
list:
  driver = redirect
  local_parts = list : nobody : gone
  data = ${if eq{$local_part}{list}{a@d.ex, b@d.ex}{${if eq{$local_part}{gone}{:blackhole:}{:fail: no}}}}
  allow_fail
  expn
hidden:
  driver = redirect
  local_parts = hidden
  data = c@d.ex
  no_expn
all:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = 2525
  allow_localhost
"""


@pytest.mark.parametrize(
    ("address", "replies"),
    [
        ("list@here.ex", ["250-<a@d.ex>", "250 <b@d.ex>"]),
        ("list", ["250-<a@d.ex>", "250 <b@d.ex>"]),
        ("plain@here.ex", ["250 <plain@here.ex>"]),
        ("hidden@here.ex", ["250 <hidden@here.ex>"]),
        ("gone@here.ex", ["250 mail to <gone@here.ex> is discarded"]),
        ("nobody@here.ex", ["553 nobody@here.ex is undeliverable"]),
    ],
)
def test_an_address_is_routed_once(address: str, replies: list[str]) -> None:
    front = Front("acl_smtp_expn = accept", routers=ROUTERS)
    assert front.smtp(f"EXPN {address}", "QUIT")[: len(replies)] == replies


def test_without_an_acl_nothing_is_told() -> None:
    assert Front().smtp("EXPN list", "QUIT")[0] == "550 Administrative prohibition"


def test_etrn_runs_the_queue_for_a_domain() -> None:
    front = Front("acl_smtp_etrn = accept")
    front.exim("-odq", "later@one.ex", stdin="Subject: x\n\nx\n")
    front.exim("-odq", "later@two.ex", stdin="Subject: x\n\nx\n")
    assert front.smtp("ETRN #one.ex", "QUIT")[0] == "250 OK"
    lines = front.log()
    assert "ETRN #one.ex received from caller" in lines
    assert any("later@one.ex" in line and "==" in line for line in lines)
    assert not any("later@two.ex" in line for line in lines)


@pytest.mark.parametrize("command", ["", "smtp_etrn_command = /bin/true"])
@pytest.mark.parametrize(("release", "twice"), [("4.89", True), ("4.98", True), ("4.99", False)])
def test_what_was_not_yet_sent_at_an_etrn_is_sent_twice_up_to_4_98(
    command: str, release: str, twice: bool
) -> None:
    front = Front(f"acl_smtp_etrn = accept\n{command}\n", release=release)
    replies = front.smtp("HELO x", "ETRN #one.ex", "QUIT")
    assert [reply[:3] for reply in replies] == ["250"] * (2 + twice) + ["221"]
    assert (replies[0] == replies[1]) is twice


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (("ETRN one.ex",), "501 argument must begin with #"),
        (("HELO x", "MAIL FROM:<a@b>", "ETRN #x"), "503 ETRN is not permitted inside a transaction"),
    ],
)
def test_etrn_out_of_place_is_an_error(commands: tuple[str, ...], reply: str) -> None:
    assert Front("acl_smtp_etrn = accept").smtp(*commands)[-2] == reply


def etrn_with(command: str, *commands: str, release: str = "4.99", main: str = "") -> tuple[Front, list[str]]:
    front = Front(f"acl_smtp_etrn = accept\nsmtp_etrn_command = {command}\n{main}", release=release)
    return front, front.smtp(*commands)


def test_a_command_for_etrn_keeps_its_like_out_while_it_runs() -> None:
    front, replies = etrn_with("/bin/sleep 5", "ETRN #x", "ETRN #x", "ETRN #y", "ETRN z")
    assert replies[:4] == ["250 OK", "458 Already processing #x", "250 OK", "250 OK"]
    front.world.sleep(6)
    assert front.smtp("ETRN #x")[0] == "250 OK"


def test_commands_for_etrn_run_side_by_side_if_the_option_lets_them() -> None:
    _, replies = etrn_with("/bin/sleep 5", "ETRN #x", "ETRN #x", main="no_smtp_etrn_serialize\n")
    assert replies[:2] == ["250 OK", "250 OK"]


def test_a_command_for_etrn_that_is_not_there_is_logged() -> None:
    front, replies = etrn_with("/none/such x", "ETRN #x")
    assert replies[0] == "250 OK"
    assert 'exec of "/none/such x" (ETRN) failed: No such file or directory' in front.log()


def test_a_command_for_etrn_may_have_the_argument_until_words_from_outside_are_refused() -> None:
    assert (
        etrn_with("/bin/sleep $domain", "ETRN 5", "ETRN 5", release="4.89")[1][1]
        == "458 Already processing 5"
    )
    front, replies = etrn_with("/bin/sleep $domain", "ETRN 5")
    assert replies[0] == "458 Internal failure"
    assert front.log()[-1] == (
        "failed to set up ETRN command: Tainted arg 1 for ETRN processing command: '5'"
    )


def test_a_command_for_etrn_that_nobody_knows_is_asked_about() -> None:
    with pytest.raises(Unanswered):
        etrn_with("/usr/local/bin/fetch", "ETRN #x")


def test_an_acl_may_stand_in_a_file() -> None:
    files = {"/etc/acl": b"# who may\ndeny message = not \\\n  you\n"}
    front = Front("acl_smtp_vrfy = /etc/acl", files=files)
    assert front.smtp("VRFY a@b.ex")[0] == "252 not you"
    front = Front("acl_smtp_vrfy = /etc/none")
    assert front.smtp("VRFY a@b.ex")[0].startswith("451 ")
    assert any(
        'failed to open ACL file "/etc/none": No such file or directory' in line for line in front.log()
    )
