"""Connections that the kernel has made for a server that never takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eximsim.ports import Action, Close, Endpoint, TlsSession, Wait


class UnservedSession:
    """A ``Session`` in which nothing happens for a while, until the kernel resets it as its server is gone.

    ``waits`` are the times that pass until then, in seconds.
    """

    def __init__(self, waits: Iterable[float]) -> None:
        self._waits = waits

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterator[Action]:
        """See ``Session``."""
        for seconds in self._waits:
            yield Wait(seconds)
        yield Close(reset=True)

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``Session``."""
        return ()

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``Session``; there is no TLS."""
        return ()

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``Session``."""
        return ()

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``Session``."""
        return (Close(),)

    def on_close(self) -> None:
        """See ``Session``."""
