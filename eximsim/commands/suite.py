"""``eximsim suite``: replay tests of an Exim source tree's own ``test/`` folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from eximsim.commands import suite_page, suite_reports
from eximsim.commands.results import DIFFERENCE_FOUND, Reporter, keep_option, setting_options
from eximsim.commands.suite_runs import run_all, run_both
from eximsim.commands.suite_shell import shell
from eximsim.errors import ExitCode, InputError
from eximsim.profiles import NEWEST, TLS_LIBRARIES, Profile, with_tls
from eximsim.profiles import profile as profile_named
from eximsim.quick_dataclass import dataclass
from eximsim.storage import check_place, store_text
from eximsim.suite.bench_results import why_not
from eximsim.suite.detect_release import AUTO
from eximsim.suite.runner import MODEL, Setting, TestResult, Verdict, exim_path, subject_profile
from eximsim.suite.source import TestCase, choose, is_automatic
from eximsim.suite.tree import EximTree
from eximsim.visible import visible, visible_lines

_SHOWN_IN_FULL = 10
"""With more tests than this only the reason of a failure is shown, not the diff."""

_GOOD = (Verdict.PASS, Verdict.PASS_BUT_STDERR, Verdict.SKIP)


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be run, and what is to be left."""

    tree: Path
    cases: Sequence[TestCase]
    setting: Setting
    jobs: int
    either_library: bool
    as_json: bool

    @property
    def groups(self) -> dict[str, str]:
        return {case.name: case.group for case in self.cases}

    @property
    def brief(self) -> bool:
        return len(self.cases) > _SHOWN_IN_FULL


_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("tests", nargs=-1, metavar="[TEST|FIRST-LAST|GROUP]...")
@click.option(
    "--tree",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder that holds scripts/, confs/ and log/.",
)
@setting_options(profile_help="The release, or auto for the tree's own; default: the newest.")
@keep_option
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many tests run at the same time; of a real program's, which mostly wait, six times as many.",
)
@click.option(
    "--against",
    metavar="model|exim:PATH",
    help="Run each test on this one too, and show where they part; goldens do not matter.",
)
@click.option("--both", is_flag=True, help="The same as --against model.")
@click.option(
    "--baseline",
    type=_FILE,
    metavar="FILE",
    help="What an earlier run printed with --json: only what is worse since then makes exit code 1.",
)
@click.option("--junit", type=_FILE, metavar="FILE", help="Write a report with the diffs as JUnit XML.")
@click.option("--html", "html", type=_FILE, metavar="FILE", help="Write a page with the diffs, in one file.")
@click.option("--github", is_flag=True, help="GitHub workflow commands, which annotate the scripts.")
@click.option(
    "--summary",
    type=_FOLDER,
    metavar="DIR",
    help="Write failed-summary.log and run-summary.log there, as runtest does.",
)
@click.option(
    "--shell",
    "interactive",
    is_flag=True,
    help="After one test on a real program: a shell in the place where it ran.",
)
@click.option(
    "--run-commands",
    is_flag=True,
    help="Really run what the model pipes messages to and does not know, in a namespace.",
)
@click.option(
    "--no-test-mode",
    "untouched",
    is_flag=True,
    help="Run a real program as it is, not switched to Exim's test mode: few goldens hold then.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per test, for machines.")
