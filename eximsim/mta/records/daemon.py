"""A running daemon, as the machine knows it (src/daemon.c)."""

from __future__ import annotations

from dataclasses import field

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Listener:
    """One socket: an address (None: any) and a port."""

    address: str | None
    port: int


@dataclass(slots=True)
class Daemon:
    """A running daemon: its sockets, and what it and its children wrote to stderr.

    ``queue_size`` is how many messages it last counted, for good until ``counted_until`` (since the epoch).
    """

    listeners: tuple[Listener, ...]
    stderr: list[str] = field(default_factory=list)
    queue_size: int = 0
    counted_until: int = 0
