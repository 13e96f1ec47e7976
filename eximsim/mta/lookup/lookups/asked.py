"""Files that are not read but asked about, key by key: cdb, dbm, lmdb, nis and their like (src/lookups)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.lookup.lookups.lsearch import Line

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def asked_find(process: Process, kind: str, file: str, key: str) -> Line | None:
    """The entry of ``key``; the question is the file and the key. Raises ``ExpansionFailed`` if it defers."""
    said = process.world.ask(kind, f"{file} {key}")
    if said.deferred:
        raise ExpansionFailed(f'lookup of "{key}" gave DEFER: {said.error}', defer=True)
    return None if said.value is None else Line(key, said.value, said.value)
