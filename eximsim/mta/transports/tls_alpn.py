"""Application protocols (ALPN) that a client offers: tls_alpn and hosts_require_alpn of the transport.

Stands for tls_alpn_plist() and the end of tls_client_start() in src/tls-openssl.c and src/tls-gnu.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.ports import TlsAlert

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.ports import TlsSession

REQUIRED = "ALPN required but not negotiated"
"""The words for a session without a protocol where there must be one."""


def offered(text: str | None) -> tuple[str, ...]:
    """The protocols of the expanded option; a list of nothing offers none."""
    return tuple(name for name in list_items(text or "") if name)


def is_missing(sx: SmtpContext, session: TlsSession) -> bool:
    """Whether the session must not stand without a protocol; then the connection is closed."""
    if sx.option("tls_alpn") is None or session.alpn is not None or not sx.host_is_in("hosts_require_alpn"):
        return False
    gnutls = sx.process.profile.tls_library == GNUTLS
    sx.wire.connection.abandon(TlsAlert.NO_APPLICATION_PROTOCOL if gnutls else None)
    return True
