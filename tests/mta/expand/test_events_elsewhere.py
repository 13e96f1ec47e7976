"""Events that are raised beside deliveries: a message that is removed, a name that is not found."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

LOGGED = "event_action = ${acl{tell}{$event_name}{$event_data}}"
TELL = "tell:\n  accept logwrite = EV $acl_arg1 $acl_arg2 $local_part@$domain"


def events(front: Front) -> list[str]:
    lines = (line.partition("EV ") for line in front.log())
    return [found for _, mark, found in lines if mark]


@pytest.mark.parametrize("release", ["4.91", "4.92"])
def test_the_recipients_of_a_message_that_is_removed_fail(release: str) -> None:
    front = Front(LOGGED, TELL, release=release)
    front.exim("-odq", "a@d.ex", "b@d.ex", "c@d.ex", stdin="")
    (message_id,) = front.machine.spool.ids()
    front.exim("-Mmd", message_id, "b@d.ex")
    front.exim("-Mrm", message_id)
    why = "message removed by caller"
    told = [f"msg:fail:internal {why} a@d.ex", f"msg:fail:internal {why} c@d.ex", "msg:complete  @"]
    assert events(front) == ([] if release == "4.91" else told)


def test_a_chain_of_names_fails_at_its_last_name() -> None:
    zone = [
        {"name": "a.ex", "type": "CNAME", "ad": False, "data": ["b.ex"]},
        {"name": "b.ex", "type": "A", "ad": False, "data": ["192.0.2.7"]},
    ]
    routers = (
        "begin routers\nall:\n  driver = dnslookup\n  transport = out\n"
        "begin transports\nout:\n  driver = smtp\n"
    )
    front = Front(LOGGED, TELL, zone=zone, routers=routers)
    front.exim("-odf", "x@a.ex", stdin="")
    assert "dns:fail DNS_NODATA:b.ex:MX x@a.ex" in events(front)


def test_a_transport_tells_its_own_action_of_names_that_are_not_found() -> None:
    routers = (
        "begin routers\nall:\n  driver = accept\n  transport = out\nbegin transports\nout:\n  driver = smtp\n"
        "  hosts = nowhere.ex\n  event_action = ${acl{tell}{T $event_name}{$event_data}}\n"
        "begin retry\n* * F,1d,1h\n"
    )
    front = Front(LOGGED, TELL, routers=routers)
    front.exim("-odf", "a@d.ex", stdin="")
    assert any(event.startswith("T dns:fail DNS_NOMATCH:nowhere.ex:A") for event in events(front))
