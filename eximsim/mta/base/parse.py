"""RFC 5322 addresses as Exim reads them (src/parse.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from eximsim.mta.base.string import SPACES, octets
from eximsim.quick_dataclass import dataclass

_SPECIALS = frozenset('()<>@,;:\\".[]')
_LITERAL = frozenset("0123456789abcdefABCDEF.:")
_SUBDOMAIN = re.compile(r"[A-Za-z0-9-]+")
_UTF8_SUBDOMAIN = re.compile("[A-Za-z0-9\u0080-\ud7ff\ue000-\U0010ffff-]+")
_SHOWN = 32


class AddressError(Exception):
    """The text is not an address; ``message`` says why, in Exim's words. ``in_group`` as in ``Extracted``."""

    def __init__(self, message: str, *, in_group: bool = False) -> None:
        self.message = message
        self.in_group = in_group
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Extracted:
    """An address taken out of its surroundings.

    ``domain_at`` is the offset of the domain in ``address``, 0 if it has none. ``start`` and ``end`` are
    offsets in the text that was read. ``in_group``: a group (``name: a, b;``) is still open after it.
    """

    address: str
    domain_at: int
    start: int
    end: int
    in_group: bool = False


def parse_find_address_end(text: str, position: int = 0, *, newline_ends: bool = False) -> int:
    """Where the address that begins at ``position`` ends: at a comma that separates, or at the end.

    Source: parse_find_address_end(), src/parse.c.
    """
    size = len(text)
    source_routed = text.startswith("@", position)
    open_ends = 1 if source_routed else 0
    while position < size:
        char = text[position]
        if (char == "," and open_ends <= 0) or (char == "\n" and newline_ends):
            break
        if char == "\\" and position + 1 < size:
            position += 2
        elif char == '"':
            position = _quoted_end(text, position, newline_ends)
        elif char == "(":
            position = _comment_end(text, position, newline_ends)
        else:
            if char == "<":
                source_routed = text.startswith("@", position + 1)
                open_ends = 2 if source_routed else 1
            elif char == ">" or (source_routed and char == ":"):
                open_ends -= 1
            position += 1
    return position


def addresses_of(text: str) -> Iterator[str]:
    """The addresses of one command line argument, which may be a list with commas (src/exim.c)."""
    position = 0
    while position < len(text):
        end = parse_find_address_end(text, position)
        yield text[position:end]
        position = end
        while position < len(text) and (text[position] == "," or text[position] in SPACES):
            position += 1


def parse_message_ids(text: str) -> Iterator[str]:
    """The message ids of a References: line, up to what is none. Source: parse_message_id(), src/parse.c."""
    position = 0
    while True:
        while position < len(text) and (text[position] in SPACES or text[position] == "("):
            position = _comment_end(text, position) if text[position] == "(" else position + 1
        found = _MESSAGE_ID.match(text, position)
        if found is None:
            return
        yield found[0]
        position = found.end()


_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>\s]+>")


def _quoted_end(text: str, position: int, newline_ends: bool) -> int:
    position += 1
    while position < len(text) and not (newline_ends and text[position] == "\n"):
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        elif text[position] == '"':
            return position + 1
        position += 1
    return position


def _comment_end(text: str, position: int, newline_ends: bool = False) -> int:
    level = 1
    position += 1
    while position < len(text) and not (newline_ends and text[position] == "\n"):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            position += 1
        elif char == "(":
            level += 1
        elif char == ")":
            level -= 1
            if level <= 0:
                return position + 1
        position += 1
    return position


