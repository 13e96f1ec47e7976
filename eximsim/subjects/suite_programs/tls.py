"""What the test suite's programs want of a TLS library."""

from __future__ import annotations

import sys


class CannotSetUp(Exception):
    """There is no session to be had; what to print, and the exit code."""

    def __init__(self, text: str, code: int) -> None:
        self.text, self.code = text, code
        super().__init__(text)


class Ended(Exception):
    """TLS is over by an error, of which the library has told.

    ``broken``: so is the connection, by the system error ``number``; else it goes on without TLS.
    """

    def __init__(self, *, broken: bool, number: int = 0) -> None:
        self.broken, self.number = broken, number
        super().__init__(number)


class Session:
    """One end of a session, on a socket by its number."""

    pause_is_fatal = True
    """Whether a client that has waited in vain ends, once TLS has begun."""

    def start(self, socket: int, *, serving: bool = False) -> bool:
        """Shake hands; whether that has come to an end. What went wrong is printed."""
        raise NotImplementedError

    def receive(self, most: int) -> bytes:
        """Some octets, none at the end; raises ``Ended``."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """Send octets; raises ``OSError``, or ``CannotSetUp`` to end the program."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the session; the connection goes on."""
        raise NotImplementedError


def report(text: str) -> None:
    """Print, without an end of line of its own."""
    sys.stdout.write(text)
