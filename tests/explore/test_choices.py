from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eximsim.explore.choices import Axis, Choices, explore, size
from eximsim.suite.recording import Situation


@dataclass(frozen=True)
class _Plan:
    axes: Mapping[str, Axis]

    def situation(self, path: Mapping[str, str]) -> Situation:
        return Situation("", "", dict(path), (), (), {}, {}, {}, {})


PLAN = _Plan({name: Axis(name, ("0", "1", "2")) for name in "abc"})


def _until_a_zero(choices: Choices) -> str:
    word = ""
    for name in "abc":
        value = choices.choose(name, PLAN.axes[name].values)
        word += value
        if value == "0":
            break
    return word


def test_each_path_is_taken_once_depth_first() -> None:
    words = [leaf.result for leaf in explore(_until_a_zero, PLAN)]
    expected = ["0", "10", "110", "111", "112", "120", "121", "122", "20"]
    assert words == [*expected, "210", "211", "212", "220", "221", "222"]


def test_sizes_add_up_to_the_full_product() -> None:
    leaves = list(explore(_until_a_zero, PLAN))
    assert leaves[0].size == 9
    assert sum(leaf.size for leaf in leaves) == size(PLAN) == 27


def test_an_axis_asked_again_has_the_same_value() -> None:
    def run(choices: Choices) -> bool:
        return choices.choose("a", ("0", "1", "2")) == choices.choose("a", ("0", "1", "2"))

    assert [leaf.result for leaf in explore(run, PLAN)] == [True, True, True]


def test_a_space_about_which_nothing_is_asked_is_one_leaf() -> None:
    (leaf,) = explore(lambda choices: None, PLAN)
    assert (leaf.path, leaf.size) == ({}, 27)


def test_a_leaf_has_its_situation() -> None:
    leaf = list(explore(_until_a_zero, PLAN))[1]
    assert leaf.situation().params == {"a": "1", "b": "0"}
