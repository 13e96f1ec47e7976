"""Recordings: what real programs did in known situations, and the situations themselves.

A recording is JSON lines, one object for each release, situation and kind; a scenario file is JSON lines, one
self-contained situation each (zone, options, servers, recipients). Both may be compressed with gzip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.files import read_named
from eximsim.formats import json_lines
from eximsim.quick_dataclass import dataclass
from eximsim.shapes import Map, check
from eximsim.subjects.conversation import Conversation, read_conversation
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_script import server_behaviour


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is needed to run one recorded situation again.

    ``zone`` are RRsets as ``world.rrsets`` reads them; ``main``, ``router``, ``transport`` option settings;
    ``servers`` the behaviour of the server at each address, by name or as the content of a script
    (``world.smtp_script``); ``queuerun`` the option of a second run, or None.
    """

    id: str
    group: str
    params: Mapping[str, object]
    recipients: tuple[str, ...]
    zone: tuple[Mapping[str, object], ...]
    main: Mapping[str, str]
    router: Mapping[str, str]
    transport: Mapping[str, str]
    servers: Mapping[str, str | Mapping[str, object]]
    kinds: tuple[str, ...] = ("delivery", "callout")
    queuerun: str | None = None

    def behaviour(self, address: str) -> Behaviour:
        """What the server at ``address`` does; raises ``InputError``."""
        return server_behaviour(self.servers[address])

    def server_name(self, address: str) -> str:
        """What a recording calls the server at ``address``: the name of its behaviour, or ``scripted``."""
        server = self.servers[address]
        return server if isinstance(server, str) else "scripted"

    def as_json(self) -> dict[str, object]:
        """The object that a scenario file has for this situation."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run did, in the form in which a recording has it."""

    log: tuple[str, ...] = ()
    smtp: tuple[str, ...] = ()
    servers: tuple[Conversation, ...] = ()
    dns: tuple[str, ...] = ()
    queued: int | None = None
    exit: object = 0

    def as_json(self) -> dict[str, object]:
        """The fields that a recording has for this run; what does not belong to its kind is left out."""
        kind = {"smtp": list(self.smtp)} if self.queued is None else {"queued": self.queued}
        return {
            "log": list(self.log), **kind, "exit": self.exit,
            "servers": [one.as_json() for one in self.servers], "dns": list(self.dns),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded run; ``seconds`` is the program's wall time."""

    release: str
    tls: str
    id: str
    kind: str
    outcome: str
    stable: bool
    seen: Seen
    queuerun: Seen | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def group(self) -> str:
        """The group of situations that this one belongs to."""
        return self.id[:1]

    def as_json(self) -> dict[str, object]:
        """The object that a recording has for this run."""
        return {
            "release": self.release, "tls": self.tls, "id": self.id, "kind": self.kind,
            "params": dict(self.params), **self.seen.as_json(), "outcome": self.outcome,
            "stable": self.stable, **({} if self.queuerun is None else {"queuerun": self.queuerun.as_json()}),
        }  # fmt: skip


def read_situations(path: Path) -> dict[str, Situation]:
    """The situations of a scenario file, by id; raises ``InputError`` with file and line."""
    found = {}
    for line, item in objects(path):
        try:
            found[item["id"]] = situation_of(item)
        except InputError as problem:
            raise InputError(problem.message, str(path), line) from None
    return found


_SITUATION = {
    "id": str, "group?": str, "params?": Map(object), "recipients": [str], "zone": [Map(object)],
    "main?": Map(str), "router?": Map(str), "transport?": Map(str), "servers": Map((str, Map(object))),
    "kinds?": [str], "queuerun?": (str, None),
}  # fmt: skip
_SEEN = {
    "log": [str], "smtp?": [str], "servers": [{"addr": str, "events": [str]}], "dns": [str],
    "queued?": (int, None), "exit": (int, str, None),
}  # fmt: skip
_RECORD = {
    "release": str, "tls?": str, "id": str, "kind": str, "outcome": str, "stable?": bool, **_SEEN,
    "queuerun?": (None, _SEEN), "params?": Map(object), "seconds?": float,
}  # fmt: skip


def situation_of(item: Mapping[str, Any]) -> Situation:
    """The situation that one object of a scenario file describes.

    Raises ``InputError`` for a value of the wrong kind, one that is missing, or a server that is none.
    """
    check(item, _SITUATION)
    situation = Situation(
        id=item["id"],
        group=item.get("group", item["id"][:1]),
        params=item.get("params", {}),
        recipients=tuple(item["recipients"]),
        zone=tuple(item["zone"]),
        main=item.get("main", {}),
        router=item.get("router", {}),
        transport=item.get("transport", {}),
        servers=item["servers"],
        kinds=tuple(item.get("kinds", ("delivery", "callout"))),
        queuerun=item.get("queuerun"),
    )
    for address in situation.servers:
        situation.behaviour(address)
    return situation


def read_records(path: Path) -> Iterator[Record]:
    """The records of a recording, in its order; raises ``InputError`` with file and line."""
    for line, item in objects(path):
        if "eximsim" in item:
            continue
        check(item, _RECORD, str(path), line)
        second = item.get("queuerun")
        yield Record(
            release=item["release"],
            tls=item.get("tls", "openssl"),
            id=item["id"],
            kind=item["kind"],
            outcome=item["outcome"],
            stable=item.get("stable", True),
            seen=_seen(item),
            queuerun=_seen(second) if second else None,
            params=item.get("params", {}),
            seconds=item.get("seconds", 0.0),
        )


def _seen(item: Mapping[str, Any]) -> Seen:
    return Seen(
        tuple(item["log"]),
        tuple(item.get("smtp", ())),
        tuple(map(read_conversation, item["servers"])),
        tuple(item["dns"]),
        item.get("queued"),
        item["exit"],
    )


def objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines, plain or gzip, with their lines; raises ``InputError``."""
    return json_lines(read_named(path, "JSON lines, plain or gzip"), str(path))
