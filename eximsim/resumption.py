"""TLS sessions that are taken up again: what a client keeps of one, and what a server makes of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.ports import TlsSession


@dataclass(frozen=True, slots=True)
class TlsTicket:
    """What a client keeps of a session, to offer it another time.

    ``session`` as the client saw it; ``lifetime``: for so many seconds, as the server says. ``sealed`` is the
    server's own.
    """

    session: TlsSession
    lifetime: int
    sealed: object


class Resumption(Enum):
    """What a server makes of a session that it is offered."""

    NO = "a new one"
    YES = "that one"
    RENEWED = "that one, with another ticket"


class Tickets(Protocol):
    """How a server resumes sessions (RFC 5077; RFC 8446, section 2.2)."""

    def opened(self, ticket: TlsTicket) -> Resumption:
        """A client has offered a session."""

    def resumed(self, ticket: TlsTicket) -> TlsSession:
        """That session, as the server saw it."""

    def issued(self, served: TlsSession, seen: TlsSession) -> TlsTicket | None:
        """A ticket for a session, as the server and as the client sees it; None if none can be made."""


@dataclass(frozen=True, slots=True)
class LastingTickets:
    """A server that resumes whatever it has given a ticket for: OpenSSL's default.

    ``server`` says which servers open each other's tickets. With TLS 1.3 each session brings a new ticket.
    """

    server: Hashable

    def opened(self, ticket: TlsTicket) -> Resumption:
        """See ``Tickets``."""
        sealed = ticket.sealed
        known = isinstance(sealed, _Sealed) and sealed.server == self.server
        return Resumption.RENEWED if known else Resumption.NO

    def resumed(self, ticket: TlsTicket) -> TlsSession:
        """See ``Tickets``."""
        assert isinstance(ticket.sealed, _Sealed)
        return ticket.sealed.session

    def issued(self, served: TlsSession, seen: TlsSession) -> TlsTicket:
        """See ``Tickets``."""
        sealed = _Sealed(self.server, replace(served, resumed=False))
        return TlsTicket(replace(seen, resumed=False), _LIFETIME, sealed)


_LIFETIME = 7200
"""For how long OpenSSL lets a session be taken up, in seconds."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What is in a ticket: who gave it, and the session as the server saw it."""

    server: Hashable
    session: TlsSession
