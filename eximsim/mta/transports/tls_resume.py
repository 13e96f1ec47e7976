"""Resuming TLS sessions as a client: tls_resumption_hosts (src/tls.c, src/tls-openssl.c, src/tls-gnu.c)."""

from __future__ import annotations

from dataclasses import field
from hashlib import sha256
from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.records.hints import TlsRecord
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.ports import TlsSession
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
    key: str | None = None
    """Under what a session is kept; None: none is, or none will be found again."""
    flags: int = SUPPORTED
    offered: TlsRecord | None = None
    came: list[TlsTicket] = field(default_factory=list)

    def status_is_known(self) -> bool:
        """Whether a resumed session has a good OCSP response, from when it was new."""
        return self.offered is not None and self.offered.ocsp == _VERIFIED

    @property
    def asks(self) -> bool:
        """Whether the server is asked for a ticket: GnuTLS does that in any case."""
        return bool(self.flags & REQUESTED) or self.sx.process.profile.tls_library == GNUTLS

    def settle(self, session: TlsSession, *, verified: bool, overridden: bool) -> None:
        """The handshake is done: keep the last ticket, and say how it went."""
        process = self.sx.process
        seen = session.ticket and (self.flags & REQUESTED or process.profile.tls_library == GNUTLS)
        self.flags |= (USED if session.resumed else 0) | (TICKET if seen else 0)
        if self.key is not None and self.came:
            now, ocsp = process.world.now(), process.variables.get("tls_out_ocsp", "0")
            process.machine.hints.tls[self.key] = TlsRecord(self.came[-1], verified, overridden, ocsp, now)
        self.show(self.flags)

    def show(self, flags: int) -> None:
        """Set ``$tls_out_resumption``, where a release has it."""
        if self.sx.process.profile.tls_resumption_asked:
            self.sx.process.variables["tls_out_resumption"] = str(flags)


_VERIFIED = "4"


def prepare(sx: SmtpContext, sni: str | None, ciphers: str | None) -> Resuming:
    """See whether the host is in tls_resumption_hosts, and what is kept of an earlier session with it."""
    resuming = Resuming(sx)
    if sx.process.profile.tls_resumption_asked and sx.host_is_in("tls_resumption_hosts"):
        _look_up(resuming, sni, ciphers)
    resuming.show(resuming.flags)
    return resuming


def _look_up(resuming: Resuming, sni: str | None, ciphers: str | None) -> None:
    sx = resuming.sx
    process, profile = sx.process, sx.process.profile
    if not profile.tls_resumption_key_whole:
        resuming.key = sx.host.address
    elif (balancer := _balancer(sx)) is None:
        return
    elif not sx.dane:  # with the TLSA answer as it came, random number and all, no key comes twice
        resuming.key = _whole_key(sx, balancer, sni, ciphers)
    resuming.flags |= REQUESTED
    records, now = process.machine.hints.tls, int(process.world.now())
    record = None if resuming.key is None else records.get(resuming.key)
    if record is None:
        return
    expired = int(record.time_stamp) + record.ticket.lifetime < now
    if expired and profile.tls_library != GNUTLS:
        assert resuming.key is not None
        del records[resuming.key]
        return
    resuming.offered = record
    resuming.flags |= SUGGESTED


def _whole_key(sx: SmtpContext, balancer: str, sni: str | None, ciphers: str | None) -> str:
    process = sx.process
    options = process.config.main.text("openssl_options")
    own = process.variables.get("sending_ip_address")
    address, alpn = sx.host.address or "", sx.option("tls_alpn")
    port = sx.host.port.to_bytes(4, "little")
    settings = "".join(text or "" for text in (own, options, ciphers, sni, alpn))
    return sha256(octets(balancer + address) + port + octets(settings)).hexdigest()


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
