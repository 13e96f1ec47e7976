"""The operators of string expansion, ``${name:text}`` (src/expand.c)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eximsim.mta.base import ipaddr
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.parse import AddressError, Extracted, parse_find_address_end
from eximsim.mta.base.string import (
    SPACES,
    from_octets,
    join_items,
    list_items,
    matchlist_parse_sep,
    octets,
    split_separator,
)
from eximsim.mta.config import expansion_names
from eximsim.mta.config.expansion_names import CERTIFICATES
from eximsim.mta.expand.expand_address import address_of, copies_addresses
from eximsim.mta.expand.expand_codings import CODINGS
from eximsim.mta.expand.expand_lookups import search_quote
from eximsim.mta.expand.expand_numbers import NUMBERS
from eximsim.mta.expand.expand_outside import stat
from eximsim.mta.expand.expand_text import ascii_lower, ascii_upper
from eximsim.mta.expand.expand_tree import Operator, Variable
from eximsim.mta.expand.expander import Expander, ExpansionFailed, TextFunction
from eximsim.mta.expand.headerwrap import headerwrap
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import printed

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.profiles import Profile

_PLAIN = re.compile(r"[0-9A-Za-z_.-]+")
_ATOM = r"0-9A-Za-z!#$%&'*+/=?^_`{|}~-"
_PLAIN_LOCAL_PART = re.compile(rf"[{_ATOM}](?:[.{_ATOM}]*[{_ATOM}])?")
_NOT_ALNUM = re.compile(rb"([^0-9A-Za-z])")


def run_operator(expander: Expander, node: Operator, skipping: bool) -> str:
    """Evaluate ``${name:text}``: the text first, then, unless skipping, the operator."""
    function, arg = _find(expander, node.name)
    certificate = _certificate(node, expander.process)
    value = expander.marked if _minds_taint(expander.process.profile, node.name) else expander.string
    text = "" if certificate is not None else value(node.body, skipping=skipping)
    if function is None:
        raise ExpansionFailed(f'unknown expansion operator "{node.name}"')
    if skipping:
        return ""
    if certificate is not None:
        return _CERTIFICATE_FORMS[node.name](certificate)
    return function(expander, text, arg, node.name)


def _minds_taint(profile: Profile, name: str) -> bool:
    """Whether it counts for an operator that its text comes from outside."""
    if name == "expand":
        return bool(profile.tainted_expansion)
    return copies_addresses(profile) and name.startswith(("mask", "ipv6", "reverse_ip"))


def _find(expander: Expander, name: str) -> tuple[TextFunction | None, str | None]:
    """The function, and the argument, unless the underscore belongs to the name."""
    lacking, profile = expander.lacking.operators, expander.process.profile
    whole = OPERATORS.get(name)
    if whole is not None and name not in lacking:
        return whole, None
    stem, _, arg = name.partition("_")
    function = OPERATORS.get(stem)
    if function is None or stem in lacking:
        return None, None
    if stem not in _WITH_ARGUMENT or (stem == "sha256" and not profile.sha256_takes_length):
        if not profile.operator_argument_checked:
            return function, None
        raise ExpansionFailed(f'unknown expansion operator "{name}" ("{stem}" does not take an _arg)')
    return function, arg


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
    kind, _, option = arg.partition("_")
    return search_quote(kind, text, option or None, expander.process.profile.build_lacks)


def _quote_local_part(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return text if _PLAIN_LOCAL_PART.fullmatch(text) else _in_quotes(text)


def _rxquote(expander: Expander, text: str, arg: str | None, name: str) -> str:
    escaped = _NOT_ALNUM.sub(rb"\\\1", octets(text))
    return from_octets(escaped)


def _escape(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return printed(expander.process, text)


def _escape8bit(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return "".join(chr(octet) if octet < 127 and octet != 92 else f"\\{octet:03o}" for octet in octets(text))


def _hexquote(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return "".join(chr(octet) if 0x21 <= octet <= 0x7E else f"\\x{octet:02x}" for octet in octets(text))


def _expand(expander: Expander, text: str, arg: str | None, name: str) -> str:
    try:
        return expander.expand_again(text)
    except ExpansionFailed as error:
        message = f"internal expansion of {expander.told(text)} failed: {error.message}"
        raise ExpansionFailed(message, forced=error.forced, defer=error.defer) from None


# ---- addresses and lists ----------------------------------------------------------------------------------


def _extracted(process: Process, text: str, *, group: bool = False) -> Extracted | None:
    try:
        return extract_address(process, text, group=group)
    except AddressError:
        return None


def _split(expander: Expander, text: str) -> tuple[str, str, str]:
    """An address, its local part and its domain; empty if it is none.

    Where they are cut from the text as it is written, comments are in them and in the way.
    """
    found = _extracted(expander.process, text)
    if found is None:
        return "", "", ""
    whole, at = found.address, found.domain_at
    if expander.process.profile.address_parts_cut:
        start, end = found.start, found.end
        whole = text[start:end]
        if at:
            return whole, text[start : start + at - 1], text[start + at : end]
    return (whole, whole[: at - 1], whole[at:]) if at else (whole, whole, "")


def _address(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _split(expander, text)[0]


def _local_part(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _split(expander, text)[1]


def _domain(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return _split(expander, text)[2]


def _addresses(expander: Expander, text: str, arg: str | None, name: str) -> str:
    separator = ":"
    rest = text.lstrip(SPACES)
    if rest.startswith(">"):
        separator = rest[1:2]
        if not separator:
            raise ExpansionFailed(f"output separator missing in expanding ${{addresses:{rest}}}")
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
    if not expander.process.profile.list_separator_read_first:
        return str(sum(1 for _ in list_items(text)))
    separator, rest = matchlist_parse_sep(text)
    return str(sum(1 for _ in list_items(rest, separator)))


_LISTNAMED_BUF_SIZE = 255
"""Octets of an item that ``listnamed`` shows (LISTNAMED_BUF_SIZE in expand.c, less one)."""

_LIST_KINDS = {"a": "address", "d": "domain", "h": "host", "l": "localpart"}


def _listnamed(expander: Expander, text: str, arg: str | None, name: str) -> str:
    if arg and arg[0] not in _LIST_KINDS:
        raise ExpansionFailed('bad suffix on "list" operator')
    kinds = (_LIST_KINDS[arg[0]],) if arg else tuple(_LIST_KINDS.values())
    return _expand_listnamed(expander, text, kinds, bool(arg))


def _expand_listnamed(expander: Expander, name: str, kinds: tuple[str, ...], typed: bool) -> str:
    bare = name.removeprefix("+")
    lists = expander.process.config.named_lists
    source = next((lists[kind][bare] for kind in kinds if bare in lists.get(kind, ())), None)
    if source is None:
        raise ExpansionFailed(f"{expander.told(bare)} is not a {f'{kinds[0]} ' if typed else ''}named list")
    separator, rest = split_separator(source)
    whole = list_items(rest, separator, escaped_space=False)
    return " : ".join(
        _expand_listnamed(expander, item, kinds, typed)
        if item.startswith("+")
        else _with_colons_doubled(item, separator)
        for item in (item[:_LISTNAMED_BUF_SIZE].rstrip(SPACES) for item in whole)
    )


def _with_colons_doubled(item: str, separator: str) -> str:
    """The item of a list for one with colons. An item that came from such a list stays as it is."""
    if separator == ":":
        return item
    found = re.escape(separator)
    return re.sub(f":|{found}{found}?", lambda match: "::" if match[0] == ":" else separator, item)


# ---- IP addresses -----------------------------------------------------------------------------------------


def _mask(expander: Expander, text: str, arg: str | None, name: str) -> str:
    found = address_of(expander, text, mask=True)
    if found is None:
        raise ExpansionFailed(f"{expander.told(text)} is not an IP address")
    if found.mask is None:
        raise ExpansionFailed(f"missing mask value in {expander.told(text)}")
    bits = read_long(found.mask)
    value, width = ipaddr.host_aton(found.address)
    if bits > width:
        raise ExpansionFailed(f"mask value too big in {expander.told(text)}")
    value = ipaddr.host_mask(value, width, bits)
    shortened = arg is not None and arg.startswith("n") and expander.process.profile.mask_shortens
    if found.version == 6 and shortened:
        return f"{ipaddr.ipv6_nmtoa(value)}/{bits}"
    return ipaddr.host_nmtoa(value, width, bits)


def _ipv6norm(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ipaddr.ipv6_nmtoa(_ipv6(expander, text))


def _bless(expander: Expander, text: str, arg: str | None, name: str) -> str:
    """The text itself; under Exim's own suite it is not tainted then (see ``taint.py``)."""
    return text


