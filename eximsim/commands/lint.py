"""``eximsim lint``: what the model makes of each setting of a configuration."""

from __future__ import annotations

import json
import sys
from collections import Counter

import click

from eximsim.commands.policies import Outside, build_options, outside_options, read_policy, sources
from eximsim.mta.config.optionlist import Status
from eximsim.profiles import NEWEST
from eximsim.suite.many_runs import many_runs
from eximsim.visible import visible

_TOLD = (Status.MODELLED, Status.INERT, Status.UNSUPPORTED)
"""What is counted even if there is none."""


@click.command()
@click.argument("config", metavar="CONF")
@click.option(
    "--profile", "profile_name", metavar="P", default=NEWEST, show_default=True, help="The release."
)
@build_options
@outside_options
@click.option("--unsupported", "only", is_flag=True, help="Show only what is unsupported.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
def lint(
    config: str, profile_name: str, tls: str | None, defines: tuple[str, ...], only: bool,
    as_json: bool, outside: Outside,
) -> None:  # fmt: skip
    """Which settings of the configuration CONF are modelled, inert, unsupported, or ask somebody.

    A setting is unsupported if Exim has it and the model does not; those that could influence an outbound
    message or a callout are marked with an exclamation mark. Databases, commands and services are asked,
    and their answers can be given (--answers). An option that the release does not have is an error, as it
    is for Exim.

    Exit codes: 0 nothing unsupported could matter, 1 something could, 2 bad input.
    """
    from eximsim.gate.lint import lint as survey

    with many_runs():
        found = survey(read_policy(config, profile_name, tls, defines, sources(config, outside)))
    shown = [one for one in found if one.status is Status.UNSUPPORTED or not only]
    if as_json:
        click.echo(json.dumps([one.as_json() for one in shown], indent=2))
    else:
        for one in shown:
            mark = "!" if one.matters else ""
            note = f" ({one.note})" if one.note else ""
            click.echo(visible(f"{one.path}:{one.line}: {one.status.value}{mark} {one.name}{note}"))
        counts = Counter(one.status for one in found)
        told = ", ".join(
            f"{counts[status]} {status.value}" for status in Status if counts[status] or status in _TOLD
        )
        click.echo(f"{told}; {sum(one.matters for one in found)} that could matter")
    sys.exit(1 if any(one.matters for one in found) else 0)
