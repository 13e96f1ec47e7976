"""``eximsim gate``: what a change of configuration, or of release, changes about the outcome of mail."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.policies import configuration_text, files_options, sources, tell_what_was_read
from eximsim.errors import InputError
from eximsim.files import read_named_text
from eximsim.gate.report import Report
from eximsim.gate.severity import FAIL_ON, Severity
from eximsim.profiles import NEWEST, profile
from eximsim.storage import store, store_text

if TYPE_CHECKING:
    from eximsim.suite.policy import Policy

_EVERYTHING = "everything"
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("configurations", metavar="CONF [NEW]", nargs=-1, required=True, type=_FILE)
@click.option("--profile", "old", metavar="P", help=f"The release of CONF. Default: {NEWEST}.")
@click.option(
    "--against", "new", metavar="Q", help="The release to compare with. Default: that of --profile."
)
@click.option(
    "-D", "defines", multiple=True, metavar="NAME=VALUE", help="A macro, as Exim's own -D; several times."
)
@files_options
@click.option(
    "--hosts", type=click.IntRange(1, 2), default=1, show_default=True,
    help="How many hosts a recipient's domain has.",
)  # fmt: skip
@click.option("--lock", type=_FILE, metavar="FILE", help="Compare with the outcomes that were agreed on.")
@click.option(
    "--accept", "groups", is_flag=False, flag_value=_EVERYTHING, multiple=True, metavar="[GROUP]",
    help="With --lock: agree to what has changed, or to one group of it; several times for several.",
)  # fmt: skip
@click.option(
    "--fail-on", type=click.Choice([*FAIL_ON]), default=("default",), multiple=True, metavar="WHAT",
    help=f"What makes the exit code 1; several times for several. One of {', '.join(FAIL_ON)}. Default: all "
    "but more protection and words.",
)  # fmt: skip
@click.option("--verbose", is_flag=True, help="Every class of situations, not only the smallest.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
@click.option("--github", is_flag=True, help="GitHub workflow commands, which annotate the configuration.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write the report as a page to read.")
@click.option("--markdown", type=_FILE, metavar="FILE", help="Write the report as Markdown.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write the report as SARIF 2.1.0.")
def gate(
    configurations: tuple[Path, ...],
    old: str | None,
    new: str | None,
    defines: tuple[str, ...],
    files: tuple[str, ...],
    read_system: bool,
    hosts: int,
    lock: Path | None,
    groups: tuple[str, ...],
    fail_on: tuple[str, ...],
    verbose: bool,
    as_json: bool,
    github: bool,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    sarif: Path | None,
) -> None:
    """Tell what a change changes: which mail goes out less safely, or not at all.

    \b
    eximsim gate old.conf new.conf                        another configuration
    eximsim gate exim.conf --profile 4.92 --against 4.93  another release
    eximsim gate exim.conf --lock policy.lock             what was agreed on
    eximsim gate exim.conf --lock policy.lock --accept    agree to what there is now

    All situations are explored that the policy can tell apart: DNS answers and their security, TLSA records,
    what servers say and show. What could not be explored is listed. Exit code 1: --fail-on applies.
    """
    if len(configurations) > 2:
        raise click.UsageError(f"{len(configurations)} configurations given; expected one or two")
    if groups and lock is None:
        raise click.UsageError("--accept needs --lock")
    macros = _macros(defines)
    policies = _policies(configurations, old, new, macros, (files, read_system))
    if lock is not None:
        if len(policies) > 1:
            raise click.UsageError("--lock takes one configuration and one release")
        report = _locked(policies[0], hosts, lock, groups)
    elif len(policies) == 1:
        raise click.UsageError("nothing to compare with; expected two configurations, --against or --lock")
    else:
        from eximsim.gate.compare import compare

        report = compare(*policies, hosts=hosts, names=_names(policies))
    if not report.situations and report.complete:
        raise InputError("no mail goes out by an smtp transport; nothing can be compared", report.head)
    for policy in policies:
        tell_what_was_read(policy.sources)
    failing = tuple(one for one in Severity if any(one in FAIL_ON[name] for name in fail_on))
    for path, writer in ((html, _html), (markdown, _markdown), (junit, _junit), (sarif, _sarif)):
        if path is not None:
            store_text(path, writer(report, failing))
    click.echo(_shown(report, failing, as_json=as_json, github=github, verbose=verbose))
    if not report.severities.isdisjoint(failing):
        raise click.exceptions.Exit(1)


def _macros(defines: Sequence[str]) -> dict[str, str]:
    pairs = (define.partition("=") for define in defines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _policies(
    paths: Sequence[Path],
    old: str | None,
    new: str | None,
    macros: dict[str, str],
    named: tuple[tuple[str, ...], bool],
) -> tuple[Policy, ...]:
    from eximsim.gate.lattice import certificates
    from eximsim.suite.policy import Policy

    first = profile(old or NEWEST)
    second = profile(new) if new else first
    sides = [(paths[0], first)]
    if len(paths) > 1 or new:
        sides.append((paths[-1], second))
    chains = certificates(("mail.invalid",))
    return tuple(
        Policy(str(path), configuration_text(str(path)), release, chains, macros, sources(str(path), *named))
        for path, release in sides
    )


def _names(policies: Sequence[Policy]) -> tuple[str, str]:
    one, two = policies
    if one.path == two.path:
        return f"{one.path} ({one.profile.name})", f"{two.path} ({two.profile.name})"
    if one.profile is two.profile:
        return one.path, two.path
    return f"{one.path} ({one.profile.name})", f"{two.path} ({two.profile.name})"


def _locked(policy: Policy, hosts: int, path: Path, groups: Sequence[str]) -> Report:
    """Compare with the lock file, and update it if that was asked for."""
    from eximsim.gate.lock import Lock, accepted, check, current, read_lock, written
    from eximsim.gate.survey import survey

    if groups and os.environ.get("CI"):
        raise InputError(
            "--accept is refused where CI is set: agree on your own machine, and commit the file"
        )
    if not groups and not path.exists():
        raise InputError("no such lock file; --accept makes it", str(path))
    plan = survey((policy,), hosts)
    found = current(plan, policy.profile.name, hosts)
    text: str | None = None
    if path.exists():
        text = read_named_text(path, "a lock file")
        agreed = read_lock(text, str(path), plan.forest)
    else:
        agreed = Lock(policy.profile.name, hosts, {})
    if agreed.hosts != hosts:
        raise InputError(f"was made with --hosts {agreed.hosts}; found --hosts {hosts}", str(path))
    report = check(agreed, found, plan, str(path), policy.path)
    if groups:
        wanted = None if _EVERYTHING in groups else frozenset(groups)
        unknown = (wanted or frozenset()) - {group.name for group in report.groups}
        if unknown:
            names = ", ".join(group.name for group in report.groups) or "none"
            raise InputError(f"no group {', '.join(sorted(unknown))} in what has changed; there is {names}")
        new = written(accepted(agreed, found, plan, wanted))
        store(path, new.encode(), was=None if text is None else text.encode())
        kept = tuple(g for g in report.groups if wanted is not None and g.name not in wanted)
        return replace(report, groups=kept)
    return report


Failing = Sequence[Severity]


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
