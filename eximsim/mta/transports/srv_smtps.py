"""TLS that an SRV record of the service smtp-tls wants (EXPERIMENTAL_SRV_SMTPS in src/transports/smtp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.records.structs import TlsNeeds
from eximsim.mta.transports.smtp_connect import smtp_port_for_connect
from eximsim.mta.transports.smtp_out import (
    Protocol,
    default_port,
    protocol_of,
    smtp_get_port,
)

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext


def protocol_for(sx: SmtpContext) -> Protocol:
    """The transport's protocol; for TLS on connect by SRV it does not matter, and need not be a good one."""
    if sx.host.tls_needs is TlsNeeds.ON_CONNECT:
        return Protocol.SMTPS
    if sx.host.tls_needs is TlsNeeds.STARTTLS and not sx.verify:
        sx.set_option("tls_tempfail_tryclear", False)
    return protocol_of(sx.process, sx.transport)


def falls_back(sx: SmtpContext) -> bool:
    """After a connection that failed: whether to try the transport's own port, with STARTTLS as a must."""
    if sx.host.tls_needs is not TlsNeeds.ON_CONNECT:
        return False
    sx.smtps, sx.host.tls_needs = False, TlsNeeds.STARTTLS
    who = f"{sx.transport.name} transport"
    sx.port = smtp_get_port(sx.process, default_port(sx.process, sx.transport), who)
    sx.host.port = sx.port
    smtp_port_for_connect(sx.process, sx.host, sx.port)
    return True


def refuse_failure(sx: SmtpContext) -> None:
    """A handshake that fails on such a port, with what Exim then tries, is not modelled."""
    if sx.host.tls_needs is TlsNeeds.ON_CONNECT:
        raise Unsupported("a failed handshake with a host that an SRV record gives for TLS on connect")


def check_offer(sx: SmtpContext) -> None:
    """A server without STARTTLS where an SRV record wants it is not modelled."""
    if sx.host.tls_needs is TlsNeeds.STARTTLS and not sx.starttls_offered:
        raise Unsupported("a server without STARTTLS, which an SRV record wants")
