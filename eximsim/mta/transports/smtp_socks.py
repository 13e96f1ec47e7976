"""SMTP through a SOCKS5 proxy, as a client (src/transports/smtp_socks.c, since 4.99 src/miscmods/socks.c)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import list_items, octets, string_is_ip_address
from eximsim.mta.lookup.host_chain import random_number
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import log_write
from eximsim.ports import ConnectError, ConnectionLost, ReadTimeout
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import HostItem
    from eximsim.ports import Connection

_MOST_PROXIES, _DAY = 32, 24 * 60 * 60
_VERSION, _CONNECT, _NAME_VERSION = 5, 1, 1
_NO_AUTH, _BY_NAME = 0, 2
_METHODS = {"none": _NO_AUTH, "name": _BY_NAME}
_IPV4, _IPV6 = 1, 4
_ADDRESS_FROM = 4
_FAULTS = (
    ("NULL", 0),
    ("general SOCKS server failure", errnos.EIO),
    ("connection not allowed by ruleset", errnos.EACCES),
    ("Network unreachable", errnos.ENETUNREACH),
    ("Host unreachable", errnos.EHOSTUNREACH),
    ("Connection refused", errnos.ECONNREFUSED),
    ("TTL expired", errnos.ECANCELED),
    ("Command not supported", errnos.EOPNOTSUPP),
    ("Address type not supported", errnos.EAFNOSUPPORT),
)
"""By the code of a reply: its meaning for traces, and the error that it becomes."""


@dataclass(slots=True)
class _Proxy:
    """One item of socks_proxy. ``port`` is signed and of 16 bits; ``timeout`` in seconds."""

    host: str
    method: int = _NO_AUTH
    name: str = ""
    password: str = ""
    port: int = 1080
    timeout: int = 5
    weight: int = 1
    priority: int = 1
    failed: bool = False


def proxy_variables(process: Process) -> dict[str, str]:
    """What ``$proxy_...`` tell of the proxy that this process has gone through, if any."""
    if process.variables.get("proxy_session") != "yes":
        return {}
    return {name: value for name, value in process.variables.items() if name.startswith("proxy_")}


Where = tuple[str | None, int | None]
"""File and line of a setting."""

Connect = Callable[[str, int, float], "Connection"]
"""Connects to an address and a port within so many seconds; raises ``ConnectError``."""


def socks_connect(
    process: Process, target: HostItem, listed: str, where: Where, timeout: float, connect: Connect
) -> tuple[Connection, bytes]:
    """A connection to ``target`` through one of the proxies that are ``listed``, and what was read beyond.

    ``where`` is the setting's place. ``timeout`` in seconds is for the dialogue with the proxy; reaching it
    has a limit of its own. Raises ``ConnectError``. Source: socks_sock_connect().
    """
    until = int(process.world.now()) + (int(timeout) or _DAY)
    proxies = _read_list(process, listed, where)
    if not proxies and process.profile.socks_first_method_early:
        raise UndefinedBehaviour("why a connection failed is read where no SOCKS proxy was tried")
    proxy, connection = _reach(process, proxies, connect)
    talk = _Talk(process, connection, until, where)
    first = proxies[-1] if process.profile.socks_first_method_early else proxy
    talk.state = "method select"
    talk.trace(f"SOCKS>> 05 01 {proxy.method:02x}")
    talk.send(bytes((_VERSION, 1, first.method)))
    reply = talk.read(2)
    if len(reply) != 2:
        raise talk.lost()
    talk.trace(f"SOCKS<< {reply.hex(' ')}")
    if reply[0] != _VERSION or not _authenticate(talk, reply[1], proxy):
        raise talk.refused(reply[1])
    return connection, _ask(talk, target)


def _read_list(process: Process, text: str, where: Where) -> list[_Proxy]:
    proxies = []
    for item in list_items(text):
        words = item.split()
        if not words:
            raise UndefinedBehaviour("why a connection failed is read where a SOCKS proxy has no name")
        if not string_is_ip_address(words[0])[0]:
            raise Unsupported("a SOCKS proxy that is not named by its IP address", *where)
        proxy = _Proxy(words[0])
        for word in words[1:]:
            _set_option(proxy, word)
        proxies.append(proxy)
    if len(proxies) > 1 and not process.profile.socks_proxies_weighed:
        raise Unsupported("several SOCKS proxies in this release", *where)
    proxies = proxies[:_MOST_PROXIES]
    if len(proxies) > 1 and any(proxy.weight < 0 or proxy.priority < 0 for proxy in proxies):
        raise Unsupported("a SOCKS proxy of negative weight or priority", *where)
    return proxies


def _set_option(proxy: _Proxy, word: str) -> None:
    """One word of an item; one that Exim does not know changes nothing. Source: socks_option()."""
    name, _, value = word.partition("=")
    match name:
        case "auth":
            proxy.method = _METHODS.get(value, proxy.method)
        case "name":
            proxy.name = value
        case "pass":
            proxy.password = value
        case "port":
            proxy.port = (_atoi(value) + 0x8000) % 0x10000 - 0x8000
        case "tmo":
            proxy.timeout = _atoi(value)
        case "pri":
            proxy.priority = _atoi(value)
        case "weight":
            proxy.weight = _atoi(value)


def _atoi(text: str) -> int:
    found = re.match(r"\s*([+-]?\d+)", text, re.ASCII)
    return int(found[1]) if found else 0


def _reach(process: Process, proxies: list[_Proxy], connect: Connect) -> tuple[_Proxy, Connection]:
    """Try proxies, each as it is drawn, until one takes the connection."""
    while (proxy := _draw(process, proxies)) is not None:
        try:
            connection = connect(proxy.host, proxy.port % 0x10000, proxy.timeout)
        except ConnectError as error:
            log_write(process, f"socks_sock_connect: {errnos.strerror(error.errno)}")
            proxy.failed = True
            continue
        process.variables["proxy_local_address"] = proxy.host
        process.variables["proxy_local_port"] = str(proxy.port)
        return proxy, connection
    process.hdebug("  no proxies left", indented=True, with_v=True)
    raise ConnectError(errnos.EBUSY)


def _draw(process: Process, proxies: list[_Proxy]) -> _Proxy | None:
    """One of the best that have not failed, by their weights. Source: socks_get_proxy()."""
    usable = [proxy for proxy in proxies if not proxy.failed]
    if len(proxies) == 1:
        return usable[0] if usable else None
    best = max((proxy.priority for proxy in usable), default=0)
    usable = [proxy for proxy in usable if proxy.priority == best]
    weights = sum(proxy.weight for proxy in usable)
    if weights == 0:
        return None
    fair = process.profile.socks_weights_fair
    left = random_number(process, weights) if fair else process.machine.rng.randrange(weights)
    for proxy in usable:
        left -= proxy.weight
        if left < 0 or (left == 0 and not fair):
            return proxy
    raise AssertionError("the weights have a sum")


@dataclass(slots=True)
class _Talk:
    """The dialogue with one proxy; ``until`` is when it has to be over."""

    process: Process
    connection: Connection
    until: float
    where: Where
    state: str = ""
    arrived: bytearray = field(default_factory=bytearray)
    errno: int = errnos.ENOENT
    """What went wrong last, if it was not here: no hints were found."""

    def trace(self, text: str) -> None:
        self.process.hdebug(f"  {text}", indented=True, with_v=True)

    def send(self, data: bytes) -> None:
        try:
            self.connection.send(data)
        except ConnectionLost as lost:
            self.trace(f"proxy snd_err {self.state}: {errnos.strerror(lost.errno)}")
            raise ConnectError(lost.errno) from None

    def read(self, size: int) -> bytes:
        """At most ``size`` octets, as one read() gives them; none if there are no more."""
        if not self.arrived:
            try:
                self.arrived += self.connection.receive(max(0, self.until - int(self.process.world.now())))
            except ReadTimeout:
                self.errno = errnos.ETIMEDOUT
            except ConnectionLost as lost:
                self.errno = lost.errno
        data = bytes(self.arrived[:size])
        del self.arrived[:size]
        return data

    def lost(self) -> ConnectError:
        """A reply that did not come, or came too short."""
        self.trace(f"proxy rcv_err {self.state}: {errnos.strerror(self.errno)}")
        self.connection.close()
        shown = {0: errnos.EPROTO, errnos.ENOENT: errnos.ECONNABORTED}
        return ConnectError(shown.get(self.errno, self.errno))

    def refused(self, code: int) -> ConnectError:
        """A reply that means no, or the method of an authentication that failed."""
        if code == len(_FAULTS):
            raise UndefinedBehaviour("the meaning of SOCKS reply 9 is read from beside a table")
        reason, self.errno = "unknown error code received", errnos.EPROTO
        if code < len(_FAULTS):
            reason, self.errno = _FAULTS[code]
        self.trace(f"proxy {self.state}: {reason}")
        return self.lost()


def _authenticate(talk: _Talk, method: int, proxy: _Proxy) -> bool:
    """Source: socks_auth()."""
    if method == _NO_AUTH:
        return True
    if method != _BY_NAME:
        log_write(talk.process, f"Unrecognised socks auth method {method}", panic=True)
        return False
    talk.trace(f"socks auth NAME '{proxy.name}' '{proxy.password}'")
    name, password = octets(proxy.name), octets(proxy.password)
    if len(name) > 255 or len(password) > 255:
        what = "a name or a password for a SOCKS proxy that is too long for the protocol"
        raise Unsupported(what, *talk.where)
    said = bytes((_NAME_VERSION, len(name))) + name + bytes((len(password),)) + password
    talk.trace(f"SOCKS>> {said.hex(' ')}")
    talk.send(said)
    reply = talk.read(2)
    if len(reply) != 2:
        return False
    talk.trace(f"SOCKS<< {reply.hex(' ')}")
    if reply == bytes((_NAME_VERSION, 0)):
        talk.trace("socks auth OK")
        return True
    log_write(talk.process, "socks auth failed", panic=True)
    return False


def _ask(talk: _Talk, target: HostItem) -> bytes:
    """Have the proxy connect to the target; what has been read beyond its answer."""
    assert target.address is not None
    talk.state = "connect"
    address = ipaddress.ip_address(target.address)
    kind = _IPV6 if address.version == 6 else _IPV4
    asked = bytes((_VERSION, _CONNECT, 0, kind)) + address.packed + target.port.to_bytes(2, "big")
    talk.trace(f"SOCKS>> {asked.hex(' ')}")
    talk.send(asked)
    reply = talk.read(len(asked))
    if len(reply) < 2:
        raise talk.lost()
    sign = "<<" if talk.process.profile.socks_reply_traced else ">>"
    talk.trace(f"SOCKS{sign} {reply.hex(' ')}")
    if reply[:2] != bytes((_VERSION, 0)):
        raise talk.refused(reply[1])
    far_end = _ADDRESS_FROM + (16 if reply[3:4] == bytes((_IPV6,)) else 4)
    if len(reply) < far_end + 2:
        raise UndefinedBehaviour("the far end that a SOCKS proxy names is read beyond its reply")
    variables = talk.process.variables
    variables["proxy_external_address"] = str(ipaddress.ip_address(reply[_ADDRESS_FROM:far_end]))
    variables["proxy_external_port"] = str(int.from_bytes(reply[far_end : far_end + 2], "big"))
    variables["proxy_session"] = "yes"
    talk.trace(f"proxy farside: [{variables['proxy_external_address']}]:{variables['proxy_external_port']}")
    return bytes(talk.arrived)
