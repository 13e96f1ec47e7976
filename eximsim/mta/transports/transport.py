"""What transports share: the address to name, the bytes to send, and messages that wait for a host.

A message that could not be delivered is noted as waiting for its hosts; when a call to one of them has
succeeded, it goes down the same connection (src/transport.c).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from eximsim.mta.base.numbers import read_long
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.records.hints import WaitRecord
from eximsim.mta.transports.filtering import filtered
from eximsim.mta.transports.message_text import message_head
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


_LINE_END = re.compile(rb"\r?\n")


UNLIMITED = 999999
"""UNLIMITED_ADDRS: where an option sets no limit."""


def expand_max_rcpt(process: Process, transport: DriverInstance) -> int:
    """The transport's max_rcpt; what is no number, or 0, is no limit (``expand_max_rcpt()``)."""
    text = transport.options.text("max_rcpt") or ""
    try:
        number = read_long(expand(process, text) if "$" in text else text)
    except ExpansionFailed:
        return UNLIMITED
    return number if number > 0 else UNLIMITED


def transport_rcpt_address(addr: Address, *, include_affixes: bool) -> str:
    """The address to give to the remote host: without what its router took for a prefix and a suffix.

    ``include_affixes`` leaves them on, here and in the log lines about the address from now on. They are
    cut off the address as it was written, quotes and all. Source: transport_rcpt_address(), src/transport.c.
    """
    if include_affixes:
        addr.include_affixes = True
        return addr.address
    local_part, _, domain = addr.address.rpartition("@")
    if addr.suffix:
        local_part = local_part[: len(local_part) - len(addr.suffix)]
    return f"{local_part[len(addr.prefix or '') :]}@{domain}"


def dotted(text: bytes) -> bytes:
    """Text as it goes over SMTP: CRLF line ends, dots at the beginning of a line doubled."""
    text = _LINE_END.sub(b"\r\n", text)
    if text and not text.endswith(b"\r\n"):
        text += b"\r\n"
    if text.startswith(b"."):
        text = b"." + text
    return text.replace(b"\r\n.", b"\r\n..")


def message_parts(process: Process, transport: DriverInstance, addrs: list[Address]) -> tuple[bytes, bytes]:
    """The header lines with the line that ends them, and the body, each with CRLF line ends.

    Raises ``ExpansionFailed`` as ``transport_headers_send`` does, and ``FilterFailed``.
    """
    message = process.message
    assert message is not None
    head = b""
    if not transport.options.flag("body_only"):
        head = message_head(process, transport, addrs)
    body = b"" if transport.options.flag("headers_only") else message.body
    if process.transport_filter is not None:
        head, body = b"", filtered(process, head + body)
    return _LINE_END.sub(b"\r\n", head), _LINE_END.sub(b"\r\n", body)


_WAIT_NAME_MAX = 50
"""So many ids are in one record of messages that wait."""


def transport_update_waiting(process: Process, transport: str, hosts: Iterable[str]) -> None:
    """Note that this process's message waits for each of ``hosts`` (names); a full record is laid aside."""
    waiting = process.machine.hints.wait.setdefault(transport, {})
    for host in dict.fromkeys(hosts):
        record = waiting.setdefault(host, WaitRecord())
        if any(process.message_id in known.ids for known in (record, *_laid_aside(waiting, host, record))):
            continue
        if len(record.ids) >= _WAIT_NAME_MAX:
            waiting[f"{host}:{record.sequence}"] = record
            record = waiting[host] = WaitRecord(sequence=record.sequence + 1)
        record.ids.append(process.message_id)


def _laid_aside(waiting: Mapping[str, WaitRecord], host: str, record: WaitRecord) -> Iterator[WaitRecord]:
    """The records of a host that were full, the latest first, as far as they are there."""
    for number in reversed(range(record.sequence)):
        if (known := waiting.get(f"{host}:{number}")) is not None:
            yield known


def transport_check_waiting(
    process: Process, transport: str, host: str, acceptable: Callable[[str], bool]
) -> str | None:
    """The next ``acceptable`` message that waits for ``host``; it and those that are gone are forgotten.

    Nothing is forgotten of a record in which none is found while others wait that are not acceptable.
    """
    waiting = process.machine.hints.wait.get(transport, {})
    record = waiting.get(host)
    while record is not None:
        found, left = _search(process, record, acceptable)
        rest, exhausted = WaitRecord(left, record.sequence), bool(left)
        while not rest.ids and (older := _take_aside(waiting, host, rest)) is not None:
            rest = older
        if not rest.ids:
            waiting.pop(host, None)
        elif found is not None:
            waiting[host] = rest
        if found is not None or exhausted or not rest.ids:
            return found
        record = rest
    return None


def _search(
    process: Process, record: WaitRecord, acceptable: Callable[[str], bool]
) -> tuple[str | None, list[str]]:
    """The first id of a record that will do, and the ids that are left: without it and those gone."""
    spool = process.spool
    gone = {process.message_id}
    found = None
    for message_id in record.ids if process.profile.oldest_waiting_first else record.ids[::-1]:
        if message_id in gone:
            continue
        if spool.get(message_id) is None:
            gone.add(message_id)
        elif acceptable(message_id):
            found = message_id
            gone.add(found)
            break
    return found, [message_id for message_id in record.ids if message_id not in gone]


def _take_aside(waiting: dict[str, WaitRecord], host: str, record: WaitRecord) -> WaitRecord | None:
    for number in reversed(range(record.sequence)):
        if (known := waiting.pop(f"{host}:{number}", None)) is not None:
            return known
    return None


def transport_lines_too_long(process: Process, transport: DriverInstance, addrlist: list[Address]) -> bool:
    """Fail all addresses if the message has a line longer than message_linelength_limit.

    Source: smtp_transport_entry() in transports/smtp.c, since 4.95.
    """
    limit = transport.options.number("message_linelength_limit")
    assert process.message is not None
    if not limit or process.message.longest_received <= limit:
        return False
    for addr in addrlist:
        addr.transport_return, addr.basic_errno, addr.pass_message = Rc.FAIL, Errno.SMTPFORMAT, True
        addr.message = "message has lines too long for transport"
        if process.profile.long_line_counted:
            addr.message += f" (received {process.message.longest_received}, limit {limit})"
    return True


OUT_BUFFER = 8192
"""Octets of the output buffer (DELIVER_OUT_BUFFER_SIZE)."""


def header_chunks(head: bytes) -> Iterator[bytes]:
    """The header lines as they fill transport.c's output buffer, and what is left in it at their end."""
    start = at = 0
    while at < len(head):
        if at - start > OUT_BUFFER - 2:
            yield head[start:at]
            start = at
        at += 2 if head[at : at + 2] == b"\r\n" else 1
    yield head[start:]
