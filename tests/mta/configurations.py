"""Configurations made of text, for the tests of their readers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from eximsim.errors import InputError
from eximsim.mta.config.readconf import Config, read_config
from eximsim.profiles import NEWEST, Profile, profile


class Files:
    """A world of nothing but files, which counts how often each is read."""

    def __init__(self, **files: str) -> None:
        self.files = {f"/conf/{name}": text.encode() for name, text in files.items()}
        self.reads: list[str] = []

    def read_file(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def read(
    text: str, defines: Mapping[str, str] | None = None, release: str | Profile = NEWEST, **files: str
) -> Config:
    world = Files(main=text, **files)
    chosen = profile(release) if isinstance(release, str) else release
    return read_config(world, "/conf/main", chosen, defines or {})


def banner(text: str, defines: Mapping[str, str] | None = None, release: str = NEWEST, **files: str) -> str:
    return str(read(text, defines, release, **files).main.text("smtp_banner"))


def fault(text: str, defines: Mapping[str, str] | None = None, release: str = NEWEST, **files: str) -> str:
    with pytest.raises(InputError) as raised:
        read(text, defines, release, **files)
    return str(raised.value)
