"""The MIME part that an ACL looks at, and what was decoded of the message."""

from __future__ import annotations

from dataclasses import field

from eximsim.mta.base.mime import Stream
from eximsim.quick_dataclass import dataclass


@dataclass(slots=True)
class Scan:
    """A message that is scanned: its ``text``, its decoded ``files``, and the part at hand.

    ``text`` is what scanners get: envelope, header lines as they were at first, and body. ``files`` are in
    ``folder``, by name. ``stream`` stands behind the header of the part, which ends at ``boundary``; None
    between parts.
    """

    folder: str
    message_id: str
    text: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    stream: Stream | None = None
    boundary: bytes | None = None
