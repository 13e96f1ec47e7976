"""Files with keys that are no text: cdb and JSON are read; dbm, lmdb, nis and their like are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.lookup.lookups.cdb import cdb_find
from eximsim.mta.lookup.lookups.json_file import json_find
from eximsim.mta.lookup.lookups.lsearch import Line

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def asked_find(process: Process, kind: str, file: str, key: str) -> Line | None:
    """The entry of ``key``; the question is the file and the key. Raises ``ExpansionFailed`` if it defers."""
    if kind in ("cdb", "json") and process.world.path_kind(file) == "file":
        value = _read(kind, process.world.read_file(file), key)
        return None if value is None else Line(key, value, value)
    said = process.world.ask(kind, f"{file} {key}")
    if said.deferred:
        raise ExpansionFailed(f'lookup of "{key}" gave DEFER: {said.error}', defer=True)
    return None if said.value is None else Line(key, said.value, said.value)


def _read(kind: str, content: bytes, key: str) -> str | None:
    if kind == "json":
        return json_find(content, key)
    try:
        value = cdb_find(content, octets(key))
    except ValueError as error:
        raise Unsupported(str(error)) from None
    return None if value is None else from_octets(value)
