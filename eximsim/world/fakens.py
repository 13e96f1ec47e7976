"""Zone files in the format of Exim's test name server (test/src/fakens.c) and what it answers from them.

A file ``db.X`` holds zone ``X``, ``db.ip4.N`` zone ``N.in-addr.arpa``, ``db.ip6.N`` zone ``N.ip6.arpa``; the
mere name of a file ``qualify.D`` makes ``D`` the domain of questions for one-label names (except
``dontqualify``). A line is ``[PREFIX ]...OWNER TYPE DATA``, or starts with white space to go on with the
owner of the line before; lines that start with ``;`` or ``#`` are comments. A name without final dot gets the
zone's name (but not the mailbox of an SOA, which is always taken as it stands). Prefixes, one space after
each (with more, the line goes on with the owner before if its next word is a type, else that word is the
owner):

``DNSSEC``    the record is secure: AD if all records that are found are
``AA``        the record is authoritative: AA likewise
``NXDOMAIN``  the record is not there, but its prefixes count: a negative answer (NODATA) with AD
``DELAY=n``   the answer takes n milliseconds longer
``TTL=n``     seconds, otherwise 3600

The line ``PASS ON NOT FOUND`` makes an unknown name of the zone one for the real resolver. An owner ``*REST``
matches every name that ends in ``REST``, besides and not instead of its own records. TXT data is one or more
quoted strings, or one without quotes to the end of the line. Our own additions: the certificate data of a
TLSA record may be ``@cert:NAME``, the scenario's certificate of that name as selector and matching type have
it.

A CNAME answers every type and is not followed: Exim does that. Result codes become RCODEs that mean the same
to Exim: HOST_NOT_FOUND is NXDOMAIN, NO_DATA an empty NOERROR, TRY_AGAIN is SERVFAIL, NO_RECOVERY is FORMERR
(the only RCODE that a resolver library turns into it). A question that would be passed on is NXDOMAIN here,
as from the Internet's root for the test suite's made-up names, except for ``localhost`` (RFC 6761). Negative
answers carry AD as fakens does since commit e48f2b5b1: for a known name, not for an unknown one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

from eximsim.errors import InputError, Unsupported
from eximsim.files import Folder
from eximsim.ports import DnsAnswer, DnsRecord, RData
from eximsim.quick_dataclass import dataclass
from eximsim.world import names, rdata
from eximsim.world.reply import Reply, Zones, loopback_records

_DEFAULT_TTL = 3600
_MAX_TTL = 0x7FFFFFFF
_MAX_DELAY = 3_600_000
_UNQUALIFIED = "dontqualify"
_DIRECTIVES = ("$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE")
_PASS_ON = "PASS ON NOT FOUND"
_MANY_HOMES = "manyhome.test.ex"


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a zone file; ``owner`` in lower case, ``delay`` in milliseconds."""

    owner: str
    record: DnsRecord
    secure: bool
    authoritative: bool
    ignored: bool
    delay: int


@dataclass(frozen=True, slots=True)
class _Zone:
    """One zone file. ``name`` in lower case; positions in ``wild`` and ``exact`` keep the file's order."""

    name: str
    exact: Mapping[str, list[int]]
    wild: tuple[int, ...]
    entries: tuple[_Entry, ...]
    pass_on: bool

    def find(self, name: str) -> list[_Entry]:
        """The lines whose owner matches, in the order of the file."""
        wild = [
            i for i in self.wild if name.endswith(self.entries[i].owner[1:]) and name != self.entries[i].owner
        ]
        return [self.entries[i] for i in sorted([*self.exact.get(name, ()), *wild])]


class FakeZones(Zones):
    """A folder of zone files in fakens format; made by ``fakens_zones()``."""

    def __init__(self, zones: Iterable[_Zone], qualify: str | None) -> None:
        super().__init__()
        self._zones = sorted(zones, key=lambda zone: -len(zone.name))
        self._qualify = qualify

    def owners(self) -> Iterable[str]:
        """The owners of the files' lines."""
        return dict.fromkeys(entry.record.name for zone in self._zones for entry in zone.entries)

    def _decide(self, name: str, type: str) -> Reply:
        special = _pseudo_name(name, type)
        if special is not None:
            return special
        if "." not in name and self._qualify is not None and name != _UNQUALIFIED:
            name = f"{name}.{self._qualify}"
        zone = next((z for z in self._zones if name == z.name or name.endswith(f".{z.name}")), None)
        if zone is None:
            return _passed_on(name, type)
        matching = zone.find(name)
        if not matching:
            return _passed_on(name, type) if zone.pass_on else Reply(_negative(zone, "NXDOMAIN", type))
        return _from_entries(zone, name, type, matching)


