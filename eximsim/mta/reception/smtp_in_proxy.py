"""The PROXY protocol: the header by which a proxy tells whom it speaks for (src/proxy.c, miscmods/proxy.c).

It is the protocol of HAProxy, in its versions 1 (a line) and 2 (octets).
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, string_is_ip_address
from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.lookup.verify_hosts import verify_check_this_host
from eximsim.mta.reception.smtp_session import State
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession

REFUSED = "503 Command refused, required Proxy negotiation failed"
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIRST_READ, _FIXED = 14, 16
_LARGEST = {1: 108, 2: 232}
"""The longest header, by version."""
_LOCAL, _PROXIED = 0, 1
_ADDRESS_SIZE = {0x11: 4, 0x21: 16}
"""How many octets an address has, by the octet that tells the family and the protocol."""
_V1 = re.compile(r"PROXY\s(?:(?P<unknown>UNKNOWN.*)|TCP[46]\s(?P<fields>.*))", re.ASCII | re.DOTALL)
_PORT = re.compile(r"\s*[+-]?\d+", re.ASCII)


class _BadHeader(Exception):
    """This is no header, or none that is understood."""


def begin(session: SmtpSession) -> bool:
    """Whether the client is a proxy (hosts_proxy), which says whom it speaks for before it is greeted."""
    process, reception = session.process, session.reception
    options = process.config.main
    address = reception.get("sender_host_address")
    if not options.is_set("hosts_proxy") or address is None:
        return False
    listed = options.text("hosts_proxy")
    found = verify_check_this_host(process, listed, None, address, list_name="hosts_proxy")
    if found.rc is not Rc.OK:
        return False
    if session.tls_first:
        raise Unsupported("a proxy whose client begins with TLS", *options.where("hosts_proxy"))
    process.variables["proxy_session"] = "yes"
    session.state = State.PROXY
    limit = options.seconds("proxy_protocol_timeout") or _TIMEOUT
    session.proxy_until = process.world.now() + limit
    return True


_TIMEOUT = 3
"""Seconds, before it could be set."""


def read(session: SmtpSession) -> bool:
    """Take the header from the input; False if there is more to come. Source: proxy_protocol()."""
    try:
        size = _size(session)
        if size is None:
            return False
        header = bytes(session.input[:size])
        del session.input[:size]
        _take(session, header)
    except _BadHeader:
        fail(session)
        return True
    session.state = State.COMMAND
    session.reception.set("sender_host_name", None)
    look_up_sender_name(session.reception)
    host_build_sender_fullhost(session.process)
    return True


def fail(session: SmtpSession) -> None:
    """There is no header: the client is greeted, and may say nothing but QUIT."""
    session.state, session.proxy_failed = State.COMMAND, True


def _size(session: SmtpSession) -> int | None:
    """How long the header is, None if that, or all of it, is not here yet; raises ``_BadHeader``."""
    data = bytes(session.input)
    if not data:
        return None
    if data[:12] == _SIGNATURE and len(data) >= _FIRST_READ:
        if len(data) < _FIXED:
            return None
        size = _FIXED + int.from_bytes(data[14:16], "big")
        if data[12] >> 4 != 2 or size > _LARGEST[2]:
            raise _bad(session, _FIXED)
        return size if len(data) >= size else None
    first = data[:_FIRST_READ]
    known = len(first) >= 8 and first.startswith(b"PROXY")
    if b"\r" in first[:-1]:
        raise _bad(session, len(first))
    end = data.find(b"\r", 0, _LARGEST[1])
    if end < 0 and len(data) < _LARGEST[1]:
        return None
    size = _LARGEST[1] if end < 0 else end + 2
    if len(data) < size:
        return None
    if not known or data[size - 2 : size] != b"\r\n":
        raise _bad(session, size)
    return size


def _bad(session: SmtpSession, size: int) -> _BadHeader:
    """So much has been read when it is seen that this is no header."""
    del session.input[:size]
    return _BadHeader()


def _take(session: SmtpSession, header: bytes) -> None:
    """Set what the header tells; raises ``_BadHeader``, also half-way."""
    if not header.startswith(_SIGNATURE):
        _take_line(session, from_octets(header[:-2]))
        return
    command, family = header[12] & 0x0F, header[13]
    if command == _LOCAL:
        return
    if command != _PROXIED or family not in _ADDRESS_SIZE:
        raise _BadHeader
    size = _ADDRESS_SIZE[family]
    body = header[_FIXED:]
    if len(body) < 2 * size + 4:
        raise Unsupported("a header of the PROXY protocol that is shorter than its addresses")
    source, target = (str(ipaddress.ip_address(body[at : at + size])) for at in (0, size))
    ports = [int.from_bytes(body[at : at + 2], "big") for at in (2 * size, 2 * size + 2)]
    _note(session, source, target)
    _note_ports(session, *ports)


def _take_line(session: SmtpSession, line: str) -> None:
    found = _V1.fullmatch(line)
    if found is None:
        raise _BadHeader
    if found["unknown"] is not None:
        return
    words = found["fields"].split(" ", 3)
    if len(words) < 2 or not string_is_ip_address(words[0])[0]:
        raise _BadHeader
    if len(words) < 3 or not string_is_ip_address(words[1])[0]:
        _note(session, words[0], None)
        raise _BadHeader
    _note(session, words[0], words[1])
    if len(words) < 4 or not _PORT.fullmatch(words[2]) or not int(words[2]):
        raise _BadHeader
    good = _PORT.fullmatch(words[3]) is not None and int(words[3]) != 0
    _note_ports(session, int(words[2]), int(words[3]) if good else None)
    if not good:
        raise _BadHeader


def _note(session: SmtpSession, source: str, target: str | None) -> None:
    reception = session.reception
    reception.set("proxy_local_address", reception.get("sender_host_address"))
    reception.set("sender_host_address", source)
    if target is not None:
        reception.set("proxy_external_address", target)


def _note_ports(session: SmtpSession, source: int, target: int | None) -> None:
    reception = session.reception
    reception.set("proxy_local_port", reception.get("sender_host_port"))
    reception.set("sender_host_port", str(source))
    if target is not None:
        reception.set("proxy_external_port", str(target))
