"""Zone files in the master format of RFC 1035, section 5, answered as a recursive resolver would.

Understood: ``$ORIGIN``, ``$TTL`` (RFC 2308, 4), ``@``, parentheses, quoted strings, comments, escapes,
relative and omitted owners, times with units (``1h30m``), class IN, and RFC 3597's ``TYPE123`` and ``\\#
LENGTH HEX`` for every type that has no text form here. Not understood: ``$INCLUDE``. A relative name needs an
``$ORIGIN`` before it. A file may hold several zones; each starts at its SOA.

Two directives are our own. ``$ANSWER NAME TYPE SERVFAIL`` says what no record can: a question is answered
with this RCODE (or ``REFUSED``, ``NXDOMAIN``, ...), or never (``TIMEOUT``). ``$SECURE on`` (or ``off``, as
every file starts) says that what comes after it validates, which is what an answer's AD shows. An RRset is
secure if all its records are; a negative answer is secure if the SOA of its zone is, since that is where its
proof comes from. No keys or signatures are made.

TLSA certificate data may be written ``@cert:NAME``, as in ``world.fakens``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from eximsim.errors import InputError, Unsupported
from eximsim.ports import DnsRecord, RData
from eximsim.quick_dataclass import dataclass
from eximsim.world import names, rdata
from eximsim.world.rrsets import RCODES, Apex, ResolvedZones, RRset

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f]+) | (?P<newline>\n) | (?P<comment>;[^\n]*) | (?P<open>\() | (?P<close>\))
      | (?P<quoted>") | (?P<word>(?=[^\\]|\\[^\n]))""",
    re.VERBOSE,
)
_PIECES = MappingProxyType(
    {
        "quoted": re.compile(r'[^"\\\n]+|\\[^\n]'),
        "word": re.compile(r'[^ \t\r\f\n();"\\]+|\\[^\n]'),
    }
)
"""What a text is made of; one after the other, as a group that is repeated costs memory each time."""
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_TIME = re.compile(r"\d{1,10}|(?:\d{1,10}[smhdw])+", re.ASCII | re.IGNORECASE)
_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLASSES = ("IN", "CH", "HS", "CS")
_MAX_TTL = 0x7FFFFFFF
_SILENCE = "TIMEOUT"


