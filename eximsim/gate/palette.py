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
        "less": "#8c0f22",
        "less-back": "#fde6e9",
        "dies": "#6b1a63",
        "dies-back": "#f8e6f6",
        "bounced": "#802a00",
        "bounced-back": "#fde9dd",
        "held": "#663f00",
        "held-back": "#fbeecb",
        "released": "#0a4780",
        "released-back": "#e0edfb",
        "given-up": "#5c3a21",
        "given-up-back": "#f3e9e1",
        "put-off": "#0b4f57",
        "put-off-back": "#dcf1f3",
        "elsewhere": "#42308f",
        "elsewhere-back": "#ebe8fb",
        "more": "#0c5829",
        "more-back": "#dff4e5",
        "words": "#474a56",
        "words-back": "#e9eaef",
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
        "less": "#ffb8c1",
        "less-back": "#4a1520",
        "dies": "#f3b6ec",
        "dies-back": "#3f153b",
        "bounced": "#ffc4a3",
        "bounced-back": "#47200c",
        "held": "#ffdc8f",
        "held-back": "#3d2d08",
        "released": "#aed5ff",
        "released-back": "#122f4e",
        "given-up": "#e6c9b3",
        "given-up-back": "#38291e",
        "put-off": "#9fe3ea",
        "put-off-back": "#0f3539",
        "elsewhere": "#cfc6ff",
        "elsewhere-back": "#2b2355",
        "more": "#a2ebb8",
        "more-back": "#12381f",
        "words": "#cdd0da",
        "words-back": "#2d3039",
    }
)
"""Names are used as CSS variables; one that ends in ``-back`` is what text of the same name stands on."""

SURFACES = ("page", "card", "sunk")
"""What text and muted text may stand on."""
