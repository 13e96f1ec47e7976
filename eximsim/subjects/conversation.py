"""What a server saw of one connection, in the form in which recordings keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eximsim.quick_dataclass import dataclass
from eximsim.world.smtp_server import Relay, SmtpSession, log_of

if TYPE_CHECKING:
    from eximsim.world.host import Accepted


@dataclass(frozen=True, slots=True)
class Conversation:
    """One connection to the server at ``address``: what the client said and did, in order (``events``)."""

    address: str
    events: tuple[str, ...] = ()
    sni: str | None = None
    tls: str | None = None
    """The TLS version; None if all was in clear."""
    server: str = ""
    """What a recording calls the server: its behaviour's name, or ``scripted``."""
    port: int | None = None

    def was_said(self, verb: str) -> bool:
        """Whether the client sent a command that begins with ``verb``."""
        return any(event.startswith(verb) for event in self.events)

    def as_json(self) -> dict[str, object]:
        """The object that a recording has for it."""
        place = {"port": self.port} if self.port is not None else {"server": self.server}
        return {"addr": self.address, **place, "events": list(self.events), "sni": self.sni, "tls": self.tls}


def conversation_of(accepted: Accepted) -> Conversation:
    """What was said on a connection; of one to a server that is not scripted only its place is known."""
    server = accepted.server
    if not isinstance(accepted.session, SmtpSession | Relay):
        return Conversation(server.address, port=server.port)
    log = log_of(accepted)
    server = log.server or server
    return Conversation(server.address, tuple(log.events), log.sni, log.tls, port=server.port)


def read_conversation(item: Mapping[str, Any]) -> Conversation:
    """The connection that one object of a recording describes."""
    return Conversation(
        item["addr"], tuple(item["events"]), item.get("sni"), item.get("tls"), item.get("server", "")
    )
