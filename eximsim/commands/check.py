"""``eximsim check``: promises that a configuration must keep in every situation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.policies import Outside, build_options, outside_options
from eximsim.files import STANDARD, read_named_text
from eximsim.gate import MOST_HOSTS
from eximsim.profiles import NEWEST
from eximsim.storage import check_place, store_text
from eximsim.suite.many_runs import many_runs

if TYPE_CHECKING:
    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.promise import Promise
    from eximsim.gate.proof_report import Judgement
    from eximsim.gate.views import View
    from eximsim.suite.policy import Policy

_FILE = click.Path(path_type=Path, dir_okay=False)
_DEFAULT = "promises.toml"


@click.command()
@click.argument("config", metavar="CONF")
@click.option(
    "--promises", multiple=True, type=_FILE, metavar="FILE",
    help=f"The promises (TOML); repeatable. Default: {_DEFAULT} beside CONF.",
)  # fmt: skip
@click.option(
    "--preset", "presets", multiple=True, metavar="NAME",
    help="Ready-made promises: no-downgrade, tls-required, dane-where-published; repeatable.",
)  # fmt: skip
@click.option("--profile", "release", metavar="P", default=NEWEST, show_default=True, help="The release.")
@build_options
@outside_options
@click.option(
    "--hosts", type=click.IntRange(1, MOST_HOSTS), default=2, show_default=True,
    help="How many hosts a recipient's domain has.",
)  # fmt: skip
@click.option("--baseline", type=_FILE, metavar="FILE", help="Known breaches, which do not count.")
@click.option("--accept", is_flag=True, help="Write the breaches found into the baseline.")
@click.option(
    "--allow-incomplete",
    is_flag=True,
    help="Exit 0 even if something could not be looked at; the report still says so.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show every way in which a promise breaks.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
@click.option("--github", is_flag=True, help="GitHub workflow commands, which annotate the promises.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write the report as a page to read.")
@click.option("--markdown", type=_FILE, metavar="FILE", help="Write the report as Markdown.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write the report as JUnit XML.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write the report as SARIF 2.1.0.")
def check(
    config: str, promises: tuple[Path, ...], presets: tuple[str, ...], release: str, tls: str | None,
    defines: tuple[str, ...], hosts: int, baseline: Path | None, accept: bool, allow_incomplete: bool,
    verbose: bool, as_json: bool, github: bool, outside: Outside, **files: Path | None,
) -> None:  # fmt: skip
    """Does the configuration CONF keep its promises, whatever DNS and servers do?

    \b
    eximsim check exim.conf --preset tls-required
    eximsim check exim.conf --promises promises.toml --hosts 2
    eximsim check exim.conf --preset no-downgrade --baseline known.toml --accept

    A promise says what never happens, or always, under which conditions:

    \b
    [[never]]
    recipient = "*@bank.example"
    outcome = "delivered"
    below = "verified"
    when = { MX = "secure", "TLSA records" = ["match", "mismatch"] }

    Every situation that makes a difference to the configuration is explored. A promise that fails is shown
    with the smallest situation that breaks it; docs/promises.md has all words.

    Exit codes: 0 all hold, 1 one is broken, 2 bad input, 3 something could not be looked at.
    """
    if accept and baseline is None:
        raise click.UsageError("--accept needs --baseline")
    for path in files.values():
        if path is not None:
            check_place(path)
    from eximsim.commands.policies import load_policy, sources, tell_what_was_read
    from eximsim.gate.lattice import certificates

    with many_runs():
        told = sources(config, outside)
        policy = load_policy(config, release, tls, defines, certificates(("mail.invalid",)), told)
        judgement = _judged(policy, _promises(config, promises, presets), hosts, baseline)
    tell_what_was_read(told)
    if allow_incomplete:
        from dataclasses import replace

        judgement = replace(judgement, incomplete_is_fine=True)
    if accept and baseline is not None:
        judgement = _accepted(judgement, baseline)
    for name, path in files.items():
        if path is not None:
            store_text(path, _form(name)(judgement))
    if STANDARD not in map(str, files.values()):
        _show(judgement, as_json=as_json, github=github, verbose=verbose)
    click.get_current_context().exit(judgement.exit_code)


def _form(name: str) -> Callable[[Judgement], str]:
    """What writes a form, by the name of its option."""
    from eximsim.gate import proof_forms, proof_pages, proof_sarif

    forms: Mapping[str, Callable[[Judgement], str]] = {
        "html": proof_pages.page,
        "markdown": proof_pages.markdown,
        "junit": proof_forms.junit,
        "sarif": proof_sarif.sarif,
    }
    return forms[name]


def _show(judgement: Judgement, *, as_json: bool, github: bool, verbose: bool) -> None:
    from eximsim.gate import proof_forms, proof_report

    if as_json:
        click.echo(json.dumps(proof_report.as_json(judgement), indent=2))
    elif github:
        click.echo(proof_forms.workflow_commands(judgement), nl=False)
    else:
        click.echo("\n".join(proof_report.lines(judgement, verbose=verbose)))


def _promises(config: str, files: tuple[Path, ...], presets: tuple[str, ...]) -> tuple[Promise, ...]:
    from eximsim.gate.promises import given_promises

    if not files and not presets:
        beside = Path(config).parent / _DEFAULT
        if not beside.is_file():
            raise click.UsageError(f"no promises; expected --promises, --preset or a file {beside}")
        files = (beside,)
    return given_promises(files, presets)


def _judged(policy: Policy, promises: tuple[Promise, ...], hosts: int, baseline: Path | None) -> Judgement:
    from eximsim.gate.proof import Prover
    from eximsim.gate.proof_report import Judgement

    known = known_breaches(baseline)
    with _watched() as watch:
        proof = Prover(policy, hosts).prove(promises, watch)
    return Judgement(policy.path, policy.profile.name, proof, known)


def known_breaches(baseline: Path | None) -> frozenset[Entry]:
    """What a baseline holds; nothing if there is no such file yet. Raises ``InputError``."""
    from eximsim.fuzz.baseline import read_baseline

    if baseline is None or not baseline.exists():
        return frozenset()
    return read_baseline(read_named_text(baseline, "a baseline"), str(baseline))


def _accepted(judgement: Judgement, path: Path) -> Judgement:
    """The same with all breaches known, and written; never from what could not be looked at as a whole."""
    from dataclasses import replace

    if judgement.proof.gaps and not judgement.incomplete_is_fine:
        click.echo(f"{path} was not written: something could not be looked at", err=True)
        return judgement
    names = {verdict.promise.name for verdict in judgement.proof.verdicts}
    others = {one for one in judgement.known if one.promise not in names}
    known = frozenset(others | {breach.entry for breach in judgement.proof.breaches})
    write_baseline(path, known)
    return replace(judgement, known=known)


def write_baseline(path: Path, known: frozenset[Entry]) -> None:
    """Write a baseline; raises ``InputError``, also where ``CI`` is set."""
    from eximsim.fuzz.baseline import written_baseline
    from eximsim.suite.golden import refuse_under_ci

    refuse_under_ci()
    store_text(path, written_baseline(known))


@contextmanager
def _watched() -> Iterator[Callable[[View], None]]:
    """What is being explored, on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("exploring") as status:
        yield lambda view: status.update(f"exploring {view.name}")
