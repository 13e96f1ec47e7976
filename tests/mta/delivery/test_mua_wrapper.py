"""mua_wrapper: all recipients in one transaction, or none; the words are those of Exim's test 0495."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

LOCAL = "here:\n  driver = accept\n  local_parts = file\n  transport = box\n"
BOX = "box:\n  driver = appendfile\n  file = /mail/a\n  user = caller\n"


def wrapper(routers: str = "") -> Front:
    text = Front().routers.replace("begin routers\n", f"begin routers\n{LOCAL}")
    text = text.replace("begin transports\n", f"begin transports\n{BOX}")
    return Front("mua_wrapper\nqueue_only\nacl_smtp_rcpt = accept\n", routers=text)


@pytest.mark.parametrize(
    ("recipients", "told"),
    [
        (("file@b.ex", "x@b.ex"), "routing file@b.ex yielded a local delivery\n"),
        (("later@b.ex", "x@b.ex"), "routing later@b.ex yielded a deferred delivery: come back\n"),
        (("nobody@b.ex", "x@b.ex"), "routing nobody@b.ex yielded a failed delivery: no such person\n"),
        (("x@b.ex", "y@b.ex"), "Delivery failed: Connection refused\n"),
        (("x@b.ex", "y@c.ex"), "Delivery failed: Connection refused\n"),
    ],
)
def test_who_submits_is_told_at_once_and_nothing_is_kept(recipients: tuple[str, ...], told: str) -> None:
    front = wrapper()
    done = front.exim(*recipients, stdin="Subject: s\n\nx\n")
    assert (done.code, done.stderr) == (1, told)
    assert front.machine.spool.messages == {}
    assert front.log()[-1].endswith("Completed")


def test_no_daemon_wraps() -> None:
    front = wrapper()
    done = front.exim("-bd", "-oX", "2526")
    assert (done.code, done.stderr) == (1, "Daemon cannot be run when mua_wrapper is set\n")


@pytest.mark.parametrize(("main", "asked"), [("", 2), ("deliver_drop_privilege", 1), ("mua_wrapper", 1)])
def test_a_process_that_needs_no_privilege_remembers_what_names_there_are(main: str, asked: int) -> None:
    front = Front(
        f"{main}\nacl_smtp_rcpt = check",
        "check:\n  accept verify = recipient",
        zone=[
            {"name": "mx.ex", "type": "A", "data": ["127.0.0.1"]},
            {"name": "mx.ex", "type": "AAAA", "data": []},
        ],
        routers=Front().routers.replace(
            "driver = accept\n  transport = out",
            "driver = manualroute\n  route_data = mx.ex\n  self = send\n  transport = out",
        ),
    )
    lines = ("HELO x", "MAIL FROM:<a@b.ex>", "RCPT TO:<x@b.ex>", "DATA", "", "x", ".", "QUIT")
    front.exim("-bs", "-odf", stdin="".join(f"{line}\r\n" for line in lines))
    assert front.world.questions.count("AAAA mx.ex") == asked


def test_a_session_ends_with_the_first_failure() -> None:
    front = wrapper()
    lines = ("HELO x", "MAIL FROM:<a@b.ex>", "RCPT TO:<x@b.ex>", "DATA", "", "x", ".", "QUIT")
    done = front.exim("-bs", stdin="".join(f"{line}\r\n" for line in lines))
    assert (done.code, done.stderr) == (1, "Delivery failed: Connection refused\n")
    assert done.stdout.splitlines()[-1].startswith("250 OK id=")
