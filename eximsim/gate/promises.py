"""Promises as people write them: a TOML file, ready-made presets, and keywords of a test.

[[never]]
name = "bank"
recipient = "*@bank.example"
below = "verified"

[[always]]
recipient = "*"
outcome = "delivered"
at_least = "dane"
when = { TLSA = "secure", "TLSA records" = "match", "everything else" = "well" }
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eximsim.errors import InputError
from eximsim.explore.vocabulary import EXTENSIONS, MX, OF_A_HOST, OF_AUTHENTICATION, PROXY, asked_of
from eximsim.files import read_named_text
from eximsim.formats import parse_toml
from eximsim.fuzz.promise import OUTCOMES, PROTECTIONS, Condition, Promise
from eximsim.gate.messages import ANY_DOMAIN
from eximsim.status import TAKEN

if TYPE_CHECKING:
    from pathlib import Path

    from eximsim.explore.choices import Axis
    from eximsim.status import Security

AXES: Mapping[str, Axis] = MappingProxyType(
    {axis.name.lower(): axis for axis in (MX, *OF_A_HOST, *OF_AUTHENTICATION, EXTENSIONS, PROXY)}
)
"""What a promise can have conditions on, by name in lower case."""

EVERYTHING_ELSE, WELL = "everything else", "well"
"""The condition that all that a promise does not mention is as it is when all is well."""

_KEYS = {
    "never": ("name", "recipient", "outcome", "below", "when"),
    "always": ("name", "recipient", "outcome", "at_least", "when"),
}
_WORDS = tuple(dict.fromkeys(word for words in OUTCOMES.values() for word in words))


def promise(
    kind: str,
    *,
    recipient: str | Sequence[str] = "*",
    outcome: str | Sequence[str] = (),
    protection: str | None = None,
    when: Mapping[str, str | Sequence[str]] | None = None,
    name: str = "",
    where: str = "",
) -> Promise:
    """A promise of the kind ``"always"`` or ``"never"``; without a name its sentence is the name.

    A recipient's pattern without ``@`` is a domain's. Never, without an outcome, is about mail that is taken.
    Raises ``InputError``.
    """
    outcomes = _texts("outcome", outcome)
    for word in outcomes:
        if word not in _WORDS:
            raise InputError(f"outcome {word!r}: expected {', '.join(_WORDS)}")
    least = _protection(protection, "at_least" if kind == "always" else "below")
    if kind == "always" and not outcomes and least is None:
        raise InputError("outcome or at_least: expected one of them, or both")
    if kind == "never":
        outcomes = outcomes or TAKEN
        if least is not None and not set(outcomes) <= set(TAKEN):
            raise InputError(f"below: expected with outcome {' or '.join(TAKEN)} only")
    patterns = _texts("recipient", recipient)
    if not patterns:
        raise InputError("recipient: expected at least one pattern")
    recipients = tuple(one if "@" in one or not one.strip("*") else f"*@{one}" for one in patterns)
    made = Promise(name, kind == "always", recipients, outcomes, least, tuple(_when(when or {})), where)
    return made if name else replace(made, name=made.sentence)


def _protection(word: str | None, key: str) -> Security | None:
    if word is None:
        return None
    if word not in PROTECTIONS:
        raise InputError(f"{key} {word!r}: expected {', '.join(PROTECTIONS)}")
    return PROTECTIONS[word]


def _texts(key: str, value: object) -> tuple[str, ...]:
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise InputError(f"{key}: expected a text or a list of texts")
    return tuple(items)


def _when(when: object) -> Iterator[Condition]:
    """The conditions of a table; raises ``InputError``."""
    if not isinstance(when, Mapping):
        raise InputError('when: expected a table, { TLSA = "SERVFAIL" }')
    named = set()
    for key, value in when.items():
        if key == EVERYTHING_ELSE:
            if value != WELL:
                raise InputError(f'when: {key}: expected "{WELL}"')
            continue
        name, host = asked_of(key)
        axis = AXES.get(name.lower())
        if axis is None:
            known = ", ".join(one.name for one in AXES.values())
            raise InputError(f"when: {name!r}: expected one of {known}, or {EVERYTHING_ELSE}")
        named.add(axis.name)
        yield Condition(axis.name, _values(axis, value), host.lower())
    if EVERYTHING_ELSE in when:
        for axis in AXES.values():
            if axis.name not in named:
                yield Condition(axis.name, axis.values[:1])


def _values(axis: Axis, value: object) -> tuple[str, ...]:
    """The values that a text or a list means; one that begins with ``!`` is left out of all there are."""
    words = _texts(f"when: {axis.name}", value)
    known = {one.lower(): one for one in axis.values}
    for word in words:
        if word.lower().removeprefix("!") not in known:
            raise InputError(f"when: {axis.name}: {word!r}; expected {', '.join(axis.values)}")
    out = {known[word[1:].lower()] for word in words if word.startswith("!")}
    within = [known[word.lower()] for word in words if not word.startswith("!")] or list(axis.values)
    left = tuple(one for one in axis.values if one in within and one not in out)
    if not left:
        raise InputError(f"when: {axis.name}: no value is left")
    return left


# ---- files ------------------------------------------------------------------------------------------------


_MOST = 1_000


def read_promises(text: str, path: str) -> tuple[Promise, ...]:
    """The promises of a TOML file; raises ``InputError`` with ``path`` and line."""
    content = parse_toml(text, path)
    blocks = _Blocks(text)
    for key in content:
        if key not in _KEYS:
            raise InputError(f"{key}: expected [[never]] or [[always]]", path, blocks.line_of_top(key))
    found: list[tuple[int, Promise]] = []
    for kind, number, block in _blocks(content, path, blocks):
        line = blocks.line(kind, number)
        if len(found) == _MOST:
            raise InputError(f"more than {_MOST:,} promises", path, line)
        found.append((line, _read(kind, number, block, path, blocks)))
    if not found:
        raise InputError("no promise; expected [[never]] or [[always]]", path, 1)
    promises = [one for _, one in sorted(found, key=lambda pair: pair[0])]
    for number, one in enumerate(promises):
        if one.name in (other.name for other in promises[:number]):
            line = int(one.where.rpartition(":")[2])
            raise InputError(f"name {one.name!r}: there is another promise of this name", path, line)
    return tuple(promises)


def _blocks(
    content: Mapping[str, object], path: str, blocks: _Blocks
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for kind, tables in content.items():
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise InputError(f"{kind}: expected [[{kind}]]", path, blocks.line_of_top(kind))
        for number, block in enumerate(tables):
            yield kind, number, block


def _read(kind: str, number: int, block: Mapping[str, Any], path: str, blocks: _Blocks) -> Promise:
    line = blocks.line(kind, number)
    for key in block:
        if key not in _KEYS[kind]:
            known = ", ".join(_KEYS[kind])
            raise InputError(f"{key}: expected {known}", path, blocks.line(kind, number, key))
    given = {key: block[key] for key in ("recipient", "outcome", "when") if key in block}
    name, least = block.get("name", ""), block.get("at_least" if kind == "always" else "below")
    for key, value in (("name", name), ("at_least" if kind == "always" else "below", least)):
        if value is not None and not isinstance(value, str):
            raise InputError(f"{key}: expected a text", path, blocks.line(kind, number, key))
    try:
        return promise(kind, protection=least, name=name, where=f"{path}:{line}", **given)
    except InputError as error:
        key = re.split(r"[ :]", error.message)[0]
        raise InputError(error.message, path, blocks.line(kind, number, key)) from None


class _Blocks:
    """Where the tables of a TOML text and their keys are; the parser does not say."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def line(self, kind: str, number: int, key: str = "") -> int:
        """The line of the ``number``-th ``[[kind]]``, or of a key in it as far as it can be found."""
        heads = [at for at, line in enumerate(self._lines) if re.match(rf"\s*\[\[\s*{kind}\s*\]\]", line)]
        if number >= len(heads):
            return 1
        start = heads[number]
        if key:
            for at in range(start + 1, len(self._lines)):
                line = self._lines[at]
                if re.match(r"\s*\[\[", line):
                    break
                if re.match(rf"""\s*(?:\[\w+\.)?["']?{re.escape(key)}["']?\s*[=.\]]""", line):
                    return at + 1
        return start + 1

    def line_of_top(self, key: str) -> int:
        """The line of a key outside all tables, or of the table of that name."""
        pattern = re.compile(rf"""\s*(?:\[+\s*)?["']?{re.escape(key)}\b""")
        return next((at for at, line in enumerate(self._lines, 1) if pattern.match(line)), 1)


