"""The header lines of ARC and the sets that they make (``arc_parse_line()``, src/miscmods/arc.c)."""

from __future__ import annotations

import re
from dataclasses import field

from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import from_octets
from eximsim.quick_dataclass import dataclass

AAR, AMS, AS = b"ARC-Authentication-Results:", b"ARC-Message-Signature:", b"ARC-Seal:"
"""The header lines of one set, in the order in which seals cover them."""

_NAMES = {AAR: "AAR", AMS: "AMS", AS: "AS"}
_MOST_INSTANCES = 50
_FWS = b" \t\r\n"
_FOLD = re.compile(rb"[ \t\r\n]+")
_REMOTE = b"mtp.remote-ip"


class BadLine(Exception):
    """A line of ARC is no good; ``args[0]`` says why."""


@dataclass(slots=True)
class ArcLine:
    """One line: its text, its tags (without white space around), and the line without the value of ``b=``."""

    text: bytes
    tags: dict[str, bytes] = field(default_factory=dict)
    unsigned: bytes = b""

    @property
    def algorithm(self) -> tuple[bytes, bytes]:
        """Kind of key and hash of the ``a=`` tag."""
        key, _, digest = self.tags.get("a", b"").partition(b"-")
        return key, digest

    @property
    def is_relaxed(self) -> bool:
        """Whether header lines are taken in their relaxed form."""
        head = re.match(rb"[A-Za-z]*", self.tags.get("c", b"simple"))
        return head is not None and b"relaxed".startswith(head[0])


@dataclass(slots=True)
class ArcSet:
    """The lines of one instance, by name."""

    instance: int
    lines: dict[bytes, ArcLine] = field(default_factory=dict)
    verified: str | None = None
    """What came of its message signature: empty if it is good, None if that was not looked at."""


Chain = dict[int, ArcSet]
"""The sets by instance."""


def ordered(chain: Chain) -> list[ArcSet]:
    """The sets of a chain, the lowest instance first."""
    return [chain[instance] for instance in sorted(chain)]


def try_header(chain: Chain, text: bytes, *, signing: bool) -> None:
    """Put a header line where it belongs, if it is one of ARC. Raises ``BadLine``.

    A signer looks at the instance only. Source: arc_try_header().
    """
    name = next((name for name in _NAMES if text[: len(name)].lower() == name.lower()), None)
    if name is None:
        return
    try:
        wanted = "i" if signing else "ip" if name == AAR else "all"
        _insert(chain, name, parse_line(text, len(name), wanted))
    except BadLine as problem:
        raise BadLine(f"inserting {_NAMES[name]}: {problem.args[0]}") from None


def _insert(chain: Chain, name: bytes, line: ArcLine) -> None:
    instance = read_long(from_octets(line.tags.get("i", b"")))
    if not instance:
        raise BadLine("instance find")
    if not 0 < instance <= _MOST_INSTANCES:
        raise BadLine("overlarge instance number")
    lines = chain.setdefault(instance, ArcSet(instance)).lines
    if name in lines:
        raise BadLine("dup hdr")
    lines[name] = line


def parse_line(text: bytes, start: int, wanted: str) -> ArcLine:
    """Read the tags of a line whose name ends at ``start``: all, the instance, or that and the client.

    Raises ``BadLine``.
    """
    try:
        return _Reader(text, start, wanted).read()
    except BadLine as problem:
        raise BadLine(f"line parse: {problem.args[0]}") from None


class _Reader:
    """Goes through a line, tag by tag."""

    def __init__(self, text: bytes, start: int, wanted: str) -> None:
        self.text, self.wanted, self.at = text, wanted, start
        self.line = ArcLine(text, unsigned=text[:start])

    def read(self) -> ArcLine:
        while self.at < len(self.text):
            begin = self.at
            self._skip()
            tag = self.text[self.at : self.at + 1]
            self.at += 1
            self._skip()
            if not tag or self.at >= len(self.text):
                break
            dropped = self._tag(tag)
            if self.wanted == "i" and "i" in self.line.tags:
                break
            end = self.text.find(b";", self.at)
            self.at = len(self.text) if end < 0 else end + 1
            if dropped is None:
                self.line.unsigned += self.text[begin : self.at]
            else:
                self.line.unsigned += self.text[begin : dropped[0]] + self.text[dropped[1] : self.at]
        return self.line

    def _skip(self) -> None:
        while self.text[self.at : self.at + 1] in (b" ", b"\t", b"\r", b"\n"):
            self.at += 1

    def _tag(self, tag: bytes) -> tuple[int, int] | None:
        """Note one tag; where the value of ``b=`` begins and ends."""
        is_one = self.text[self.at : self.at + 1] == b"="
        if tag in (b"h", b"i") and is_one:
            self._value(tag.decode())
        elif tag == b"s" and not is_one and self.wanted == "ip":
            self._remote()
        elif self.wanted == "all":
            return self._signed(tag, is_one)
        return None

    def _signed(self, tag: bytes, is_one: bool) -> tuple[int, int] | None:
        if tag == b"b":
            return self._coded()
        if tag == b"c" and self.text[self.at : self.at + 2] == b"v=":
            self.at += 1
            self._value("cv")
        elif tag in b"acdls" and is_one:
            self._value(tag.decode())
            if tag == b"a" and b"-" not in self.line.tags["a"]:
                raise BadLine("no '-' in 'a' value")
        return None

    def _coded(self) -> tuple[int, int] | None:
        """``b=`` and ``bh=``, in which white space has no meaning."""
        name = "b"
        if self.text[self.at : self.at + 1] == b"h":
            name = "bh"
            self.at += 1
            self._skip()
            if self.text[self.at : self.at + 1] != b"=":
                return None
        elif self.text[self.at : self.at + 1] != b"=":
            raise BadLine("b? tag")
        if name in self.line.tags:
            raise BadLine(f"already {name} data")
        begin, end = self.at + 1, self.text.find(b";", self.at)
        end = len(self.text) if end < 0 else end
        value = _FOLD.sub(b"", self.text[begin:end])
        if not value:
            raise BadLine(f"no {name}= value")
        self.line.tags[name], self.at = value, end
        return (begin, end) if name == "b" else None

    def _remote(self) -> None:
        """``smtp.remote-ip=``."""
        if self.text[self.at : self.at + len(_REMOTE)] != _REMOTE:
            return
        self.at += len(_REMOTE)
        self._skip()
        if self.text[self.at : self.at + 1] != b"=":
            raise BadLine("smtp.remote_ip tag val")
        self._value("ip")

    def _value(self, name: str) -> None:
        if name in self.line.tags:
            raise BadLine(f"{name} tag dup")
        end = self.text.find(b";", self.at)
        end = len(self.text) if end < 0 else end
        self.line.tags[name], self.at = self.text[self.at + 1 : end].strip(_FWS), end
