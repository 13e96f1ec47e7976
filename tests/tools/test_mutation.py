import pytest

from tools.changes import Mutation, mutated, mutations
from tools.covering import Covering
from tools.mutation import MODULES, Trial, drawn

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


def test_those_that_come_through_the_statement_are_tried_first_and_the_quickest_of_them() -> None:
    lines = {12: ["slow", "quick"], 13: ["import"]}
    seconds = {"slow": 3.0, "quick": 0.1, "import": 0.0, "elsewhere": 0.0}
    covering = Covering(seconds, {"sample.py": lines, "b.py": {1: ["elsewhere"]}})
    tests = Trial(covering, 1).tests(changes()["3 made 4"])
    assert tests == ["quick", "slow", "import"]


def test_the_same_seed_draws_the_same_changes() -> None:
    assert drawn(5, 7, MODULES) == drawn(5, 7, MODULES)
