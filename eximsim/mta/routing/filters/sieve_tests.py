"""The tests of Sieve: address, envelope, header, size and the rest (parse_test(), src/sieve.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_extract_address, parse_find_address_end
from eximsim.mta.base.rfc2047 import rfc2047_decode
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_variables import find_header
from eximsim.mta.routing.filters.sieve_compare import COMPARATORS, compare
from eximsim.mta.routing.filters.sieve_mailto import is_valid_method
from eximsim.mta.routing.filters.sieve_scanner import SieveError, SieveScanner
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_ADDRESS_HEADERS = frozenset((b"from", b"to", b"cc", b"bcc", b"sender", b"resent-from", b"resent-to"))
OWN_LOCAL_PART = "$local_part_prefix$local_part$local_part_suffix"
"""The local part as the envelope has it."""

_ENVELOPE = {
    (b"from", "all"): "$sender_address",
    (b"from", "user"): "${local_part:$sender_address}",
    (b"from", "localpart"): "${local_part:$sender_address}",
    (b"from", "domain"): "${domain:$sender_address}",
    (b"to", "all"): f"{OWN_LOCAL_PART}@$domain",
    (b"to", "localpart"): OWN_LOCAL_PART,
    (b"to", "domain"): "$domain",
}
"""What is compared for each part of the envelope; ``:user`` and ``:detail`` of To are the router's."""


@dataclass(slots=True)
class _How:
    """How a test compares."""

    comparator: str = "casemap"
    match: str = "is"
    part: str = "all"


