"""Test scripts on the model and on a real program, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click

from eximsim.commands.run import default_folder
from eximsim.errors import InputError
from eximsim.profiles import Profile
from eximsim.subjects.exim import program_at
from eximsim.suite import golden
from eximsim.suite.golden import Comparison
from eximsim.suite.project import ProjectSuite
from eximsim.suite.runner import (
    MODEL,
    Setting,
    TestResult,
    Verdict,
    client_parts,
    counts,
    run_test,
)
from eximsim.suite.source import Source, TestCase, choose
from eximsim.suite.tree import EximTree
from eximsim.visible import visible_lines

_UNCOMPARED = (Verdict.SKIP, Verdict.UNSUPPORTED)


def are_tests(ids: tuple[str, ...]) -> bool:
    """Whether these are numbers of tests; situations begin with a letter."""
    tests = [id for id in ids if id[:1].isdigit()]
    if tests and len(tests) < len(ids):
        raise InputError(f"{' '.join(ids)}: expected numbers of tests, or ids of situations, not both")
    return bool(tests)


def compare_tests(exim: Path, tests: tuple[str, ...], tree: Path | None, *, as_json: bool) -> bool:
    """Run tests on both and show how the client's outputs compare; whether all agree."""
    subject = f"exim:{exim}"
    profile = program_at(exim).profile
    source: Source = ProjectSuite(default_folder()) if tree is None else EximTree(tree)
    agreed = True
    for case in choose(source.tests(), tests, source.root):
        agreed &= _compare(source, case, subject, profile, as_json=as_json)
    return agreed


def _compare(source: Source, case: TestCase, subject: str, profile: Profile, *, as_json: bool) -> bool:
    real, model = (_run(source, case, profile, one) for one in (subject, MODEL))
    setting = real.setting
    other = next((one for one in (real, model) if one.verdict in _UNCOMPARED), None)
    if other is not None:
        result, fields, reason = other.verdict.value, {}, other.reason
    else:
        theirs, ours = client_parts(real.texts), client_parts(model.texts)
        fields = golden.compare(ours, theirs)
        unlike = [name for name, how in fields.items() if how is not Comparison.SAME]
        differing = [name for name in unlike if counts(name, setting)]
        result, reason = ("differ" if differing else "agree"), ", ".join(differing)
    if as_json:
        same = {name: how is Comparison.SAME for name, how in fields.items()}
        line = {"id": case.name, "release": setting.profile.name, "kind": "test", "result": result}
        click.echo(json.dumps({**line, "fields": same, "rule": reason}))
    else:
        click.echo(f"{case.name} {setting.profile.name}: {result}{f': {reason}' if reason else ''}")
        for name in reason.split(", ") if result == "differ" else ():
            found = golden.difference(name, ours.get(name), theirs.get(name), f"{name} of the program")
            click.echo(visible_lines(found))
    return result in ("agree", Verdict.SKIP.value)


def _run(source: Source, case: TestCase, profile: Profile, subject: str) -> TestResult:
    return run_test(source, case, Setting(profile, subject=subject))
