"""The database of Exim's own tests, which gives back what it is asked (src/lookups/testdb.c)."""

from __future__ import annotations

from eximsim.mta.records.lookups import SearchResult


def testdb_find(query: str) -> SearchResult:
    """``fail`` is not found, and ``defer`` cannot be looked up."""
    if query == "fail":
        return SearchResult()
    if query == "defer":
        return SearchResult(deferred=True, error="testdb lookup forced DEFER")
    return SearchResult(query)
