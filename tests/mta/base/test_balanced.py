"""Balanced trees: what is in them, in which order, and that they stay balanced."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.base.balanced import Node, balanced, walk

NAMES = st.lists(st.text(min_size=1, max_size=3))


def in_order(node: Node | None) -> list[str]:
    return [] if node is None else [*in_order(node.left), node.name, *in_order(node.right)]


def depth(node: Node | None) -> int:
    return 0 if node is None else 1 + max(depth(node.left), depth(node.right))


@given(NAMES)
def test_each_name_is_there_once_and_in_the_order_of_its_octets(names: list[str]) -> None:
    found = in_order(balanced(names))
    assert found == sorted(set(names), key=lambda name: name.encode("utf-8", "surrogatepass"))


@given(NAMES)
def test_no_tree_is_deeper_than_a_balanced_one_may_be(names: list[str]) -> None:
    assert depth(balanced(names)) <= 1.45 * math.log2(len(set(names)) + 2)


@given(NAMES)
def test_a_walk_meets_each_node_before_its_children(names: list[str]) -> None:
    met = [node.name for node in walk(balanced(names))]
    assert len(met) == len(set(names))
    for node in walk(balanced(names)):
        for child in (node.left, node.right):
            assert child is None or met.index(node.name) < met.index(child.name)


def test_a_double_rotation() -> None:
    root = balanced("cab")
    assert [node.name for node in walk(root)] == ["b", "a", "c"]
