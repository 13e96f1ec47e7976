"""``eximsim explain``: why a message goes the way it goes, and what would change that."""

from __future__ import annotations

import json
from pathlib import Path

import click

from eximsim.errors import InputError
from eximsim.profiles import NEWEST

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("recipients", metavar="RECIPIENT...", nargs=-1, required=True)
@click.option("--config", required=True, metavar="FILE", help="The Exim configuration.")
@click.option("--zones", required=True, metavar="DIR", help="Zone files; a single file will do.")
@click.option("--servers", metavar="FILE", help="What the remote servers do (TOML); default: all is well.")
@click.option(
    "--profile", "profile_name", metavar="P", default=NEWEST, show_default=True, help="The release."
)
@click.option("--tls", metavar="LIBRARY", help="Built with this library: openssl or gnutls.")
@click.option("-D", "defines", multiple=True, metavar="MACRO[=TEXT]", help="As Exim's -D.")
@click.option(
    "--sender", metavar="ADDRESS", help="Default: sender@ the primary host name; empty for bounces."
)
@click.option("--callout", is_flag=True, help="Verify the recipient by the configuration's callout instead.")
@click.option("--brief", is_flag=True, help="Do not work out what would lead to another outcome.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write it as a page, too.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
def explain(
    recipients: tuple[str, ...],
    config: str,
    zones: str,
    servers: str | None,
    profile_name: str,
    tls: str | None,
    defines: tuple[str, ...],
    sender: str | None,
    callout: bool,
    brief: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """What happens to a message to RECIPIENT, and why.

    Shows routing, the hosts with their security, each decision with its inputs, its outcome and Exim's
    source, the log lines, and the smallest changes to DNS, servers or options that would lead to another
    outcome. Each recipient gets a message of its own.
    """
    from eximsim.commands.policies import load_policy
    from eximsim.gate import explain as gate
    from eximsim.suite.assumed import surroundings
    from eximsim.suite.policy import Case

    world = surroundings(Path(zones), Path(servers) if servers else None)
    policy = load_policy(config, profile_name, tls, defines, world.chains)
    if callout and "callout" not in policy.kinds:
        raise click.UsageError(f"{config}: no ACL verifies by callout")
    case = Case((), world.zones, world.servers, "callout" if callout else "delivery", sender)
    found = gate.explain(policy, world, recipients, case, changes=not brief)
    if html is not None:
        from eximsim.gate.html import explanation_page

        try:
            html.write_text(explanation_page(found), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write: {error.strerror}", str(html)) from error
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        from eximsim.commands.explanation import lines

        click.echo("\n".join(lines(found)))
