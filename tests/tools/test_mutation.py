import pytest

from tools.changes import Mutation, mutated, mutations
from tools.covering import Covering
from tools.mutation import MODULES, Outcome, Trial, drawn

TEXT = '''\
"""A module."""
TABLE = (
    ("a", 1),
    ("b", 2),
)

def decide(a, b):
    if (
        a
        and b
    ):
        return 3
    raise ValueError(4)
'''


def changes() -> dict[str, Mutation]:
    return {one.what: one for one in mutations("sample.py", TEXT)}


def test_a_change_has_the_lines_of_its_statement() -> None:
    lines = {what: (one.line, one.statement) for what, one in changes().items()}
    assert lines == {
        "1 made 2": (3, (2, 5)),
        "2 made 3": (4, (2, 5)),
        "condition `a and b` reversed": (8, (8, 11)),
        "`return 3` returns nothing": (12, (12, 12)),
        "and made or": (9, (8, 11)),
        "3 made 4": (12, (12, 12)),
    }


@pytest.mark.parametrize("what", changes())
def test_a_change_changes_something(what: str) -> None:
    names: dict[str, object] = {}
    exec(compile(mutated(changes()[what], TEXT), "sample.py", "exec"), names)
    decide = names["decide"]
    assert callable(decide)
    found = [names["TABLE"]]
    for given in ((True, True), (True, False)):
        try:
            found.append(decide(*given))
        except ValueError:
            found.append("raised")
    assert found != [(("a", 1), ("b", 2)), 3, "raised"]


LINES = {
    12: ["a/test_b.py::slow", "a/test_b.py::quick", "a/test_sample.py::own"],
    13: ["a/test_b.py::import"],
}
SECONDS = {
    "a/test_b.py::slow": 3.0,
    "a/test_sample.py::own": 2.0,
    "a/test_b.py::quick": 0.1,
    "a/test_b.py::import": 0.0,
    "tests/test_docs.py::page": 1.0,
}
COVERING = Covering(SECONDS, {"sample.py": LINES, "b.py": {1: ["a/test_b.py::slow"]}})


@pytest.mark.parametrize(
    ("enough", "tests"),
    [
        (9, ["a/test_sample.py::own", "a/test_b.py::quick", "a/test_b.py::slow"]),
        (3, ["a/test_sample.py::own", "a/test_b.py::quick"]),
        (1, ["a/test_sample.py::own"]),
    ],
)
def test_those_that_come_through_the_statement_are_tried_its_own_and_the_quickest_first(
    enough: float, tests: list[str]
) -> None:
    assert Trial(COVERING, 1, enough=enough).tests(changes()["3 made 4"]) == tests


def test_a_table_is_tried_with_the_pages_that_show_it_and_all_tests_of_the_module() -> None:
    tests = Trial(COVERING, 1).tests(changes()["1 made 2"])
    assert tests == [
        "tests/test_docs.py::page",
        "a/test_sample.py::own",
        "a/test_b.py::import",
        "a/test_b.py::quick",
        "a/test_b.py::slow",
    ]


def test_the_same_seed_draws_the_same_changes() -> None:
    assert drawn(5, 7, MODULES) == drawn(5, 7, MODULES)


def test_tests_that_fail_without_the_change_notice_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def forked(_: Trial, mutation: Mutation, tests: list[str]) -> Outcome:
        tried.append(tests[0])
        return Outcome(mutation, "noticed", 1.0, tests[0])

    monkeypatch.setattr(Trial, "_forked", forked)
    monkeypatch.setattr(Trial, "_fails_anyhow", lambda _, test: True)
    outcome = Trial(COVERING, 1).of(changes()["3 made 4"])
    assert outcome == Outcome(changes()["3 made 4"], "survived", 3.0)
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("value", "changed"), [("None", False), ("False", False), ("0", True), ("True", True)]
)
def test_nothing_is_returned_instead_of_what_is_not_false_anyhow(value: str, changed: bool) -> None:
    found = mutations("sample.py", f"def f():\n    return {value}\n")
    assert any(one.what.endswith("returns nothing") for one in found) is changed
