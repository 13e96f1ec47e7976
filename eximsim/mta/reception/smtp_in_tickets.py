"""Resuming TLS sessions as a server: tls_resumption_hosts, and the keys of tickets (src/tls-openssl.c)."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.records.process_parts import TicketKey
from eximsim.mta.transports.tls_resume import REQUESTED, SUGGESTED, SUPPORTED, TICKET, USED
from eximsim.quick_dataclass import dataclass
from eximsim.resumption import Resumption, Tickets, TlsTicket

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.smtp_session import SmtpSession
    from eximsim.ports import TlsSession

_LIFETIME, _WHEN_TESTED = 7200, 10
"""How long a session can be taken up, in seconds."""


def renew_keys(daemon: Process) -> None:
    """A daemon makes another key if the last one is half-way through. Source: tk_init()."""
    now = int(daemon.world.now())
    keys = daemon.ticket_keys
    if keys and keys[0].renew >= now:
        return
    life = _lifetime(daemon)
    number = keys[0].number + 1 if keys else next(_NUMBERS)
    daemon.ticket_keys = (TicketKey(number, now + life // 2, now + life), *keys[:1])


_NUMBERS = count(0, 1_000_000)
"""Where the keys of each daemon begin, so that none opens the tickets of another."""


def _lifetime(process: Process) -> int:
    return _WHEN_TESTED if process.machine.test_harness else _LIFETIME


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What is in a ticket: the key, and the session as the server saw it."""

    key: int
    session: TlsSession


@dataclass(frozen=True, slots=True)
class ServerTickets:
    """How one session of a server resumes (``ports.Tickets``). Source: ticket_key_callback()."""

    session: SmtpSession

    def opened(self, ticket: TlsTicket) -> Resumption:
        """See ``ports.Tickets``."""
        _flag(self.session, SUGGESTED)
        sealed, now = ticket.sealed, int(self.session.process.world.now())
        number = sealed.key if isinstance(sealed, _Sealed) else None
        key = next((one for one in self.session.process.ticket_keys if one.number == number), None)
        if key is None or key.expire < now:
            return Resumption.NO
        if self.session.process.machine.test_harness and abs(now - key.renew) <= 1:
            raise Unsupported("a ticket offered as its key is renewed: that hangs on how fast a machine is")
        return Resumption.RENEWED if key.renew < now else Resumption.YES

    def resumed(self, ticket: TlsTicket) -> TlsSession:
        """See ``ports.Tickets``."""
        assert isinstance(ticket.sealed, _Sealed)
        return ticket.sealed.session

    def issued(self, served: TlsSession, seen: TlsSession) -> TlsTicket | None:
        """See ``ports.Tickets``."""
        process = self.session.process
        _flag(self.session, REQUESTED)
        if not process.ticket_keys:
            return None
        sealed = _Sealed(process.ticket_keys[0].number, replace(served, resumed=False))
        return TlsTicket(replace(seen, resumed=False), _lifetime(process), sealed)


@dataclass(frozen=True, slots=True)
class GnutlsTickets:
    """The same with GnuTLS, whose key is the process's own. Source: tls_server_ticket_cb(), src/tls-gnu.c."""

    session: SmtpSession

    def opened(self, ticket: TlsTicket) -> Resumption:
        """See ``ports.Tickets``."""
        raise self._not_modelled()

    def resumed(self, ticket: TlsTicket) -> TlsSession:
        """See ``ports.Tickets``."""
        raise self._not_modelled()

    def _not_modelled(self) -> Unsupported:
        where = self.session.process.config.main.where("tls_resumption_hosts")
        return Unsupported("a TLS session that is taken up again with GnuTLS", *where)

    def issued(self, served: TlsSession, seen: TlsSession) -> TlsTicket:
        """See ``ports.Tickets``."""
        _flag(self.session, REQUESTED)
        return TlsTicket(replace(seen, resumed=False), _LIFETIME, served)


def begin(session: SmtpSession) -> Tickets | None:
    """The tickets for a client that is in tls_resumption_hosts, None for others."""
    process = session.process
    if not process.profile.tls_resumption_asked:
        return None
    session.resumption = SUPPORTED
    if not session.client_in("tls_resumption_hosts"):
        return None
    session.resumption |= TICKET
    return GnutlsTickets(session) if process.profile.tls_library == GNUTLS else ServerTickets(session)


def started(session: SmtpSession, tls: TlsSession) -> None:
    """The handshake is complete."""
    if session.resumption:
        _flag(session, USED if tls.resumed else 0)
        session.process.variables["tls_in_resumption"] = str(session.resumption)


def _flag(session: SmtpSession, flag: int) -> None:
    session.resumption |= flag
