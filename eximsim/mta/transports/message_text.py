"""The message as transports write it: header lines with those put in front, escapes (src/transport.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.base.tod import Tod
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.transports.filtering import filtered
from eximsim.mta.transports.header_lines import transport_headers_send
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


@dataclass(frozen=True, slots=True)
class Writing:
    """How a message is written to a file or a pipe.

    Lines that begin with ``check`` begin with ``escape`` instead, among the header lines only with
    ``escape_headers``; ``crlf`` ends lines as SMTP does.
    """

    check: bytes = b""
    escape: bytes = b""
    escape_headers: bool = False
    crlf: bool = False


def local_message(
    process: Process,
    transport: DriverInstance,
    addrs: list[Address],
    writing: Writing,
    *,
    body_limit: int | None = None,
) -> bytes:
    """The message as a local transport writes it (``internal_transport_write_message()``).

    Of the body there are no more octets than ``body_limit``.
    Raises ``ExpansionFailed`` as ``transport_headers_send`` does, and ``FilterFailed``.
    """
    message = process.message
    assert message is not None
    head = b"" if transport.options.flag("body_only") else message_head(process, transport, addrs)
    body = b"" if transport.options.flag("headers_only") else message.body[:body_limit]
    check, escape = writing.check, writing.escape
    if process.transport_filter is not None:
        head, body = b"", filtered(process, head + body)
    if check:
        if writing.escape_headers:
            head = head.replace(b"\n" + check, b"\n" + escape)
        if body.startswith(check):
            body = escape + body[len(check) :]
        body = body.replace(b"\n" + check, b"\n" + escape)
    text = head + body
    return text.replace(b"\n", b"\r\n") if writing.crlf else text


def message_head(process: Process, transport: DriverInstance, addrs: list[Address]) -> bytes:
    """The header lines, those that the transport puts in front first, and the blank line."""
    options = transport.options
    lines = []
    if options.flag("return_path_add"):
        lines.append(f"Return-path: <{process.return_path}>\n")
    if options.flag("envelope_to_add"):
        recipients = ",\n ".join(_envelope_to(process, addrs))
        lines.append(f"Envelope-to: {recipients}\n")
    if options.flag("delivery_date_add"):
        lines.append(f"Delivery-date: {local_stamp(process, Tod.FULL)}\n")
    lines += transport_headers_send(process, transport, addrs[0])
    return octets("".join(lines)) + b"\n"


def _envelope_to(process: Process, addrs: list[Address]) -> list[str]:
    """The recipients of the message that addresses come from, also those of addresses that are the same."""
    handled: list[Address] = []
    shown: list[Address] = []
    for addr in addrs:
        _write_env_to(process, addr, handled, shown)
    return [addr.address for addr in shown]


def _write_env_to(process: Process, addr: Address, handled: list[Address], shown: list[Address]) -> None:
    """Put to ``shown`` where an address comes from, and before it where those do that are the same.

    Source: write_env_to().
    """
    addr = addr.copied_from or addr
    if any(addr is one for one in handled):
        return
    handled.append(addr)
    top = addr
    while True:
        for other in process.duplicates:
            if other.dupof is top:
                _write_env_to(process, other, handled, shown)
        if top.parent is None:
            break
        top = top.parent
    if not any(top is one for one in shown):
        shown.append(top)
