"""What a server's session (``ports.Session``) may be able to do besides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from eximsim.ports import Action


@runtime_checkable
class TimedSession(Protocol):
    """A session that gives a silent client up."""

    def deadline(self) -> float | None:
        """When (``World.now()``), None if never."""

    def on_deadline(self) -> Iterable[Action]:
        """That moment has come."""


@runtime_checkable
class Minding(Protocol):
    """A session that minds what a client sends before it has been greeted."""

    def on_early_data(self, data: bytes) -> Iterable[Action] | None:
        """Data has come before the greeting was sent; what is sent in its stead, None if the client may."""


@runtime_checkable
class GoingOn(Protocol):
    """A session that goes on in clear when the client has closed TLS."""

    def on_tls_end(self) -> Iterable[Action]:
        """TLS is closed, by both sides."""
