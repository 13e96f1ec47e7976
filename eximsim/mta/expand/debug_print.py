"""What a configuration has printed for whoever watches (debug_print_string(), src/debug.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def debug_print_string(process: Process, text: str | None) -> None:
    """Show an expanded text on standard error under -v, -d and -bh. Source: debug_print_string()."""
    if text is None or not (process.verbose or process.debugging or process.host_checking):
        return
    try:
        shown = expand(process, text)
    except ExpansionFailed as failure:
        shown = f'failed to expand debug_output "{text}": {failure.message}'
    if not shown:
        return
    shown = shown.removesuffix("\n")
    if process.host_checking:
        process.hdebug(shown)
    else:
        process.err(f"{shown}\n")
