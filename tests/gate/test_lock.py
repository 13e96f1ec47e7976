"""Lock files: what was agreed on is kept, shown in a diff, and changed group by group."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.gate.diagram import Forest
from eximsim.gate.lock import Lock, accepted, check, read_lock, written
from eximsim.gate.report import Outcome, Report
from eximsim.gate.severity import Severity
from eximsim.gate.survey import Survey, View, survey
from eximsim.status import Security
from tests.gate.policies import policy

VALUES = ("secure", "insecure", "SERVFAIL")
DANE = Outcome("delivered", Security.DANE, "mx")
CLEAR = Outcome("delivered", Security.CLEAR, "mx")
HELD = Outcome("deferred")
UNREACHED = Outcome("deferred", unreachable=True)


@pytest.fixture
def plan() -> Survey:
    plan = survey([policy()], 1)
    return Survey(plan.policies, plan.views[:1])


def lock(plan: Survey, *outcomes: Outcome) -> Lock:
    """A lock of one view, in which one question decides."""
    way = plan.forest.ask("TLSA of mx", VALUES, tuple(map(plan.forest.end, outcomes)))
    return Lock("4.99", 1, {plan.views[0].name: way})


def checked(plan: Survey, agreed: Lock, found: Lock) -> Report:
    return check(agreed, found, plan, "policy.lock", "exim.conf")


def test_what_is_written_is_read_again(plan: Survey) -> None:
    one = lock(plan, DANE, CLEAR, UNREACHED)
    assert read_lock(written(one), "policy.lock", plan.forest) == one


def test_the_text_can_be_reviewed(plan: Survey) -> None:
    lines = written(lock(plan, DANE, HELD, HELD)).splitlines()
    assert lines[2:6] == ["release 4.99", "hosts 1", "", plan.views[0].name]
    assert lines[6].endswith(" TLSA of mx")
    assert lines[7:] == ["  secure: delivered, dane, host mx", "  insecure | SERVFAIL: deferred"]


def test_what_was_agreed_on_is_no_change(plan: Survey) -> None:
    report = checked(plan, lock(plan, DANE, CLEAR, HELD), lock(plan, DANE, CLEAR, HELD))
    assert report.groups == ()
    assert report.complete


def test_changes_are_grouped_by_what_became_of_what(plan: Survey) -> None:
    report = checked(plan, lock(plan, DANE, HELD, CLEAR), lock(plan, CLEAR, CLEAR, HELD))
    assert [(group.name, group.severity) for group in report.groups] == [
        ("dane-to-clear", Severity.LESS),
        ("clear-to-held", Severity.HELD),
        ("held-to-clear", Severity.RELEASED),
    ]
    assert report.groups[0].witness.size * 3 == plan.views[0].scene.size


def test_one_group_can_be_accepted_and_another_refused(plan: Survey) -> None:
    agreed, found = lock(plan, DANE, HELD, CLEAR), lock(plan, CLEAR, CLEAR, HELD)
    new = accepted(agreed, found, plan, frozenset({"clear-to-held"}))
    assert new == lock(plan, DANE, HELD, HELD)
    assert accepted(agreed, found, plan, None) == found


def test_a_view_that_is_not_locked_is_a_gap(plan: Survey) -> None:
    report = checked(plan, Lock("4.99", 1, {}), lock(plan, DANE, HELD, CLEAR))
    assert [gap.what for gap in report.gaps] == [f"{plan.views[0].name}: not in the lock file"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("hosts 1\n", 1, "release"),
        ("release 4.99\nhosts 1\n\nview\nrubbish\n", 5, "rubbish"),
        ("release 4.99\nhosts 1\n\nview\n@a x\n  y: @b\n", 6, "@b is nowhere"),
        ("release 4.99\nhosts 1\n\nview\n@a x\n  y: delivered, somehow\n", 6, "somehow"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read_lock(text, "policy.lock", Forest())
    assert caught.value.line == line


def test_a_view_is_named_for_people() -> None:
    scene = survey([policy()], 1).views[0].scene
    assert View(scene, "delivery").name == (
        "delivery to someone@destination.example by mx1.destination.example"
    )
