"""Internationalised addresses: UTF-8 and A-labels (src/utf8.c, as built with libidn2).

Domains go by IDNA 2008 with the mapping of UTS 46, as ``idn2_lookup_u8()`` does it; local parts are coded by
Punycode as they are (RFC 3492).
"""

from __future__ import annotations

import re
import unicodedata

import idna

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, join_items, list_items, octets

_PREFIX = "xn--"
_LONGEST_LABEL = 63
_LONGEST_DOMAIN = 255
_USUAL = re.compile("[A-Za-z0-9_-]*")
"""The ASCII characters that a label may have beside others."""
_NUMERALS = {"AN", "EN"}

_SHARP_S = ("\u1e9e", "ss")
"""How the capital form was mapped before Unicode 15.1, as it is by the libidn2 (2.3.3) that was measured."""

_BAD_INPUT = "Invalid input"
_OVERFLOW = "String size limit exceeded"


class ConversionError(Exception):
    """A text has no other form; the message is the library's."""


def string_is_utf8(text: str | None) -> bool:
    """Whether there is an octet with the top bit set in it."""
    return text is not None and not text.isascii()


def _valid(text: str, why: str) -> str:
    """``text`` if it is UTF-8 throughout; raises ``ConversionError``."""
    text = from_octets(octets(text))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ConversionError(why)
    return text


# ---- domains ---------------------------------------------------------------------------------------------


def domain_utf8_to_alabel(domain: str) -> str:
    """A domain in the form in which the DNS knows it; one in plain ASCII stays as it is.

    Raises ``ConversionError``. Source: string_domain_utf8_to_alabel().
    """
    if not string_is_utf8(domain):
        return domain
    plain = unicodedata.normalize("NFC", _valid(domain, "string encoding error")).replace(*_SHARP_S)
    try:
        mapped = idna.uts46_remap(plain, std3_rules=False, transitional=False)
    except idna.IDNAError:
        raise ConversionError("string contains a disallowed character") from None
    found = ".".join(map(_label_to_alabel, mapped.split(".")))
    if len(found.removesuffix(".")) > _LONGEST_DOMAIN:
        raise ConversionError("domain name longer than 255 characters")
    return found


def _label_to_alabel(label: str) -> str:
    if label.isascii():
        if label.startswith(_PREFIX):
            _check_label(_known_alabel(label))
        else:
            _check_hyphens(label)
        if len(label) > _LONGEST_LABEL:
            raise ConversionError("domain label longer than 63 characters")
        return label
    _check_label(label)
    code = label.encode("punycode").decode("ascii")
    if len(code) > _LONGEST_LABEL - len(_PREFIX):
        raise ConversionError("punycode encoded data will be too large")
    if not _USUAL.fullmatch(code):
        raise ConversionError("A-label roundtrip failed")
    return _PREFIX + code


def _known_alabel(label: str) -> str:
    try:
        return _punycode_decode(label[len(_PREFIX) :])
    except ConversionError:
        raise ConversionError("string contains invalid punycode data") from None


def _check_label(label: str) -> None:
    """Raise ``ConversionError`` for a label that IDNA 2008 does not know (RFC 5892, 5893)."""
    _check_hyphens(label)
    if label and unicodedata.category(label[0])[0] == "M":
        raise ConversionError("string contains a forbidden leading combining character")
    for at, char in enumerate(label):
        _check_char(label, at, char)
    if set(map(unicodedata.bidirectional, label)) >= _NUMERALS:
        raise Unsupported(f"digits of two kinds in the label {label}")
    try:
        idna.check_bidi(label)
    except idna.IDNAError:
        raise ConversionError("string has forbidden bi-directional properties") from None


def _check_hyphens(label: str) -> None:
    if label[2:4] == "--":
        raise ConversionError("string contains forbidden two hyphens pattern")
    if label.startswith("-") or label.endswith("-"):
        raise ConversionError("string start/ends with forbidden hyphen")


def _check_char(label: str, at: int, char: str) -> None:
    classes = idna.idnadata.codepoint_classes
    point = ord(char)
    if char.isascii() or idna.intranges_contain(point, classes["PVALID"]):
        return
    if idna.intranges_contain(point, classes["CONTEXTJ"]):
        if not idna.valid_contextj(label, at):
            raise ConversionError("string contains a forbidden context-j character")
    elif not idna.intranges_contain(point, classes["CONTEXTO"]):  # on a lookup their rules are not applied
        raise ConversionError("string contains a disallowed character")


