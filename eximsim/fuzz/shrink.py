"""The smallest situation with a property, found by leaving things out of one that has it.

Works on situations themselves, so that it does not matter where one is from: the exhaustive search, a random
one, a database of examples, or somebody's file. What is left out one by one are recipients, hosts, settings,
rules of the schedule, entries of the zone, records, what a server does otherwise than a plain one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eximsim.errors import EximsimError
from eximsim.fuzz.schedule import Schedule
from eximsim.fuzz.schedules import plan_of, scheduled
from eximsim.suite.recording import Situation

MOST = 600
"""How many situations are tried at most."""

PLAIN_SERVER = "ok"

Entry = Mapping[str, Any]


def least(start: Situation, holds: Callable[[Situation], bool], most: int = MOST) -> Situation:
    """The smallest situation that is met from ``start`` on the way down; ``start`` has the property.

    ``holds`` must be a function of the situation. One that it cannot judge (``EximsimError``) does not count.
    """
    found = scheduled(replace(start, id="", group="", params={}), plan_of(start))
    tried = {_key(found)}
    moved = True
    while moved:
        moved = False
        for smaller in _smaller(found):
            key = _key(smaller)
            if key in tried or len(tried) > most:
                continue
            tried.add(key)
            if _holds(holds, smaller):
                found, moved = smaller, True
                break
    return found


def _holds(holds: Callable[[Situation], bool], situation: Situation) -> bool:
    try:
        return holds(situation)
    except EximsimError:
        return False


def _key(situation: Situation) -> str:
    return json.dumps(situation.as_json(), sort_keys=True, default=list)


def _smaller(situation: Situation) -> Iterator[Situation]:
    """Every situation that is one thing less, the greatest things first."""
    for recipients in _without_one(situation.recipients):
        yield replace(situation, recipients=recipients)
    if situation.queuerun is not None:
        yield replace(situation, queuerun=None)
    yield from _without_a_host(situation)
    for rules in _without_one((*plan_of(situation).rules, None)):
        yield scheduled(situation, Schedule(tuple(filter(None, rules))))
    for section in ("main", "router", "transport"):
        settings = getattr(situation, section)
        for name in settings:
            rest: Any = {section: {k: v for k, v in settings.items() if k != name}}
            yield replace(situation, **rest)
    for zone in _without_one(situation.zone):
        yield replace(situation, zone=zone)
    for place, entry in enumerate(situation.zone):
        for plainer in _plainer_entries(entry):
            yield replace(situation, zone=_exchanged(situation.zone, place, plainer))
    for address, server in situation.servers.items():
        for plain in _plainer_servers(server):
            yield replace(situation, servers={**situation.servers, address: plain})


def _without_one(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    if len(items) > 1:
        for place in range(len(items)):
            yield (*items[:place], *items[place + 1 :])


def _exchanged(items: Sequence[Any], place: int, item: Any) -> tuple[Any, ...]:
    return (*items[:place], item, *items[place + 1 :])


def _without_a_host(situation: Situation) -> Iterator[Situation]:
    """Without one address: its server, and all that the zone says about the names that lead to it alone."""
    for address in situation.servers:
        names = {str(entry["name"]) for entry in situation.zone if entry.get("data") == [address]}
        zone = [_unnamed(entry, names) for entry in situation.zone if not _is_about(entry, names)]
        servers = {other: server for other, server in situation.servers.items() if other != address}
        if names and servers:
            yield replace(situation, zone=tuple(zone), servers=servers)


def _is_about(entry: Entry, names: set[str]) -> bool:
    return str(entry["name"]).partition("._tcp.")[2] in names or entry["name"] in names


def _unnamed(entry: Entry, names: set[str]) -> Entry:
    """An MX entry without these hosts."""
    if entry.get("type") != "MX":
        return entry
    return {**entry, "data": [record for record in entry["data"] if record[-1] not in names]}


def _plainer_entries(entry: Entry) -> Iterator[Entry]:
    kept = ("name", "type", "rcode", "ad", "data")
    if any(name not in kept for name in entry):
        yield {name: value for name, value in entry.items() if name in kept}
    for data in _without_one(entry.get("data", ())):
        yield {**entry, "data": list(data)}
    if not entry.get("ad", False):
        yield {**entry, "ad": True}


def _plainer_servers(server: str | Mapping[str, object]) -> Iterator[str | Mapping[str, object]]:
    if server != PLAIN_SERVER:
        yield PLAIN_SERVER
    if isinstance(server, Mapping):
        for name in server:
            if rest := {other: value for other, value in server.items() if other != name}:
                yield rest
