"""Writes ``docs/goldens.md``: ``python -m eximsim.commands.goldens EXIM_REPOSITORY``.

Each golden log that test 5840 ever had is compared with what the model makes of the tree that holds it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from eximsim.commands.tabular import Grid, as_markdown
from eximsim.profiles import PROFILES, Profile, differences
from eximsim.suite.auto import points_of_tree, program_at
from eximsim.suite.points import POINTS
from eximsim.suite.runner import WORLDS, Setting, run_test
from eximsim.suite.source import choose
from eximsim.suite.tree import EximTree

TEST = "5840"
COMMITS = (
    "360c04926", "281e72e46", "01a4a5c5c", "4c01d6abf", "93a6fce2e", "4cea764f3", "6aa849d38",
    "4b0fe3193", "2d5fdd539", "b999c4832", "5d6bdf01a", "b7e4352c9", "ce889807c", "6b5242044",
    "ba86e143c", "b60b2eea0", "ce25e2982", "ea5aef3de", "1fcabbd48", "854586e14", "899b8bbc6",
    "28646fa9c", "570cb1bdb", "826cb8c29", "2e6a0ed70", "59c0959a3", "feb5343a1", "7044dd8fd",
    "79aa468aa", "4da19af65", "46a36afae", "ef0a7560d", "7b411755d",
)  # fmt: skip
"""The commits that gave the log of test 5840 another content, oldest first."""

HEADER = ("commit", "profile", "newest point", "undone", *WORLDS)

_INTRODUCTION = """# Every golden of test 5840

Written by `python -m eximsim.commands.goldens EXIM_REPOSITORY`, where EXIM_REPOSITORY is a clone of Exim's.

The log of test 5840 has had {count} contents. For each of the commits that brought one, this is what
`eximsim suite --tree DIR/test 5840 --profile auto --world WORLD` makes of that commit's own, unmodified tree.

- *profile* is what `auto` chose, *newest point* the commit of `eximsim/suite/points.py` that the tree has
  reached last, *undone* the switches that are younger than the tree.
- Under the name of each world stand the outputs that equal their goldens.

No golden is left out: there is none that Exim could not have produced. Two of them say more than they
seem to:

- The golden of 59c0959a3 has no second delivery on the connection of the last message, the one of feb5343a1,
  with the same program and configuration, has one. The process that goes on with the connection
  (`transport_pass_socket()`, src/transport.c) sleeps for a second if it runs under the test suite, and nobody
  waits for it; the later script has a `sleep 1`, the earlier one is over by then. The model does the same.
- The trees of ce889807c and 6b5242044 have the same `test/` folder but for this very golden, and two
  programs. Their history, `doc/` or `src/` tells them apart, or the name of the folder that they were
  unpacked to; a lone `test/` without any of that is taken for the later one.
"""


@click.command()
@click.argument("repository", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--docs", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path("docs"))
def goldens(repository: Path, docs: Path) -> None:
    """Write the page about the goldens of the Exim REPOSITORY into the folder DOCS."""
    rows = []
    for commit in COMMITS:
        with _checked_out(repository, commit) as tree:
            rows.append(row(commit, tree / "test"))
            click.echo("  ".join(rows[-1]), err=True)
    (docs / "goldens.md").write_text(page(rows), encoding="utf-8")
    click.echo(docs / "goldens.md")


def page(rows: list[list[str]]) -> str:
    """The page with these rows of its table."""
    table = as_markdown(Grid("", "", "", list(HEADER), rows))
    return f"{_INTRODUCTION.format(count=len(COMMITS))}\n{table}\n"


def row(commit: str, root: Path) -> list[str]:
    """The row of one tree, whose ``test/`` folder is ``root``."""
    tree, reached = EximTree(root), points_of_tree(root)
    program = program_at(reached)
    newest = next(point.commit for point in reversed(POINTS) if point.commit in reached)
    return [commit, program.name, newest, undone(program), *(_same(tree, program, world) for world in WORLDS)]


def undone(program: Profile) -> str:
    """The switches in which the program is older than the profile that it is named for."""
    return ", ".join(f"`{switch}`" for switch in differences(PROFILES[program.name], program))


def _same(tree: EximTree, program: Profile, world: str) -> str:
    case = choose(tree.tests(), [TEST], tree.root)[0]
    outputs = run_test(tree, case, Setting(program, world)).outputs
    return ", ".join(name for name, how in outputs.items() if how.value == "same")


@contextmanager
def _checked_out(repository: Path, commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git(repository, "worktree", "remove", "--force", str(tree))


def _git(repository: Path, *words: str) -> None:
    subprocess.run(("git", "-C", str(repository), *words), check=True)


if __name__ == "__main__":
    goldens()
