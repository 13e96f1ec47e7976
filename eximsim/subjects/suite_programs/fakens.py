"""The fake name server of the test suite: it answers one question from zone files, on standard output.

Exim in test mode starts it in place of the resolver, as ``fakens DIRECTORY NAME TYPE``. It needs nothing but
the standard library.
Source: test/src/fakens.c.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA, PASS_ON = 1, 2, 3, 4, 5
"""Exit codes: those of ``h_errno``, and one by which Exim is to ask the real resolver."""

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "TLSA": 52}  # fmt: skip
_TTL = 3600
_LINE = 511
"""The octets of a line that are read at once; what follows counts as a line of its own."""

_SPACE = b" \t\n\v\f\r"
_DIGITS, _HEXADECIMAL = b"0123456789", b"0123456789abcdefABCDEF"
_SPACES = {bytes((one,)) for one in _SPACE}
_MANY_HOMES = [bytes((10, 250, third, fourth)) for third in range(104, 112) for fourth in range(256)]


class _Found:
    """What the records for a name and type come to."""

    def __init__(self) -> None:
        self.code = HOST_NOT_FOUND
        self.records: list[bytes] = []
        self.secure = self.authoritative = False


def main(arguments: list[str]) -> int:
    """Answer one question; returns the exit code."""
    if len(arguments) != 3:
        return _complain(f"expected 3 arguments, received {len(arguments)}")
    folder, name, kind = f"{arguments[0]}/dnszones", *arguments[1:]
    kind, domain = kind.upper(), os.fsencode(name).removesuffix(b".").lower()
    if domain == b"manyhome.test.ex" and kind == "A":
        records = [_record(domain, TYPES["A"], 0, address) for address in _MANY_HOMES]
        _write(_header(len(records), 0, query=False), records)
        return 0
    if domain.endswith(b"test.again.dns"):
        time.sleep(_leading(domain))
        return TRY_AGAIN
    if domain.endswith(b"test.fail.dns"):
        return NO_RECOVERY
    try:
        zones, qualify = _zones(folder)
    except OSError as error:
        return _complain(f"failed to opendir {folder}: {error.strerror}")
    if b"." not in domain and domain != b"dontqualify":
        domain += qualify
    found = next((one for one in zones if domain == one[0][1:] or domain.endswith(one[0])), None)
    if found is None:
        shown = domain.decode("utf-8", "surrogateescape")
        print(f"fakens: query not in faked zone: domain is: {shown}", file=sys.stderr)
        return PASS_ON
    return _answer(found[1], found[0], domain, kind)


def _complain(what: str) -> int:
    print(f"fakens: {what}", file=sys.stderr)
    return NO_RECOVERY


def _zones(folder: str) -> tuple[list[tuple[bytes, str]], bytes]:
    """The zones with their files, in the order of the folder, and what qualifies a name without a dot.

    A zone's name begins with a dot.
    """
    found, qualify = [], b""
    for name in os.listdir(folder):
        octets = os.fsencode(name)
        if octets.startswith(b"qualify."):
            qualify = octets[7:]
        elif octets.startswith(b"db.ip4."):
            found.append((octets[6:] + b".in-addr.arpa", f"{folder}/{name}"))
        elif octets.startswith(b"db.ip6."):
            found.append((octets[6:] + b".ip6.arpa", f"{folder}/{name}"))
        elif octets.startswith(b"db."):
            found.append((octets[2:], f"{folder}/{name}"))
    return found, qualify


def _answer(path: str, zone: bytes, domain: bytes, kind: str) -> int:
    try:
        with open(path, "rb") as file:
            lines = list(_lines(file.read()))
    except OSError as error:
        return _complain(f"failed to open {path}: {error.strerror}")
    if kind not in TYPES:
        print(f"fakens: unknown record type {kind}", file=sys.stderr)
        _write(_header(0, 0), [])
        return NO_RECOVERY
    found, more = _find(lines, zone, domain, kind), []
    if kind not in ("SOA", "NS"):
        more = _find(lines, zone, zone[1:], "NS" if found.records else "SOA").records
    flags = (found.authoritative, found.secure)
    _write(_header(len(found.records), len(more), *flags), [*found.records, *more])
    return found.code


def _header(answers: int, authorities: int, authoritative: bool = False, secure: bool = False,
            *, query: bool = True) -> bytes:  # fmt: skip
    first = (0x80 if query else 0) | (0x04 if authoritative else 0)
    counts = b"".join(count.to_bytes(2, "big") for count in (answers, authorities, 0))
    return bytes((0, 0, first, 0x20 if secure else 0, 0, 0)) + counts


def _write(header: bytes, records: list[bytes]) -> None:
    sys.stdout.buffer.write(header + b"".join(records))
    sys.stdout.buffer.flush()


def _lines(text: bytes) -> Iterator[bytes]:
    for line in text.split(b"\n"):
        yield from (line[at : at + _LINE] for at in range(0, len(line), _LINE))


def _find(lines: list[bytes], zone: bytes, domain: bytes, kind: str) -> _Found:
    """The records for a name; one of a name that does not say its own has that of the line before it."""
    found, owner, passes_on = _Found(), b"", False
    wanted = kind.encode()
    for line in lines:
        text = line.lstrip(_SPACE)
        if not text or text.startswith(b";"):
            continue
        if text.startswith(b"PASS ON NOT FOUND"):
            passes_on = True
            continue
        marks, rest = _marks(line.rstrip(_SPACE))
        if rest[:1] not in {b"", *_SPACES}:
            word = rest.split(maxsplit=1)[0]
            rest = rest[len(word) :]
            owner = word[:-1] if word.endswith(b".") else word + zone
        if not _is_for(owner.lower(), domain):
            continue
        if found.code == HOST_NOT_FOUND:
            found.code, found.secure, found.authoritative = NO_DATA, True, True
        rest = rest.lstrip(_SPACE)
        alias = rest.startswith(b"CNAME")
        of_type = rest.startswith(wanted) and rest[len(wanted) : len(wanted) + 1] in _SPACES
        if not alias and not of_type:
            continue
        time.sleep(marks.get("DELAY", 0) / 1000)
        found.secure &= "DNSSEC" in marks
        found.authoritative &= "AA" in marks
        if "NXDOMAIN" in marks:
            continue
        found.code = 0
        name = domain if owner.startswith(b"*") else owner
        data = rest[5 if alias else len(wanted) :].lstrip(_SPACE)
        number = TYPES["CNAME" if alias else kind]
        found.records.append(_record(name, number, marks.get("TTL", _TTL), _data(number, data, zone)))
    if found.code == HOST_NOT_FOUND and passes_on:
        found.code = PASS_ON
    return found


def _marks(line: bytes) -> tuple[dict[str, int], bytes]:
    """What stands before a record, and the rest of the line."""
    marks, found = {}, True
    while found:
        found = False
        for name in (b"DNSSEC ", b"NXDOMAIN ", b"AA ", b"DELAY=", b"TTL="):
            if line.startswith(name):
                found = True
                line = line[len(name) :]
                if name.endswith(b"="):
                    marks[name[:-1].decode()] = _leading(line)
                    line = line.lstrip(_DIGITS)
                    line = line[1:] if line[:1] in _SPACES else line
                else:
                    marks[name[:-1].decode()] = 1
    return marks, line


def _leading(text: bytes) -> int:
    """The number at the beginning of a text, 0 if there is none."""
    return int(text[: len(text) - len(text.lstrip(_DIGITS))] or 0)


def _is_for(owner: bytes, domain: bytes) -> bool:
    """Whether a record's name is the one that is looked for; a wildcard is one for all shorter names, too."""
    if not owner.startswith(b"*"):
        return domain == owner
    rest = owner[1:]
    return len(domain) <= len(rest) or domain.endswith(rest)