def _ipv6denorm(expander: Expander, text: str, arg: str | None, name: str) -> str:
    return ipaddr.host_nmtoa(_ipv6(expander, text), 128, separator=":")


def _ipv6(expander: Expander, text: str) -> int:
    found = address_of(expander, text)
    if found is None:
        raise ExpansionFailed(f"{expander.told(text)} is not an IP address")
    return ipaddr.ipv6_of(found.address)


def _reverse_ip(expander: Expander, text: str, arg: str | None, name: str) -> str:
    found = address_of(expander, text, mask=True)
    if found is None:
        raise ExpansionFailed(f"reverse_ip() not given an IP address [{text}]")
    return ipaddr.invert_address(found.address)


OPERATORS: Mapping[str, TextFunction] = expansion_names.complete(
    {
        **CODINGS,
        **NUMBERS,
        "address": _address,
        "bless": _bless,
        "addresses": _addresses,
        "domain": _domain,
        "escape": _escape,
        "escape8bit": _escape8bit,
        "expand": _expand,
        "headerwrap": headerwrap,
        "hexquote": _hexquote,
        "ipv6denorm": _ipv6denorm,
        "ipv6norm": _ipv6norm,
        "lc": _lc,
        "listcount": _listcount,
        "listnamed": _listnamed,
        "local_part": _local_part,
        "mask": _mask,
        "quote": _quote,
        "quote_local_part": _quote_local_part,
        "reverse_ip": _reverse_ip,
        "rxquote": _rxquote,
        "stat": stat,
        "uc": _uc,
    },
    expansion_names.OPERATORS,
)

