"""Small things that a process keeps: how its client is told, the resolver, a lost session, the reject log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eximsim.mta.records.structs import HostItem
from eximsim.quick_dataclass import dataclass


@dataclass(slots=True)
class Flushing:
    """How a client is told what is due before the server takes its time, and whether it is."""

    flush: Callable[[], None] = lambda: None
    before_delay: bool = True
    """Nobody has said ``control = no_delay_flush``."""
    before_callout: bool = True
    """Nobody has said ``control = no_callout_flush``."""


@dataclass(slots=True)
class Resolver:
    """The resolver's flags as ``dns_init()`` leaves them; at first they are the C library's own.

    ``deciding_again`` is set while dns_again_means_nonexist is searched, which may ask the DNS itself.
    """

    qualify_single: bool = True
    search_parents: bool = True
    dnssec: bool = False
    deciding_again: bool = False
    name_checked: str | None = None
    """While ``@mx_any`` or its kin asks: what dns_check_names_pattern has matched last, ``$0`` later."""

    @property
    def options(self) -> tuple[bool, bool, bool]:
        """What the negative cache keeps apart."""
        return self.qualify_single, self.search_parents, self.dnssec


@dataclass(frozen=True, slots=True)
class LostSession:
    """A TLS session whose connection was lost, but which the process still holds to be active.

    What is sent to the descriptor of the lost connection goes through the session. ``socket_reused``: the
    connection after it has got that descriptor. ``log_open``: the main log was open when the connection was
    lost; if it is opened between the two, it gets the descriptor.
    """

    log_open: bool
    socket_reused: bool = True


@dataclass(frozen=True, slots=True)
class TicketKey:
    """A key with which a daemon seals the tickets of TLS sessions (``exim_stek``).

    From ``renew`` on (seconds since the epoch) there is another for new ones; after ``expire`` it opens none.
    """

    number: int
    renew: int
    expire: int


@dataclass(frozen=True, slots=True)
class RejectLog:
    """The reject log of one process, as far as a stray ``close(0)`` can do it harm."""

    stdin_closed: bool = False
    """Some code has closed descriptor 0, which it never opened."""
    open: bool = False
    """The reject log has been written."""
    is_stdin: bool = False
    """It was opened after that, and so has descriptor 0."""
    lost: bool = False
    """And then descriptor 0 was closed once more."""


@dataclass(slots=True)
class Asking:
    """How far the callout that is under way has come: its hosts, and how many of them it is through with.

    ``start`` is when it began (seconds since the epoch): each host but the first is asked only if not too
    much time has passed.
    """

    hosts: Sequence[HostItem]
    start: float
    through: int = 0

    @property
    def at_last(self) -> bool:
        """Whether its last host's turn has come."""
        return self.through + 1 >= len(self.hosts)
