"""The ACL modifier ``queue``: the queue without a name, and names that are refused."""

from __future__ import annotations

import pytest

from tests.mta.front import Front


def rcpt(name: str, release: str = "4.99") -> tuple[str, Front]:
    front = Front("acl_smtp_rcpt = r", f"r:\n  accept queue = {name}\n", release)
    return front.smtp("EHLO a.ex", "MAIL FROM:<s@a.ex>", "RCPT TO:<r@d.ex>", "QUIT")[-2], front


def test_the_empty_name_is_that_of_the_queue_without_one() -> None:
    assert rcpt("${if eq{$local_part}{x}{slow}}")[0] == "250 Accepted"


@pytest.mark.parametrize(
    ("name", "release", "logged"),
    [
        ("a/b", "4.91", "Directory separator not permitted in queue name: 'a/b'"),
        ("$local_part", "4.94.1", "Tainted name 'r' for queue not permitted"),
    ],
)
def test_a_bad_name_is_refused_since_a_release(name: str, release: str, logged: str) -> None:
    reply, front = rcpt(name, release)
    assert reply.startswith("451")
    assert any(logged in line for line in front.log())


@pytest.mark.parametrize(("name", "release"), [("slow", "4.99"), ("a/b", "4.90"), ("$local_part", "4.93")])
def test_a_name_is_taken_that_no_release_so_far_refused(name: str, release: str) -> None:
    assert rcpt(name, release)[0] == "250 Accepted"
