"""Scenario files: a configuration, a zone and servers, and commands that are given one after the other.

Each line of the file is a JSON object. ``main``, ``router`` and ``transport`` are options that are added to
the usual configuration (``suite.stand_configuration``) or, with null, taken out of it; ``acl``, ``routers``,
``transports``, ``retry``, ``auths`` and ``rewrite`` are the text of a whole section instead; ``main_text``
and ``more_transports`` are text that is added; ``config`` is a whole configuration. ``files`` are files by
path, ``hosts`` is the hosts file. ``runs`` are the commands, objects with ``argv``, ``stdin``, ``sleep``,
``servers`` and ``zone``: ``$msgN`` in argv is the N-th message on the queue, and the last two stand from
there on. Without ``runs`` there is one message for ``recipients``, and a run for each of ``queueruns``; or,
with ``"kind": "callout"``, one session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass
from eximsim.shapes import Map, check
from eximsim.suite.recording import objects
from eximsim.suite.replay import SENDER
from eximsim.suite.stand_configuration import SERVER_PORT, stand_configuration
from eximsim.world.smtp_script import server_behaviour

Servers = Mapping[str, str | Mapping[str, object]]
"""What is at ``ADDRESS``, ``ADDRESS:PORT`` or ``[ADDRESS]:PORT``: a behaviour's name, or a script."""

RRsets = tuple[Mapping[str, object], ...]

_SECTIONS = {
    "acl": "acl", "routers": "routers", "transports": "transports", "retry": "retry", "rewrite": "rewrite",
    "auths": "authenticators",
}  # fmt: skip
_PROGRAM = {"exim_path": "/exim", "log_file_path": "/spool/log/%slog"}
_MARKS = frozenset({"about", "runs", "queueruns", "sender", "kind"})
"""What only a scenario of this form can have."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command: Exim's arguments and input, ``sleep`` seconds after the one before it.

    ``servers`` and ``zone`` are those from here on; None: as before.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    sleep: float = 0.0
    servers: Servers | None = None
    zone: RRsets | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that is needed to give the commands again, but a release and a seed.

    ``config`` is the text of the configuration; ``hosts`` the lines of the hosts file. ``seeds`` is
    how often a comparison may draw lots again where Exim draws some; None: as many as it sees fit.
    """

    id: str
    about: str
    config: str
    zone: RRsets
    servers: Servers
    steps: tuple[Step, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[tuple[str, ...], ...] = ()
    seeds: int | None = None

    @property
    def group(self) -> str:
        """The first word of its id."""
        return self.id.partition("-")[0]


def is_scenario(item: Mapping[str, object]) -> bool:
    """Whether an object of a file has this form, and not the older one of ``suite.recording``."""
    return not _MARKS.isdisjoint(item)


def has_scenarios(path: Path) -> bool:
    """Whether a file has scenarios of this form, and not situations of the older one."""
    return any(is_scenario(item) for _, item in objects(path))


def read_scenarios(path: Path) -> dict[str, Scenario]:
    """The scenarios of a file, by id; raises ``InputError`` with file and line."""
    found = {}
    for line, item in objects(path):
        try:
            scenario = scenario_of(item)
        except InputError as problem:
            raise InputError(problem.message, str(path), line) from None
        found[scenario.id] = scenario
    return found


_SERVERS = Map((str, Map(object)))
_RUN = {
    "argv": [str], "stdin?": str, "sleep?": float, "servers?": (_SERVERS, None),
    "zone?": ([Map(object)], None),
}  # fmt: skip
_TEXTS = "about config acl routers transports retry rewrite auths main_text more_transports sender kind hosts"
_SCENARIO = {
    "id": str, "zone": [Map(object)], "servers": _SERVERS, "recipients?": [str], "files?": Map(str),
    "runs?": [_RUN], "queueruns?": [(str, _RUN)], "seeds?": (int, None), "noseed?": bool,
    **{f"{name}?": Map((str, None)) for name in ("main", "router", "transport")},
    **{f"{name}?": str for name in _TEXTS.split()},
}  # fmt: skip


def scenario_of(item: Mapping[str, Any]) -> Scenario:
    """The scenario that one object describes; raises ``InputError``."""
    check(item, _SCENARIO)
    steps = tuple(_steps(item))
    for servers in (item["servers"], *(step.servers for step in steps)):
        for place, server in (servers or {}).items():
            endpoint(place)
            server_behaviour(server)
    return Scenario(
        id=item["id"],
        about=item.get("about", ""),
        config=item["config"] if "config" in item else _configuration(item),
        zone=tuple(item["zone"]),
        servers=item["servers"],
        steps=steps,
        files=item.get("files", {}),
        hosts=_hosts_file(item.get("hosts", "")),
        seeds=0 if item.get("noseed") else item.get("seeds"),
    )


def _configuration(item: Mapping[str, Any]) -> str:
    sections = {name: item[key] for key, name in _SECTIONS.items() if key in item}
    return stand_configuration(
        {**_PROGRAM, "queue_run_in_order": "true", **item.get("main", {})},
        {"dnssec_request_domains": "*", **item.get("router", {})},
        item.get("transport", {}),
        sections,
        item.get("main_text", ""),
        item.get("more_transports", ""),
    )


def _steps(item: Mapping[str, Any]) -> Iterator[Step]:
    if "runs" in item:
        yield from map(_step, item["runs"])
        return
    if "recipients" not in item:
        raise InputError("expected a scenario with recipients or runs")
    sender, recipients = item.get("sender", SENDER), item["recipients"]
    if item.get("kind") == "callout":
        said = (
            "EHLO myhost.test.ex",
            f"MAIL FROM:<{sender}>",
            *(f"RCPT TO:<{to}>" for to in recipients),
            "QUIT",
        )
        yield Step(("-bs",), "".join(f"{line}\r\n" for line in said))
        return
    yield Step(("-odf", "-f", sender, *recipients))
    for run in item.get("queueruns", ()):
        yield Step((run,)) if isinstance(run, str) else _step(run)


_STEP_KEYS = frozenset({"argv", "stdin", "sleep", "servers", "zone"})


def _step(item: Mapping[str, Any]) -> Step:
    unknown = sorted(item.keys() - _STEP_KEYS)
    if unknown:
        raise InputError(f"runs: {unknown[0]}: expected one of {', '.join(sorted(_STEP_KEYS))}")
    zone = item.get("zone")
    return Step(
        tuple(item["argv"]),
        item.get("stdin", ""),
        float(item.get("sleep", 0)),
        item.get("servers"),
        None if zone is None else tuple(zone),
    )


def _hosts_file(text: str) -> tuple[tuple[str, ...], ...]:
    """The lines of a hosts file, an address and names each; localhost is known without it."""
    lines = (tuple(line.partition("#")[0].split()) for line in text.splitlines())
    return (("127.0.0.1", "localhost"), *(line for line in lines if len(line) > 1))


_PLACE = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:]+)\]|(?P<v4>[0-9.]+))(?::(?P<port>\d{1,5}))?", re.ASCII)


def endpoint(place: str) -> tuple[str, int]:
    """Address and port of a server's key; raises ``InputError``."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise InputError(f"server {place!r}: expected ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT")
    return found["v6"] or found["v4"], int(found["port"] or SERVER_PORT)
