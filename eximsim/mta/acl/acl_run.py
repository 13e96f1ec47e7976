"""What one run of an access control list looks at and leaves behind (the types of src/acl.c)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.records.lists import ListCache
    from eximsim.mta.records.structs import Address
    from eximsim.status import Rc


class Where(Enum):
    """From where an ACL is run: Exim's name of the place, and the code of a refusal (src/globals.c)."""

    RCPT = ("RCPT", "550")
    MAIL = ("MAIL", "550")
    PREDATA = ("PREDATA", "550")
    MIME = ("MIME", "550")
    DKIM = ("DKIM", "550")
    DATA = ("DATA", "550")
    PRDR = ("PRDR", "550")
    NOTSMTP = ("non-SMTP", "0")
    AUTH = ("AUTH", "503")
    CONNECT = ("connection", "550")
    ETRN = ("ETRN", "458")
    EXPN = ("EXPN", "550")
    HELO = ("EHLO or HELO", "550")
    MAILAUTH = ("MAILAUTH", "0")
    NOTSMTP_START = ("non-SMTP-start", "0")
    NOTQUIT = ("NOTQUIT", "0")
    QUIT = ("QUIT", "0")
    STARTTLS = ("STARTTLS", "550")
    VRFY = ("VRFY", "252")
    UNKNOWN = ("unknown", "0")

    @property
    def label(self) -> str:
        """``acl_wherenames``."""
        return self.value[0]

    @property
    def code(self) -> str:
        """``acl_wherecodes``: the SMTP code of a permanent refusal."""
        return self.value[1]


IN_MESSAGE = frozenset(
    {
        *(Where.RCPT, Where.MAIL, Where.PREDATA, Where.MIME, Where.DKIM, Where.DATA, Where.PRDR),
        Where.NOTSMTP,
    }
)
"""The places where a message is under way (``<= ACL_WHERE_NOTSMTP``)."""


@dataclass(frozen=True, slots=True)
class AclResult:
    """What an ACL came to: OK, DISCARD, FAIL, DEFER or ERROR, and the two messages.

    ``drop``: the refusal ends the connection (FAIL_DROP).
    """

    rc: Rc
    user_message: str | None = None
    log_message: str | None = None
    drop: bool = False


@dataclass(slots=True)
class AclRun:
    """One run of an ACL, nested ones included: what the conditions look at and leave behind.

    ``basic_errno`` is the verification's, 0 if there was none; ``endpass`` is set once that was met.
    """

    reception: Reception
    where: Where
    address: Address | None
    level: int = 0
    user_message: str | None = None
    log_message: str | None = None
    log_is_user: bool = False
    """The log message is the user's, as there was no other (Exim compares pointers, not texts)."""
    basic_errno: int = 0
    endpass: bool = False
    drop: bool = False
    verb: str = ""
    at: tuple[str, int] | None = None
    """File and line of the verb at work, or of the last one that stood in a file."""
    place: str = ""
    """Where the verb at work stands: `` at line 3 of FILE``; empty for an inline ACL."""
    rates: dict[str, float] = field(default_factory=dict)
    """The rates that were computed for this command (``ratelimiters_cmd``)."""
    domain_cache: ListCache = field(default_factory=dict)
    local_part_cache: ListCache = field(default_factory=dict)
    nested: Callable[[AclRun, str], Rc] | None = None
    """Runs the ACL of an ``acl`` condition in this same run."""

    @property
    def process(self) -> Process:
        """The process that runs the ACL."""
        return self.reception.process

    def trace(self, text: str) -> None:
        """One line of the host-check trace."""
        self.process.hdebug(text, indented=True)


_ADD_AT = (":after_received:", ":at_start_rfc:", ":at_start:", ":at_end:")


def setup_header(reception: Reception, text: str) -> None:
    """Remember header lines for the message, each once; text without a name becomes X-ACL-Warn.

    Source: setup_header(), src/acl.c.
    """
    text = text.lstrip("\n")
    if not text:
        return
    added = reception.envelope.added_headers
    for line in _header_lines(text.rstrip("\n") + "\n"):
        place = next((mark for mark in _ADD_AT if line.lower().startswith(mark)), ":at_end:")
        if line.lower().startswith(place):
            line = line[len(place) :].lstrip(" \t")
        size = 0
        while size < len(line) - 1 and line[size] != ":" and "!" <= line[size] <= "~":
            size += 1
        if line[size : size + 1] != ":":
            line = f"X-ACL-Warn: {line}"
        if (place, line) not in added:
            added.append((place, line))
    shown = (line.removesuffix("\n").replace("\n", "\n\n") for _, line in added)
    reception.set("headers_added", "\n".join(shown))


def _header_lines(text: str) -> list[str]:
    """Header lines with their continuations."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if lines and line[0] in " \t":
            lines[-1] += line
        else:
            lines.append(line)
    return lines
