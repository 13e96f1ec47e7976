"""The message as a file or a command gets it: between a prefix and a suffix, maybe as batched SMTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.string import octets
from eximsim.mta.transports.message_text import Writing, local_message
from eximsim.mta.transports.transport import transport_rcpt_address
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

MBOX_PREFIX = "From ${if def:return_path{$return_path}{MAILER-DAEMON}} ${tod_bsdinbox}\n"
"""What is written before a message, unless message_prefix says something else."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the message; with ``recipients`` it is between the commands of batched SMTP."""

    prefix: bytes = b""
    suffix: bytes = b""
    recipients: Sequence[Address] | None = None


def written_text(
    process: Process, transport: DriverInstance, addrs: list[Address], writing: Writing, frame: Frame
) -> bytes:
    """All that is written; its size is the process's ``transport_count``. Raises ``ExpansionFailed``."""
    end = b"\r\n" if writing.crlf else b"\n"
    envelope = dot = b""
    if frame.recipients is not None:
        affixes = transport.options.flag("rcpt_include_affixes")
        lines = [
            f"MAIL FROM:<{process.return_path}>",
            *(
                f"RCPT TO:<{transport_rcpt_address(one, include_affixes=affixes)}>"
                for one in frame.recipients
            ),
            "DATA",
        ]
        envelope, dot = b"".join(octets(line) + end for line in lines), b"." + end
    body = local_message(process, transport, addrs, writing)
    written = frame.prefix + envelope + body + frame.suffix + dot
    process.transport_count = len(written)
    return written
