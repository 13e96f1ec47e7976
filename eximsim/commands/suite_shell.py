"""``suite --shell``: a shell in the namespace in which one test of a real program has just run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from eximsim.errors import InputError
from eximsim.suite.bench_results import Benched, why_not
from eximsim.suite.helper_programs import compiled
from eximsim.suite.runner import Setting
from eximsim.suite.source import TestCase
from eximsim.visible import visible, visible_lines


def shell(tree: Path, cases: Sequence[TestCase], program: Path | None, setting: Setting) -> int:
    """Run the one test, show what came of it, and give a shell there until it is left.

    Returns the exit code: 0, since nobody asked what came of the test. Raises ``InputError`` if there is not
    one test, or no place to go to.
    """
    if program is None or len(cases) != 1:
        raise InputError("--shell: expected one test and --subject exim:PATH")
    enter = shutil.which("nsenter")
    if lack := why_not(program) or ("" if enter else "needs nsenter, of util-linux"):
        raise InputError(f"--shell: {lack}")
    bench = Benched(tree, program, compiled(tree), test_mode=setting.test_mode)
    try:
        result = bench.run(cases[0], setting)
        click.echo(visible(f"{result.test} {result.verdict.value} {result.reason}".rstrip()))
        click.echo(visible_lines(result.differences()))
        place = bench.place
        click.echo(f"in {place.folder}, where ./eximdir/exim -C {place.folder}/test-config is the program")
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root")
        there = ["/bin/sh", "-c", 'cd "$0" && exec /bin/sh -i', place.folder]
        enter_it = [str(enter), "--target", str(place.process), *spaces, *there]
        subprocess.run(enter_it, check=False, env=place.env)
    finally:
        bench.close()
    return 0
