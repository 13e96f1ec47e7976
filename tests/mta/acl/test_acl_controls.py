"""The ``control`` modifier: what queues a message, and when it may be said."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import REJECT, Front

LETTER = ("HELO x", "MAIL FROM:<s@here.ex>", "RCPT TO:<r@d.ex>", "DATA", "Subject: x", "", ".", "QUIT")
QUEUED = "no immediate delivery: queued by ACL"


def sent(control: str, release: str = "4.99", *, daemon: bool = True) -> list[str]:
    """The main log after one message, to a daemon or over standard input."""
    front = Front("acl_smtp_rcpt = check", f"check:\n  accept control = {control}", release=release)
    if not daemon:
        front.smtp(*LETTER, argv=())
        return front.log()
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    client.receive(5)
    for line in LETTER:
        client.send(f"{line}\r\n".encode())
    return front.log()[1:]


@pytest.mark.parametrize("control", ["queue", "queue_only", "queue/only", "queue/first_pass_route/only"])
def test_a_message_is_left_on_the_queue(control: str) -> None:
    lines = sent(control)
    assert len(lines) == 2
    assert lines[1].endswith(QUEUED)


@pytest.mark.parametrize("control", ["queue/first_pass_route", "queue_only/first_pass_route/odd"])
def test_a_message_may_be_routed_before_it_waits(control: str) -> None:
    _, queued, deferred = sent(control)
    assert queued.endswith(QUEUED)
    assert deferred.endswith("== r@d.ex R=all T=out defer (0): SMTP delivery explicitly queued")


def test_only_a_daemon_routes_what_waits() -> None:
    assert len(sent("queue/first_pass_route", daemon=False)) == 2


def test_before_there_was_a_manner_of_queueing_the_control_had_one_name() -> None:
    assert sent("queue_only", release="4.93")[1].endswith(QUEUED)
    assert sent("queue", release="4.93")[0].endswith(': syntax error in "control=queue"')


def test_a_control_that_exim_does_not_know_is_an_error_and_one_that_is_not_modelled_is_said() -> None:
    assert sent("wellknown", release="4.97")[0].endswith(': syntax error in "control=wellknown"')
    with pytest.raises(Unsupported, match="ACL control wellknown"):
        sent("wellknown/x", release="4.98")


@pytest.mark.parametrize(("release", "name"), [("4.93", "queue_only"), ("4.94.1", "queue")])
def test_a_connection_cannot_be_queued(release: str, name: str) -> None:
    front = Front("acl_smtp_connect = check", "check:\n  accept control = queue_only", release=release)
    front.smtp("QUIT")
    assert front.log(REJECT)[0].endswith(f'cannot use "control={name}" in connection ACL')