@click.pass_context
def suite(
    context: click.Context, tests: tuple[str, ...], tree: Path, profile: str | None, tls: str | None,
    world: str, subject: str, keep: Path | None, jobs: int, against: str | None, both: bool,
    baseline: Path | None, junit: Path | None, html: Path | None, github: bool, summary: Path | None,
    interactive: bool, run_commands: bool, untouched: bool, as_json: bool,
) -> None:  # fmt: skip
    """Replay tests of an Exim source tree's own test/ folder, unmodified."""
    source = EximTree(tree)
    release = _release(source, profile, tls, subject)
    setting = Setting(release, world, subject, run_commands=run_commands, test_mode=not untouched)
    either_library = tls is None and exim_path(subject) is None
    cases = choose(source.tests(), tests, tree)
    program = exim_path(subject)
    if untouched and program is None:
        raise InputError("--no-test-mode: expected --subject exim:PATH")
    if program is not None and (lack := why_not(program)):
        click.echo(f"eximsim: not in the surroundings of runtest: {lack}; many tests want them", err=True)
    run = [case for case in cases if tests or is_automatic(case)]
    request = _Request(tree, run, setting, jobs, either_library, as_json)
    if interactive:
        context.exit(shell(tree, cases, program, setting))
    if github and as_json:
        raise InputError("--github and --json: both write to standard output; expected one of them")
    other = MODEL if both else against
    if other is not None:
        if baseline or junit or html or github or summary or keep:
            raise InputError("reports, --baseline and --keep are for runs of one subject")
        theirs = setting.profile if other == MODEL else _release(source, profile, tls, other)
        context.exit(_two(request, Setting(theirs, world, other, test_mode=not untouched)))
    for report in filter(None, (junit, html)):
        check_place(report)
    before = suite_reports.baseline(baseline) if baseline is not None else None
    reporter = Reporter(as_json=as_json, keep=keep, brief=request.brief)
    results = []
    for result in run_all(tree, run, setting, jobs, either_library):
        reporter.add(result)
        results.append(result)
    for case in cases[len(run) :]:
        reporter.add(TestResult(case.name, setting, Verdict.SKIP, "special: to be run by its number"))
    if junit is not None:
        store_text(junit, suite_reports.junit(results, request.groups))
    if html is not None:
        store_text(html, suite_page.page(tree, run, results))
    if github:
        click.echo(suite_page.workflow_commands(run, results), nl=False)
    if summary is not None:
        suite_reports.write_summaries(summary, results)
    if len(set(request.groups.values())) > 1 and not as_json:
        for line in suite_reports.by_group(results, request.groups):
            click.echo(visible(line))
    code = reporter.finish()
    context.exit(code if before is None else _since(results, before, code, quiet=as_json))


def _since(results: Sequence[TestResult], before: Mapping[str, str], code: int, *, quiet: bool) -> int:
    """The exit code where only what is worse than before counts."""
    bad = [result for result in results if result.verdict not in _GOOD]
    new = [result for result in bad if not suite_reports.known(result, before)]
    better = [r for r in results if r.verdict is Verdict.PASS and before.get(r.test) == Verdict.FAIL.value]
    if not quiet:
        for result in new:
            was = before.get(result.test, "not there")
            click.echo(visible(f"{result.test}: {result.verdict.value}, was {was}: {result.reason}"))
        click.echo(
            f"since the baseline: {len(new)} worse, {len(better)} better, {len(bad) - len(new)} as before"
        )
    if new:
        return DIFFERENCE_FOUND
    return 0 if bad else code


def _two(request: _Request, other: Setting) -> int:
    """Run all tests on both subjects and show where they part; returns the exit code."""
    counts = {"same": 0, "parted": 0, "unsteady": 0, "not compared": 0}
    mine, either = request.setting, request.either_library
    for sides in run_both(request.tree, request.cases, mine, other, request.jobs, either):
        counts[sides.result] += 1
        if request.as_json:
            click.echo(json.dumps(sides.as_json(), ensure_ascii=False))
        elif sides.result != "same" or sides.first is not None:
            click.echo(visible(sides.told()))
            if sides.parted and not request.brief:
                click.echo(visible_lines(sides.differences()))
    if not request.as_json:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))
    if counts["parted"] or counts["unsteady"]:
        return DIFFERENCE_FOUND
    return 0 if counts["same"] else ExitCode.COULD_NOT_LOOK


def _release(source: EximTree, wanted: str | None, tls: str | None, subject: str) -> Profile:
    """The release that the tests run under; with a real program its TLS library is the program's own."""
    program = subject_profile(subject) if wanted in (None, AUTO) else None
    if wanted != AUTO:
        release = program or profile_named(wanted or NEWEST)
        return with_tls(release, tls) if tls else release
    if tls is None and program is not None:
        tls = next(name for name in TLS_LIBRARIES if program.tls_library.startswith(name))
    release = source.own_program()
    return with_tls(release, tls) if tls else release