# ---- presets ----------------------------------------------------------------------------------------------

_PRESETS = {
    "no-downgrade": """\
[[never]]
name = "no-downgrade: the TLSA lookup fails"
below = "dane"
when = { MX = "secure", address = "secure", TLSA = ["SERVFAIL", "time-out", "FORMERR"] }

[[never]]
name = "no-downgrade: usable TLSA records"
below = "dane"
when = { MX = "secure", address = "secure", TLSA = "secure", "TLSA records" = ["!unusable", "!too short"] }

[[never]]
name = "no-downgrade: only unusable TLSA records"
below = "tls"
when = { MX = "secure", address = "secure", TLSA = "secure", "TLSA records" = "unusable" }
""",
    "tls-required": """\
[[never]]
name = "tls-required"
below = "tls"
""",
    "dane-where-published": """\
[[never]]
name = "dane-where-published: never without DANE"
below = "dane"
when = { MX = "secure", address = "secure", TLSA = "secure", "TLSA records" = ["!unusable", "!too short"] }

[[never]]
name = "dane-where-published: never held back where the records match"
outcome = ["deferred", "tempfailed"]
when = { "TLSA records" = ["match", "authority", "match and unusable"], "everything else" = "well" }
""",
}
PRESETS = tuple(_PRESETS)
"""The names of the ready-made promises."""


