"""What processes that work side by side can know of each other.

In a world with one hand on all clocks a server goes on while its client does something else, and a delivery
while the session goes on that took the message in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


class Task(Protocol):
    """A process that was begun beside another."""

    ended: bool


class SideBySide(Protocol):
    """What has processes, whether they work side by side or one after the other."""

    @property
    def side_by_side(self) -> bool:
        """Whether processes work side by side; if not, what is begun is done before the caller goes on."""

    def spawn(self, job: Callable[[], None]) -> Task:
        """Begin a process beside the caller's; what it raises, the world's first process hears."""

    def wait(self, until: Callable[[], bool], deadline: float | None = None) -> bool:
        """Let others work until something is so, or that moment (``now()``) has come; whether it is so."""


class Link(Protocol):
    """What a server can see of a connection, and do to it, while it is at work."""

    @property
    def hung_up(self) -> bool:
        """The client has closed its side."""

    @property
    def unread(self) -> bool:
        """The client has sent something that the session has not been given."""

    def take(self) -> bytes:
        """What the client has sent and the session has not been given; it is given with that."""

    def tell(self, data: bytes) -> None:
        """Send something while other things are being done."""


@runtime_checkable
class Watching(Protocol):
    """A session that looks at its connection while it is at work."""

    def watch(self, link: Link) -> None:
        """That is it; called before ``on_connect``."""
