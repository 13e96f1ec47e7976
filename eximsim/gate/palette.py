"""The colours of the pages, light and dark: data, so that a test can hold their contrast."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "page": "#f5f6f8",
        "card": "#ffffff",
        "sunk": "#f0f2f5",
        "text": "#1b1e25",
        "muted": "#565c69",
        "line": "#d3d7de",
        "link": "#0b55ad",
        "security-lost": "#8c0f22",
        "security-lost-back": "#fde6e9",
        "reachability-lost": "#743d00",
        "reachability-lost-back": "#fdecd2",
        "security-gained": "#0c5829",
        "security-gained-back": "#dff4e5",
        "reachability-gained": "#0a4780",
        "reachability-gained-back": "#e0edfb",
        "wording-only": "#474a56",
        "wording-only-back": "#e9eaef",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "page": "#121418",
        "card": "#1b1e24",
        "sunk": "#23272f",
        "text": "#e8eaef",
        "muted": "#a9afbc",
        "line": "#3a404b",
        "link": "#8cc0ff",
        "security-lost": "#ffb8c1",
        "security-lost-back": "#4a1520",
        "reachability-lost": "#ffd199",
        "reachability-lost-back": "#42290a",
        "security-gained": "#a2ebb8",
        "security-gained-back": "#12381f",
        "reachability-gained": "#aed5ff",
        "reachability-gained-back": "#122f4e",
        "wording-only": "#cdd0da",
        "wording-only-back": "#2d3039",
    }
)
"""Names are used as CSS variables; one that ends in ``-back`` is what text of the same name stands on."""

SURFACES = ("page", "card", "sunk")
"""What text and muted text may stand on."""