def domain_alabel_to_utf8(domain: str) -> str:
    """A domain as people read it, label by label. Source: string_domain_alabel_to_utf8().

    Raises ``ConversionError``.
    """
    labels = list(list_items(domain, "."))
    if not labels:
        raise Unsupported("a domain without labels as A-labels, on which Exim runs into a null pointer")
    return join_items([_decoded(label) if label.startswith(_PREFIX) else label for label in labels], ".")


# ---- local parts and addresses ---------------------------------------------------------------------------


def localpart_utf8_to_alabel(local: str) -> str:
    """A local part in ASCII. Raises ``ConversionError``. Source: string_localpart_utf8_to_alabel()."""
    if not string_is_utf8(local):
        return local
    return _PREFIX + _valid(local, "l_u2a: bad UTF-8 input").encode("punycode").decode("ascii")


def localpart_alabel_to_utf8(local: str) -> str:
    """The local part that was coded. Source: string_localpart_alabel_to_utf8().

    Raises ``ConversionError``.
    """
    if not local.startswith(_PREFIX):
        raise ConversionError("bad alabel prefix")
    return _decoded(local)


def _decoded(label: str) -> str:
    return _punycode_decode(label[len(_PREFIX) :])


def address_utf8_to_alabel(address: str) -> str:
    """Both halves of an address in ASCII; the first ``@`` parts them.

    Raises ``ConversionError``. Source: string_address_utf8_to_alabel().
    """
    local, at, domain = address.partition("@")
    return localpart_utf8_to_alabel(local) + (f"@{domain_utf8_to_alabel(domain)}" if at else "")


# ---- Punycode, as libidn reads it -------------------------------------------------------------------------

_BASE, _TMIN, _TMAX, _SKEW, _DAMP, _FIRST_BIAS, _FIRST_POINT = 36, 1, 26, 38, 700, 72, 128
_LIMIT = 2**32 - 1
_LAST_POINT = 0x10FFFF


def _digit(char: str) -> int:
    """The value of a digit. Octets below ``0`` pass for some, too: libidn compares them with their sign."""
    code = ord(char)
    value = code - 22 if code < ord("0") + 10 else code - 65 if code < ord("A") + 26 else code - 97
    if not 0 <= value < _BASE:
        raise ConversionError(_BAD_INPUT)
    return value


def _punycode_decode(code: str) -> str:
    """The decoder of RFC 3492, section 6.2, with libidn's digits; raises ``ConversionError``."""
    before, delimiter, rest = code.rpartition("-")
    if delimiter and not before:
        before, rest = "", code
    if not before.isascii() or not octets(rest).isascii():
        raise ConversionError(_BAD_INPUT)
    output = [ord(char) for char in before]
    point, index, bias, position = _FIRST_POINT, 0, _FIRST_BIAS, 0
    while position < len(rest):
        start, weight, k = index, 1, _BASE
        while True:
            if position >= len(rest):
                raise ConversionError(_BAD_INPUT)
            digit = _digit(rest[position])
            position += 1
            if digit > (_LIMIT - index) // weight:
                raise ConversionError(_OVERFLOW)
            index += digit * weight
            threshold = min(max(k - bias, _TMIN), _TMAX)
            if digit < threshold:
                break
            weight *= _BASE - threshold
            k += _BASE
        count = len(output) + 1
        bias = _adapted(index - start, count, first=start == 0)
        point, index = point + index // count, index % count
        if point > _LIMIT:
            raise ConversionError(_OVERFLOW)
        if point > _LAST_POINT or 0xD800 <= point <= 0xDFFF:
            raise Unsupported(f"Punycode for the code point {point:#x}")
        output.insert(index, point)
        index += 1
    return "".join(map(chr, output))


def _adapted(delta: int, count: int, *, first: bool) -> int:
    """The bias for the next number (RFC 3492, section 6.1)."""
    delta = delta // _DAMP if first else delta // 2
    delta += delta // count
    k = 0
    while delta > ((_BASE - _TMIN) * _TMAX) // 2:
        delta //= _BASE - _TMIN
        k += _BASE
    return k + (_BASE - _TMIN + 1) * delta // (delta + _SKEW)
