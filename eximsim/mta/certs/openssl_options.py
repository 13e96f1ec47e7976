"""The main option openssl_options (``tls_openssl_options_parse()`` in src/tls-openssl.c)."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=64)
def read_openssl_options(text: str, known: frozenset[str]) -> frozenset[str]:
    """The names that ``+`` sets and no later ``-`` takes back; ``ValueError`` if one is not known."""
    found: set[str] = set()
    for item in text.split():
        if item[0] not in "+-" or item[1:] not in known:
            raise ValueError(item)
        (found.add if item[0] == "+" else found.discard)(item[1:])
    return frozenset(found)
