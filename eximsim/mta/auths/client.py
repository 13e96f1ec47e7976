"""What an authenticator needs of a connection, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.process.globals import Process


class Answer(Protocol):
    """A reply of the server: ``ok`` if it begins as was asked, ``errno`` 0 if it came and was well-formed."""

    @property
    def ok(self) -> bool:
        """Whether the first digit is the one asked for."""

    @property
    def text(self) -> str:
        """All lines, with their codes."""

    @property
    def errno(self) -> int:
        """Why there is none."""


class Result(Enum):
    """What an authenticator's client function returns (src/auths/README)."""

    OK = "authenticated"
    FAIL = "refused, or the connection failed"
    FAIL_SEND = "the connection was lost while sending"
    CANCELLED = "given up by the authenticator"
    ERROR = "a problem of the configuration"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended: ``text`` is the server's reply, or what went wrong."""

    result: Result
    text: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """One authenticator at work on one connection.

    ``say`` sends a line and tells whether that worked; ``read`` takes the first digit of a good reply.
    """

    process: Process
    authenticator: DriverInstance
    say: Callable[[str], bool]
    read: Callable[[str], Answer]

    @property
    def public_name(self) -> str:
        """The mechanism: ``public_name``, or the authenticator's own name."""
        return self.authenticator.options.text("public_name") or self.authenticator.name

    def cancel(self) -> None:
        """Break the exchange off, as RFC 4954 (section 4) has it."""
        if self.say("*"):
            self.read("2")