def preset(name: str) -> tuple[Promise, ...]:
    """The promises of a preset; raises ``InputError``."""
    if name not in _PRESETS:
        raise InputError(f"preset {name!r}: expected {', '.join(PRESETS)}")
    where = f"preset {name}"  # the line says nothing: there is no file to look into
    return tuple(replace(one, where=where) for one in read_promises(_PRESETS[name], where))


def preset_text(name: str) -> str:
    """A preset as a file would have it."""
    return _PRESETS[name]


def some_recipient(pattern: str) -> str:
    """An address that a pattern fits: ``someone@any.bank.example`` for ``*@*.bank.example``."""
    local, _, domain = pattern.rpartition("@")
    if not domain.strip("*"):
        domain = ANY_DOMAIN
    local = (local or "*").replace("*", "someone").replace("?", "x")
    return f"{local}@{domain.replace('*', 'any').replace('?', 'x')}"


def given_promises(files: Iterable[Path], presets: Iterable[str]) -> tuple[Promise, ...]:
    """The promises of presets and files, in this order; raises ``InputError``."""
    found = [one for name in presets for one in preset(name)]
    for path in files:
        found += read_promises(read_named_text(path, "promises"), str(path))
    return named(found)


def named(promises: Iterable[Promise]) -> tuple[Promise, ...]:
    """The promises, each name once; raises ``InputError`` if two have the same."""
    found: dict[str, Promise] = {}
    for one in promises:
        if found.setdefault(one.name, one) != one:
            raise InputError(
                f"two promises are called {one.name!r} ({found[one.name].where} and {one.where})"
            )
    return tuple(found.values())
