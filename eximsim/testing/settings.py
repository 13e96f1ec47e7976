"""``[tool.eximsim]`` of a ``pyproject.toml``: what one would otherwise type in every test and every call.

[tool.eximsim]
config = "etc/exim.conf"
profile = "4.98"
defines = { SPOOL = "/var/spool/exim" }
world = "memory"
subject = "model"
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eximsim.errors import InputError
from eximsim.files import read_named_text
from eximsim.formats import parse_toml

_KEYS = ("profile", "config", "defines", "world", "subject")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the table says; None where it says nothing.

    ``config`` is a configuration's file, from the folder of the table; ``profile`` a release; ``world`` and
    ``subject`` are where and on what scripts run, ``subject`` also what fixtures run on.
    """

    profile: str | None = None
    config: str | None = None
    defines: Mapping[str, str] = field(default_factory=dict)
    world: str | None = None
    subject: str | None = None


def read_settings(folder: Path) -> Settings:
    """The settings of a folder's ``pyproject.toml``; none if there is no such file or table.

    Raises ``InputError`` with file and line.
    """
    path = folder / "pyproject.toml"
    if not path.exists():
        return Settings()
    text = read_named_text(path, "settings of a project")
    tool = parse_toml(text, str(path)).get("tool", {})
    table = tool.get("eximsim", {}) if isinstance(tool, dict) else {}
    return _checked(table, text, path)


def _checked(table: object, text: str, path: Path) -> Settings:
    if not isinstance(table, dict):
        raise InputError("expected a table [tool.eximsim]", str(path), _line(text, "eximsim"))
    for key, value in table.items():
        if key not in _KEYS:
            raise InputError(f"tool.eximsim.{key}: expected {', '.join(_KEYS)}", str(path), _line(text, key))
        texts = value.values() if key == "defines" and isinstance(value, dict) else (value,)
        if not all(isinstance(one, str) for one in texts):
            what = "a table of texts" if key == "defines" else "a text"
            raise InputError(f"tool.eximsim.{key}: expected {what}", str(path), _line(text, key))
    given: dict[str, Any] = dict(table)
    if isinstance(given.get("defines"), str):
        raise InputError("tool.eximsim.defines: expected a table of texts", str(path), _line(text, "defines"))
    return Settings(**given)


def _line(text: str, key: str) -> int:
    """The line of a key after the heading of the table, or of the heading, as far as it can be found."""
    heading = 0
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[\s*tool\s*\.\s*eximsim\s*[.\]]", line):
            heading = number
        if heading and re.search(rf"""(?:^|[.\s\["'])["']?{re.escape(key)}["']?\s*[=.\]]""", line):
            return number
    return heading or 1
