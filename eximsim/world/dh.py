"""The Diffie-Hellman parameters of a server: the group ffdhe2048 (RFC 7919)."""

from __future__ import annotations

from base64 import encodebytes
from functools import lru_cache

from OpenSSL import SSL
from OpenSSL._util import ffi, lib


def use_dh_parameters(context: SSL.Context) -> None:
    """Give a server the group ffdhe2048 (RFC 7919, appendix A.1)."""
    store = lib.BIO_new_mem_buf(_ffdhe2048(), -1)
    parameters = lib.PEM_read_bio_DHparams(store, ffi.NULL, ffi.NULL, ffi.NULL)
    lib.SSL_CTX_set_tmp_dh(context._context, parameters)
    lib.DH_free(parameters)
    lib.BIO_free(store)


@lru_cache(maxsize=1)
def _ffdhe2048() -> bytes:
    """The parameters (PKCS#3, PEM); their prime is made from Euler's number."""
    places = 2000
    term = euler = 1 << places
    divisor = 0
    while term:
        divisor += 1
        term //= divisor
        euler += term
    prime = 2**2048 - 2**1984 + ((euler >> places - 1918) + 560316) * 2**64 - 1
    content = b"\x02\x82\x01\x01\x00" + prime.to_bytes(256, "big") + b"\x02\x01\x02"
    der = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    return b"-----BEGIN DH PARAMETERS-----\n" + encodebytes(der) + b"-----END DH PARAMETERS-----\n"
