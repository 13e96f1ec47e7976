"""What a message measures is known to routers, and -v shows what they have printed."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

_MEASURED = "$message_age $message_size $message_body_size $message_linecount $body_linecount $received_count"
_ROUTER = f"""
begin routers
told:
  driver = redirect
  allow_fail
  debug_print = Told: $domain_data
  domains = lsearch;/domains
  data = :fail: {_MEASURED} $received_time
"""


def front() -> Front:
    return Front(routers=_ROUTER, files={"/domains": b"d.ex: ours\n"})


def test_a_router_knows_what_the_message_measures() -> None:
    here = front()
    here.exim("-odq", "r@d.ex", stdin="A: b\n\none\ntwo\n")
    message = here.machine.spool.messages[here.machine.spool.ids()[0]]
    here.world.sleep(7)
    here.exim("-q")
    lines = sum(header.text.count("\n") for header in message.headers)
    measured = f"7 {message.size} 8 {lines + 2} 2 1 1700000000"
    assert f"** r@d.ex R=told: {measured}" in "\n".join(line.replace(" :", ":") for line in here.log())


@pytest.mark.parametrize(
    ("argv", "shown"),
    [(("-v", "-bv"), "Told: ours\n"), (("-bv",), ""), (("-d-all+route", "-bv"), "Told: ours\n")],
)
def test_debug_print_is_for_those_who_watch(argv: tuple[str, ...], shown: str) -> None:
    assert front().exim(*argv, "r@d.ex").stderr == shown


def test_debug_print_of_a_router_stands_among_the_lines_of_a_host_check() -> None:
    acls = "check:\n  accept verify = recipient"
    here = Front("acl_smtp_rcpt = check", acls, routers=_ROUTER, files={"/domains": b"d.ex: ours\n"})
    session = "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<r@d.ex>\r\nQUIT\r\n"
    assert ">>> Told: ours\n" in here.exim("-bh", "192.0.2.9", stdin=session).stderr


def test_debug_print_of_a_transport_is_shown_where_it_delivers() -> None:
    routers = (
        "begin routers\nall:\n  driver = accept\n  transport = out\n"
        "begin transports\nout:\n  driver = smtp\n  hosts = 127.0.0.1\n  allow_localhost\n"
        "  debug_print = To: $domain\n"
    )
    shown = Front(routers=routers).exim("-v", "-N", "-odi", "r@d.ex").stderr
    assert "\nTo: d.ex\n" in shown
