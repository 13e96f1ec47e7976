"""Writes ``docs/goldens.md``: ``python -m tools.docs.goldens EXIM_REPOSITORY``.

Each golden log that test 5840 ever had is compared with what the model makes of the tree that holds it.
Without a repository the page keeps what was measured, and only what follows from ``exim_history.py`` is
written anew.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from eximsim.commands.tabular import Grid, as_markdown
from eximsim.profiles import PROFILES, Profile, differences
from eximsim.suite.detect_release import points_of_tree, program_at, up_to
from eximsim.suite.exim_history import POINTS
from eximsim.suite.runner import WORLDS, Setting, run_test
from eximsim.suite.source import choose
from eximsim.suite.tree import EximTree

TEST = "5840"
COMMITS = (
    "360c04926",
    "281e72e46",
    "01a4a5c5c",
    "4c01d6abf",
    "93a6fce2e",
    "4cea764f3",
    "6aa849d38",
    "4b0fe3193",
    "2d5fdd539",
    "b999c4832",
    "5d6bdf01a",
    "b7e4352c9",
    "ce889807c",
    "6b5242044",
    "ba86e143c",
    "b60b2eea0",
    "ce25e2982",
    "ea5aef3de",
    "1fcabbd48",
    "854586e14",
    "899b8bbc6",
    "28646fa9c",
    "570cb1bdb",
    "826cb8c29",
    "2e6a0ed70",
    "59c0959a3",
    "feb5343a1",
    "7044dd8fd",
    "79aa468aa",
    "4da19af65",
    "46a36afae",
    "ef0a7560d",
    "7b411755d",
)
"""The commits that gave the log of test 5840 another content, oldest first."""

_HEADER = ("commit", "newest point", "profile", "undone", *WORLDS)

_INTRODUCTION = """# Every golden of test 5840

Written by `python -m tools.docs.goldens EXIM_REPOSITORY`, where EXIM_REPOSITORY is a clone of Exim's.

The log of test 5840 has had {count} contents. For each of the commits that brought one, this is what
`eximsim suite --tree DIR/test 5840 --profile auto --world WORLD` makes of that commit's own, unmodified tree.

- *newest point* is the commit of `eximsim/suite/exim_history.py` that the tree has reached last, *profile*
  the name of the program that `auto` chose, *undone* the switches that are younger than the tree.
- Under the name of each world stand the outputs that equal their goldens.

No golden is left out: there is none that Exim could not have produced. Two say more than they seem to:

- The golden of 59c0959a3 has no second delivery on the connection of the last message; the one of feb5343a1,
  with the same program and configuration, has one. The process that goes on with the connection
  (`transport_pass_socket()`, src/transport.c) sleeps for a second if it runs under the test suite, and nobody
  waits for it; the later script has a `sleep 1`, the earlier one is over by then. The model does the same.
- The trees of ce889807c and 6b5242044 have the same `test/` folder but for this golden, and two programs.
  Their history, `doc/` or `src/` tells them apart, or the name of the folder that they were unpacked to; a
  lone `test/` without any of that is taken for the later one.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one tree's run showed: the point that it has reached last, and by world the equal outputs."""

    commit: str
    newest: str
    same: tuple[str, ...]


@click.command()
@click.argument("repository", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--docs", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("docs"))
def goldens(repository: Path | None, docs: Path) -> None:
    """Write the page about the goldens of the Exim REPOSITORY into the folder DOCS."""
    path = docs / "goldens.md"
    if repository is None:
        found = measured_in(path.read_text("utf-8"))
    else:
        found = list(_measured(repository))
    path.write_text(page(found), encoding="utf-8")
    click.echo(path)


def _measured(repository: Path) -> Iterator[Measured]:
    for commit in COMMITS:
        with checked_out(repository, commit) as tree:
            found = measure(commit, tree / "test")
        click.echo(f"{found.commit} {found.newest} {'; '.join(found.same)}", err=True)
        yield found


def measure(commit: str, root: Path) -> Measured:
    """Run the test of one tree, whose ``test/`` folder is ``root``, in every world."""
    tree, reached = EximTree(root), points_of_tree(root)
    program = program_at(reached)
    newest = next(point.commit for point in reversed(POINTS) if point.commit in reached)
    return Measured(commit, newest, tuple(_same(tree, program, world) for world in WORLDS))


def _same(tree: EximTree, program: Profile, world: str) -> str:
    case = choose(tree.tests(), [TEST], tree.root)[0]
    outputs = run_test(tree, case, Setting(program, world)).outputs
    return ", ".join(name for name, how in outputs.items() if how.value == "same")


def measured_in(text: str) -> list[Measured]:
    """What the page ``text`` says was measured."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [Measured(commit, newest, tuple(same)) for commit, newest, _, _, *same in cells[2:]]


def page(found: list[Measured]) -> str:
    """The page with what was found, and which program follows from that."""
    table = as_markdown(Grid("", "", "", list(_HEADER), [_row(measured) for measured in found]))
    return f"{_INTRODUCTION.format(count=len(COMMITS))}\n{table}\n"


def _row(measured: Measured) -> list[str]:
    index = next(index for index, point in enumerate(POINTS) if point.commit == measured.newest)
    program = program_at(up_to(index))
    undone = ", ".join(f"`{switch}`" for switch in differences(PROFILES[program.name], program))
    return [measured.commit, measured.newest, program.name, undone, *measured.same]


@contextmanager
def checked_out(repository: Path, commit: str) -> Iterator[Path]:
    """A commit's tree in a folder of its own, for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _git("clone", "--quiet", "--no-checkout", str(repository), str(tree))
        _git("-C", str(tree), "checkout", "--quiet", "--detach", commit)
        yield tree


def _git(*words: str) -> None:
    subprocess.run(("git", *words), check=True)


if __name__ == "__main__":
    goldens()