@lru_cache(maxsize=4096)
def parse_extract_address(
    text: str,
    *,
    allow_null: bool = False,
    allow_domain_literals: bool = False,
    bare_literals: bool = False,
    allow_utf8_domains: bool = False,
    strip_trailing_dot: bool = False,
    strip_excess_angle_brackets: bool = False,
    group: bool = False,
    in_group: bool = False,
    longest: int = 256,
) -> Extracted:
    """The address in ``text``, without phrase, comments, brackets and source route.

    ``allow_null`` permits ``<>``, ``group`` a group name before the address, ``in_group`` the end of a group
    after it; ``bare_literals`` any domain literal in an address without angle brackets; ``longest`` is how
    many octets it may have. Raises ``AddressError``. Source: parse_extract_address(), src/parse.c.
    """
    reader = _Reader(text, allow_domain_literals, strip_trailing_dot, bare_literals, allow_utf8_domains)
    reader.in_group = in_group
    try:
        found = reader.extract(allow_null, strip_excess_angle_brackets, group and not in_group)
    except AddressError as error:
        still_open = reader.in_group and reader.peek() != ";"
        raise AddressError(error.message, in_group=still_open) from None
    if len(octets(text[found.start : found.end])) > longest:
        raise AddressError(f"address is ridiculously long: {found.address[:64]}...")
    return found


