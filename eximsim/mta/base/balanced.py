"""Balanced binary trees, of which Exim shows the form in its spool files (src/tree.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eximsim.mta.base.string import octets
from eximsim.quick_dataclass import dataclass


@dataclass(slots=True)
class Node:
    """One name, with those that come before it on the left and those that come after it on the right."""

    name: str
    left: Node | None = None
    right: Node | None = None
    height: int = 1


def balanced(names: Iterable[str]) -> Node | None:
    """The tree of names that are put in one after the other; None without any. Source: tree_insertnode()."""
    root: Node | None = None
    for name in names:
        root = _with(root, name)
    return root


def walk(node: Node | None) -> Iterator[Node]:
    """Each node, then what is left of it, then what is right. Source: tree_walk()."""
    if node is not None:
        yield node
        yield from walk(node.left)
        yield from walk(node.right)


def _with(node: Node | None, name: str) -> Node:
    if node is None:
        return Node(name)
    if octets(name) < octets(node.name):
        node.left = _with(node.left, name)
    elif name != node.name:
        node.right = _with(node.right, name)
    return _rebalanced(node)


def _rebalanced(node: Node) -> Node:
    left, right = node.left, node.right
    if left is not None and _height(left) > _height(right) + 1:
        if _height(left.right) > _height(left.left):
            node.left = _turned_left(left)
        return _turned_right(node)
    if right is not None and _height(right) > _height(left) + 1:
        if _height(right.left) > _height(right.right):
            node.right = _turned_right(right)
        return _turned_left(node)
    return _measured(node)


def _height(node: Node | None) -> int:
    return 0 if node is None else node.height


def _measured(node: Node) -> Node:
    node.height = 1 + max(_height(node.left), _height(node.right))
    return node


def _turned_left(node: Node) -> Node:
    above = node.right
    assert above is not None
    node.right = above.left
    above.left = _measured(node)
    return _measured(above)


def _turned_right(node: Node) -> Node:
    above = node.left
    assert above is not None
    node.left = above.right
    above.right = _measured(node)
    return _measured(above)
