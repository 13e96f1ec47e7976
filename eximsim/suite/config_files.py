"""The files that a user's configuration names, read when Exim asks for them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from eximsim.mta.base.string import octets

_MISSING = object()


class ConfigFiles(Mapping[str, bytes]):
    """Contents by path: the configuration itself, then what is on disk below ``folder``, then at the path.

    A configuration that is kept in a repository finds ``/etc/exim/relays`` as ``etc/exim/relays`` beside it.
    ``instead`` are contents that stand for files whatever is on disk. Each file is read once. ``found`` and
    ``missing`` are the paths that were asked for, each once and in order.
    """

    def __init__(
        self, path: str, text: str, folder: Path | None, instead: Mapping[str, bytes] | None = None
    ) -> None:
        self._fixed = {**(instead or {}), path: octets(text)}
        self._folder = folder
        self._read: dict[str, bytes | None] = {}

    @property
    def found(self) -> tuple[str, ...]:
        """The files that were asked for and are there, without the configuration itself."""
        return tuple(path for path, content in self._read.items() if content is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The files that were asked for and are nowhere."""
        return tuple(path for path, content in self._read.items() if content is None)

    def read_file(self, path: str) -> bytes:
        """As a world reads files; raises ``OSError``."""
        try:
            return self[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def __getitem__(self, path: str) -> bytes:
        if path in self._fixed:
            return self._fixed[path]
        if path not in self._read:
            self._read[path] = self._from_disk(path)
        content = self._read[path]
        if content is None:
            raise KeyError(path)
        return content

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.get(path, _MISSING) is not _MISSING

    def __iter__(self) -> Iterator[str]:
        return iter((*self._fixed, *self.found))

    def __len__(self) -> int:
        return len(self._fixed) + len(self.found)

    def _from_disk(self, path: str) -> bytes | None:
        if self._folder is None:
            return None
        for place in (self._folder / path.lstrip("/"), Path(path)):
            try:
                return place.read_bytes()
            except (OSError, ValueError):
                continue
        return None
