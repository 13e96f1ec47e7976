"""Addresses from outside of which a part is copied, which ends the process (src/string.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.ip_syntax import is_copied
from eximsim.mta.process.log import log_write_die

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def copy_tainted_address(process: Process, text: str, *, mask: bool = False) -> None:
    """Look at a text from outside as an address, with ``mask`` also one with a mask.

    Raises ``PanicDie`` if a part of it is copied to a place for what does not come from outside.
    """
    line = process.profile.tainted_address_line
    if line and is_copied(text, mask=mask):
        log_write_die(process, f"Taint mismatch, Ustrncpy: string_is_ip_addressX {line}\n")
