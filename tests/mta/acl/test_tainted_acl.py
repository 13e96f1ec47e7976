"""ACLs, and names of ACLs, that come from outside (asked of 4.92.3, 4.95 and the head)."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import done, scenario

SESSION = "EHLO x\r\nMAIL FROM:<a@b.ex>\r\nRCPT TO:<a@d.ex>\r\nQUIT\r\n"
ACLS = "check_a:\n  accept logwrite = in a\nouter:\n  accept acl = check_$local_part\n"
CLEAN = "${if eq{$local_part}{a}{check_a}{check_b}}"
HEAD = "4.99-dev-13835a3c1"


def asked(acl: str, release: str) -> tuple[str, list[str]]:
    """The reply to RCPT, and what is logged."""
    commands = [{"argv": ["-bs"], "stdin": SESSION}]
    (run,) = done(scenario(main={"acl_smtp_rcpt": acl}, acl=ACLS, runs=commands), release)
    return run.stdout[-2], list(run.log)


@pytest.mark.parametrize(
    "acl", ["check_$local_part", "outer", "accept logwrite = $local_part", "/etc/$local_part"]
)
@pytest.mark.parametrize(
    ("release", "words"), [("4.95", "Tainted ACL text"), (HEAD, "attempt to use tainted ACL text")]
)
def test_since_4_95_what_comes_from_outside_is_no_acl(acl: str, release: str, words: str) -> None:
    reply, log = asked(acl, release)
    assert reply == "451 Temporary local problem - please try later"
    assert any(line.startswith(f'{words} "') for line in log)


@pytest.mark.parametrize(
    ("acl", "release"), [(CLEAN, "4.95"), (CLEAN, HEAD), ("check_$local_part", "4.92"), ("outer", "4.92")]
)
def test_what_the_configuration_says_is_one(acl: str, release: str) -> None:
    reply, log = asked(acl, release)
    assert (reply, log[0]) == ("250 Accepted", "in a")


@pytest.mark.parametrize(("message", "taken"), [("check_a", True), ("check_$local_part", False)])
def test_what_an_acl_answers_comes_from_where_its_message_does(message: str, taken: bool) -> None:
    acls = f"{ACLS}named:\n  accept message = {message}\n"
    asks = {"acl_smtp_rcpt": "${acl{named}{$local_part}}"}
    (run,) = done(scenario(main=asks, acl=acls, runs=[{"argv": ["-bs"], "stdin": SESSION}]), HEAD)
    assert ("in a" in run.log) is taken
