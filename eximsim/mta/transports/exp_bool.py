"""Boolean options of a transport that may be text to expand (``exp_bool()``, src/expand.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


def exp_bool(process: Process, addr: Address, transport: DriverInstance, option: str) -> bool | None:
    """The option's value; None, with ``addr.message``, for an error. A forced failure is the default, yes."""
    text = transport.options.text(option)
    if text is None:
        return transport.options.flag(option)
    try:
        expanded = expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return True
        addr.message = f'failed to expand "{option}" in {transport.name} transport: {failed.message}'
        return None
    word = expanded.lower()
    if word not in ("true", "yes", "false", "no"):
        what = f'is not a valid value for the "{option}" option in the {transport.name} transport'
        addr.message = f'"{expanded}" {what}'
        return None
    return word in ("true", "yes")
