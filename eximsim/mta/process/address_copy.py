"""Addresses from outside of which a part is copied, which ends the process (src/string.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.ip_syntax import is_copied
from eximsim.mta.process.log import log_write_die
from eximsim.switch_values import IpSyntax

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


_LINE = 108
"""Where src/string.c of 4.96.2 copies it."""


def copy_tainted_address(process: Process, text: str, *, mask: bool = False) -> None:
    """Look at a text from outside as an address, with ``mask`` also one with a mask.

    Raises ``PanicDie`` if a part of it is copied to a place for what does not come from outside.
    """
    if process.profile.ip_syntax is IpSyntax.COPIED and is_copied(text, mask=mask):
        log_write_die(process, f"Taint mismatch, Ustrncpy: string_is_ip_addressX {_LINE}\n")
