"""``eximsim profiles``: the releases, and the switches in which two of them differ."""

from __future__ import annotations

import json

import click

from eximsim.profiles import ALIASES, PROFILES, differences, profile


@click.command()
@click.argument("names", nargs=-1, metavar="[P [P2]]")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
def profiles(names: tuple[str, ...], as_json: bool) -> None:
    """List the profiles; with two names, the switches that differ between them."""
    if not names:
        _list(as_json)
    elif len(names) == 2:
        _differences(names[0], names[1], as_json)
    else:
        raise click.UsageError(f"{len(names)} name given; expected none, or two to compare")


def _list(as_json: bool) -> None:
    aliases = {name: sorted(alias for alias, of in ALIASES.items() if of == name) for name in PROFILES}
    if as_json:
        click.echo(json.dumps([{"name": name, "equals": aliases[name]} for name in PROFILES]))
        return
    for name in PROFILES:
        click.echo(name + (f" (= {', '.join(aliases[name])})" if aliases[name] else ""))


def _differences(old: str, new: str, as_json: bool) -> None:
    found = differences(profile(old), profile(new))
    shown = {name: [_value(before), _value(after)] for name, (before, after) in found.items()}
    if as_json:
        click.echo(json.dumps(shown))
        return
    for name, (before, after) in shown.items():
        click.echo(f"{name}: {before} -> {after}")


def _value(value: object) -> str:
    return str(getattr(value, "value", value))
