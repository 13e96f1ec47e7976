"""The baseline: breaches that are known, so that new ones stand out; a TOML file, written by ``--accept``.

[[known]]
promise = "tls-required"
in = "delivery to someone@destination.example by mx1.destination.example"
when = "EHLO of mx1.destination.example: no STARTTLS"
outcome = "delivered to mx1.destination.example (in clear)"
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple

from eximsim.errors import InputError
from eximsim.formats import parse_toml
from eximsim.quick_dataclass import dataclass

_HEAD = (
    "# Breaches of promises that are known. --accept writes this file; look at the diff before you commit it."
)
_KEYS = ("promise", "in", "when", "outcome")


@dataclass(frozen=True, slots=True)
class Entry:
    """One breach that is known: of which promise or law, in which run, under what, with what outcome."""

    promise: str
    where: str
    when: str
    outcome: str

    @property
    def shape(self) -> tuple[str, str, str, frozenset[str]]:
        """Promise, kind, outcome and what has to be, without the names of hosts and addresses."""
        parts = _PART.split(self.when)
        whens = frozenset(_OF.sub("", part) for part in parts if part != _NOTHING)
        return self.promise, self.where.partition(" ")[0], _TO.sub("", self.outcome), whens

    def covers(self, found: Entry) -> bool:
        """Whether a breach is this one, perhaps with more that is out of the ordinary, perhaps elsewhere."""
        *mine, what = self.shape
        *its, more = found.shape
        return mine == its and what <= more


_PART = re.compile(r", (?=[A-Za-z ]+ of \S+: )|; ")
_OF = re.compile(r" of \S+(?=: )")
_TO = re.compile(r" to \S+(?= \()")
_NOTHING = "all is well"


def read_baseline(text: str, path: str) -> frozenset[Entry]:
    """The entries of a baseline; raises ``InputError`` with ``path`` and line."""
    content = parse_toml(text, path)
    known = content.pop("known", [])
    starts = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "[[known]]"]
    if content or not isinstance(known, list):
        raise InputError(f"{next(iter(content), 'known')}: expected [[known]] only", path, 1)
    found = set()
    for number, block in enumerate(known):
        if not isinstance(block, dict) or set(block) != set(_KEYS) or not all(map(_is_text, block.values())):
            line = starts[number] if number < len(starts) else 1
            raise InputError(f"expected the texts {', '.join(_KEYS)}", path, line)
        found.add(Entry(*(block[key] for key in _KEYS)))
    return frozenset(found)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def written_baseline(entries: Iterable[Entry]) -> str:
    """The text of a baseline, in an order of its own so that a diff shows what has changed."""
    blocks = ["\n".join(_block(entry)) for entry in sorted(set(entries), key=astuple)]
    return "\n\n".join([_HEAD, *blocks]) + "\n"


def _block(entry: Entry) -> Iterator[str]:
    yield "[[known]]"
    for key, text in zip(_KEYS, astuple(entry), strict=True):
        quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
        yield f"{key} = {quoted}"
