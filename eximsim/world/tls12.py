"""What OpenSSL makes of lists of ciphers for TLS 1.2."""

from __future__ import annotations

from functools import lru_cache

from OpenSSL import SSL

from eximsim.world.certificates import key_kind
from eximsim.world.tls import new_context


@lru_cache(maxsize=64)
def tls12_ciphers(ciphers: str | None) -> tuple[str, ...]:
    """The TLS 1.2 ciphers that OpenSSL makes of a cipher list (None: its default), best first.

    Raises ``BadCiphers`` for a list that OpenSSL does not take.
    """
    names = SSL.Connection(new_context("TLSv1.2", ciphers), None).get_cipher_list()
    return tuple(name for name in names if not name.startswith("TLS_"))


@lru_cache(maxsize=64)
def negotiate_tls12(
    ciphers: str | None, leaves: tuple[bytes, ...], served: str | None
) -> tuple[str, int] | None:
    """The TLS 1.2 cipher that a server with these leaves (DER) and the list ``served`` agrees on, or None.

    With it comes the number of the leaf that it goes with.
    """
    exchanges: dict[str, int] = {}
    for number, leaf in enumerate(leaves):
        kind = key_kind(leaf)
        names = [f"ECDHE-{kind}-", *(["AES"] if kind == "RSA" else [])]
        if kind == "RSA" and served is not None:
            names.append("DHE-RSA-")
        exchanges.update(dict.fromkeys(names, number))
    known = tls12_ciphers(served)
    for name in tls12_ciphers(ciphers):
        number_of = next((number for start, number in exchanges.items() if name.startswith(start)), None)
        if number_of is not None and name in known:
            return name, number_of
    return None
