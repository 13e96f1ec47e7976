"""The rules of the house that tools can hold: layers, purity, no version comparison, size, types, style."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "eximsim"

NO_IO = frozenset(
    [
        *("OpenSSL", "asyncio", "concurrent", "ctypes", "dnslib", "fcntl", "http", "io", "logging"),
        *("multiprocessing", "os", "pathlib", "pty", "random", "secrets", "select", "selectors", "shutil"),
        *("signal", "smtplib", "socket", "socketserver", "ssl", "subprocess", "sys", "tempfile", "threading"),
        *("time", "trustme", "urllib", "uuid"),
    ]
)

# Who may import whom: a module only from its own layer and those after it.
LAYERS = (
    ("cli", "commands", "__main__"),
    ("pytest_plugin", "pytest_fixtures", "pytest_golden", "pytest_bench", "pytest_settings"),
    ("testing",),
    ("gate",),
    ("fuzz",),
    ("explore",),
    ("suite",),
    ("subjects",),
    ("world",),
    ("mta",),
    ("ports", "resumption", "server_sessions"),
    ("disk",),
    ("profiles", "switch_docs"),
    ("switches",),
    ("switches_smtp",),
    ("switches_deliver",),
    ("switches_verify",),
    ("switches_spool",),
    ("switches_expand",),
    ("switches_server",),
    ("switches_tls",),
    ("switches_dkim",),
    ("switch_values",),
    ("formats", "storage", "shapes"),
    (
        "beside",
        "bounds",
        "crypted",
        "history",
        "piped",
        "quick_dataclass",
        "files",
        "status",
        "trace",
        "errors",
        "visible",
        "__version__",
    ),
)

LONGEST = 460
"""Lines of a module: a few screens."""


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module is not None
            yield node.module
            if node.module == "eximsim":
                yield from (f"eximsim.{alias.name}" for alias in node.names)


def layer(name: str) -> int:
    """The number of the layer that a dotted name below ``eximsim`` belongs to."""
    part = name.split(".")[1]
    (found,) = (number for number, parts in enumerate(LAYERS) if part in parts)
    return found


MODULES = pytest.mark.parametrize("path", modules(), ids=shown)


@pytest.mark.parametrize("path", modules(PACKAGE / "mta"), ids=shown)
def test_the_model_does_no_input_or_output(path: Path) -> None:
    assert {name for name in imported(path) if name.split(".")[0] in NO_IO} == set()
    called = {
        node.func.id
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "input", "print"}


@pytest.mark.parametrize("path", modules(PACKAGE / "mta"), ids=shown)
def test_the_model_does_not_ask_the_machine_for_the_time(path: Path) -> None:
    asked = {
        node.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "today", "utcnow")
        and isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date")
    }  # fmt: skip
    assert asked == set()


@MODULES
def test_imports_go_down_only(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    own = layer(".".join(("eximsim", *path.relative_to(PACKAGE).with_suffix("").parts)))
    below = [name for name in imported(path) if name.startswith("eximsim.")]
    assert [name for name in below if layer(name) < own] == []


@MODULES
def test_a_start_does_not_wait_for_dataclasses(path: Path) -> None:
    """``testing`` shows its signatures to users, and is not part of a command's start."""
    if path.name == "quick_dataclass.py" or path.is_relative_to(PACKAGE / "testing"):
        return
    slow = [
        alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses"
        for alias in node.names
    ]
    assert "dataclass" not in slow, "take it from eximsim.quick_dataclass"


