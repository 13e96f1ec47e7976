"""Named queues: what is kept in one, who looks there, and how messages change queues."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from tests.mta.front import Front

NAMED = (
    "acl_smtp_rcpt = c\nacl_not_smtp_start = s\nlog_selector = +all -arguments -pid -millisec -receive_time"
)
ACL = """\
c:
  accept queue = ${if eq{$local_part}{later}{waiting}{bar}}
         logwrite = in <$queue_name>
s:
  accept queue = foo
"""


def front(release: str = "4.99", main: str = NAMED) -> Front:
    return Front(main, ACL, release=release, user="root", uid=0)


def arrived(made: Front) -> list[str]:
    return [line.partition("Q=")[2].partition(" ")[0] for line in made.log() if "<= " in line]


@pytest.mark.parametrize(
    ("main", "report"), [(NAMED, "foo"), (NAMED.replace("acl_not_smtp_start = s", ""), "bar")]
)
def test_a_message_stays_in_the_queue_of_its_acl_and_its_reports_unless_theirs_says_more(
    main: str, report: str
) -> None:
    made = front("4.96", main)
    made.exim("-odf", "-bs", stdin=_smtp("nobody"))
    assert arrived(made) == ["bar", report]
    assert "in <bar>" in made.log()[1]
    assert (
        next(line for line in made.log() if "** " in line).partition("F=")[2].startswith("<s@d.ex> Q=bar R=")
    )


def test_a_queue_is_listed_counted_and_run_by_its_name() -> None:
    made = front()
    made.exim("-odf", "-bs", stdin=_smtp("later"))
    assert [made.exim("-bp", *name).stdout.count("later@") for name in ((), ("-qGwaiting",))] == [0, 1]
    assert made.exim("-bpc", "-qGwaiting").stdout == "1\n"
    first = len(made.log())
    made.exim("-q")
    made.exim("-qfGwaiting")
    said = [line.partition(": ")[0] for line in made.log()[first:] if "queue run" in line]
    assert said == [
        "Start queue run",
        "End queue run",
        "Start 'waiting' queue run",
        "End 'waiting' queue run",
    ]
    deferral = next(line for line in made.log()[first:] if "== " in line)
    assert "later@d.ex Q=waiting R=later defer (-1)" in deferral


def test_messages_are_moved_from_queue_to_queue() -> None:
    made = front()
    made.exim("-odq", "r@d.ex", stdin="Subject: x\n\n")
    (name,) = made.machine.spool.queue("foo").ids()
    assert made.exim("-qGfoo", "-MG", "third", name).stdout == f"Message {name} \n"
    assert made.log()[-1] == f"{name} moved from (foo) input, msglog to (third) input, msglog"
    made.exim("-qGthird", "-MG", "", name)
    assert made.log()[-1] == f"{name} moved from (third) input, msglog to input, msglog"
    assert made.machine.spool.ids() == [name]


def test_before_4_93_there_was_no_moving() -> None:
    assert "malformed, or incomplete option -MG" in front("4.92").exim("-MG", "x", "1abcde-000001-00").stderr


def test_a_daemon_that_listens_and_runs_a_named_queue_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="named queue"):
        front().exim("-bd", "-oX", "25", "-qGfoo/1h")


def test_a_daemon_runs_its_queue_again_and_again() -> None:
    made = front()
    made.exim("-qGfoo/30m")
    assert "daemon started: pid=" in made.log()[0]
    assert ", -qGfoo/30m, not listening for SMTP" in made.log()[0]
    assert made.log()[1].startswith("Start 'foo' queue run: ")


def _smtp(who: str) -> str:
    return f"HELO c\r\nMAIL FROM:<s@d.ex>\r\nRCPT TO:<{who}@d.ex>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n"
