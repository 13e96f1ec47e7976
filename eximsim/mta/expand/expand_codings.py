"""Operators of string expansion that hash, code and decode (src/expand.c)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable

from eximsim.mta.base import utf8
from eximsim.mta.base.rfc2047 import parse_quote_2047, rfc2047_decode
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.expand.expander import Expander, ExpansionFailed, TextFunction
from eximsim.mta.process.log import log_write_die, printed

_HEX = re.compile("[0-9A-Fa-f]*")


def _md5(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return hashlib.md5(octets(text), usedforsecurity=False).hexdigest()


def _sha1(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return hashlib.sha1(octets(text), usedforsecurity=False).hexdigest().upper()


def _sha2(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _sha("sha2", {"256": "sha256", "384": "sha384", "512": "sha512"}, text, arg)


def _sha3(expander: Expander, text: str, arg: str | None, name: str) -> str:
    profile = expander.process.profile
    if profile.tls_library != GNUTLS and not profile.sha3_by_openssl:
        raise ExpansionFailed("sha3 only supported with GnuTLS 3.5.0 +")
    return _sha("sha3", {size: f"sha3_{size}" for size in ("224", "256", "384", "512")}, text, arg)


def _sha(family: str, variants: dict[str, str], text: str, arg: str | None) -> str:
    algorithm = variants.get("256" if arg is None else arg)
    if algorithm is None:
        raise ExpansionFailed(f"unrecognised {family} variant")
    return hashlib.new(algorithm, octets(text)).hexdigest().upper()


def _base64(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return base64.b64encode(octets(text)).decode("ascii")


def _base64d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        data = base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        message = f'string {expander.told(text)} is not well-formed for "{name}" operator'
        raise ExpansionFailed(message) from None
    return from_octets(data.partition(b"\0")[0])


def _hex2b64(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if not _HEX.fullmatch(text):
        raise ExpansionFailed(f"{expander.told(text)} is not a hex string")
    if len(text) % 2:
        raise ExpansionFailed(f"{expander.told(text)} contains an odd number of characters")
    return base64.b64encode(bytes.fromhex(text)).decode("ascii")


def _rfc2047(expander: Expander, text: str, arg: str | None, name: str) -> str:
    process = expander.process
    longer = process.profile.encoded_first_word_longer
    return parse_quote_2047(text, headers_charset(process), first_longer=longer)


def _rfc2047d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    check_length = expander.process.config.main.flag("check_rfc2047_length")
    decoded, error = rfc2047_decode(text, headers_charset(expander.process), check_length=check_length)
    if error is not None:
        raise ExpansionFailed(error)
    return decoded


def _from_utf8(expander: Expander, text: str, arg: str | None, name: str) -> str:
    characters = map(ord, from_octets(octets(text)))
    return from_octets(bytes(char if char < 256 else 0x5F for char in characters))


_LEADS = ((0xE0, 0xC0, 1), (0xF0, 0xE0, 2), (0xF8, 0xF0, 3))
"""Mask and value of the first octet of a character, and how many follow."""


def _utf8clean(expander: Expander, text: str, arg: str | None, name: str) -> str:
    """A question mark for what is no character, as a whole; what is longer than it need be is let through."""
    profile = expander.process.profile
    clean, sequence, left, code = bytearray(), bytearray(), 0, 0
    for octet in octets(text):
        fault = False
        if left and octet & 0xC0 == 0x80:
            sequence.append(octet)
            left, code = left - 1, code << 6 | octet & 0x3F
            surrogate = profile.utf8clean_refuses_surrogates and code & 0x1FF800 == 0xD800
            fault = not left and (code > 0x10FFFF or surrogate)
            if not left and not fault:
                clean += sequence
        elif left:
            left, fault = 0, True
        elif octet < 0x80:
            clean.append(octet)
            continue
        else:
            found = [(more, ~mask & octet) for mask, value, more in _LEADS if octet & mask == value]
            left, code = found[0] if found and octet not in (0xC0, 0xC1) else (0, 0)
            sequence[:], fault = [octet], not left
        if fault:
            clean += b"?" if octet >= 0x80 else bytes((0x3F, octet))
    if left and profile.utf8clean_sees_the_end:
        clean += b"?"
    return from_octets(bytes(clean))


def _converting(convert: Callable[[str], str], source: str, target: str) -> TextFunction:
    def act(expander: Expander, text: str, arg: str | None, name: str) -> str:
        try:
            return convert(text)
        except utf8.ConversionError as error:
            shown = printed(expander.process, text)
            raise ExpansionFailed(f"error converting {source} ({shown}) to {target}: {error}") from None

    return act


def _xtextd(expander: Expander, text: str, arg: str | None, name: str) -> str:
    """Decoded xtext; of what is none the program dies."""
    encoded = octets(text)
    if _XTEXT.fullmatch(encoded) is None:
        log_write_die(expander.process, "internal error in string_catn (count -1)")
    return from_octets(re.sub(rb"\+([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), encoded))


_XTEXT = re.compile(rb"(?:\+[0-9A-Fa-f]{2}|[!-*,-<>-\x7f]++)*")


CODINGS: dict[str, TextFunction] = {
    "base64": _base64,
    "base64d": _base64d,
    "from_utf8": _from_utf8,
    "hex2b64": _hex2b64,
    "md5": _md5,
    "rfc2047": _rfc2047,
    "rfc2047d": _rfc2047d,
    "sha1": _sha1,
    "sha2": _sha2,
    "sha256": _sha2,
    "sha3": _sha3,
    "str2b64": _base64,
    "utf8_domain_from_alabel": _converting(utf8.domain_alabel_to_utf8, "alabel", "utf8"),
    "utf8_domain_to_alabel": _converting(utf8.domain_utf8_to_alabel, "utf8", "alabel"),
    "utf8_localpart_from_alabel": _converting(utf8.localpart_alabel_to_utf8, "alabel", "utf8"),
    "utf8_localpart_to_alabel": _converting(utf8.localpart_utf8_to_alabel, "utf8", "alabel"),
    "utf8clean": _utf8clean,
    "xtextd": _xtextd,
}
"""The operators of this module by name."""