def master_zones(
    files: Mapping[str, str], certificate: rdata.CertificateSource | None = None
) -> ResolvedZones:
    """The zones of master files, given as path -> text; ``certificate`` resolves ``@cert:NAME``.

    Raises ``InputError`` with file and line, and ``Unsupported`` for ``$INCLUDE``.
    """
    rdata.check_length(files)
    readers = [(_Reader(path, certificate), text) for path, text in files.items()]
    lines = [line for reader, text in readers for line in reader.read(text)]
    told = [answer for reader, _ in readers for answer in reader.answers]
    rrsets: dict[tuple[str, str], list[_Line]] = {}
    known: set[DnsRecord] = set()
    for line in lines:
        rrset = rrsets.setdefault((names.key(line.record.name), line.record.type), [])
        if line.record not in known:
            known.add(line.record)
            rrset.append(line)
    _check(rrsets)
    _check_answers(told, rrsets)
    owners = dict.fromkeys((*(line.record.name for line in lines), *(one.rrset.name for one in told)))
    return ResolvedZones(
        (
            *(one.rrset for one in told),
            *(
                RRset(
                    rrset[0].record.name,
                    rrset[0].record.type,
                    tuple(line.record for line in rrset),
                    secure=all(line.secure for line in rrset),
                )
                for rrset in rrsets.values()
            ),
        ),
        (_apex(line) for line in lines if line.record.type == "SOA"),
        dict.fromkeys(name for owner in owners for name in names.parents(owner) if name),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    record: DnsRecord
    secure: bool
    path: str
    number: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """What ``$ANSWER`` says."""

    rrset: RRset
    path: str
    number: int


def _apex(line: _Line) -> Apex:
    """The zone's start; negative answers live for the SOA's minimum at most (RFC 2308, 5)."""
    octets = line.record.data
    assert isinstance(octets, bytes)
    minimum = int.from_bytes(octets[-4:], "big")
    return Apex(replace(line.record, ttl=min(line.record.ttl, minimum)), line.secure)


def _check(rrsets: Mapping[tuple[str, str], Sequence[_Line]]) -> None:
    """Hold what RFC 1034, 3.6.2 and RFC 1035, 5.2 say about SOA and CNAME records."""
    others = {name for name, type in rrsets if type != "CNAME"}
    for (name, type), lines in rrsets.items():
        second = lines[1] if len(lines) > 1 else None
        if type in ("SOA", "CNAME") and second is not None:
            raise InputError(f"a second {type} for {name}; expected one", second.path, second.number)
        if type == "CNAME" and name in others:
            raise InputError(
                f"{name} has a CNAME and other records; expected either", lines[0].path, lines[0].number
            )


def _check_answers(told: Iterable[_Answer], rrsets: Mapping[tuple[str, str], object]) -> None:
    """Hold that a question has one answer."""
    seen = set(rrsets)
    for one in told:
        key = names.key(one.rrset.name), one.rrset.type
        if key in seen:
            what = f"$ANSWER for {one.rrset.name} {one.rrset.type}, which has records or another answer"
            raise InputError(f"{what}; expected one of them", one.path, one.number)
        seen.add(key)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    quoted: bool = False


class _Reader:
    """Reads one file."""

    def __init__(self, path: str, certificate: rdata.CertificateSource | None) -> None:
        self._path = path
        self._context = rdata.Context(self._absolute, certificate)
        self._origin: names.Labels | None = None
        self._owner: str | None = None
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None
        self._secure = False
        self.answers: list[_Answer] = []
        """What ``$ANSWER`` has said so far."""

    def read(self, text: str) -> Iterator[_Line]:
        """The records in order; raises ``InputError`` or ``Unsupported`` with the number of the line."""
        for number, blank_owner, words in _logical_lines(text, self._path):
            try:
                if words[0].text.startswith("$") and not words[0].quoted and not blank_owner:
                    self._directive(words, number)
                else:
                    yield _Line(self._record(words, blank_owner), self._secure, self._path, number)
            except (rdata.BadData, names.BadName) as error:
                raise InputError(str(error), self._path, number) from None

    def _directive(self, words: Sequence[_Word], number: int) -> None:
        name = words[0].text.upper()
        if name == "$INCLUDE":
            raise Unsupported("$INCLUDE in a zone file", self._path, number)
        if name == "$ANSWER":
            self.answers.append(_Answer(self._answer([word.text for word in words[1:]]), self._path, number))
            return
        if name not in ("$ORIGIN", "$TTL", "$SECURE"):
            raise rdata.BadData(f"directive {words[0].text!r}; expected $ORIGIN, $TTL, $SECURE or $ANSWER")
        if len(words) != 2:
            raise rdata.BadData(f"{name} with {len(words) - 1} arguments; expected one")
        value = words[1].text
        if name == "$ORIGIN":
            self._origin = names.from_text(self._absolute(value))
        elif name == "$TTL":
            self._default_ttl = _time(value, "$TTL")
        elif value in ("on", "off"):
            self._secure = value == "on"
        else:
            raise rdata.BadData(f"$SECURE {value!r}; expected on or off")

    def _answer(self, words: Sequence[str]) -> RRset:
        rcodes = [rcode for rcode in RCODES if rcode != "NOERROR"]
        if len(words) != 3 or words[2].upper() not in (*rcodes, _SILENCE):
            raise rdata.BadData(f"$ANSWER; expected NAME TYPE and one of {', '.join(rcodes)}, {_SILENCE}")
        try:
            type = rdata.type_name(rdata.type_number(words[1].upper()))
        except KeyError:
            raise rdata.BadData(
                f"record type {words[1]!r}; expected a mnemonic, or TYPE and a number"
            ) from None
        rcode = words[2].upper()
        if rcode == _SILENCE:
            return RRset(self._absolute(words[0]), type, drop=True)
        return RRset(self._absolute(words[0]), type, rcode=rcode, secure=self._secure)

    def _record(self, words: Sequence[_Word], blank_owner: bool) -> DnsRecord:
        rest = list(words)
        if not blank_owner:
            self._owner = self._absolute(rest.pop(0).text)
        if self._owner is None:
            raise rdata.BadData("no owner name in this line or before; expected OWNER [TTL] [IN] TYPE DATA")
        ttl = self._ttl_and_class(rest)
        if not rest:
            raise rdata.BadData("no record type; expected OWNER [TTL] [IN] TYPE DATA")
        type = rest.pop(0).text.upper()
        data = self._data(type, rest)
        if ttl is None:
            ttl = self._default_ttl if self._default_ttl is not None else self._last_ttl
        if ttl is None:
            raise rdata.BadData("no TTL; expected one in this line or before, or $TTL")
        self._last_ttl = ttl
        return DnsRecord(self._owner, type, data, ttl)

    def _ttl_and_class(self, rest: list[_Word]) -> int | None:
        """Take TTL and class, in either order, off the words."""
        ttl: int | None = None
        seen_class = False
        while rest:
            text = rest[0].text
            if ttl is None and text[:1].isdigit():
                ttl = _time(text, "TTL")
            elif not seen_class and text.upper() in _CLASSES:
                if text.upper() != "IN":
                    raise rdata.BadData(f"class {text}; expected IN")
                seen_class = True
            else:
                break
            rest.pop(0)
        return ttl

    def _data(self, type: str, words: Sequence[_Word]) -> RData:
        if words and words[0].text == "\\#" and not words[0].quoted:
            return _generic(type, [word.text for word in words[1:]])
        if type == "TXT":
            return rdata.text_strings([_octets(word.text) for word in words])
        fields = [word.text for word in words]
        if type == "SOA":
            fields[2:] = [str(_time(field, "SOA time", 0xFFFFFFFF)) for field in fields[2:]]
        return rdata.from_fields(type, fields, self._context)

    def _absolute(self, text: str) -> str:
        if _is_absolute(text):
            return names.canonical(text)
        if self._origin is None:
            raise names.BadName(f"relative name {text!r} without $ORIGIN; expected a final dot")
        relative = () if text == "@" else names.from_text(text)
        return names.to_text(names.check(relative + self._origin))


def _is_absolute(name: str) -> bool:
    """Whether a name ends in a dot that no backslash takes its meaning."""
    stem = name.removesuffix(".")
    return stem != name and (len(stem) - len(stem.rstrip("\\"))) % 2 == 0


def _logical_lines(text: str, path: str) -> Iterator[tuple[int, bool, list[_Word]]]:
    """Lines with words in them, parentheses joined: number, whether it starts with space, the words."""
    words: list[_Word] = []
    number = first = 1
    blank, opened, at_start, position = False, 0, True, 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise InputError("a backslash at the end; expected it to end in its line", path, number)
        position, kind = token.end(), token.lastgroup
        if kind == "newline":
            number += 1
            if not opened:
                if words:
                    yield first, blank, words
                words, blank = [], False
            at_start = not opened
            continue
        if kind == "space" and at_start:
            blank = True
        elif kind == "open":
            if opened:
                raise InputError("a second opening parenthesis; expected a closing one", path, number)
            opened = number
        elif kind == "close":
            if not opened:
                raise InputError("a closing parenthesis; expected an opening one before", path, number)
            opened = 0
        elif kind is not None and kind in _PIECES:
            start, position = position, _end(text, position, _PIECES[kind])
            words.append(_Word(text[start:position], kind == "quoted"))
            first = first if words[1:] else number
            if kind == "quoted":
                if text[position : position + 1] != '"':
                    what = "a string without closing quote; expected it to end in its line"
                    raise InputError(what, path, number)
                position += 1
        at_start = False
    if opened:
        raise InputError("a parenthesis that is never closed; expected )", path, opened)
    if words:
        yield first, blank, words


def _end(text: str, position: int, piece: re.Pattern[str]) -> int:
    """Where the pieces of a text end that begins at a position."""
    while (found := piece.match(text, position)) is not None:
        position = found.end()
    return position


def _generic(type: str, fields: Sequence[str]) -> RData:
    """Data in RFC 3597's form, of a known type too."""
    try:
        type = rdata.type_name(rdata.type_number(type))
    except KeyError:
        raise rdata.BadData(f"record type {type!r}; expected a mnemonic, or TYPE and a number") from None
    length = rdata.number(fields[0] if fields else "", "length after \\#", 0xFFFF)
    octets = rdata.hexadecimal("".join(fields[1:]), "data after \\#")
    if len(octets) != length:
        raise rdata.BadData(f"{len(octets)} octets after \\# {length}; expected {length}")
    return rdata.from_octets(type, octets)


def _octets(text: str) -> bytes:
    """The octets of a character string, escapes resolved."""

    def resolve(match: re.Match[bytes]) -> bytes:
        if len(match[1]) == 1:
            return match[1]
        if int(match[1]) > 255:
            raise rdata.BadData(f"\\{int(match[1])} in a string; expected an octet's code, up to \\255")
        return bytes([int(match[1])])

    return _ESCAPE.sub(resolve, text.encode(errors="replace"))


def _time(text: str, what: str, limit: int = _MAX_TTL) -> int:
    """Seconds, written as a number or with units; raises ``BadData``."""
    seconds = limit + 1
    if _TIME.fullmatch(text):
        parts = re.findall(r"(\d+)([a-z]?)", text.lower())
        seconds = sum(int(count) * _UNITS.get(unit, 1) for count, unit in parts)
    if seconds > limit:
        raise rdata.BadData(f"{what} is {text!r}; expected seconds up to {limit}, or a time such as 1h30m")
    return seconds
