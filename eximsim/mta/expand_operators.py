"""The operators of string expansion, ``${name:text}`` (src/expand.c)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta import ipaddr
from eximsim.mta.expand_eval import EvalError, eval_expr, expanded_string_integer
from eximsim.mta.expand_parse import Operator, Variable
from eximsim.mta.expand_text import ascii_lower, ascii_upper, compute_hash, compute_nhash, extract_substr
from eximsim.mta.expand_variables import CERTIFICATES
from eximsim.mta.expander import Expander, ExpansionFailed
from eximsim.mta.parse import AddressError, Extracted, parse_extract_address, parse_find_address_end
from eximsim.mta.readtime import readconf_printtime, readconf_readtime
from eximsim.mta.rfc2047 import parse_quote_2047, rfc2047_decode
from eximsim.mta.string import (
    SPACES,
    from_octets,
    join_items,
    list_items,
    octets,
    string_is_ip_address,
    string_printing,
)

if TYPE_CHECKING:
    from eximsim.mta.globals import Process

Function = Callable[[Expander, str, str | None, str], str]
"""Takes the expanded text, the argument after the underscore if any, and the name as it was written."""

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LARGEST = 0x7FFFFFFF
_MOST_DIGITS = 12
_HEX = re.compile("[0-9A-Fa-f]*")
_PLAIN = re.compile(r"[0-9A-Za-z_.-]+")
_PLAIN_LOCAL_PART = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~-](?:[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]*[^.])?")
_NOT_ALNUM = re.compile(r"([^0-9A-Za-z])")
_WORD = re.compile(r"[0-9A-Za-z]+")


def run_operator(expander: Expander, node: Operator, skipping: bool) -> str:
    """Evaluate ``${name:text}``: the text first, then, unless skipping, the operator."""
    function, arg = _find(node.name)
    certificate = _certificate(node, function, expander.process)
    text = "" if certificate is not None else expander.string(node.body, skipping=skipping)
    if function is None:
        raise ExpansionFailed(f'unknown expansion operator "{node.name}"')
    if skipping:
        return ""
    if certificate is not None:
        return _CERTIFICATE_FORMS[function](certificate)
    return function(expander, text, arg, node.name)


def _find(name: str) -> tuple[Function | None, str | None]:
    """The function, and the argument, unless the underscore belongs to the name."""
    whole = _OPERATORS.get(name)
    if whole is not None:
        return whole, None
    stem, _, arg = name.partition("_")
    function = _OPERATORS.get(stem)
    if function is None:
        return None, None
    if stem not in _WITH_ARGUMENT:
        raise ExpansionFailed(f'unknown expansion operator "{name}" ("{stem}" does not take an _arg)')
    return function, arg


def _failed(message: str) -> ExpansionFailed:
    return ExpansionFailed(message)


# ---- case, quoting, escaping ----------------------------------------------------------------------------


def _lc(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ascii_lower(text)


def _uc(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ascii_upper(text)


def _in_quotes(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _quote(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if arg is None:
        return text if _PLAIN.fullmatch(text) else _in_quotes(text)
    from eximsim.mta.search import search_quote  # src/search.c and src/expand.c need each other

    kind, _, option = arg.partition("_")
    return search_quote(kind, text, option or None)


def _quote_local_part(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return text if _PLAIN_LOCAL_PART.fullmatch(text) else _in_quotes(text)


def _rxquote(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _NOT_ALNUM.sub(r"\\\1", text)


def _escape(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return string_printing(text)


def _escape8bit(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return "".join(
        chr(octet) if octet < 127 and octet != 92 else f"\\{octet:03o}" for octet in octets(text)
    )


def _hexquote(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return "".join(chr(octet) if 0x21 <= octet <= 0x7E else f"\\x{octet:02x}" for octet in octets(text))


def _expand(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return expander.expand(text)
    except ExpansionFailed as error:
        message = f'internal expansion of "{text}" failed: {error.message}'
        raise ExpansionFailed(message, forced=error.forced, defer=error.defer) from None


# ---- addresses and lists ----------------------------------------------------------------------------------


def _extracted(process: Process, text: str, *, group: bool = False) -> Extracted | None:
    options = process.config.main
    try:
        return parse_extract_address(
            text,
            allow_domain_literals=options.flag("allow_domain_literals"),
            strip_trailing_dot=options.flag("strip_trailing_dot"),
            strip_excess_angle_brackets=options.flag("strip_excess_angle_brackets"),
            group=group,
        )
    except AddressError:
        return None


def _address(expander: Expander, text: str, arg: str | None, name: str) -> str:
    found = _extracted(expander.process, text)
    return "" if found is None else found.address


def _local_part(expander: Expander, text: str, arg: str | None, name: str) -> str:
    found = _extracted(expander.process, text)
    if found is None:
        return ""
    return found.address[: found.domain_at - 1] if found.domain_at else found.address


def _domain(expander: Expander, text: str, arg: str | None, name: str) -> str:
    found = _extracted(expander.process, text)
    return found.address[found.domain_at :] if found is not None and found.domain_at else ""


def _addresses(expander: Expander, text: str, arg: str | None, name: str) -> str:
    separator = ":"
    rest = text.lstrip(SPACES)
    if rest.startswith(">"):
        separator = rest[1:2]
        if not separator:
            raise _failed(f"output separator missing in expanding ${{addresses:{rest}}}")
        rest = rest[2:]
    found: list[str] = []
    position = 0
    while True:
        end = parse_find_address_end(rest, position)
        extracted = _extracted(expander.process, rest[position:end].strip(SPACES + ";"), group=True)
        if extracted is not None:
            found.append(extracted.address)
        if end >= len(rest):
            return join_items(found, separator)
        position = end + 1


def _listcount(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return str(sum(1 for _ in list_items(text)))


_LIST_KINDS = {"a": "address", "d": "domain", "h": "host", "l": "localpart"}


def _listnamed(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if arg and arg[0] not in _LIST_KINDS:
        raise _failed('bad suffix on "list" operator')
    kinds = (_LIST_KINDS[arg[0]],) if arg else tuple(_LIST_KINDS.values())
    return _expand_listnamed(expander.process, text, kinds, bool(arg))


def _expand_listnamed(process: Process, name: str, kinds: tuple[str, ...], typed: bool) -> str:
    bare = name.removeprefix("+")
    lists = process.config.named_lists
    source = next((lists[kind][bare] for kind in kinds if bare in lists.get(kind, ())), None)
    if source is None:
        raise _failed(f'"{bare}" is not a {f"{kinds[0]} " if typed else ""}named list')
    return " : ".join(
        _expand_listnamed(process, item, kinds, typed) if item.startswith("+") else item.replace(":", "::")
        for item in list_items(source)
    )


# ---- IP addresses -----------------------------------------------------------------------------------------


def _mask(expander: Expander, text: str, arg: str | None, name: str) -> str:
    kind, offset = string_is_ip_address(text, mask=True)
    if not kind:
        raise _failed(f'"{text}" is not an IP address')
    if not offset:
        raise _failed(f'missing mask value in "{text}"')
    bits = int(text[offset + 1 :])
    value, width = ipaddr.host_aton(text[:offset])
    if bits > width:
        raise _failed(f'mask value too big in "{text}"')
    value = ipaddr.host_mask(value, width, bits)
    if kind == 6 and arg is not None and arg.startswith("n"):
        return f"{ipaddr.ipv6_nmtoa(value)}/{bits}"
    return ipaddr.host_nmtoa(value, width, bits)


def _ipv6norm(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ipaddr.ipv6_nmtoa(_ipv6(text))


def _ipv6denorm(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ipaddr.host_nmtoa(_ipv6(text), 128, separator=":")


def _ipv6(text: str) -> int:
    if not string_is_ip_address(text)[0]:
        raise _failed(f'"{text}" is not an IP address')
    return ipaddr.ipv6_of(text)


def _reverse_ip(expander: Expander, text: str, arg: str | None, name: str) -> str:
    kind, offset = string_is_ip_address(text, mask=True)
    if not kind:
        raise _failed(f"reverse_ip() not given an IP address [{text}]")
    return ipaddr.invert_address(text[:offset] if offset else text)


# ---- numbers ----------------------------------------------------------------------------------------------


def _eval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return str(eval_expr(text, decimal=name == "eval10"))
    except EvalError as error:
        done = text[: error.position]
        raise _failed(
            f'error in expression evaluation: {error.message} (after processing "{done}")'
        ) from None


def _decimal(text: str, name: str) -> int:
    if text.strip("0123456789"):
        raise _failed(f'argument for {name} operator is "{text}", which is not a decimal number')
    return min(int(text or "0"), (1 << 64) - 1)


def _base32(expander: Expander, text: str, arg: str | None, name: str) -> str:
    number = _decimal(text, "base32")
    out = ""
    while number:
        number, digit = divmod(number, 32)
        out = _BASE32[digit] + out
    return out


def _base62(expander: Expander, text: str, arg: str | None, name: str) -> str:
    number = _decimal(text, "base62")
    out = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        out = _BASE62[digit] + out
    return out


def _undo_base(text: str, name: str, digits: str) -> str:
    number = 0
    for char in text:
        value = digits.find(char)
        if value < 0:
            raise _failed(f'argument for {name} operator is "{text}", which is not a base {len(digits)} number')
        number = number * len(digits) + value
    number &= (1 << 64) - 1
    return str(number - (1 << 64) if number >> 63 else number)


def _base32d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return _undo_base(text, "base32d", _BASE32)
    except ExpansionFailed:
        message = f'argument for base32d operator is "{text}", which is not a base 32 number'
        raise _failed(message) from None


def _base62d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _undo_base(text, "base62d", _BASE62)


def _randint(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        limit = expanded_string_integer(text, positive=True)
    except EvalError as error:
        raise _failed(error.message) from None
    return str(expander.process.machine.rng.randrange(limit)) if limit > 0 else "0"


def _strlen(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return str(len(octets(text)))


def _time_eval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    seconds = readconf_readtime(text)
    if seconds is None:
        raise _failed(f'string "{text}" is not an Exim time interval in "{name}" operator')
    return str(seconds)


def _time_interval(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if text.strip("0123456789"):
        raise _failed(f'string "{text}" is not a positive number in "{name}" operator')
    return readconf_printtime(int(text or "0"))


# ---- parts and hashes of a text ---------------------------------------------------------------------------


def _values(arg: str | None, name: str) -> tuple[int, int]:
    """The one or two numbers after the underscores; -1 for a second one that is missing."""
    if arg is None:
        raise _failed(f"missing values after {name}")
    only_length = name.split("_")[0] in ("length", "l")
    negative = not only_length and name[0] == "s" and arg.startswith("-")
    first, underscore, second = arg[negative:].partition("_")
    if only_length and underscore or underscore and not (first and second):
        raise _failed(f'non-digit after underscore in "{name}"')
    numbers = [_digits(first, name), _digits(second, name)]
    if only_length:
        return 0, numbers[0]
    return -numbers[0] if negative else numbers[0], numbers[1] if underscore else -1


def _digits(text: str, name: str) -> int:
    if text.strip("0123456789"):
        raise _failed(f'non-digit after underscore in "{name}"')
    value = int(text[-_MOST_DIGITS:] or "0")
    if value > _LARGEST or len(text) > _MOST_DIGITS:
        raise _failed(f'value too large in "{name}"')
    return value


def _substr(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return extract_substr(text, *_values(arg, name))


def _hash(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return compute_hash(text, *_values(arg, name))


def _nhash(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return compute_nhash(text, *_values(arg, name))


def _md5(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return hashlib.md5(octets(text), usedforsecurity=False).hexdigest()


def _sha1(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return hashlib.sha1(octets(text), usedforsecurity=False).hexdigest().upper()


def _sha2(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _sha("sha2", {"256": "sha256", "384": "sha384", "512": "sha512"}, text, arg)


def _sha3(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _sha("sha3", {size: f"sha3_{size}" for size in ("224", "256", "384", "512")}, text, arg)


def _sha(family: str, variants: dict[str, str], text: str, arg: str | None) -> str:
    algorithm = variants.get("256" if arg is None else arg)
    if algorithm is None:
        raise _failed(f"unrecognised {family} variant")
    return hashlib.new(algorithm, octets(text)).hexdigest().upper()


# ---- codings ----------------------------------------------------------------------------------------------


def _base64(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return base64.b64encode(octets(text)).decode("ascii")


def _base64d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        data = base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise _failed(f'string "{text}" is not well-formed for "{name}" operator') from None
    return from_octets(data.partition(b"\0")[0])


def _hex2b64(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if not _HEX.fullmatch(text):
        raise _failed(f'"{text}" is not a hex string')
    if len(text) % 2:
        raise _failed(f'"{text}" contains an odd number of characters')
    return base64.b64encode(bytes.fromhex(text)).decode("ascii")


def _charset(process: Process) -> str:
    return process.config.main.text("headers_charset") or "UTF-8"


def _rfc2047(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return parse_quote_2047(text, _charset(expander.process))


def _rfc2047d(expander: Expander, text: str, arg: str | None, name: str) -> str:
    check_length = expander.process.config.main.flag("check_rfc2047_length")
    decoded, error = rfc2047_decode(text, _charset(expander.process), check_length=check_length)
    if error is not None:
        raise _failed(error)
    return decoded


def _from_utf8(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return from_octets(bytes(ord(char) if ord(char) < 256 else 0x5F for char in text))


def _utf8clean(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _UNDECODED.sub("?", from_octets(octets(text)))


_UNDECODED = re.compile("[\udc80-\udcff]")


def _domain_to_alabel(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _failed(f"error converting utf8 ({string_printing(text)}) to alabel: {error}") from None


def _domain_from_alabel(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return text.encode("ascii").decode("idna")
    except UnicodeError as error:
        raise _failed(f"error converting alabel ({string_printing(text)}) to utf8: {error}") from None


def _xtextd(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return from_octets(re.sub(rb"\+([0-9A-Fa-f]{2})", lambda m: bytes((int(m[1], 16),)), octets(text)))


def _not_modelled(expander: Expander, text: str, arg: str | None, name: str) -> str:
    raise Unsupported(f"the expansion operator ${{{name}:")


_OPERATORS: dict[str, Function] = {
    "address": _address,
    "addresses": _addresses,
    "base32": _base32,
    "base32d": _base32d,
    "base62": _base62,
    "base62d": _base62d,
    "base64": _base64,
    "base64d": _base64d,
    "domain": _domain,
    "escape": _escape,
    "escape8bit": _escape8bit,
    "eval": _eval,
    "eval10": _eval,
    "expand": _expand,
    "from_utf8": _from_utf8,
    "h": _hash,
    "hash": _hash,
    "headerwrap": _not_modelled,
    "hex2b64": _hex2b64,
    "hexquote": _hexquote,
    "ipv6denorm": _ipv6denorm,
    "ipv6norm": _ipv6norm,
    "l": _substr,
    "lc": _lc,
    "length": _substr,
    "listcount": _listcount,
    "listnamed": _listnamed,
    "local_part": _local_part,
    "mask": _mask,
    "md5": _md5,
    "nh": _nhash,
    "nhash": _nhash,
    "quote": _quote,
    "quote_local_part": _quote_local_part,
    "randint": _randint,
    "reverse_ip": _reverse_ip,
    "rfc2047": _rfc2047,
    "rfc2047d": _rfc2047d,
    "rxquote": _rxquote,
    "s": _substr,
    "sha1": _sha1,
    "sha2": _sha2,
    "sha256": _sha2,
    "sha3": _sha3,
    "stat": _not_modelled,
    "str2b64": _base64,
    "strlen": _strlen,
    "substr": _substr,
    "time_eval": _time_eval,
    "time_interval": _time_interval,
    "uc": _uc,
    "utf8_domain_from_alabel": _domain_from_alabel,
    "utf8_domain_to_alabel": _domain_to_alabel,
    "utf8_localpart_from_alabel": _not_modelled,
    "utf8_localpart_to_alabel": _not_modelled,
    "utf8clean": _utf8clean,
    "xtextd": _xtextd,
}

_WITH_ARGUMENT = frozenset(
    ["h", "hash", "headerwrap", "l", "length", "listnamed", "mask", "nh", "nhash", "quote", "s", "sha2", "sha256", "sha3", "substr"]
)


# ---- certificates -----------------------------------------------------------------------------------------

_CERTIFICATE_FORMS: dict[Function, Callable[[bytes], str]] = {
    _md5: lambda der: hashlib.md5(der, usedforsecurity=False).hexdigest().upper(),
    _sha1: lambda der: hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
    _sha2: lambda der: hashlib.sha256(der).hexdigest().upper(),
    _base64: lambda der: base64.b64encode(der).decode("ascii"),
}
"""What these operators do to a certificate instead of a text: its fingerprint, or its DER in base 64."""


def _certificate(node: Operator, function: Function | None, process: Process) -> bytes | None:
    """The DER of the certificate that is the operator's whole text, if it is one."""
    nodes = node.body.nodes
    if function not in _CERTIFICATE_FORMS or len(nodes) != 1 or not isinstance(nodes[0], Variable):
        return None
    name = nodes[0].name
    if name not in CERTIFICATES or not process.variables.get(name):
        return None
    body = "".join(line for line in process.variables[name].splitlines() if not line.startswith("-"))
    return base64.b64decode(body)
