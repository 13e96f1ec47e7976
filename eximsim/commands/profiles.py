"""``eximsim profiles``: the releases, and the switches in which two of them differ."""

from __future__ import annotations

import json
import sys
from enum import Enum

import click

from eximsim.commands.tabular import Grid, as_terminal
from eximsim.profiles import ALIASES, BEFORE, NEWEST, PROFILES, Profile, differences, profile
from eximsim.switch_docs import first_sentence, switch_docs, switch_words


@click.command()
@click.argument("names", nargs=-1, metavar="[P [P2]]")
@click.option("--json", "as_json", is_flag=True, help="JSON, for machines.")
def profiles(names: tuple[str, ...], as_json: bool) -> None:
    """List the profiles; with two names, the switches that differ between them.

    \b
    eximsim profiles                 all, oldest first, and how many switches each one changed
    eximsim profiles 4.88            what this one changed against the one before it
    eximsim profiles 4.87 4.88-jh03  what differs between two
    """
    if len(names) > 2:
        raise click.UsageError(f"{len(names)} names given; expected none, one, or two to compare")
    if not names:
        _list(as_json)
        return
    found = [profile(name) for name in names]
    old, new = found if len(found) == 2 else (_before(found[0]), found[0])
    _differences(old, new, as_json)


def _before(release: Profile) -> Profile:
    """The profile that ``release`` is written as changes of; of the first, itself."""
    return PROFILES[BEFORE.get(release.name, release.name)]


def _list(as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([_listed(release) for release in PROFILES.values()], indent=2))
        return
    for name, release in PROFILES.items():
        changed = len(differences(_before(release), release))
        notes = [f"{changed} switches changed since {BEFORE[name]}"] if changed else []
        notes += [f"equals {alias}" for alias in _aliases(name)]
        notes += ["the default"] if name == NEWEST else []
        click.echo(f"{name:<20}{release.tls_library:<15}{', '.join(notes)}".rstrip())


def _listed(release: Profile) -> dict[str, object]:
    return {
        "name": release.name,
        "equals": _aliases(release.name),
        "tls_library": release.tls_library,
        "before": BEFORE.get(release.name),
        "changed": sorted(differences(_before(release), release)),
    }


def _aliases(name: str) -> list[str]:
    return sorted(alias for alias, of in ALIASES.items() if of == name)


def _differences(old: Profile, new: Profile, as_json: bool) -> None:
    docs, words = switch_docs(), switch_words()
    found = {name: told(was, now) for name, (was, now) in differences(old, new).items()}
    if as_json:
        switches = {name: {"from": was, "to": now, "about": docs[name]} for name, (was, now) in found.items()}
        click.echo(json.dumps({"from": old.name, "to": new.name, "switches": switches}, indent=2))
        return
    if not found:
        click.echo(f"{old.name} and {new.name} have the same switches")
        return
    rows = [[name, was, now, first_sentence(words[name])] for name, (was, now) in found.items()]
    header = ["switch", old.name, new.name, "what it is about"]
    click.echo(as_terminal(Grid("", "", "", header, rows), colour=sys.stdout.isatty()))


def told(was: object, now: object) -> tuple[str, str]:
    """A switch's two values for people; of two sets, what each has and the other has not."""
    if isinstance(was, frozenset) and isinstance(now, frozenset):
        return shown(was - now) or "-", shown(now - was) or "-"
    return shown(was), shown(now)


def shown(value: object) -> str:
    """A switch's value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    text = str(value.value if isinstance(value, Enum) else value)
    return text if text.isprintable() else repr(text)
