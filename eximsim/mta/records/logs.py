"""What a process knows of its logs, and what the reject log shows of a message (src/log.c)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What one process knows about its logs: the selectors that are on, and the three paths.

    ``day`` is the one that the paths are about, if they have a date in them. ``not_ours``: the process is
    neither root's nor Exim's, and what it cannot log goes to stderr.
    """

    selectors: frozenset[str]
    main: str | None
    reject: str | None
    panic: str | None
    reject_enabled: bool
    zone: bool
    day: str = ""
    syslog: bool = False
    not_ours: bool = False


class DebugLog(list[str]):
    """A debug log, whose lines are not modelled; ``pid``: the process that writes it, 0 if none does."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Rejected:
    """The part of a message that the reject log shows after a rejection: envelope and header lines.

    ``headers`` are ``(type letter, text with its newline)``.
    """

    sender: str
    recipients: Sequence[str]
    headers: Sequence[tuple[str, str]]

    def lines(self) -> Iterator[str]:
        """The lines of the dump; at most five recipients are named."""
        if self.recipients:
            yield f"Envelope-from: <{self.sender}>"
            yield f"Envelope-to: <{self.recipients[0]}>"
            for recipient in self.recipients[1:5]:
                yield f"    <{recipient}>"
            if len(self.recipients) > 5:
                yield "    ..."
        for kind, text in self.headers:
            yield from f"{kind} {text}".removesuffix("\n").split("\n")
