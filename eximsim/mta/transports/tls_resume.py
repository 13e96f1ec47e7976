"""Resuming TLS sessions as a client: tls_resumption_hosts (src/tls.c, src/tls-openssl.c).

Of GnuTLS, what a new session is when it may be taken up later.
"""

from __future__ import annotations

from dataclasses import field
from hashlib import sha256
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import octets
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.records.hints import TlsRecord
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.resumption import TlsTicket

SUPPORTED, REQUESTED, SUGGESTED, TICKET, USED = (1 << bit for bit in range(5))
"""Flags of ``$tls_in_resumption`` and ``$tls_out_resumption``: can be done; the client asks for a ticket; it
offers a session; the server gives tickets; the session was taken up."""

_BEHIND_BALANCER = r"${if and {{match{$host}{.outlook.com\$}} {match{$item}{\N^250-([\w.]+)\s\N}}} {$1}}"
"""host_name_extract where it is not set."""


@dataclass(slots=True)
class Resuming:
    """One handshake: the session that is offered, and the tickets that came."""

    sx: SmtpContext
    key: str | None
    """Under what a session is kept; None: none is."""
    flags: int = SUPPORTED
    offered: TlsRecord | None = None
    came: list[TlsTicket] = field(default_factory=list)

    def status_is_known(self) -> bool:
        """Whether a resumed session has a good OCSP response, from when it was new."""
        return self.offered is not None and self.offered.ocsp == _VERIFIED

    def settle(self, *, resumed: bool, verified: bool, overridden: bool) -> None:
        """The handshake is done: keep the last ticket, and say how it went."""
        self.flags |= (USED if resumed else 0) | (TICKET if self.came else 0)
        process = self.sx.process
        if self.key is not None and self.came:
            now, ocsp = process.world.now(), process.variables.get("tls_out_ocsp", "0")
            process.machine.hints.tls[self.key] = TlsRecord(self.came[-1], verified, overridden, ocsp, now)
        process.variables["tls_out_resumption"] = str(self.flags)


_VERIFIED = "4"


def prepare(sx: SmtpContext, sni: str | None, ciphers: str | None) -> Resuming:
    """See whether the host is in tls_resumption_hosts, and what is kept of an earlier session with it."""
    process, profile = sx.process, sx.process.profile
    if not profile.tls_resumption_asked or not sx.host_is_in("tls_resumption_hosts"):
        return Resuming(sx, None)
    where = sx.transport.options.where("tls_resumption_hosts")
    gnutls = profile.tls_library == GNUTLS
    if not profile.tls_resumption_key_whole:
        raise Unsupported("TLS session resumption before 4.96", *where)
    if sx.dane and not gnutls:
        raise Unsupported("TLS session resumption with DANE", *where)
    balancer = _balancer(sx)
    if balancer is None:
        return Resuming(sx, None)
    options = process.config.main.text("openssl_options")
    own = process.variables.get("sending_ip_address")
    address, alpn = sx.host.address or "", sx.option("tls_alpn")
    port = sx.host.port.to_bytes(4, "little")
    settings = "".join(text or "" for text in (own, options, ciphers, sni, alpn))
    key = sha256(octets(balancer + address) + port + octets(settings)).hexdigest()
    resuming = Resuming(sx, key, SUPPORTED | REQUESTED)
    records, now = process.machine.hints.tls, int(process.world.now())
    record = records.get(key)
    if record is not None and gnutls:
        raise Unsupported("a TLS session that is taken up again with GnuTLS", *where)
    if record is not None and int(record.time_stamp) + record.ticket.lifetime < now:
        del records[key]
    elif record is not None:
        resuming.offered = record
        resuming.flags |= SUGGESTED
    return resuming


def _balancer(sx: SmtpContext) -> str | None:
    """Which of several servers behind one address this seems to be; None if that was not looked at."""
    text = sx.option("host_name_extract")
    if sx.smtps:
        if not sx.process.profile.tls_resumption_on_connect:
            return None
        text = "never-LB" if text is None else text
    elif sx.sequence > 1:
        return None
    try:
        with sx.process.setting(item=sx.reply.text):
            return expand(sx.process, _BEHIND_BALANCER if text is None else text)
    except ExpansionFailed:
        return ""
