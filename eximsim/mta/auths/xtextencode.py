"""Text as a parameter of SMTP: src/auths/xtextencode.c, RFC 3461 (section 4)."""

from __future__ import annotations

import re

from eximsim.mta.base.string import octets

_XTEXT = re.compile(r"(?:[!-*,-<>-\x7f]++|\+[0-9A-Fa-f]{2})*")
_CODED = re.compile(rb"\+(..)")


def auth_xtextencode(text: str, *, strict: bool) -> str:
    """The text as xtext: what is no plain character, or is + or =, as + and two hexadecimal digits.

    These are capitals, and DEL is no plain character, if ``strict``; neither, if not.
    """
    last, digits = (126, "02X") if strict else (127, "02x")
    return "".join(
        f"+{octet:{digits}}" if not 33 <= octet <= last or octet in b"+=" else chr(octet)
        for octet in octets(text)
    )


def auth_xtextdecode(text: str) -> bytes | None:
    """What xtext stands for, None if it is none (``auth_xtextdecode()``, src/auths/xtextdecode.c)."""
    if not _XTEXT.fullmatch(text):
        return None
    return _CODED.sub(lambda found: bytes([int(found[1], 16)]), text.encode("ascii"))
