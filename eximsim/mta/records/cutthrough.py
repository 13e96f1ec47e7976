"""The call of a callout that stays open for what comes after it (``cutthrough`` of src/verify.c)."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.records.open_call import OpenCall
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.ports import Connection


class Said(Protocol):
    """A reply, as far as it matters here."""

    @property
    def ok(self) -> bool:
        """It is what was asked for."""

    @property
    def text(self) -> str:
        """Its lines."""

    @property
    def errno(self) -> int:
        """Why it could not be read, 0 if it could."""


class Wire(Protocol):
    """The dialogue on the open call."""

    connection: Connection
    command: str
    log: list[str]
    held: bytes
    closed: bool
    reset: bool
    send_errno: int

    def write(self, command: str, *, buffer: bool = False) -> int:
        """Say a command; -1 if the connection is lost."""

    def send(self, data: bytes) -> bool:
        """Send octets; False if the connection is lost."""

    def read(self, ok_digit: str, timeout: float) -> Said:
        """Read one reply."""


@dataclass(slots=True)
class HeldCall:
    """A host that has accepted ``addrs`` (the last first) from ``sender``, and has not been told QUIT."""

    wire: Wire
    host: HostItem
    interface: str | None
    sender: str
    addrs: list[Address] = field(default_factory=list)
    over_tls: bool = False
    handed_on: Callable[[], OpenCall] | None = None
    """The call as a delivery takes it over."""
    pending: int = 0
    """How many octets could not be sent over TLS; the library still has them."""
    reset: bool = False
    """The host has reset the connection, which has been noticed."""


@dataclass(slots=True)
class Cutthrough:
    """What ``control = cutthrough_delivery`` asks for, and the call that serves it, if there is one."""

    delivery: bool = False
    """The message is to go on to its recipients' host while it comes in."""
    defer_pass: bool = False
    """What that host puts off is put off here, too."""
    transport_sender: bool = False
    """The host is told the sender as the transport would change it."""
    call: HeldCall | None = None
    named: int = 0
    """How many recipients a host has been told."""
    hold_only: bool = False
    """The call is held for more recipients and for the delivery after the reception."""

    @property
    def sends(self) -> HeldCall | None:
        """The call that the message goes down."""
        return self.call if self.delivery else None
