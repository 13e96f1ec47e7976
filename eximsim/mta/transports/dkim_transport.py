"""The message with its signatures as the smtp transport sends it (src/miscmods/dkim_transport.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.miscmods.arc_sign import arc_sign
from eximsim.mta.miscmods.dkim_sign import SigningFailed, dkim_exim_sign, is_configured
from eximsim.mta.process.log import log_write
from eximsim.mta.transports.transport import message_parts

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


def signed_parts(
    process: Process, transport: DriverInstance, addrs: list[Address], *, chunked: bool
) -> tuple[bytes, bytes]:
    """The header lines of ``message_parts``, with the signatures before them, and the body.

    A message that cannot be signed goes without, unless dkim_strict says otherwise: ``SigningFailed``.
    What a transport filter made of the message is signed; ``chunked``: it goes by BDAT.
    Source: dkim_transport_write_message().
    """
    head, body = message_parts(process, transport, addrs)
    chain = _arc_spec(process, transport)
    if not is_configured(transport) and not chain:
        return head, body
    message = head + body
    via_file = process.transport_filter is not None or not process.profile.dkim_signs_directly
    ended = via_file and not chunked
    try:
        signatures = dkim_exim_sign(process, transport, message, ended=ended, hashed=bool(chain))
    except SigningFailed:
        if _is_strict(process, transport):
            said = "DKIM: message could not be signed, and dkim_strict is set. Deferring message delivery."
            log_write(process, said)
            raise
        signatures = b""
    if process.dkim_signed and process.profile.dkim_signing_logged:
        addrs[0].dkim_used = ":".join(item.replace(":", "::") for item in process.dkim_signed)
    if chain:
        signatures = arc_sign(process, chain, signatures, message, ended=ended)
    return (signatures, message) if via_file else (signatures + head, body)


def _arc_spec(process: Process, transport: DriverInstance) -> str:
    """arc_sign as expanded; empty if no set is to be added."""
    spec = transport.options.text("arc_sign")
    if spec is None:
        return ""
    try:
        return expand(process, spec)
    except ExpansionFailed as failure:
        if failure.forced:
            return ""
        raise Unsupported("arc_sign that does not expand", *transport.options.where("arc_sign")) from None


def _is_strict(process: Process, transport: DriverInstance) -> bool:
    strict = transport.options.text("dkim_strict")
    if strict is None:
        return False
    try:
        return expand(process, strict).lower() in ("1", "true")
    except ExpansionFailed:
        return False