def _from_entries(zone: _Zone, name: str, type: str, matching: list[_Entry]) -> Reply:
    relevant = [entry for entry in matching if entry.record.type in (type, "CNAME")]
    ad = all(entry.secure for entry in relevant)
    aa = all(entry.authoritative for entry in relevant)
    delay = sum(entry.delay for entry in relevant) / 1000
    answers = tuple(_named(entry, name) for entry in relevant if not entry.ignored)
    if not answers:
        return Reply(_negative(zone, "NOERROR", type, ad=ad, aa=aa), delay=delay)
    return Reply(DnsAnswer("NOERROR", ad, aa, answers, _apex(zone, type, "NS")), delay=delay)


def _named(entry: _Entry, name: str) -> DnsRecord:
    record = entry.record
    return DnsRecord(name, record.type, record.data, record.ttl) if entry.owner.startswith("*") else record


def _negative(zone: _Zone, rcode: str, type: str, *, ad: bool = False, aa: bool = False) -> DnsAnswer:
    return DnsAnswer(rcode, ad, aa, (), _apex(zone, type, "SOA"))


def _apex(zone: _Zone, asked: str, type: str) -> tuple[DnsRecord, ...]:
    """The authority section: NS with records, SOA without, nothing for questions about these two types."""
    if asked in ("NS", "SOA"):
        return ()
    found = zone.find(zone.name)
    return tuple(entry.record for entry in found if entry.record.type == type and not entry.ignored)


def _passed_on(name: str, type: str) -> Reply:
    if type == "TXT" and "._domainkey." in name:
        raise Unsupported(f"a key that only the real DNS has: {name}")
    records = loopback_records(name, type)
    if records is None:
        return Reply(DnsAnswer("NXDOMAIN"), pass_on=True)
    return Reply(DnsAnswer("NOERROR", answers=records), pass_on=True)


def _pseudo_name(name: str, type: str) -> Reply | None:
    """The names that fakens answers without looking at a zone (its README section)."""
    if name.endswith("test.again.dns"):
        seconds = "".join(takewhile(lambda letter: letter in "0123456789", name[:9]))
        return Reply(DnsAnswer("SERVFAIL"), delay=float(seconds or 0))
    if name.endswith("test.fail.dns"):
        return Reply(DnsAnswer("FORMERR"))
    if name == _MANY_HOMES and type == "A":
        addresses = (f"10.250.{i}.{j}" for i in range(104, 112) for j in range(256))
        return Reply(DnsAnswer("NOERROR", answers=tuple(DnsRecord(name, "A", a, 0) for a in addresses)))
    return None


# ---- reading -------------------------------------------------------------------------------------------


def load_fakens_dir(
    path: str | Path | Folder, certificate: rdata.CertificateSource | None = None, below: str = "."
) -> FakeZones:
    """Read the zone files of a folder, or of one ``below`` it.

    Files that are named neither ``db.X`` nor ``qualify.X`` are not zone files and are left alone, as fakens
    does. Raises ``InputError``.
    """
    folder = path if isinstance(path, Folder) else Folder(Path(path))
    place = folder.path / below
    try:
        texts = {
            name: (str(place / name), decode(folder.read(f"{below}/{name}"), str(place / name)))
            for name in folder.names(below)
            if name.startswith(("db.", "qualify."))
        }
    except OSError as error:
        raise InputError(f"{error.strerror}; expected a folder of zone files", str(error.filename)) from None
    if not texts:
        raise InputError("no zone files here; expected files named db.ZONE", str(place))
    return _read(texts, certificate)


def fakens_zones(files: Mapping[str, str], certificate: rdata.CertificateSource | None = None) -> FakeZones:
    """The zones of a folder given as path -> text, with all substitutions made.

    ``certificate`` resolves ``@cert:NAME``. Raises ``InputError`` with file and line.
    """
    return _read({Path(path).name: (path, text) for path, text in files.items()}, certificate)