@dataclass(slots=True)
class SieveTests:
    """The tests of one filter.

    ``useraddress`` and ``subaddress`` are the texts that give ``:user`` and ``:detail`` of the recipient.
    """

    process: Process
    scanner: SieveScanner
    useraddress: str = OWN_LOCAL_PART
    subaddress: str | None = None

    def test(self, *, obey: bool) -> bool | None:
        """Whether the test that comes next holds; None if there is none. Without ``obey`` it is only read."""
        scanner = self.scanner
        self.process.effort.spend()
        scanner.white()
        for name in ("address", "allof", "anyof", "exists", "header", "not", "size", "envelope"):
            if scanner.identifier(name):
                return bool(getattr(self, f"_{name}")(obey))
        if scanner.identifier("false"):
            return False
        if scanner.identifier("true"):
            return True
        if scanner.identifier("valid_notify_method"):
            return self._valid_notify_method(obey)
        if scanner.identifier("notify_method_capability"):
            return self._notify_method_capability(obey)
        return None

    def _one(self, obey: bool) -> bool:
        held = self.test(obey=obey)
        if held is None:
            raise SieveError("missing test")
        return held

    def _list(self, obey: bool) -> list[bool]:
        scanner = self.scanner
        scanner.white()
        if not scanner.punctuation(b"("):
            raise SieveError("missing test list")
        held = []
        while True:
            held.append(self._one(obey))
            scanner.white()
            if not scanner.punctuation(b","):
                break
        if not scanner.punctuation(b")"):
            raise SieveError("missing closing paren")
        return held

    def _allof(self, obey: bool) -> bool:
        return all(self._list(obey))

    def _anyof(self, obey: bool) -> bool:
        return any(self._list(obey))

    def _not(self, obey: bool) -> bool:
        return not self._one(obey)

    def _size(self, obey: bool) -> bool:
        scanner = self.scanner
        scanner.white()
        over = scanner.identifier(":over")
        if not over and not scanner.identifier(":under"):
            raise SieveError("missing :over or :under")
        scanner.white()
        limit = scanner.number()
        size = int(self.process.variables.get("message_size", "0"))
        return size > limit if over else size < limit

    def _exists(self, obey: bool) -> bool:
        self.scanner.white()
        names = self.scanner.strings("header string list expected")
        return obey and all(find_header(self.process, _name(name), raw=True) is not None for name in names)

    def _header(self, obey: bool) -> bool:
        how = self._how(parts=False)
        names, keys = self._names_and_keys("header string list expected")
        held = False
        for name in names:
            if held:
                break
            if not name or any(octet < 33 or octet in b":\x7f" for octet in name):
                raise SieveError("invalid header field")
            value = find_header(self.process, _name(name), raw=True) if obey else None
            held = value is not None and self._fits(keys, self.decoded(value), how)
        return held

    def decoded(self, value: str) -> bytes:
        """What a header line says. Source: expand_header()."""
        text = value.lstrip(" \t").replace("\n", "").rstrip(" \t")
        check_length = self.process.config.main.flag("check_rfc2047_length")
        return octets(rfc2047_decode(text, "utf-8", check_length=check_length, nul=b"\0")[0])

    def _address(self, obey: bool) -> bool:
        how = self._how(parts=True)
        names, keys = self._names_and_keys("header string list expected")
        held = False
        for name in names:
            if held:
                break
            if name.lower() not in _ADDRESS_HEADERS:
                raise SieveError("invalid header field")
            value = find_header(self.process, _name(name), raw=True) if obey else None
            if value is not None:
                held = any(self._fits(keys, part, how) for part in self._addresses(value, how.part))
        return held

    def _addresses(self, text: str, part: str) -> Iterator[bytes]:
        position, in_group = 0, False
        while position < len(text):
            end = parse_find_address_end(text, position)
            broken = self.process.profile.sieve_address_lists_unread
            one = text[position:] if broken and end < len(text) else text[position:end]
            try:
                found = parse_extract_address(one, group=True, in_group=in_group)
            except AddressError as error:
                in_group = error.in_group
            else:
                in_group = found.in_group
                if part == "all":
                    yield octets(found.address)
                elif part == "domain":
                    yield octets(found.address[found.domain_at :])
                elif part != "detail":
                    local = found.address[: found.domain_at - 1] if found.domain_at else found.address
                    yield octets(local)
            if broken and end < len(text):
                return
            position = end + 1

    def _envelope(self, obey: bool) -> bool:
        self.scanner.require("envelope")
        how = self._how(parts=True)
        names, keys = self._names_and_keys("envelope string list expected")
        held = False
        for name in (name.lower() for name in names):
            if held:
                break
            if name not in (b"from", b"to"):
                raise SieveError("invalid envelope string")
            text = _ENVELOPE.get((name, how.part))
            if name == b"to" and how.part in ("user", "detail"):
                text = self.useraddress if how.part == "user" else self.subaddress
            if not obey or text is None:
                continue
            try:
                value = octets(expand(self.process, text))
            except ExpansionFailed:
                raise SieveError("header string expansion failed") from None
            held = self._fits(keys, value, how)
        return held

    def _valid_notify_method(self, obey: bool) -> bool:
        self.scanner.require("enotify")
        self.scanner.white()
        methods = self.scanner.strings("URI string list expected")
        return obey and all(is_valid_method(self.process, method) for method in methods)

    def _notify_method_capability(self, obey: bool) -> bool:
        scanner = self.scanner
        scanner.require("enotify")
        how = self._how(parts=False)
        method = scanner.string("missing notification URI string")
        scanner.white()
        capability = scanner.string("missing notification capability string")
        scanner.white()
        keys = scanner.strings("missing key string list")
        known = obey and is_valid_method(self.process, method) and capability.lower() == b"online"
        return known and self._fits(keys, b"maybe", how)

    def _fits(self, keys: list[bytes], value: bytes, how: _How) -> bool:
        for key in keys:
            self.process.effort.spend_on_searching(len(key) * len(value) if b"*" in key else len(value))
            if compare(self.scanner, key, value, how.comparator, how.match):
                return True
        return False

    def _names_and_keys(self, missing: str) -> tuple[list[bytes], list[bytes]]:
        scanner = self.scanner
        scanner.white()
        names = scanner.strings(missing)
        scanner.white()
        return names, scanner.strings("key string list expected")

    def _how(self, *, parts: bool) -> _How:
        """The arguments about address part, comparator and match type, each at most once."""
        how, given = _How(), set[str]()
        while True:
            self.scanner.white()
            what = (self._part(how) if parts else None) or self._comparator(how) or self._match(how)
            if what is None:
                return how
            if what in given:
                raise SieveError(f"{what} already specified")
            given.add(what)

    def _part(self, how: _How) -> str | None:
        for name in ("user", "detail", "localpart", "domain", "all"):
            if self.scanner.identifier(f":{name}"):
                if name in ("user", "detail"):
                    self.scanner.require("subaddress")
                how.part = name
                return "address part"
        return None

    def _comparator(self, how: _How) -> str | None:
        if not self.scanner.identifier(":comparator"):
            return None
        self.scanner.white()
        comparator = COMPARATORS.get(self.scanner.string("missing comparator").lower())
        if comparator is None:
            raise SieveError("invalid comparator")
        how.comparator = comparator
        return "comparator"

    def _match(self, how: _How) -> str | None:
        for name in ("is", "contains", "matches"):
            if self.scanner.identifier(f":{name}"):
                how.match = name
                return "match type"
        return None


def _name(name: bytes) -> str:
    return f"{from_octets(name)}:"
