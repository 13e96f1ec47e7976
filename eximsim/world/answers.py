"""Answers that a machine does not have and that are given instead: databases, commands, services.

A question has a kind (``mysql``, ``run``, ``env``) and a text. Answers come from a file with a table for
each kind:

    [mysql]
    "SELECT domain FROM domains WHERE domain = 'example.com'" = "example.com"
    "SELECT *" = "!none"

or from the command line, ``mysql:SELECT ...=example.com``. ``*`` in a question stands for any text. A
question given word for word comes before patterns, and of these the first that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol

from eximsim.errors import InputError, Unanswered
from eximsim.formats import parse_toml
from eximsim.ports import Told
from eximsim.quick_dataclass import dataclass

KINDS = frozenset(
    (
        *("cdb", "dbm", "dbmjz", "dbmnz", "dsearch", "ibase", "json", "ldap", "ldapdn", "ldapm", "lmdb"),
        *("mysql", "nis", "nis0", "nisplus", "nmh", "oracle", "passwd", "pgsql", "readsock", "redis"),
        *("spf", "sqlite", "testdb", "whoson"),
        *("authresults", "dlfunc", "env", "file", "perl", "readsocket", "run", "stat"),
        "variable",
        *("iplookup", "lmtp", "pipe", "which"),
        *("dmarc_status", "dnslists", "malware", "ratelimit", "spam", "spf_guess"),
        *("crypteq", "dovecot", "ldapauth", "pam", "pwcheck", "radius", "saslauthd"),
    )
)
"""What can be asked: lookup types, expansion items, conditions of expansions and of ACLs."""

_STATUS = re.compile(r"!status (-?[0-9]{1,3})(?: (.*))?", re.DOTALL)
_EXPECTED = (
    "expected a text, !none, !defer, !endless, or !status N and a text;"
    " a text that begins with ! has a \\ before it"
)


def told(text: str) -> Told:
    """The answer that ``text`` stands for; raises ``InputError``."""
    if text == "!none":
        return Told()
    word, _, rest = text.partition(" ")
    if word == "!endless":
        return Told(rest, endless=True)
    if word == "!defer":
        return Told(deferred=True, error=rest)
    if found := _STATUS.fullmatch(text):
        return Told(found[2] or "", status=int(found[1]))
    if text.startswith("!"):
        raise InputError(f"{text[:40]!r}: {_EXPECTED}")
    return Told(text[1:] if text.startswith("\\!") else text)


class Asked(Protocol):
    """Who answers for what no world has."""

    def ask(self, kind: str, question: str) -> Told:
        """See ``World``."""

    def find(self, kind: str, question: str) -> Told | None:
        """What was given as the answer to a question, None if nothing was."""


@dataclass(frozen=True)
class Answers:
    """What is known, by kind and question; ``known`` without anything answers nothing."""

    known: Mapping[str, Mapping[str, Told]] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[type[Answers], tuple[dict[str, dict[str, Told]]]]:
        """How another process gets them (``suite --jobs``)."""
        return Answers, ({kind: dict(given) for kind, given in self.known.items()},)

    def ask(self, kind: str, question: str) -> Told:
        """The answer to a question; raises ``Unanswered``."""
        found = self.find(kind, question)
        if found is None:
            raise Unanswered(kind, question)
        return found

    def find(self, kind: str, question: str) -> Told | None:
        """The answer to a question, None if there is none."""
        given = self.known.get(kind)
        if given is None:
            return None
        if question in given:
            return given[question]
        return next((one for parts, one in self._patterns[kind] if _fits(parts, question)), None)

    @cached_property
    def _patterns(self) -> Mapping[str, tuple[tuple[list[str], Told], ...]]:
        return {
            kind: tuple((text.split("*"), one) for text, one in given.items() if "*" in text)
            for kind, given in self.known.items()
        }

    def with_more(self, more: Iterable[tuple[str, str, Told]]) -> Answers:
        """These, and others (kind, question and answer), which come before them."""
        known: dict[str, dict[str, Told]] = {}
        for kind, question, one in (*more, *self):
            known.setdefault(kind, {}).setdefault(question, one)
        return Answers(known)

    def __iter__(self) -> Iterator[tuple[str, str, Told]]:
        return (
            (kind, question, one) for kind, given in self.known.items() for question, one in given.items()
        )

    def __bool__(self) -> bool:
        return any(self.known.values())


def _fits(parts: Sequence[str], question: str) -> bool:
    """Whether a question has the parts of a pattern in turn, and nothing before the first or after the last.

    Each is taken where it comes first, so that no pattern takes long.
    """
    first, *others, last = parts
    place, end = len(first), len(question) - len(last)
    if place > end or not question.startswith(first) or not question.endswith(last):
        return False
    for part in others:
        found = question.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def read_answers(text: str, path: str) -> Iterator[tuple[str, str, Told]]:
    """The answers of a file; raises ``InputError``."""
    for kind, table in parse_toml(text, path).items():
        if kind not in KINDS:
            raise InputError(f"{_unknown(kind)}", path)
        if not isinstance(table, Mapping):
            raise InputError(f"{kind}: expected a table of questions and answers, [{kind}]", path)
        for question, value in table.items():
            if not isinstance(value, str):
                raise InputError(f"{kind}: {question[:60]}: {_EXPECTED}", path)
            try:
                yield kind, question, told(value)
            except InputError as error:
                raise InputError(f"{kind}: {question[:60]}: {error.message}", path) from None


def given_answer(text: str) -> tuple[str, str, Told]:
    """An answer as the command line gives it, ``KIND:QUESTION=ANSWER``; the last = counts.

    Raises ``InputError``.
    """
    kind, colon, rest = text.partition(":")
    question, equals, value = rest.rpartition("=")
    if not colon or not equals:
        raise InputError(f"--answer {text[:60]}: expected KIND:QUESTION=ANSWER")
    if kind not in KINDS:
        raise InputError(f"--answer {text[:60]}: {_unknown(kind)}")
    return kind, question, told(value)


def given_variable(text: str) -> tuple[str, str, Told]:
    """An environment variable as the command line gives it, ``NAME=VALUE``; raises ``InputError``."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InputError(f"--env {text[:60]}: expected NAME=VALUE")
    return "env", name, Told(value)


def _unknown(kind: str) -> str:
    return f"nothing asks {kind[:40]!r}; expected one of {', '.join(sorted(KINDS))}"
