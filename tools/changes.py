"""Small changes of a module: ``and`` made ``or``, a statement dropped, a condition reversed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

NOTHING = -1
"""The node of a mutation that changes nothing."""

_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change: in which module (below the package), which node of its tree, and what is done to it."""

    module: str
    node: int
    line: int
    what: str
    statement: tuple[int, int] = (0, 0)
    """The first and the last line of the statement that it is in; of one with a body, as far as that."""


def mutations(module: str, text: str) -> Iterator[Mutation]:
    """Every change that can be made to a module."""
    tree = ast.parse(text)
    left_alone = _left_alone(tree)
    statements = _statements(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in left_alone and (what := _change(node)):
            first, last = statements[id(node)]
            yield Mutation(module, number, getattr(node, "lineno", first), what, (first, last))


def _statements(tree: ast.Module) -> dict[int, tuple[int, int]]:
    """The lines of the innermost statement around each node."""
    found: dict[int, tuple[int, int]] = {}
    for outer in ast.walk(tree):  # an inner statement comes later
        if isinstance(outer, ast.stmt):
            body = getattr(outer, "body", None)
            last = body[0].lineno - 1 if body else outer.end_lineno or outer.lineno
            lines = (outer.lineno, max(outer.lineno, last))
            found.update((id(node), lines) for node in ast.walk(outer))
    return found


def mutated(mutation: Mutation, text: str) -> ast.Module:
    """The tree of a module with one change."""
    tree = ast.parse(text)
    for node in [node for number, node in enumerate(ast.walk(tree)) if number == mutation.node]:
        _apply(tree, node)
    return ast.fix_missing_locations(tree)


def _left_alone(tree: ast.Module) -> set[int]:
    """Nodes that decide nothing: docstrings, annotations, imports, what only the type checker reads."""
    found: set[int] = set()

    def leave(*nodes: ast.AST | None) -> None:
        found.update(id(inner) for node in nodes if node is not None for inner in ast.walk(node))

    for node in ast.walk(tree):
        match node:
            case ast.Expr(ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Raise():
                leave(node)
            case ast.If(ast.Name("TYPE_CHECKING")):
                leave(node)
            case ast.FunctionDef(returns=returns, decorator_list=decorators):
                leave(returns, *decorators)
            case ast.ClassDef(decorator_list=decorators):
                leave(*decorators)
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                leave(annotation)
            case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
                leave(node)
            case ast.JoinedStr(values=values):
                leave(*(value for value in values if isinstance(value, ast.Constant)))
    return found


def _change(node: ast.AST) -> str:
    """What can be changed about a node, in words; empty for nothing."""
    match node:
        case ast.BoolOp(op) | ast.BinOp(_, op) if type(op) in _SWAPPED:
            return f"{_name(op)} made {_SWAPPED[type(op)].__name__.lower()}"
        case ast.Compare(_, [op]) if type(op) in _SWAPPED:
            return f"{_name(op)} made {_SWAPPED[type(op)].__name__.lower()}"
        case ast.UnaryOp(ast.Not()):
            return "not dropped"
        case ast.Constant(bool(value)):
            return f"{value} made {not value}"
        case ast.Constant(int(value)):
            return f"{value} made {value + 1}"
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            return f"condition {_shown(test)} reversed"
        case ast.AugAssign() | ast.Expr(ast.Call()) | ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            return f"{_shown(node)} dropped"
        case ast.Return(value) if value is not None and not _is_false(value):
            return f"{_shown(node)} returns nothing"
    return ""


def _apply(tree: ast.Module, node: ast.AST) -> None:
    match node:
        case ast.BoolOp() | ast.BinOp():
            node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]  # of the same kind
        case ast.Compare():
            node.ops = [_SWAPPED[type(node.ops[0])]()]  # type: ignore[list-item]
        case ast.UnaryOp():
            _replace(tree, node, node.operand)
        case ast.Constant(bool(value)):
            node.value = not value
        case ast.Constant(int(value)):
            node.value = value + 1
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Return():
            node.value = ast.Constant(None)
        case _:
            _replace(tree, node, ast.Pass())


def _replace(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    ast.copy_location(new, old)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if item is old else item for item in value]


def _name(op: ast.AST) -> str:
    return type(op).__name__.lower()


def _is_false(node: ast.AST) -> bool:
    """Whether it makes no difference to return nothing instead."""
    return isinstance(node, ast.Constant) and (node.value is None or node.value is False)


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return f"`{text[:60]}{'...' if len(text) > 60 else ''}`"