def decode(octets: bytes, path: str) -> str:
    """The text of a zone file; raises ``InputError`` if it is not UTF-8."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise InputError(f"octet 0x{octets[error.start]:02x}; expected UTF-8 text", path, line) from None


def _read(files: Mapping[str, tuple[str, str]], certificate: rdata.CertificateSource | None) -> FakeZones:
    rdata.check_length(dict(files.values()))
    zones: list[_Zone] = []
    qualify: dict[str, str] = {}
    for file_name, (path, text) in files.items():
        if file_name.startswith("qualify."):
            qualify[path] = _zone_name(file_name.removeprefix("qualify."), path).lower()
        elif file_name.startswith("db."):
            zones.append(_Reader(_zone_name(_zone_of(file_name), path), path, certificate).read(text))
        else:
            raise InputError(f"file name {file_name!r}; expected db.ZONE or qualify.DOMAIN", path)
    if len(qualify) > 1:
        raise InputError(
            f"a second qualify.DOMAIN file besides {next(iter(qualify))}; expected one", [*qualify][1]
        )
    return FakeZones(zones, next(iter(qualify.values()), None))


def _zone_of(file_name: str) -> str:
    for prefix, suffix in (("db.ip4.", ".in-addr.arpa"), ("db.ip6.", ".ip6.arpa")):
        if file_name.startswith(prefix):
            return file_name.removeprefix(prefix) + suffix
    return file_name.removeprefix("db.")


def _zone_name(text: str, path: str) -> str:
    try:
        name = names.to_text(names.from_raw(text))
    except names.BadName as error:
        raise InputError(f"{error}; expected a domain name in the file's name", path) from None
    if not name:
        raise InputError("no domain name in the file's name; expected db.ZONE or qualify.DOMAIN", path)
    return name


@dataclass(slots=True)
class _Prefixes:
    """What stands before the owner of a line; ``delay`` in milliseconds, ``ttl`` in seconds."""

    secure: bool = False
    authoritative: bool = False
    ignored: bool = False
    delay: int = 0
    ttl: int = _DEFAULT_TTL


class _Reader:
    """Reads one zone file, line by line."""

    def __init__(self, zone: str, path: str, certificate: rdata.CertificateSource | None) -> None:
        self._zone = zone
        self._path = path
        self._context = rdata.Context(self._absolute, certificate)
        self._owner: str | None = None
        self._entries: list[_Entry] = []
        self._pass_on = False

    def read(self, text: str) -> _Zone:
        """The zone; raises ``InputError`` with the number of the line."""
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self._read_line(line.rstrip())
            except (rdata.BadData, names.BadName) as error:
                raise InputError(str(error), self._path, number) from None
        exact: dict[str, list[int]] = {}
        for position, entry in enumerate(self._entries):
            exact.setdefault(entry.owner, []).append(position)
        wild = tuple(i for i, entry in enumerate(self._entries) if entry.owner.startswith("*"))
        return _Zone(self._zone.lower(), exact, wild, tuple(self._entries), self._pass_on)

    def _read_line(self, line: str) -> None:
        if not line or line.lstrip().startswith(";") or line.startswith("#"):
            return
        if line.startswith(_PASS_ON):
            self._pass_on = True
            return
        if line.startswith(_DIRECTIVES):
            word = _first_word(line)[0]
            raise rdata.BadData(
                f"{word} belongs into a master file; expected its name to be ZONE.zone, not db.ZONE"
            )
        prefixes, rest = _split_prefixes(line)
        word, after = _first_word(rest)
        if not rest[:1].isspace() or (rest != line and word not in rdata.TEXT_TYPES):
            self._owner = self._own(self._absolute(word))
            rest = after
        if self._owner is None:
            raise rdata.BadData("no owner name in this line or before; expected OWNER TYPE DATA")
        type, data = _first_word(rest)
        if not type:
            raise rdata.BadData("no record type; expected OWNER TYPE DATA")
        self._entries.append(
            _Entry(
                self._owner.lower(),
                DnsRecord(self._owner, type, self._data(type, data), prefixes.ttl),
                prefixes.secure,
                prefixes.authoritative,
                prefixes.ignored,
                prefixes.delay,
            )
        )

    def _data(self, type: str, text: str) -> RData:
        if type == "TXT":
            return rdata.text_strings(_text_chunks(text))
        fields = text.split()
        if type == "SOA" and len(fields) > 1 and not fields[1].endswith("."):
            fields[1] += "."
        return rdata.from_fields(type, fields, self._context)

    def _own(self, name: str) -> str:
        owner, zone = name.lower(), self._zone.lower()
        if owner != zone and not owner.endswith(f".{zone}"):
            raise rdata.BadData(f"owner {name or '.'} is outside {self._zone}; expected a name in it")
        return name

    def _absolute(self, text: str) -> str:
        if text.endswith("."):
            return names.to_text(names.from_raw(text))
        return names.to_text(names.check(names.from_raw(text) + names.from_text(self._zone)))


def _first_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1) or ("",)
    return word, rest[0] if rest else ""


def _split_prefixes(line: str) -> tuple[_Prefixes, str]:
    prefixes = _Prefixes()
    while True:
        word, space, rest = line.partition(" ")
        value = word.partition("=")[2]
        if not space:
            return prefixes, line
        if word == "DNSSEC":
            prefixes.secure = True
        elif word == "AA":
            prefixes.authoritative = True
        elif word == "NXDOMAIN":
            prefixes.ignored = True
        elif word.startswith("DELAY="):
            prefixes.delay = rdata.number(value, "DELAY (milliseconds)", _MAX_DELAY)
        elif word.startswith("TTL="):
            prefixes.ttl = rdata.number(value, "TTL (seconds)", _MAX_TTL)
        else:
            return prefixes, line
        line = rest


def _text_chunks(text: str) -> list[bytes]:
    """The strings of TXT data; a quote starts and ends one, and nothing escapes it."""
    chunks = []
    rest = text
    while rest:
        chunk, _, rest = rest.removeprefix('"').partition('"')
        chunks.append(chunk.encode())
        rest = rest.lstrip()
    return chunks
