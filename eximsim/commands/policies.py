"""A user's configuration, as the commands take it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.profiles import profile, with_tls

if TYPE_CHECKING:
    from eximsim.suite.policy import Policy
    from eximsim.world.certificates import ChainSet

_DEFINE = re.compile(r"([A-Z][A-Za-z0-9_]*)(?:=(.*))?", re.ASCII | re.DOTALL)


def read_defines(defines: Iterable[str]) -> dict[str, str]:
    """Macros as ``-D`` gives them; raises ``InputError``."""
    found = {}
    for text in defines:
        match = _DEFINE.fullmatch(text)
        if match is None:
            raise InputError(f"-D {text}: expected MACRO or MACRO=TEXT, beginning with a capital letter")
        found[match[1]] = match[2] or ""
    return found


def load_policy(path: str, release: str, tls: str | None, defines: Iterable[str], chains: ChainSet) -> Policy:
    """The configuration at ``path``; raises ``InputError`` if it cannot be read."""
    from eximsim.suite.policy import Policy

    chosen = profile(release)
    place = Path(path)
    try:
        text = place.read_text(encoding="latin-1")
    except OSError as error:
        raise InputError(f"{error.strerror}; expected an Exim configuration", path) from None
    policy = Policy(
        path,
        text,
        with_tls(chosen, tls) if tls else chosen,
        chains,
        read_defines(defines),
        place.resolve().parent,
    )
    _ = policy.config  # what is wrong with it is told at once
    return policy
