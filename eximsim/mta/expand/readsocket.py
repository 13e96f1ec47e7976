"""A dialogue with a socket: ``${readsocket`` (src/lookups/readsock.c; ip_connectedsocket(), src/ip.c).

The end of the request is not told to the server: one that waits for it to answer is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import from_octets, list_items, octets, string_is_ip_address
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.upward import addresses_by_name, tls_client_adjunct_start
from eximsim.ports import ConnectError, Connection, ConnectionLost, ReadTimeout
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import ReadsocketTls

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_TIMEOUT = 5
_HARNESS_PAUSE = 0.1
_INET = "inet:"


class SocketFailed(Exception):
    """The socket cannot be read; ``args[0]`` says why."""


@dataclass(frozen=True, slots=True)
class _Options:
    timeout: int = _TIMEOUT
    cache: bool = False
    shutdown: bool = True
    tls: str | None = None
    """Over TLS: the name of the server to ask for there, or nothing."""


def is_known(process: Process, where: str) -> bool:
    """Whether it is known who listens there, if anybody: on everything under Exim's test suite."""
    if process.machine.test_harness:
        return True
    world = process.world
    if not where.startswith(_INET):
        return world.is_served(where)
    host, port = _split(where)
    return bool(string_is_ip_address(host)[0]) and world.is_served(host, port)


def read_socket(process: Process, where: str, request: str, options: str, eol: str) -> str:
    """What the server answers, with line ends as ``eol`` if that is not empty; raises ``SocketFailed``."""
    wanted = _options(process, options)
    cache = process.driver_state.setdefault("readsocket", {})
    key = "\0".join((where, request, options, eol))
    if wanted.cache and key in cache:
        return str(cache[key])
    connection = _connect(process, where, wanted.timeout)
    begin = b""
    try:
        if wanted.tls is not None:
            host = where if not where.startswith(_INET) else _split(where)[0]
            tls_client_adjunct_start(process, connection, host, wanted.tls, wanted.timeout)
        if request:
            if process.machine.test_harness and not where.startswith(_INET):
                begin = _before_request(connection)
            connection.send(octets(request))
        unread = wanted.tls is None and not wanted.shutdown and process.profile.readsocket_needs_shutdown
        text = "" if unread else from_octets(begin + _read(process, connection, wanted.timeout))
    finally:
        connection.close()
    text = text.replace("\n", eol) if eol else text
    if wanted.cache:
        cache[key] = text
    return text


def _options(process: Process, text: str) -> _Options:
    items = list(list_items(text))
    timeout = (readconf_readtime(items[0]) or 0) if items else _TIMEOUT
    tls = _server_name(process, items[1:])
    return _Options(timeout, "cache=yes" in items[1:], "shutdown=no" not in items[1:], tls)


def _server_name(process: Process, items: Sequence[str]) -> str | None:
    """None: not over TLS. Of several names the last one counts."""
    profile, name = process.profile, None
    for item in items:
        if item.startswith("tls=") and profile.readsocket_tls is not ReadsocketTls.UNKNOWN:
            if item == "tls=no" and profile.readsocket_tls is ReadsocketTls.MISREAD:
                raise UndefinedBehaviour("the option tls=no of readsocket is compared with what is behind it")
            if item != "tls=no":
                name = name or ""
        elif item.startswith("sni=") and profile.readsocket_sni:
            name = item.removeprefix("sni=")
    return name


def _split(where: str) -> tuple[str, int]:
    host, colon, port = where.removeprefix(_INET).rpartition(":")
    if not colon:
        raise SocketFailed(f"missing port for readsocket {where}")
    if not port.isdigit():
        if port[:1].isdigit():
            raise SocketFailed(f"invalid port number {port}")
        raise Unsupported(f"the port {port} of a socket, by its name")
    return host, int(port)


def _connect(process: Process, where: str, timeout: int) -> Connection:
    world = process.world
    if not where.startswith(_INET):
        if not world.is_served(where):
            number = errnos.ECONNREFUSED if world.path_kind(where) else errnos.ENOENT
            raise SocketFailed(f"failed to connect to socket {where}: {errnos.strerror(number)}")
        return world.converse(where)
    host, port = _split(where)
    number = 0
    for address in _addresses(process, host):
        try:
            return world.connect(address, port, timeout)
        except ConnectError as error:
            number = error.errno
    raise SocketFailed(f"failed to connect to any address for {host}: {errnos.strerror(number)}")


def _addresses(process: Process, host: str) -> Sequence[str]:
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if string_is_ip_address(bare)[0]:
        return (bare,)
    if bare != host:
        raise SocketFailed(f'malformed IP address "{host}"')
    found = addresses_by_name(process, host)
    if not found:
        raise SocketFailed(f"no IP address found for host {host}")
    return found


def _before_request(connection: Connection) -> bytes:
    """What a server on a Unix domain socket says while Exim waits under its test suite.

    Nothing can be written to one that has closed the call by then.
    """
    try:
        begin = connection.receive(_HARNESS_PAUSE)
    except ReadTimeout:
        return b""
    if not begin:
        raise SocketFailed(f"request write to socket failed: {errnos.strerror(errnos.EPIPE)}")
    return begin


def _read(process: Process, connection: Connection, timeout: int) -> bytes:
    """All that comes up to the end of the connection."""
    data, end = b"", process.world.now() + timeout
    while True:
        left = end - process.world.now()
        try:
            more = connection.receive(left) if left > 0 or not timeout else None
        except ConnectionLost:
            return data
        except ReadTimeout:
            more = None
        if more is None:
            raise SocketFailed("socket read timed out")
        if not more:
            return data
        data += more
