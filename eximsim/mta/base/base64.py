"""Base 64 as Exim reads it (src/base64.c)."""

from __future__ import annotations

import base64
import re

_WHITE = re.compile(rb"[ \t\n\v\f\r]+")
_CODED = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def b64decode(text: bytes) -> bytes | None:
    """What ``text`` codes; None if it is malformed. White space is ignored. Source: b64decode()."""
    coded = _WHITE.sub(b"", text.partition(b"\0")[0])
    return base64.b64decode(coded) if _CODED.fullmatch(coded) else None


def b64encode(data: bytes) -> bytes:
    """``data`` on one line. Source: b64encode()."""
    return base64.b64encode(data)