def test_a_machine_for_exim_is_made_in_one_place() -> None:
    made = [
        shown(path)
        for path in (*modules(), *modules(ROOT / "tests"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Machine"
        and "eximsim.mta.process.globals" in imported(path)
    ]  # fmt: skip
    assert made == ["subjects/runs.py"]


def test_neither_the_world_nor_the_port_to_it_knows_the_model() -> None:
    below = [PACKAGE / "ports.py", *modules(PACKAGE / "world")]
    assert [shown(path) for path in below if any(n.startswith("eximsim.mta") for n in imported(path))] == []


# Within the model, too: a room imports only from those after it.
ROOMS = (
    "decisions",
    "program",
    "reception",
    "acl",
    "delivery",
    "verify",
    "transports",
    "routing",
    "miscmods",
    "auths",
    "lookup",
    "expand",
    "process",
    "records",
    "config",
    "certs",
    "base",
)
KNOT = 9
"""Lists, hosts and the DNS need each other in Exim, too; these modules of ``lookup`` are the only circle."""

MODEL = modules(PACKAGE / "mta")


def dotted(path: Path) -> str:
    """The name under which a module is imported."""
    return ".".join(("eximsim", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


@cache
def model() -> frozenset[str]:
    return frozenset(map(dotted, MODEL))


def model_imports(path: Path) -> set[str]:
    """The modules of the model that one of them imports, for types only or not; ``mta`` itself is empty."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return (found & model()) - {"eximsim.mta", dotted(path)}


@pytest.mark.parametrize("path", [path for path in MODEL if path.parent != PACKAGE / "mta"], ids=shown)
def test_rooms_of_the_model_import_down_only(path: Path) -> None:
    own = ROOMS.index(dotted(path).split(".")[2])
    assert [name for name in model_imports(path) if ROOMS.index(name.split(".")[2]) < own] == []


@pytest.mark.parametrize("path", MODEL, ids=shown)
def test_the_model_imports_nothing_inside_functions(path: Path) -> None:
    functions = (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef))
    inside = [
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_the_only_circle_in_the_model_is_the_knot_of_lists_hosts_and_dns() -> None:
    edges = {dotted(path): model_imports(path) for path in MODEL}
    reached = {name: set(found) for name, found in edges.items()}
    for middle in edges:
        for name in edges:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    circle = {name for name in edges if name in reached[name]}
    assert {name.split(".")[2] for name in circle} == {"lookup"}
    assert len(circle) <= KNOT


def test_every_room_says_what_it_may_import() -> None:
    rooms = [path for path in MODEL if path.name == "__init__.py" and path.parent.parent == PACKAGE / "mta"]
    assert {path.parent.name for path in rooms} == {*ROOMS} - {"decisions"}
    assert [shown(path) for path in rooms if "May import" not in (ast.get_docstring(tree(path)) or "")] == []


RELEASE = re.compile(r"\d\.\d\d(\.\d+)?(-\S+)?")
NAMES_OF_RELEASES = frozenset({"name", "option_release", "version"})


def is_release(node: ast.expr) -> bool:
    """Whether an operand is a release: written out, or a profile's name of one."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and RELEASE.fullmatch(node.value) is not None
    return (
        isinstance(node, ast.Attribute)
        and node.attr in NAMES_OF_RELEASES
        and "profile" in ast.unparse(node.value)
    )


@MODULES
def test_no_code_compares_releases(path: Path) -> None:
    compared = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare) and any(map(is_release, (node.left, *node.comparators)))
    ]
    assert compared == []


_POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{\d*,?\d*\})\+|\(\?>")


@MODULES
def test_no_expression_repeats_a_group_possessively(path: Path) -> None:
    """Python before 3.11.5 matches that wrongly (its issue 106052); single characters it gets right."""
    calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    compiled = (node.args[0] for node in calls if ast.unparse(node.func) == "re.compile")
    found = [ast.unparse(one) for one in compiled if _POSSESSIVE_GROUP.search(ast.unparse(one))]
    assert found == []


@MODULES
def test_no_module_is_too_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST


PERSONAL = re.compile(r"/work/|/root/|\b(TODO|FIXME|XXX)\b")


def test_no_file_speaks_of_one_machine_or_of_work_to_be_done() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("eximsim", "tests", "benchmarks", "testsuite/scripts", "testsuite/confs")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix != ".pyc" and path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if PERSONAL.search(line)
    ]
    assert found == []


def tool(name: str, *arguments: str) -> str:
    """What a tool has to say about the tree, empty if nothing; without the tool there is nothing to test."""
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed (extra dev)")
    done = subprocess.run(
        [sys.executable, "-m", name, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_types_are_strict() -> None:
    assert tool("mypy", "--no-error-summary") == ""


def test_style_is_clean() -> None:
    assert tool("ruff", "check", "--no-cache", "--quiet", "--output-format", "concise") == ""


def test_the_form_is_the_formatters() -> None:
    assert tool("ruff", "format", "--no-cache", "--check", "--quiet") == ""


def test_only_one_module_looks_at_calls_from_outside() -> None:
    looking = re.compile(r"\b(_getframe|f_locals|f_back|gi_frame)\b")
    found = [shown(path) for path in modules() if looking.search(path.read_text(encoding="utf-8"))]
    assert found == ["explore/stack.py"]
