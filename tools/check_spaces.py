"""All laws over a complete space: ``python -m tools.check_spaces`` tells size, time, breaches.

The figures of docs/space.md are made with it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import click

from eximsim.explore.choices import size
from eximsim.fuzz.check_space import Tree, search
from eximsim.fuzz.findings import known
from eximsim.fuzz.hold_laws import default_stand
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.space import OPTIONS, Space
from eximsim.profiles import NEWEST, PROFILES, TLS_LIBRARIES, Profile, profile, with_tls
from eximsim.suite.many_runs import many_runs

SHORT = Space(hosts=2, options=tuple(OPTIONS))
"""All that decides about security, at two hosts, with all options."""

HANGING_UP = Space(
    hosts=2,
    detail="full",
    options=("hosts_require_dane", "hosts_require_tls"),
    values={
        "MX": ("secure",), "A": ("secure", "insecure"), "AAAA": ("no data",), "banner": ("2xx",),
        "TLSA": ("match", "mismatch", "no data", "SERVFAIL"), "EHLO": ("STARTTLS", "no STARTTLS"),
        "STARTTLS": ("2xx", "4xx"), "handshake": ("completes",), "certificate": ("good",),
        "MAIL": ("2xx", "connection lost"), "RCPT": ("2xx", "4xx", "connection lost"),
        "DATA": ("2xx", "connection lost"), "end of data": ("2xx", "connection lost"),
    },
)  # fmt: skip
"""Two hosts that hang up at any step of a transaction."""

SPACES: Mapping[str, Space] = {"short": SHORT, "hanging-up": HANGING_UP}
LAWS_HELD = {id: law for id, law in LAWS.items() if id != "same-bytes"}
"""All laws but the one that runs everything once more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What came of it.

    ``situations`` of the full product, ``scenarios`` that differ (each judged by all laws), ``runs`` that
    the model made to the end for them, CPU ``seconds``. ``broken`` counts, by finding (empty: none explains
    it), law and rule; ``first`` is the first path of each.
    """

    situations: int
    scenarios: int
    runs: int
    seconds: float
    broken: Mapping[tuple[str, str, str], int]
    first: Mapping[tuple[str, str, str], Mapping[str, str]]


def hold(space: Space, release: Profile, *, merged: bool = True) -> Held:
    """Hold all laws against every delivery and every callout of a space."""
    stand = default_stand()
    began = time.process_time()
    broken: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Mapping[str, str]] = {}
    with many_runs():
        spaces = [replace(space, kind=kind) for kind in ("delivery", "callout")]
        trees = {one.kind: Tree(one, release, stand, merged=merged) for one in spaces}
        for breach in search(trees, release, stand, LAWS_HELD):
            finding = known(breach.broken)
            key = ("" if finding is None else finding.id, breach.broken.law.id, breach.broken.rule)
            broken[key] += 1
            first.setdefault(key, breach.leaf.path)
    seconds = time.process_time() - began
    scenarios = sum(len(tree.leaves) for tree in trees.values())
    runs = sum(tree.runs for tree in trees.values())
    return Held(sum(map(size, spaces)), scenarios, runs, seconds, broken, first)


@click.command()
@click.option("--space", "name", type=click.Choice(list(SPACES)), default="short", show_default=True)
@click.option(
    "--profile",
    "release",
    type=click.Choice(list(PROFILES)),
    default=NEWEST,
    metavar="P",
    help="The release; default: the newest.",
)
@click.option("--tls", type=click.Choice(TLS_LIBRARIES), help="The TLS library that it is built with.")
@click.option("--unmerged", is_flag=True, help="Run every scenario from its beginning.")
def main(name: str, release: str, tls: str | None, unmerged: bool) -> None:
    """Hold all laws against every scenario of a space."""
    space, chosen = SPACES[name], profile(release)
    held = hold(space, with_tls(chosen, tls) if tls else chosen, merged=not unmerged)
    rate = held.scenarios / held.seconds
    click.echo(f"{held.situations:,} situations, {held.scenarios:,} scenarios, {held.runs:,} runs to the end")
    click.echo(f"{held.seconds:.0f} CPU seconds, {rate:,.0f} scenarios in a second, all laws held")
    for key, count in sorted(held.broken.items()):
        finding, law, rule = key
        click.echo(f"{finding or 'NEW'}  {law}  {rule or '-'}  {count:,} times")
        if not finding:
            plain = {axis: one.values[0] for axis, one in space.axes.items()}
            told = {axis: value for axis, value in held.first[key].items() if plain[axis] != value}
            click.echo(f"    first: {told}")


if __name__ == "__main__":
    main()
