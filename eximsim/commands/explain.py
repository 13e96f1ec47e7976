"""``eximsim explain``: why a message goes the way it goes, and what would change that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.commands.policies import (
    Outside,
    build_options,
    load_policy,
    outside_options,
    sources,
    tell_what_was_read,
)
from eximsim.errors import ExitCode, InputError
from eximsim.files import STANDARD
from eximsim.profiles import NEWEST
from eximsim.quick_dataclass import dataclass
from eximsim.storage import store_text
from eximsim.suite.many_runs import many_runs

if TYPE_CHECKING:
    from eximsim.gate.explain import Explanation


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    config: str
    zones: str
    servers: str | None
    profile_name: str
    tls: str | None
    defines: tuple[str, ...]
    sender: str | None
    callout: bool
    brief: bool
    outside: Outside


@click.command()
@click.argument("recipients", metavar="RECIPIENT...", nargs=-1, required=True)
@click.option("--config", required=True, metavar="FILE", help="The Exim configuration.")
@click.option("--zones", required=True, metavar="DIR", help="Zone files; a single file will do.")
@click.option(
    "--servers", metavar="FILE", help="What the remote servers do (TOML); default: everything works."
)
@click.option(
    "--profile", "profile_name", metavar="P", default=NEWEST, show_default=True, help="The release."
)
@build_options
@outside_options
@click.option("--sender", metavar="ADDRESS", help="Default: sender@ this host; empty for bounces.")
@click.option("--callout", is_flag=True, help="Verify the recipient by the configuration's callouts instead.")
@click.option("--brief", is_flag=True, help="Skip the search for what would change the outcome.")
@click.option("--html", metavar="FILE", help="Write a self-contained page as well.")
@click.option("--allow-incomplete", is_flag=True, help="Exit 0 although something could not be looked at.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
@click.pass_context
def explain(
    context: click.Context,
    /,
    recipients: tuple[str, ...],
    html: str | None,
    allow_incomplete: bool,
    as_json: bool,
    **wanted: object,
) -> None:
    """What happens to a message to RECIPIENT, and why.

    Shows routing, the hosts with their security, each decision with its inputs, its outcome and its place in
    Exim's source, the log lines, and the smallest changes to DNS, servers or options that would change the
    outcome. Each recipient gets a message of its own.

    Exit codes: 0 explained, 2 bad input, 3 could not look: the outcome depends on something that is not
    modelled, or Exim's own behaviour is undefined.
    """
    with many_runs():  # and much to import: the collector would find nothing
        found = _explanation(recipients, Wanted(**wanted))  # type: ignore[arg-type]  # by name
    if html is not None:
        _write_page(found, html)
    if html == STANDARD:
        pass  # the page is all that goes there
    elif as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        from eximsim.commands.explanation import lines

        click.echo("\n".join(lines(found)))
    if found.gaps and not allow_incomplete:
        context.exit(ExitCode.COULD_NOT_LOOK)


def _explanation(recipients: tuple[str, ...], wanted: Wanted) -> Explanation:
    from eximsim.gate import explain as gate
    from eximsim.suite.explain_world import surroundings
    from eximsim.suite.policy import Case

    world = surroundings(Path(wanted.zones), Path(wanted.servers) if wanted.servers else None)
    files = sources(wanted.config, wanted.outside)
    policy = load_policy(wanted.config, wanted.profile_name, wanted.tls, wanted.defines, world.chains, files)
    if wanted.callout and "callout" not in policy.kinds:
        raise InputError("no ACL verifies by callout", wanted.config)
    case = Case((), world.zones, world.servers, "callout" if wanted.callout else "delivery", wanted.sender)
    found = gate.explain(policy, world, recipients, case, changes=not wanted.brief)
    tell_what_was_read(files)
    return found


def _write_page(found: Explanation, path: str) -> None:
    from eximsim.gate.html import explanation_page

    store_text(Path(path), explanation_page(found))
