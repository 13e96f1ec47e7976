"""What a process knows of lookups that it has made (the caches of src/search.c)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from eximsim.mta.records.lookups import SearchResult
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Searched:
    """What is known until ``search_tidyup()`` forgets it.

    ``told``: queries with text from outside, and their lookup types, which have been logged. ``answers``:
    what the DNS said to queries of dnsdb lookups, and until when it stands.
    """

    told: frozenset[tuple[str, str]] = frozenset()
    answers: Mapping[str, tuple[SearchResult, float]] = field(default_factory=dict)
