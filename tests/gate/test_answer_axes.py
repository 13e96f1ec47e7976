"""What databases and services answer is an axis of the gate's space: a text, nothing, or no answer at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.gate.answer_axes import DEFERS, GIVEN, NOTHING, axis_of_question
from eximsim.gate.compare import compare
from eximsim.gate.diagram import Forest
from eximsim.gate.explore_policies import survey
from eximsim.gate.lock import current
from eximsim.gate.lock_text import read_lock, written
from eximsim.gate.report import Report
from eximsim.ports import Told
from eximsim.suite.config_files import Sources
from eximsim.world.answers import Answers
from tests.gate.policies import policy

HELD = """\
held:
  driver = redirect
  domains = ${lookup redis{get held}}
  allow_defer
  data = :defer: held
"""
ROUTED = """\
begin routers
@@routed:
  driver = manualroute
  domains = destination.example
  transport = out
  route_data = ${lookup mysql{SELECT host FROM routes WHERE domain='$domain'}}
begin transports
out:
  driver = smtp
"""
BEFORE, AFTER = ROUTED.replace("@@", HELD), ROUTED.replace("@@", "")
QUESTION = "SELECT host FROM routes WHERE domain='destination.example'"


def compared(before: str, after: str, answers: dict[str, dict[str, Told]]) -> Report:
    given = Sources(answers=Answers(answers))
    return compare(*(replace(policy(conf=conf), sources=given) for conf in (before, after)))


@pytest.mark.parametrize(
    ("kind", "said", "values"),
    [
        ("mysql", Told("x"), (GIVEN, NOTHING, DEFERS)),
        ("mysql", Told(), (NOTHING, DEFERS)),
        ("mysql", Told(deferred=True), (DEFERS, NOTHING)),
        ("mysql", None, (NOTHING, DEFERS)),
        ("env", None, (NOTHING,)),
    ],
)
def test_every_kind_of_answer_is_a_value(kind: str, said: Told | None, values: tuple[str, ...]) -> None:
    assert axis_of_question(kind, "q", said).values == values
    assert axis_of_question(kind, "q", said).name == f"answer of {kind}:q"


def test_a_change_shows_with_the_answer_that_it_takes_and_a_host_that_only_an_answer_leads_to() -> None:
    answers = {
        "mysql": {"*": Told("relay.example.org")},
        "redis": {"*": Told("destination.example")},
    }
    report = compared(BEFORE, AFTER, answers)
    assert report.gaps == ()
    changes = [change for group in report.groups for change in group.changes]
    asked = {name: change.situation.get(name) for change in changes for name in change.situation}
    assert asked["answer of redis:get held"] == DEFERS
    assert any(change.after.host == "relay.example.org" for change in changes)


def test_what_is_the_same_whatever_is_answered_has_not_changed() -> None:
    answers = {"mysql": {"*": Told("relay.example.org")}, "redis": {"*": Told("destination.example")}}
    assert compared(BEFORE, BEFORE, answers).groups == ()


def test_a_question_without_an_answer_is_a_gap_with_its_line() -> None:
    report = compared(AFTER, AFTER, {})
    found = [gap for gap in report.gaps if gap.what.startswith("mysql is asked")]
    assert [gap.where for gap in found] == ["exim.conf:6"] * len(found)
    assert QUESTION in found[0].what


def test_a_lock_keeps_what_was_answered() -> None:
    given = Sources(answers=Answers({"mysql": {"*": Told("relay.example.org")}}))
    plan = survey((replace(policy(conf=AFTER), sources=given),), 1)
    text = written(current(plan, "4.99", 1))
    assert f"answer of mysql:{QUESTION}\n" in text
    assert written(read_lock(text, "policy.lock", Forest())) == text
