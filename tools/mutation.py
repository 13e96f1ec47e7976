"""Do the tests notice? One small change at a time in the modules that decide, and the tests that should fail.

    python -m tools.mutation --count 300 --seed 1

mutmut and cosmic-ray change files on disk and run one fixed command for each change; mutmut leaves out what
is outside of functions, where the decision tables are. Here a change is made while the module is imported,
in a process of its own, so that nothing is written and the tests nearest to the module come first.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "eximsim"
MODULES = (
    "mta/transports/smtp*.py",
    "mta/transports/dane*.py",
    "mta/transports/tls*.py",
    "mta/transports/retry*.py",
    "mta/verify/verify*.py",
    "mta/certs/dane*.py",
    "mta/lookup/dns*.py",
    "mta/lookup/host*.py",
    "mta/delivery/retry*.py",
)
"""The modules that decide what becomes of a message."""

NEAR = (
    "tests/mta",
    "tests/suite/test_own_suite.py",
    "tests/suite/test_recordings.py",
    "tests/fuzz/test_laws.py",
)
"""What is run after the tests of the module itself and of its room."""

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tests made of a mutation: ``noticed``, ``survived`` or ``hung`` (which is noticed, too)."""

    mutation: Mutation
    result: str
    seconds: float


# ---- changes -------------------------------------------------------------------------------------------


def mutations(module: str, text: str) -> Iterator[Mutation]:
    """Every change that can be made to a module."""
    tree = ast.parse(text)
    left_alone = _left_alone(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in left_alone and (what := _change(node)):
            yield Mutation(module, number, getattr(node, "lineno", 0), what)


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
        case ast.Return(value) if value is not None and not _is_none(value):
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


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return f"`{text[:60]}{'...' if len(text) > 60 else ''}`"


# ---- runs ----------------------------------------------------------------------------------------------


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module as a mutation has it."""

    def __init__(self, mutation: Mutation) -> None:
        self._path = PACKAGE / mutation.module
        self._name = "eximsim." + mutation.module.removesuffix(".py").replace("/", ".")
        self._tree = mutated(mutation, self._path.read_text())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See ``MetaPathFinder``."""
        return spec_from_loader(fullname, self) if fullname == self._name else None

    def pytest_configure(self) -> None:
        """Come before pytest's own finder, which rewrites the whole package: it brings a plugin along."""
        assert self._name not in sys.modules
        sys.meta_path.insert(0, self)

    def exec_module(self, module: ModuleType) -> None:
        """See ``Loader``."""
        module.__file__ = str(self._path)
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


def tests_for(module: str) -> list[str]:
    """The tests to run for a module: its own, those of its room, and what is near."""
    path = Path("tests", module)
    own = sorted(map(str, (ROOT / path.parent).glob(f"test_{path.stem}*.py")))
    return [*own, str(ROOT / path.parent), *(str(ROOT / near) for near in NEAR)]


def _child(mutation: Mutation, options: Sequence[str]) -> None:
    import pytest

    os.chdir(ROOT)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    words = [*arguments, *options, *tests_for(mutation.module)]
    os._exit(0 if pytest.main(words, plugins=[_Finder(mutation)]) == 0 else 1)


def run(mutation: Mutation, seconds: float, options: Sequence[str] = ()) -> Outcome:
    """Run the tests, with these options of pytest's, on one mutation; raises nothing."""
    began = time.monotonic()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(mutation, options))
    process.start()
    process.join(seconds)
    result = "survived" if process.exitcode == 0 else "noticed"
    if process.is_alive():
        result = "hung"
        process.kill()
        process.join()
    return Outcome(mutation, result, time.monotonic() - began)


def drawn(count: int, seed: int, patterns: Sequence[str]) -> list[Mutation]:
    """Some of all mutations, by chance."""
    paths = sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)})
    found = [
        mutation
        for path in paths
        for mutation in mutations(path.relative_to(PACKAGE).as_posix(), path.read_text())
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=300, help="how many mutations")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--module", action="append", help="a pattern below eximsim/ instead of what decides")
    parser.add_argument("--seconds", type=float, default=900, help="after which the tests hang")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin none after so many")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="leave out so many of them")
    parser.add_argument("--deselect", action="append", help="a test that fails anyhow")
    parser.add_argument("--out", type=Path, help="a file to append the outcomes to, a JSON object each")
    wanted = parser.parse_args()
    chosen = drawn(wanted.count, wanted.seed, wanted.module or MODULES)[wanted.first :]
    print(f"seed {wanted.seed}, {len(chosen)} mutations", flush=True)
    options = [word for test in wanted.deselect or () for word in ("--deselect", test)]
    end = time.monotonic() + wanted.minutes * 60
    counts = {"noticed": 0, "survived": 0, "hung": 0}

    def one(mutation: Mutation) -> Outcome | None:
        return run(mutation, wanted.seconds, options) if time.monotonic() < end else None

    import pytest  # noqa: F401  # what every child needs

    if chosen and run(replace(chosen[0], node=NOTHING), wanted.seconds, options).result != "survived":
        sys.exit("the tests fail, or take too long, without any change")
    with ThreadPoolExecutor(wanted.jobs) as pool:
        for outcome in filter(None, pool.map(one, chosen)):
            counts[outcome.result] += 1
            told = outcome.mutation
            print(
                f"{outcome.result:9}{told.module}:{told.line}: {told.what} ({outcome.seconds:.0f} s)",
                flush=True,
            )
            if wanted.out is not None:
                with wanted.out.open("a") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")
    total = sum(counts.values())
    print(f"{total - counts['survived']} of {total} noticed", flush=True)
    sys.exit(1 if counts["survived"] else 0)


if __name__ == "__main__":
    main()