@dataclass(slots=True)
class _Reader:
    """One pass over a text; ``at`` is where it stands, ``mark`` where the last skipped comment began."""

    text: str
    literals: bool
    strip_dot: bool
    bare_literals: bool = False
    utf8: bool = False
    at: int = 0
    mark: int = 0
    in_group: bool = False

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_comment(self) -> None:
        self.mark = self.at
        while True:
            while self.peek() and self.peek() in SPACES:
                self.at += 1
            if self.peek() != "(":
                return
            self.at = _comment_end(self.text, self.at)

    def extract(self, allow_null: bool, excess: bool, group: bool) -> Extracted:
        self.skip_comment()
        start = self.at
        local = self.local_part(allow_null=True)
        if self.peek() not in ("@", "<"):
            if self.peek() in ("", ";"):
                if not local:
                    raise AddressError("empty address")
                return self.finish(local, 0, start, self.mark)
            self.phrase(group)
            if self.peek() == ":":
                self.at += 1
                self.in_group = True
                return self.extract(allow_null, excess, False)
        if self.peek() == "<":
            return self.bracketed(allow_null, excess)
        if not local:
            self.route()
            address, domain_at = self.addr_spec("")
            if not domain_at:
                raise AddressError("domain missing in source-routed address")
            return self.finish(address, domain_at, start, self.mark)
        self.at += 1
        domain = self.domain(relaxed=self.bare_literals)
        return self.finish(f"{local}@{domain}", len(local) + 1, start, self.mark)

    def phrase(self, group: bool) -> None:
        while self.peek() != "<" and not (group and self.peek() == ":"):
            try:
                self.local_part(allow_null=False)
            except AddressError as error:
                raise AddressError(f'{error.message} (expected word or "<")') from None

    def bracketed(self, allow_null: bool, excess: bool) -> Extracted:
        brackets = 1
        self.at += 1
        while excess and self.peek() == "<":
            brackets += 1
            self.at += 1
        start = self.at
        self.skip_comment()
        routed = self.peek() == "@"
        if routed:
            self.route()
        if allow_null and not routed and self.peek() == ">":
            address, domain_at = "", 0
        else:
            address, domain_at = self.addr_spec(">")
            if routed and not domain_at:
                raise AddressError("domain missing in source-routed address")
        end = self.at
        for _ in range(brackets):
            if self.peek() != ">":
                if not self.peek():
                    raise AddressError("'>' missing at end of address")
                raise self.malformed()
            self.at += 1
        self.skip_comment()
        return self.finish(address, domain_at, start, end)

    def malformed(self) -> AddressError:
        rest = self.text[self.at : self.at + _SHOWN]
        return AddressError(f"malformed address: {rest} may not follow {self.text[: self.at]}")

    def finish(self, address: str, domain_at: int, start: int, end: int) -> Extracted:
        if self.at < len(self.text):
            if not (self.in_group and self.peek() == ";"):
                raise self.malformed()
            self.in_group = False
        while end > start and self.text[end - 1] in SPACES:
            end -= 1
        return Extracted(address, domain_at, start, end, self.in_group)

    def addr_spec(self, end: str) -> tuple[str, int]:
        local = self.local_part(allow_null=False)
        if self.peek() == end:
            return local, 0
        if self.peek() != "@":
            raise AddressError(f'"@" or "." expected after "{local}"')
        self.at += 1
        return f"{local}@{self.domain()}", len(local) + 1

    def local_part(self, *, allow_null: bool) -> str:
        parts: list[str] = []
        while True:
            self.skip_comment()
            word = self.word()
            parts.append(word)
            self.skip_comment()
            if not word and self.peek() != ".":
                if not allow_null and not any(parts):
                    raise AddressError("missing or malformed local part")
                return "".join(parts)
            if self.peek() != ".":
                return "".join(parts)
            while self.peek() == ".":
                parts.append(".")
                self.at += 1

    def word(self) -> str:
        start = self.at
        if self.peek() == '"':
            self.at = _quoted_end(self.text, self.at, False)
            if self.at - start < 2 or self.text[self.at - 1] != '"' or self.open_quote(start):
                raise AddressError("unmatched doublequote in local part")
            return self.text[start : self.at]
        while (char := self.peek()) and (
            char == "\\" or (char > " " and char != "\x7f" and char not in _SPECIALS)
        ):
            self.at += 2 if char == "\\" and self.at + 1 < len(self.text) else 1
        return self.text[start : self.at]

    def open_quote(self, start: int) -> bool:
        """Whether the final double quote is escaped, so that the string is not closed."""
        at = start + 1
        while at < self.at - 1:
            at += 2 if self.text[at] == "\\" else 1
        return at != self.at - 1

    def domain(self, *, relaxed: bool = False) -> str:
        self.skip_comment()
        if self.peek() == "[":
            return self.literal(relaxed=relaxed)
        labels: list[str] = []
        while True:
            start = self.at
            if self.peek() != "-":
                self.at = self.subdomain_end()
            label = self.text[start : self.at]
            self.skip_comment()
            if not label:
                if self.strip_dot and labels and self.peek() != ".":
                    return ".".join(labels)
                raise AddressError("domain missing or malformed")
            labels.append(label)
            if self.peek() != ".":
                return ".".join(labels)
            self.at += 1
            self.skip_comment()

    def subdomain_end(self) -> int:
        """Where the characters of a subdomain end; with allow_utf8_domains not only ASCII ones."""
        end = self.at
        while found := (_UTF8_SUBDOMAIN if self.utf8 else _SUBDOMAIN).match(self.text, end):
            end = found.end()
        if self.utf8 and "\udcc0" <= self.text[end : end + 1] <= "\udcff":
            raise AddressError("invalid UTF-8 byte sequence")
        return end

    def literal(self, *, relaxed: bool) -> str:
        start = self.at
        self.at += 1
        if self.text[self.at : self.at + 5].lower() in ("ipv6:", "ipv4:"):
            self.at += 5
        while (char := self.peek()) and (
            (relaxed and "!" <= char <= "~" and char not in "[\\]") or char in _LITERAL
        ):
            self.at += 1
        if self.peek() != "]" and (self.literals or relaxed):
            raise AddressError("malformed domain literal")
        if not (self.literals or relaxed):
            raise AddressError("domain literals not allowed")
        self.at += 1
        found = self.text[start : self.at]
        self.skip_comment()
        return found

    def route(self) -> None:
        commas = False
        while self.peek() == "@":
            self.at += 1
            self.domain()
            if self.peek() != ",":
                break
            self.at += 1
            commas = True
            self.skip_comment()
        if self.peek() != ":":
            raise AddressError("colon expected after route list" if commas else "no local part")
        self.at += 1
        self.skip_comment()


def local_part_quote(local: str) -> str:
    """``local``, in double quotes if it could not stand in an address without them (src/expand.c)."""
    plain = all(
        char.isascii()
        and (char.isalnum() or char in "!#$%&'*+-/=?^_`{|}~" or (char == "." and 0 < at < len(local) - 1))
        for at, char in enumerate(local)
    )
    if plain:
        return local
    return '"' + "".join("\\" + char if char in '"\\' else char for char in local) + '"'
