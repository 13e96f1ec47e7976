"""A folder as a database, whose keys are the names in it: dsearch (src/lookups/dsearch.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.records.lookups import SearchResult, SearchType

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_FILTERS = {"filter=file": "file", "filter=dir": "folder", "filter=subdir": "folder"}
_DOTS = (".", "..")


def dsearch_find(process: Process, kind: SearchType, folder: str, key: str) -> SearchResult:
    """Whether ``folder`` has an entry called ``key``, of the wanted kind.

    A folder that the world does not have is asked for, entry by entry. Source: dsearch_find().
    """
    if "key=path" in kind.options:
        if "/../" in key or "/./" in key:
            return SearchResult(deferred=True, error=f"key for dsearch lookup contains bad component: {key}")
    elif "/" in key:
        return SearchResult(deferred=True, error=f"key for dsearch lookup contains a slash: {key}")
    name = f"{folder}/{key}"
    found = process.world.path_kind(name)
    if not found and process.world.path_kind(folder) != "folder":
        said = process.world.ask("dsearch", name)
        if said.deferred or said.value is None:
            return SearchResult(None, said.deferred, said.error)
        found = said.value
    wanted = {_FILTERS[option] for option in kind.options if option in _FILTERS}
    hidden = "filter=subdir" in kind.options and key in _DOTS
    if not found or hidden or (found in ("file", "folder") and wanted and found not in wanted):
        return SearchResult()
    return SearchResult(name if "ret=full" in kind.options else key)
