"""TLS sessions that are taken up again: what a client keeps of one, and what a server makes of it."""

from __future__ import annotations

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
