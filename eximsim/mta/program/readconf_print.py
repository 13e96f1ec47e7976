"""Printing what was read of the configuration (-bP; readconf_print() in src/readconf.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.config.macro_predef import builtin_macros

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def readconf_print(process: Process, names: Sequence[str]) -> int:
    """Print what ``names`` say; the exit code. Raises ``Unsupported`` for all but ``macros``."""
    if list(names) != ["macros"]:
        raise Unsupported(f"the option -bP {' '.join(names)}".rstrip())
    profile = process.profile
    expansions = profile.expansion_macros
    builtin = builtin_macros(
        profile.option_release, profile.tls_library, profile.build_lacks, expansions=expansions
    )
    for name, value in (*builtin, *process.config.macros.items()):
        process.out(f"{name}={value}\n")
    return 0
