"""What an authenticator needs of a connection, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.process.globals import Process
from eximsim.quick_dataclass import dataclass


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


@dataclass(slots=True)
class Buffer:
    """Where replies are read into: a short one leaves there what is left of a longer one behind its end."""

    text: str = ""

    def take(self, reply: str) -> None:
        """Read a reply into it."""
        self.text = f"{reply}\0{self.text[len(reply) + 1 :]}"

    @property
    def behind_code(self) -> str:
        """What is behind the code of the last reply, even if the reply is nothing but a code."""
        return self.text[_CODE:].partition("\0")[0]


_CODE = 4
"""A code and the character behind it."""


@dataclass(frozen=True, slots=True)
class Client:
    """One authenticator at work on one connection.

    ``say`` sends a line and tells whether that worked; ``receive`` takes the first digit of a good reply.
    """

    process: Process
    authenticator: DriverInstance
    say: Callable[[str], bool]
    receive: Callable[[str], Answer]
    buffer: Buffer

    def read(self, ok_digit: str) -> Answer:
        """A reply of the server."""
        answer = self.receive(ok_digit)
        self.buffer.take(answer.text)
        return answer

    @property
    def public_name(self) -> str:
        """The mechanism: ``public_name``, or the authenticator's own name."""
        return self.authenticator.options.text("public_name") or self.authenticator.name

    def cancel(self) -> None:
        """Break the exchange off, as RFC 4954 (section 4) has it."""
        if self.say("*"):
            self.read("2")
