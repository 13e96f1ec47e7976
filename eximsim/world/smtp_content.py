"""The content of a message as it comes in after DATA, in any pieces (RFC 5321, 4.5.2)."""

from __future__ import annotations

import re

from eximsim.quick_dataclass import dataclass

MAX_MESSAGE = 64 << 20
"""A longer message, in octets, is too big."""

_LONG_LINE = 65536
"""Octets of a line that are taken before its end has come."""
_END = re.compile(rb"^\.\r?\n", re.MULTILINE)
_FIRST_DOT = re.compile(rb"^\.", re.MULTILINE)
_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the server took: envelope as the client wrote it, content with CRLF, dots undone."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


class Content:
    """Takes a message, in chunks, or up to the line with a single dot; a line may end with LF alone.

    ``size`` counts the octets as they came. Without ``keep`` the content is forgotten as it comes.
    """

    def __init__(self, *, keep: bool) -> None:
        self.size = 0
        self._keep = keep
        self._parts: list[bytes] = []
        self._in_line = False

    def take(self, buffer: bytearray) -> bool:
        """Take what can be taken off a buffer; whether the message is over."""
        end = _END.search(buffer, int(self._in_line))
        whole = end.start() if end else buffer.rfind(b"\n") + 1
        if not whole and end is None and len(buffer) > _LONG_LINE:
            whole = len(buffer) - 1  # the last octet may be the first half of the line's end
        self._append(bytes(buffer[:whole]))
        del buffer[: end.end() if end else whole]
        return end is not None

    @property
    def too_big(self) -> bool:
        """Whether more has come than anybody should send."""
        return self.size > MAX_MESSAGE

    def add(self, part: bytes) -> None:
        """Take octets as they are: a chunk has neither dots to undo nor an end to be found."""
        self.size += len(part)
        if self._keep:
            self._parts.append(part)

    def octets(self) -> bytes:
        """The content so far: lines end with CRLF, dots are undone."""
        return b"".join(self._parts)

    def _append(self, part: bytes) -> None:
        if not part:
            return
        self.size += len(part)
        begun, self._in_line = self._in_line, not part.endswith(b"\n")
        if self._keep:
            rest_of_line, newline, lines = part.partition(b"\n") if begun else (b"", b"", part)
            undotted = rest_of_line + newline + _FIRST_DOT.sub(b"", lines)
            self._parts.append(_LINE_END.sub(b"\r\n", undotted))
