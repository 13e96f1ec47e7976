"""A call to a host that is left open after a message, and the TLS session on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.records.structs import HostItem
    from eximsim.ports import Connection, TlsSession


@dataclass(frozen=True, slots=True)
class ClientTls:
    """A session that was set up: what the log shows of it."""

    session: TlsSession
    cv: str
    peerdn: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server says of itself with the extension LIMITS (RFC 9422); 0 for nothing."""

    mail: int = 0
    recipients: int = 0
    domains: int = 0


@dataclass(slots=True)
class SerializedCall:
    """The work of a transport's process ``pid``, ``begun`` at that time, with a host of serialize_hosts."""

    pid: int
    begun: float
    since: float
    until: float
    may_be_over: bool = False
    """A delivery that had as many processes as it may have has waited for one of them."""
    kept_out: set[int] = field(default_factory=set)
    """The processes that have passed over the host for that."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call that is left open after a message, for the next one (``continue_hostname`` and its kin).

    ``next_id`` is the message that waits for it, None if it is for more recipients of the same message.
    ``sequence`` counts the messages on the connection, this one included; it is 1 if a callout has opened it.
    ``unread`` is what has arrived and was not read.
    """

    transport: str
    host_name: str
    host_address: str
    connection: Connection
    unread: bytes
    features: frozenset[str]
    tls: ClientTls | None
    dane: bool
    sni: str | None
    sequence: int
    next_id: str | None
    limits: Limits = Limits()
    authenticated: bool = False
    """The server knows who is calling (``smtp_authenticated``)."""
    proxy: Mapping[str, str] = field(default_factory=dict)
    """What ``$proxy_...`` tell of the SOCKS proxy that the call goes through."""

    def is_to(self, host: HostItem) -> bool:
        """Whether the call is to this host at this address."""
        return (self.host_name, self.host_address) == (host.name, host.address)
