"""Decision tables: what makes a good one, and how a row is found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import eximsim.mta
from eximsim.errors import Unsupported
from eximsim.mta.base.tables import ANY, Column, Row, Table, always, differences, shown, yes_no
from eximsim.mta.decisions import TOPICS
from eximsim.mta.process.globals import Process
from eximsim.profiles import PROFILES, profile
from eximsim.trace import Trace

OLD, NEW = profile("4.87"), profile("4.88-jh03")
TABLES = [table for tables in TOPICS.values() for table in tables]
COLOUR = Column("colour", ("red", "green", "blue"))


class Size(Enum):
    SMALL = "small one"
    LARGE = "large one"


def process(release: str = "4.99") -> Process:
    return cast("Process", SimpleNamespace(profile=profile(release), trace=Trace()))


def table(*rows: Row[str], columns: tuple[Column, ...] = (COLOUR, yes_no("big"))) -> Table[str]:
    return Table("fruit", "Which fruit it is.", "market.c stall", columns, always(*rows))


FRUIT = table(
    Row(("red", True), "apple"),
    Row(("red", False), "cherry", "from {where}", "seen"),
    Row((ANY, True), "melon", source="market.c back"),
    Row((ANY, ANY), "grape"),
)


# ---- making one ------------------------------------------------------------------------------------------


def test_a_table_with_a_gap_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="fruit: no row for green, no"):
        table(Row(("red", ANY), "apple"), Row((ANY, True), "melon"))


def test_a_row_that_never_decides_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="fruit: no case is left for row blue, any"):
        table(Row((ANY, ANY), "grape"), Row(("blue", ANY), "plum"))


def test_a_row_with_another_number_of_inputs_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="zip"):
        table(Row((ANY,), "grape"))


# ---- deciding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "fruit"),
    [
        (("red", True), "apple"),
        (("red", False), "cherry"),
        (("green", True), "melon"),
        (("blue", False), "grape"),
    ],
)
def test_the_first_row_that_fits_decides(inputs: tuple[str, bool], fruit: str) -> None:
    assert FRUIT.decide(process(), *inputs).outcome == fruit
    assert FRUIT.cells(NEW)[inputs].outcome == fruit


def test_a_decision_is_recorded_with_its_inputs_its_outcome_and_its_source() -> None:
    here = process()
    FRUIT.decide(here, "red", False, shop="corner")
    FRUIT.decide(here, "blue", True)
    first, second = here.trace
    assert (first.rule, first.outcome, first.source) == ("fruit", "cherry", "market.c stall")
    assert first.inputs == {"shop": "corner", "colour": "red", "big": False}
    assert second.source == "market.c back"


def test_inputs_and_outcomes_are_recorded_by_their_words() -> None:
    sized = Table("size", "", "x.c", (Column("size", tuple(Size)),), always(Row((ANY,), Size.LARGE)))
    here = process()
    assert sized.decide(here, Size.SMALL).outcome is Size.LARGE
    (decision,) = here.trace
    assert (decision.inputs, decision.outcome) == ({"size": "small one"}, "large one")


@pytest.mark.parametrize(
    ("colour", "big", "asked"),
    [("red", True, ["big"]), ("red", False, ["big"]), ("green", True, ["big"]), ("green", False, ["big"])],
)
def test_a_question_is_asked_once(colour: str, big: bool, asked: list[str]) -> None:
    log: list[str] = []
    row = FRUIT.decide(process(), colour, question(log, "big", big))
    assert row is FRUIT.cells(NEW)[colour, big]
    assert log == asked


def test_a_question_is_not_asked_if_the_answer_makes_no_difference() -> None:
    only_red = table(Row(("red", True), "apple"), Row((ANY, ANY), "grape"))
    here, log = process(), list[str]()
    assert only_red.decide(here, "blue", question(log, "big", True)).outcome == "grape"
    assert log == []
    assert next(iter(here.trace)).inputs["big"] == "any"


def test_questions_are_asked_from_left_to_right() -> None:
    both = (yes_no("one"), yes_no("two"))
    either = table(Row((True, ANY), "a"), Row((ANY, True), "b"), Row((ANY, ANY), "c"), columns=both)
    for one, two, expected in ((True, True, ["one"]), (False, True, ["one", "two"])):
        log: list[str] = []
        either.decide(process(), question(log, "one", one), question(log, "two", two))
        assert log == expected


def question(log: list[str], name: str, answer: bool) -> Callable[[], bool]:
    def ask() -> bool:
        log.append(name)
        return answer

    return ask


# ---- releases --------------------------------------------------------------------------------------------

BY_RELEASE = Table(
    "by release",
    "",
    "x.c",
    (COLOUR,),
    {
        (False,): (Row(("red",), "stop", "halt"), Row((ANY,), "go")),
        (True,): (Row(("green",), "go"), Row((ANY,), "stop", "halt")),
    },
    switches=("callout_uses_setup_conn",),
)


def test_the_switches_choose_the_rows() -> None:
    assert BY_RELEASE.decide(process("4.88"), "blue").outcome == "go"
    assert BY_RELEASE.decide(process("4.89"), "blue").outcome == "stop"


def test_only_what_two_releases_decide_differently_is_a_difference() -> None:
    (found,) = differences(BY_RELEASE, profile("4.88"), profile("4.89"))
    assert found.inputs == ("blue",)
    assert (found.old.outcome, found.new.outcome) == ("go", "stop")
    assert differences(BY_RELEASE, profile("4.89"), profile("4.99")) == []


def test_cases_that_differ_alike_become_one() -> None:
    columns = (COLOUR, yes_no("big"))
    rows: dict[tuple[object, ...], tuple[Row[str], ...]] = {
        (False,): (Row(("red", True), "a"), Row((ANY, ANY), "b")),
        (True,): (Row(("red", True), "a"), Row((ANY, True), "c"), Row((ANY, False), "d")),
    }
    two = Table("two", "", "x.c", columns, rows, switches=("callout_uses_setup_conn",))
    found = differences(two, profile("4.88"), profile("4.89"))
    assert [(case.inputs, case.new.outcome) for case in found] == [
        ((ANY, False), "d"),
        (("green", True), "c"),
        (("blue", True), "c"),
    ]


def test_a_decision_that_a_release_does_not_take_is_unsupported_there() -> None:
    gone = Table("gone", "", "x.c", (COLOUR,), {(True,): (Row((ANY,), "go"),)},
                 switches=("callout_uses_setup_conn",), absent="not in {profile}")  # fmt: skip
    assert gone.rows(profile("4.88")) == ()
    with pytest.raises(Unsupported, match=r"not in 4\.88"):
        gone.decide(process("4.88"), "red")


# ---- all tables ------------------------------------------------------------------------------------------


def everywhere() -> dict[str, Table[Any]]:
    modules = pkgutil.walk_packages(eximsim.mta.__path__, "eximsim.mta.")
    named = (item for module in modules for item in vars(importlib.import_module(module.name)).items())
    return {name: value for name, value in named if isinstance(value, Table)}


def test_every_table_has_a_topic() -> None:
    assert sorted(table.name for table in everywhere().values()) == sorted(table.name for table in TABLES)
    assert len({table.name for table in TABLES}) == len(TABLES)


def test_every_table_is_run() -> None:
    sources = "".join(path.read_text() for path in Path(eximsim.mta.__path__[0]).rglob("*.py"))
    assert [name for name in everywhere() if f"{name}.decide(" not in sources] == ["CERTIFICATE"]
    assert "CERTIFICATE.variant(" in sources


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_a_release_without_a_table_is_told_why(one: Table[Any]) -> None:
    without = [name for name, release in PROFILES.items() if not one.rows(release)]
    assert bool(without) == bool(one.absent)


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_every_variant_of_a_table_is_one_that_a_profile_could_have(one: Table[Any]) -> None:
    for key in one.variants:
        for switch, value in zip(one.switches, key, strict=True):
            assert isinstance(value, type(getattr(NEW, switch))), (switch, value)


@pytest.mark.parametrize("one", TABLES, ids=lambda one: one.name)
def test_the_words_of_a_table_are_words(one: Table[Any]) -> None:
    assert one.about.endswith(".") or one.about.endswith(".)")
    assert ".c" in one.source
    for rows in one.variants.values():
        assert all(shown(row.outcome) for row in rows)
