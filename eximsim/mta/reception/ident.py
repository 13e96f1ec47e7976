"""Asking a client's host who its user is (RFC 1413; ``verify_get_ident()``, src/verify.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.process.log import log_write, printed
from eximsim.ports import ConnectError, Connection, ConnectionLost, ReadTimeout
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

IDENT_PORT = 113
_LARGEST = 2048
"""Octets of query and answer together."""
_LONGEST_NAME = 127
_ANSWER = re.compile(
    r"\s*([-+]?[0-9]+)\s*,\s*([-+]?[0-9]+)\s*:\s*USERID\s*:[^:]*:\s*(.+)", re.ASCII | re.DOTALL
)


def tested_port(process: Process) -> int:
    """The port that is asked for a client that is only tested, under Exim's test suite."""
    return process.profile.tested_ident_port or process.config.main.number("rfc1413_port")


def verify_get_ident(process: Process, port: int) -> None:
    """Set $sender_ident to what the client's host says, if the configuration wants that asked."""
    options = process.config.main
    seconds = options.seconds("rfc1413_query_timeout") if options.is_set("rfc1413_query_timeout") else 0
    hosts = options.text("rfc1413_hosts")
    if seconds <= 0 or verify_check_host(process, hosts, "rfc1413_hosts") is not Rc.OK:
        return
    host = process.variables["sender_host_address"]
    if not (process.machine.test_harness or process.world.is_served(host, port)):
        raise Unsupported(
            "an ident query (rfc1413_hosts) to a host that is not in the scenario",
            *options.where("rfc1413_query_timeout"),
        )
    try:
        connection = process.world.connect(host, port, seconds, process.variables["interface_address"])
    except ConnectError as failed:
        if failed.errno == errnos.ETIMEDOUT:
            log_write(process, f"ident connection to {host} timed out", when="ident_timeout")
        return
    ports = process.variables["sender_host_port"], process.variables["interface_port"]
    try:
        name = _name(process, _line(connection, octets(" , ".join(ports) + "\r\n"), seconds), ports)
    finally:
        connection.close()
    if name:
        process.variables["sender_ident"] = name


def _line(connection: Connection, query: bytes, seconds: float) -> str:
    """The line that is answered; empty if there is none that can be read."""
    answer = b""
    try:
        connection.send(query)
        while b"\n" not in answer and len(query) + len(answer) < _LARGEST:
            more = connection.receive(seconds)
            if not more:
                return ""
            answer += more
    except (ConnectionLost, ReadTimeout):
        return ""
    line, end, _ = answer[: _LARGEST - len(query)].partition(b"\n")
    return "" if not end or b"\0" in line else from_octets(line.removesuffix(b"\r"))


def _name(process: Process, line: str, ports: tuple[str, str]) -> str:
    found = _ANSWER.match(line)
    if found is None or (int(found[1]), int(found[2])) != (int(ports[0]), int(ports[1])):
        return ""
    return printed(process, found[3][:_LONGEST_NAME])
