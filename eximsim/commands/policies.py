"""A user's configuration, as the commands take it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.mta.base.string import from_octets
from eximsim.profiles import profile, with_tls

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.profiles import Profile
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
    """The configuration at ``path``, ready to be run; raises ``InputError`` if it cannot be read."""
    from eximsim.suite.policy import Policy

    policy = Policy(path, _text(path), _profile(release, tls), chains, read_defines(defines), _folder(path))
    _ = policy.config  # what is wrong with it is told at once
    return policy


def read_policy(path: str, release: str, tls: str | None, defines: Iterable[str]) -> Config:
    """What the configuration at ``path`` says; raises ``InputError`` if it cannot be read."""
    from eximsim.mta.config.readconf import read_config
    from eximsim.suite.config_files import ConfigFiles

    files = ConfigFiles(path, _text(path), _folder(path))
    return read_config(files, path, _profile(release, tls), read_defines(defines), tolerant=True)


def _text(path: str) -> str:
    try:
        return from_octets(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{error.strerror}; expected an Exim configuration", path) from None


def _folder(path: str) -> Path:
    return Path(path).resolve().parent


def _profile(release: str, tls: str | None) -> Profile:
    chosen = profile(release)
    return with_tls(chosen, tls) if tls else chosen
