"""``eximsim fuzz --config`` for promises of one's own: worlds at random around the configuration itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eximsim.quick_dataclass import dataclass
from eximsim.visible import visible

if TYPE_CHECKING:
    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.promise import Promise
    from eximsim.suite.config_files import Sources
    from eximsim.testing.promise_search import PromiseFind, PromiseSearch


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration to search under: its file, macros as ``-D`` gives them, and what is beside it."""

    path: Path
    defines: tuple[str, ...]
    sources: Sources


def search_promises(
    config: Configuration, release: str, tls: str | None, promises: tuple[Promise, ...],
    known: frozenset[Entry], most: int, seed: int, *, as_json: bool,
) -> tuple[PromiseSearch, list[PromiseFind]]:  # fmt: skip
    """Search, and tell each find as it comes; raises ``InputError`` and ``Unsupported``."""
    from eximsim.commands.policies import load_policy
    from eximsim.suite.many_runs import many_runs
    from eximsim.testing.certificates import chains
    from eximsim.testing.promise_search import PromiseSearch

    policy = load_policy(str(config.path), release, tls, config.defines, chains(), config.sources)
    search = PromiseSearch(policy, promises, known)
    found = []
    with many_runs(), _bare_hypothesis():
        for find in search.finds(most, seed):
            found.append(find)
            click.echo(json.dumps(_as_json(find)) if as_json else "\n".join([*_story(find), ""]))
    for gap in search.gaps:
        click.echo(f"could not look: {visible(str(gap))}", err=as_json)
    for item, number in search.unsupported.most_common():
        click.echo(f"not modelled, and not judged: {item} ({number} worlds)", err=as_json)
    names = ", ".join(find.breach.promise.name for find in found) or "none"
    click.echo(f"{search.worlds} worlds around {config.path}; broken promises: {names}", err=as_json)
    return search, found


@contextmanager
def _bare_hypothesis() -> Iterator[None]:
    """Hypothesis warns of what does not matter outside a test."""
    import warnings

    from hypothesis.errors import HypothesisWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        yield


def _story(find: PromiseFind) -> Iterator[str]:
    breach = find.breach
    yield f"broken: {visible(breach.promise.name)}"
    if breach.promise.sentence != breach.promise.name:
        yield f"  {visible(breach.promise.sentence)}"
    yield f"  {breach.kind} to {breach.recipient} -> {visible(str(breach.outcome))}"
    yield from (f"     {visible(line)}" for line in breach.outcome.log)
    yield "  in this world (as a test describes it):"
    yield from (f"    {visible(line)}" for line in str(find.world).splitlines())


def _as_json(find: PromiseFind) -> dict[str, object]:
    breach = find.breach
    return {
        "promise": breach.promise.name,
        "sentence": breach.promise.sentence,
        "where": breach.promise.where,
        "kind": breach.kind,
        "recipient": breach.recipient,
        "situation": dict(breach.situation),
        "schedule": breach.schedule,
        "outcome": str(breach.outcome),
        "log": list(breach.outcome.log),
        "world": str(find.world).splitlines(),
    }
