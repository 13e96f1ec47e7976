"""Text as a parameter of SMTP: src/auths/xtextencode.c, RFC 3461 (section 4)."""

from __future__ import annotations

from eximsim.mta.base.string import octets


def auth_xtextencode(text: str) -> str:
    """The text as xtext: what is no plain character, or is + or =, as + and two hexadecimal digits."""
    return "".join(
        f"+{octet:02X}" if not 33 <= octet <= 126 or octet in b"+=" else chr(octet) for octet in octets(text)
    )
