"""What every transport needs to write a message: the address to name, the bytes to send (src/transport.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.globals import Process
    from eximsim.mta.readconf import DriverInstance
    from eximsim.mta.structs import Address

_LINE_END = re.compile(rb"\r?\n")


def transport_rcpt_address(addr: Address, *, include_affixes: bool) -> str:
    """The address to give to the remote host: with the affixes that a router stripped only if wanted."""
    top = addr
    if include_affixes:
        return f"{addr.prefix or ''}{addr.cc_local_part}{addr.suffix or ''}@{addr.domain}"
    while top.parent is not None and top.cc_local_part == "":
        top = top.parent
    return addr.address


def transport_write_message(process: Process, transport: DriverInstance, addrs: list[Address]) -> bytes:
    """The message as it goes over SMTP: CRLF line ends, dots doubled, and the final dot line."""
    message = process.message
    assert message is not None
    remove = {name.strip().lower() for name in (addrs[0].remove_headers or "").split(":") if name.strip()}
    lines = [
        header.text
        for header in message.headers
        if header.kind != "*" and header.text.partition(":")[0].strip().lower() not in remove
    ]
    head = "".join((*lines, *reversed(addrs[0].extra_headers))).encode("utf-8", "surrogateescape")
    parts = [b"" if transport.options.flag("body_only") else head + b"\n"]
    if not transport.options.flag("headers_only"):
        parts.append(message.body)
    text = _LINE_END.sub(b"\r\n", b"".join(parts))
    if text and not text.endswith(b"\r\n"):
        text += b"\r\n"
    if text.startswith(b"."):
        text = b"." + text
    return text.replace(b"\r\n.", b"\r\n..") + b".\r\n"
