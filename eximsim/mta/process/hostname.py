"""What this host is called, and what is put to a local part without a domain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.process.upward import expand_string

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def primary_hostname(process: Process) -> str:
    """The name of this host: ``primary_hostname``, else what the machine says."""
    return process.config.main.text("primary_hostname") or process.machine.hostname


def qualify_domain(process: Process, *, is_recipient: bool) -> str:
    """The domain that unqualified senders, or recipients, are given."""
    options = process.config.main
    name = options.text("qualify_recipient") if is_recipient else None
    return name or options.text("qualify_domain") or primary_hostname(process)


_MOST_HOSTS = 16
"""``LOCALHOST_MAX`` where file names tell capitals from small letters."""

_NUMBER = re.compile(r"\s*[+-]?(0[xX][0-9a-fA-F]+|\d+)\s*", re.ASCII)


def local_host_number(process: Process) -> int | None:
    """The number that localhost_number gives this host; None if it is not set. Source: src/readconf.c."""
    text = process.config.main.text("localhost_number")
    if text is None:
        return None
    value = expand_string(process, text)
    found = _NUMBER.fullmatch(value)
    number = -1
    if found is not None:
        digits = found[1]
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        number = int(digits, 8) if octal and not set("89") & set(digits) else int(digits, 10 if octal else 0)
    if not 0 <= number <= _MOST_HOSTS or "-" in value:
        raise Unsupported(f"localhost_number = {value}", *process.config.main.where("localhost_number"))
    return number