def _record(name: bytes, kind: int, ttl: int, data: bytes) -> bytes:
    head = kind.to_bytes(2, "big") + b"\0\1" + (ttl & 0xFFFFFFFF).to_bytes(4, "big")
    return _packed(name) + head + len(data).to_bytes(2, "big") + data


def _packed(name: bytes) -> bytes:
    """A name as labels; a dot at the end is none of them."""
    labels = (name.removesuffix(b".")).split(b".") if name else []
    return b"".join(bytes((len(label) & 255,)) + label for label in labels) + b"\0"


def _full(name: bytes, zone: bytes) -> bytes:
    return name if name.endswith(b".") else name + zone


def _numbers(data: bytes, octets: tuple[int, ...]) -> tuple[bytes, bytes]:
    """Numbers of so many octets each, and what stands behind them."""
    packed = b""
    for size in octets:
        packed += (_leading(data) & ((1 << 8 * size) - 1)).to_bytes(size, "big")
        data = data.lstrip(_DIGITS).lstrip(_SPACE)
    return packed, data


def _data(kind: int, data: bytes, zone: bytes) -> bytes:
    if kind == TYPES["SOA"]:
        primary, _, rest = data.partition(b" ")
        mailbox, _, numbers = rest.lstrip(b" ").partition(b" ")
        names = _packed(_full(primary, zone)) + _packed(mailbox)
        return names + _numbers(numbers.lstrip(_SPACE), (4,) * 5)[0]
    if kind in (TYPES["A"], TYPES["AAAA"]):
        return _address(kind, data.decode("latin-1"))
    if kind == TYPES["TXT"]:
        return b"".join(bytes((len(one) & 255,)) + one for one in _texts(data))
    if kind == TYPES["TLSA"]:
        numbers, rest = _numbers(data, (1, 1, 1))
        digits = rest[: len(rest) - len(rest.lstrip(_HEXADECIMAL))].decode()
        return numbers + bytes.fromhex(digits + "0" * (len(digits) % 2))
    sizes = {TYPES["MX"]: (2,), TYPES["SRV"]: (2, 2, 2)}.get(kind, ())
    numbers, name = _numbers(data, sizes) if sizes else (b"", data)
    return numbers + _packed(_full(name, zone))


def _address(kind: int, text: str) -> bytes:
    if kind == TYPES["A"]:
        parts = text.split(".")
        good = len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
        return bytes(map(int, parts)) if good else bytes(4)
    import socket  # which takes as long as all else that is loaded

    try:
        return socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return bytes(16)


def _texts(data: bytes) -> Iterator[bytes]:
    while data:
        text, _, data = data.removeprefix(b'"').partition(b'"')
        yield text
        data = data.lstrip(_SPACE)
