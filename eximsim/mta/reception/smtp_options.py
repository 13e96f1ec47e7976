"""The options behind the addresses of MAIL and RCPT, as they are taken off (src/smtp_in.c)."""

from __future__ import annotations

from eximsim.mta.base.string import SPACES


def extract_option(text: str) -> tuple[str, str, str] | None:
    """The last ``NAME=value`` or word of a command's data: what is before it, name, value.

    None if there is none. Source: extract_option(), src/smtp_in.c.
    """
    text = text.rstrip(SPACES)
    at = len(text) - 1
    while at > 0 and text[at] != "=" and text[at] not in SPACES:
        if text[at] == '"':
            at = text.rfind('"', 0, at)
            if at <= 0:
                return None
        at -= 1
    if at < 0:
        return None
    if text[at] == "=":
        start = at
        while start > 0 and text[start - 1].isascii() and text[start - 1].isalpha():
            start -= 1
        if start == 0 or text[start - 1] not in SPACES:
            return None
        return text[: start - 1], text[start:at], text[at + 1 :]
    if at == 0:
        return None
    return text[:at], text[at + 1 :], ""


def put_back(text: str, before: str, name: str) -> str:
    """The data of RCPT with what is no option after all: a blank before a word without a sign becomes one."""
    rest = text.rstrip(SPACES)[len(before) + 1 :]
    return f"{before}={name}" if rest == name else f"{before} {rest}"
