"""Headers and header lines that are too long (in ``receive_msg()``, src/receive.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.process.reception import Reception


@dataclass(frozen=True, slots=True)
class TooLong:
    """What is too long, and the limit in octets."""

    line: bool
    limit: int

    @property
    def reply(self) -> str:
        """What an SMTP client is told."""
        if self.line:
            return "552 A message header line is too long"
        return "552 Message header is ridiculously long"

    @property
    def problem(self) -> str:
        """What somebody at the command line is told."""
        what = "header line" if self.line else "header"
        return f"exim: message {what} longer than {self.limit} characters received: message not accepted\n"

    def log(self, reception: Reception) -> None:
        """Write the log line."""
        client = reception.get("sender_fullhost") or reception.get("sender_ident")
        what = "overlong message header line" if self.line else "ridiculously long message header"
        said = f"{what} received from {client} (more than {self.limit} characters): message abandoned"
        log_write(reception.process, said)


def too_long(reception: Reception, headers: Sequence[bytes]) -> TooLong | None:
    """What of the header lines comes to its limit first, as they are read; None: nothing does."""
    options = reception.process.config.main
    most, longest = options.number("header_maxsize"), options.number("header_line_maxsize")
    read = 0
    for line in headers:
        read += len(line)
        if 0 < most < read:
            return TooLong(line=False, limit=most)
        if 0 < longest < len(line):
            return TooLong(line=True, limit=longest)
    return None
