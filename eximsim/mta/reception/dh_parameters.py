"""Diffie-Hellman parameters of a server (init_dh() in src/tls-openssl.c, src/std-crypto.c)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_DEPRECATED = {"ike22": True, "ike23": False, "ike24": False}
"""Those of RFC 5114, and whether a server that is to use them calls that a panic."""

_SMALL_GROUPS = {"ike1": 768, "ike2": 1024, "ike5": 1536, "ike22": 1024}
"""The bits of the named groups that have fewer than OpenSSL takes."""

_FEWEST_BITS = 2048
"""OpenSSL 3 refuses fewer at security level 2, which Debian builds it with."""

_PEM = re.compile(rb"-----BEGIN DH PARAMETERS-----(.+?)-----END DH PARAMETERS-----", re.DOTALL)
_INTEGER = 0x02
_LONG_LENGTH = 0x80


def warn_of_dh_parameters(process: Process, name: str) -> None:
    """Tell the log what is wrong with the parameters that tls_dhparam, expanded, names."""
    profile = process.profile
    if name in _DEPRECATED and profile.dh_parameters_deprecated:
        text = f"WARNING: deprecated Diffie-Hellman parameter '{name}' used"
        log_write(process, text, panic=_DEPRECATED[name])
    if profile.tls_library != "openssl-3":
        return
    bits = _bits_in(process, name) if name.startswith("/") else _SMALL_GROUPS.get(name, _FEWEST_BITS)
    if bits < _FEWEST_BITS and bits <= process.config.main.number("tls_dh_max_bits"):
        why = "error:0A00018A:SSL routines::dh key too small"
        log_write(process, f"TLS error (D-H param setting '{name}'): {why}", panic=True)


def _bits_in(process: Process, path: str) -> int:
    """The length of the prime in a file."""
    where = process.config.main.where("tls_dhparam")
    try:
        found = _PEM.search(process.world.read_file(path))
    except OSError:
        raise Unsupported(f"a file of tls_dhparam that cannot be read: {path}", *where) from None
    if found is None:
        raise Unsupported(f"a file of tls_dhparam without parameters: {path}", *where)
    _, at = _header(base64.b64decode(found[1]))
    tag, at = _header(rest := base64.b64decode(found[1])[at:])
    if tag != _INTEGER:
        raise Unsupported(f"a file of tls_dhparam that is not PKCS #3: {path}", *where)
    return int.from_bytes(rest[at : at + _length(rest)], "big").bit_length()


def _header(der: bytes) -> tuple[int, int]:
    """The tag of a DER value, and where its content begins."""
    return der[0], 2 + (der[1] - _LONG_LENGTH if der[1] > _LONG_LENGTH else 0)


def _length(der: bytes) -> int:
    if der[1] <= _LONG_LENGTH:
        return der[1]
    return int.from_bytes(der[2 : 2 + der[1] - _LONG_LENGTH], "big")
