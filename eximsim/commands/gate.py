"""``eximsim gate``: what a change of configuration, or of release, changes about the outcome of mail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from eximsim.commands.gate_sides import EVERYTHING
from eximsim.commands.policies import (
    Outside,
    build_options,
    outside_options,
    read_defines,
    tell_what_was_read,
)
from eximsim.errors import ExitCode
from eximsim.files import STANDARD
from eximsim.gate import MOST_HOSTS
from eximsim.gate.report import Report
from eximsim.gate.severity import FAIL_ON, Severity
from eximsim.profiles import NEWEST
from eximsim.storage import check_place, store_text

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("configurations", metavar="[CONF] [NEW]", nargs=-1, type=_FILE)
@click.option(
    "--git", "revision", metavar="REV",
    help="Compare CONF, and all files that it names, with what they were at a revision.",
)  # fmt: skip
@click.option("--profile", "old", metavar="P", help=f"The release of CONF. Default: {NEWEST}.")
@click.option(
    "--against", "new", metavar="Q", help="The release to compare with. Default: that of --profile."
)
@build_options
@outside_options
@click.option(
    "--hosts", type=click.IntRange(1, MOST_HOSTS), default=2, show_default=True,
    help="How many hosts a recipient's domain has.",
)  # fmt: skip
@click.option(
    "--recipient", "recipients", multiple=True, metavar="ADDRESS",
    help="Explore mail to this address, too; repeatable.",
)  # fmt: skip
@click.option(
    "--sender", "senders", multiple=True, metavar="ADDRESS",
    help="Explore mail from this address, too (<> for bounces); repeatable.",
)  # fmt: skip
@click.option("--lock", type=_FILE, metavar="FILE", help="Compare with the outcomes that were agreed on.")
@click.option(
    "--accept", "groups", is_flag=False, flag_value=EVERYTHING, multiple=True, metavar="[GROUP]",
    help="With --lock: agree to what has changed, or to one group of it; repeatable.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice([*FAIL_ON]), default=("default",), multiple=True, metavar="WHAT",
    help=f"What makes the exit code 1; repeatable. One of {', '.join(FAIL_ON)}. Default: all "
    "but more protection and words.",
)  # fmt: skip
@click.option(
    "--allow-incomplete", is_flag=True,
    help="Exit 0 or 1 also where something could not be looked at; the report says so all the same.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Every class of situations, not only the smallest.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
@click.option("--github", is_flag=True, help="GitHub workflow commands, which annotate the configuration.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write the report as a page to read.")
@click.option("--markdown", type=_FILE, metavar="FILE", help="Write the report as Markdown.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write the report as SARIF 2.1.0.")
@click.option(
    "--code-quality", "quality", type=_FILE, metavar="FILE", help="Write it for GitLab's Code Quality."
)
def gate(
    configurations: tuple[Path, ...],
    revision: str | None,
    old: str | None,
    new: str | None,
    tls: str | None,
    defines: tuple[str, ...],
    hosts: int,
    recipients: tuple[str, ...],
    senders: tuple[str, ...],
    lock: Path | None,
    groups: tuple[str, ...],
    fail_on: tuple[str, ...],
    allow_incomplete: bool,
    verbose: bool,
    as_json: bool,
    github: bool,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    sarif: Path | None,
    quality: Path | None,
    outside: Outside,
) -> None:
    """Show what a change changes: which mail goes out with less protection, or not at all.

    \b
    eximsim gate old.conf new.conf                        another configuration
    eximsim gate exim.conf --git origin/main              what it was at a revision
    eximsim gate exim.conf --profile 4.92 --against 4.93  another release
    eximsim gate exim.conf --lock policy.lock             what was agreed on
    eximsim gate exim.conf --lock policy.lock --accept    agree to it as it is now

    Every situation that makes a difference to the policy is explored: DNS answers and their security, TLSA
    records, replies and certificates of servers. Exit code 1: an outcome changes (--fail-on says which ones
    count). Exit code 3: none does, but not everything could be looked at; each gap is a line of the report.
    """
    from eximsim.commands import gate_sides
    from eximsim.commands.progress import exploring
    from eximsim.gate.memory import Memory
    from eximsim.suite.many_runs import many_runs

    if groups and lock is None:
        raise click.UsageError("--accept needs --lock")
    forms = (
        (html, _html), (markdown, _markdown), (junit, _junit), (sarif, _sarif), (quality, _code_quality),
    )  # fmt: skip
    for path, _ in forms:
        if path is not None:
            check_place(path)
    reading = gate_sides.Reading(read_defines(defines), outside, old, new, tls)
    wanted = gate_sides.wanted(hosts, recipients, senders)
    with (
        many_runs(),
        gate_sides.policies(configurations, revision, reading) as policies,
        exploring(hosts) as watch,
    ):
        memory = Memory(watch)
        if lock is not None:
            if len(policies) > 1:
                raise click.UsageError("--lock takes one configuration and one release")
            report = gate_sides.locked(policies[0], wanted, lock, groups, memory)
        elif len(policies) == 1:
            raise click.UsageError(
                "nothing to compare with; expected two configurations, --git, --against or --lock"
            )
        else:
            from eximsim.gate.compare import compare

            report = compare(
                *policies, wanted=wanted, names=gate_sides.names(policies, revision), memory=memory
            )
    report = replace(report, incomplete_allowed=allow_incomplete or report.agreed)
    for policy in policies:
        tell_what_was_read(policy.sources)
    failing = tuple(one for one in Severity if any(one in FAIL_ON[name] for name in fail_on))
    failing = () if report.agreed else failing
    for path, writer in forms:
        if path is not None:
            store_text(path, writer(report, failing))
    if STANDARD not in (str(path) for path, _ in forms):
        click.echo(_shown(report, failing, as_json=as_json, github=github, verbose=verbose))
    if code := exit_code(report, failing):
        raise click.exceptions.Exit(code)


Failing = Sequence[Severity]


def exit_code(report: Report, failing: Failing) -> ExitCode:
    """What the command ends with: a change that counts comes before what could not be looked at."""
    if not report.severities.isdisjoint(failing):
        return ExitCode.DIFFERENCE
    if report.gaps and not report.incomplete_allowed:
        return ExitCode.COULD_NOT_LOOK
    return ExitCode.AS_IT_SHOULD_BE


def _shown(report: Report, failing: Failing, *, as_json: bool, github: bool, verbose: bool) -> str:
    if as_json:
        from eximsim.gate.report_json import report_json

        return json.dumps(report_json(report), indent=2)
    if github:
        from eximsim.gate.annotations import workflow_commands

        return workflow_commands(report, failing)
    from eximsim.gate.terminal import terminal

    return terminal(report, verbose=verbose)


def _html(report: Report, failing: Failing) -> str:
    from eximsim.gate.html import report_page

    return report_page(report)


def _markdown(report: Report, failing: Failing) -> str:
    from eximsim.gate.markdown import markdown

    return markdown(report)


def _junit(report: Report, failing: Failing) -> str:
    from eximsim.gate.junit import junit

    return junit(report, failing)


def _sarif(report: Report, failing: Failing) -> str:
    from eximsim.gate.sarif import sarif

    return sarif(report, failing)


def _code_quality(report: Report, failing: Failing) -> str:
    from eximsim.gate.code_quality import code_quality

    return code_quality(report, failing)