_WITH_ARGUMENT = frozenset(
    {
        "h", "hash", "headerwrap", "l", "length", "listnamed", "mask", "nh", "nhash", "quote", "s", "sha2",
        "sha256", "sha3", "substr",
    }
)  # fmt: skip
"""Operators that take something after an underscore."""


# ---- certificates -----------------------------------------------------------------------------------------

_CERTIFICATE_FORMS: dict[str, Callable[[bytes], str]] = {
    "md5": lambda der: hashlib.md5(der, usedforsecurity=False).hexdigest().upper(),
    "sha1": lambda der: hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
    "sha256": lambda der: hashlib.sha256(der).hexdigest().upper(),
    "base64": lambda der: base64.b64encode(der).decode("ascii"),
}
"""What these operators do to a certificate instead of a text: its fingerprint, or its DER in base 64."""


def _certificate(node: Operator, process: Process) -> bytes | None:
    """The DER of the certificate that is the operator's whole text, if it is one."""
    nodes = node.body.nodes
    if node.name not in _CERTIFICATE_FORMS or len(nodes) != 1 or not isinstance(nodes[0], Variable):
        return None
    name = nodes[0].name
    if name not in CERTIFICATES or not process.variables.get(name):
        return None
    body = "".join(line for line in process.variables[name].splitlines() if not line.startswith("-"))
    return base64.b64decode(body)
