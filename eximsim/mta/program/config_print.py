"""The configuration as it was read (-bP config; print_config() in src/readconf.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_QUOTE, _TAB = re.compile(r"\s[\"'$]"), re.compile(r"[^\S ]")

_BEGIN = re.compile(r"begin\s")


def print_config(process: Process, *, label: bool) -> None:
    """Print it, indented if ``label``. Raises ``Unsupported`` for blanks that releases differ in."""
    named = "X" if process.machine.test_harness else process.profile.version
    process.out(f"# Exim Configuration ({named})\n")
    step = 2 if label else 0
    indent = 0
    for line in process.config.shown:
        if line.startswith("#"):
            process.out(f"{line}\n")
            continue
        if _is_spaced_out(line):
            raise Unsupported("the option -bP config where a line has several blanks in a row")
        shown = re.sub(r"\s", " ", line)
        if _BEGIN.match(shown):
            process.out(f"\n{shown}\n" if label else f"{shown}\n")
            indent = step
        elif shown.endswith(":") and "=" not in shown:
            process.out(f"\n{' ' * step}{shown}\n" if label else f"{shown}\n")
            indent = 2 * step
        else:
            process.out(f"{' ' * indent}{shown}\n")


def _is_spaced_out(line: str) -> bool:
    """Whether releases differ in a line: several blanks in a row, or a tab after a quote."""
    quote = _QUOTE.search(line)
    tab = quote is not None and _TAB.search(line, quote.end()) is not None
    return tab or re.search(r"\s\s", line) is not None
