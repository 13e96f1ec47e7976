"""Where a configuration names a file: by its path, or by an expansion that comes to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eximsim.mta.config.places import texts
from eximsim.mta.config.readconf import Config

_VARIABLE = re.compile(r"\$\{[^{}]*\}|\$\w+")
_COMPOSED = re.compile(r"/(?:\$\{[^{}]*\}|[^\s:;{}\"',|])*")


def place_of_path(path: str, config: Config) -> str:
    """``file:line`` of what names a file first; the configuration if nothing is seen to name it."""
    for known in (_by_its_path, _by_an_expansion):
        for where in known(path, config):
            return where
    return config.path


def _by_its_path(path: str, config: Config) -> Iterator[str]:
    for text, file, line in texts(config):
        if path in text:
            yield f"{file}:{line}"


def _by_an_expansion(path: str, config: Config) -> Iterator[str]:
    for text, file, line in texts(config):
        for composed in _COMPOSED.findall(text):
            parts = _VARIABLE.split(composed)
            if (
                1 < len(parts) < 9
                and len(parts[0]) > 1
                and re.fullmatch(".+".join(map(re.escape, parts)), path)
            ):
                yield f"{file}:{line}"
