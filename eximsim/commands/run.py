"""``eximsim run``: replay tests of the project's own testsuite."""

from __future__ import annotations

from pathlib import Path

import click

from eximsim.commands.policies import answer_options
from eximsim.commands.results import Reporter, keep_option, setting_options
from eximsim.errors import InputError
from eximsim.profiles import profile as profile_named
from eximsim.profiles import with_tls
from eximsim.suite import golden
from eximsim.suite.project import ProjectSuite
from eximsim.suite.runner import Setting, run_test, subject_profile
from eximsim.suite.source import choose
from eximsim.world.answers import Answers


@click.command()
@click.argument("tests", nargs=-1, metavar="TEST...")
@click.option(
    "--suite",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder of tests; default: testsuite/ here, or as it came with eximsim.",
)
@setting_options(profile_help="The release; default: those that the script names, or the newest.")
@keep_option
@answer_options
@click.option("--accept", is_flag=True, help="Store what came out as the new golden.")
@click.option("--trace", is_flag=True, help="Print every decision of the run.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per test, for machines.")
@click.pass_context
def run(
    context: click.Context, tests: tuple[str, ...], folder: Path | None, profile: str | None, tls: str | None,
    world: str, subject: str, keep: Path | None, accept: bool, trace: bool, as_json: bool,
    answers: Answers,
) -> None:  # fmt: skip
    """Replay tests of the project's own testsuite; TEST is a number, FIRST-LAST or a group."""
    if answers and subject != "model":
        raise click.UsageError("--answer and --answers are for the model; a real program asks by itself")
    if accept:
        golden.refuse_under_ci()
        if folder is None and default_folder() == _SHIPPED:
            raise InputError("the tests that came with eximsim stay as they are; give yours with --suite DIR")
    chosen = subject_profile(subject) if profile is None else profile_named(profile)
    source = ProjectSuite(folder or default_folder())
    reporter = Reporter(as_json=as_json, keep=keep, trace=trace)
    for case in choose(source.tests(), tests, source.root):
        profiles = [chosen] if chosen else [profile_named(name) for name in source.profiles(case)]
        for one in dict.fromkeys(profiles):
            built = with_tls(one, tls) if tls else one
            result = run_test(source, case, Setting(built, world, subject, answers=answers))
            if accept and result.may_be_accepted():
                changed = source.store(case, one, {**dict.fromkeys(result.goldens, ""), **result.texts})
                reporter.accepted(result, changed)
            else:
                reporter.add(result)
    context.exit(reporter.finish())


_SHIPPED = Path(__file__).resolve().parents[1] / "testsuite"
"""The tests that an installed eximsim brings with it."""


def default_folder() -> Path:
    """``testsuite/`` here, of the checkout, or as it was installed; raises ``InputError``."""
    for folder in (Path.cwd() / "testsuite", Path(__file__).resolve().parents[2] / "testsuite", _SHIPPED):
        if (folder / "scripts").is_dir():
            return folder
    raise InputError("no tests were installed, and there is no folder testsuite/ here")
