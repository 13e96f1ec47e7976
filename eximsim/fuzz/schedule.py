"""Schedules: when the name server's answers come, and in what state; as data, and as one printable name.

A schedule is a list of rules with blanks between: ``mx:now tlsa@h1-a:servfail,now a@h1-a:late2``. A rule has
the question that it is for (a type, or ``*`` for any; after ``@`` the first labels of the name, without those
that begin with an underscore) and what the server does at each query, with commas between. After the last
one it answers as it should, or with ``*`` at the end goes on like that. Several datagrams for one query are
joined by ``+``. What stands after ``|`` begins at the next attempt of the queue. The first rule that fits a
question counts; a rule counts the queries of each question apart. The name of no rules at all is ``now``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass
from eximsim.world.messages import Question

_NONE, _MAY, _MUST = "none", "may", "must"

WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "now": (_NONE, "the answer, at once"),
        "late": (_MUST, "the answer after so many seconds"),
        "twice": (_NONE, "the answer, two times"),
        "never": (_NONE, "nothing"),
        "after": (_NONE, "the answer when the next query has come, before the answer to that"),
        "tc": (_MAY, "truncated, with so many records (none); over TCP the answer"),
        "tcreset": (_NONE, "truncated, without records; over TCP nothing"),
        "id": (_NONE, "forged: no such name, secure, with a wrong id"),
        "name": (_NONE, "forged: no such name, secure, about another name"),
        "perm": (_MUST, "the answer with its records in another order, by number; 1 exchanges the last two"),
        "noad": (_NONE, "the answer without the security flag"),
        "servfail": (_NONE, "SERVFAIL"),
        "refused": (_NONE, "REFUSED"),
        "notimp": (_NONE, "NOTIMP"),
        "formerr": (_NONE, "FORMERR"),
        "nxdomain": (_NONE, "no such name, as secure as the answer"),
        "nodata": (_NONE, "no data, as secure as the answer"),
    }
)
"""What the server does at a query: whether a number follows the word, and what it means."""

_EVENT = re.compile(r"([a-z]+)((?:0|[1-9]\d{0,4})(?:\.\d{0,2}[1-9])?)?")
_TARGET = re.compile(r"(\*|[a-z][a-z0-9]*)(?:@([^\s:@]+))?")
_PLAIN = "now"
_CHANGING = frozenset({"noad", "nxdomain", "nodata", "formerr"})


@dataclass(frozen=True, slots=True)
class Event:
    """One datagram or its lack: a word and its number as it is written (empty: none)."""

    word: str
    argument: str = ""

    @property
    def number(self) -> float:
        """The number, 0 if there is none."""
        return float(self.argument or 0)

    def __str__(self) -> str:
        return self.word + self.argument


Try = tuple[Event, ...]
"""What one query brings forth."""

ANSWERED: Try = (Event(_PLAIN),)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What happens at each query during one attempt of the queue; ``lasting``: the last goes on."""

    tries: tuple[Try, ...]
    lasting: bool = False

    def at(self, number: int) -> Try:
        """What happens at query ``number``, from 0."""
        if number < len(self.tries):
            return self.tries[number]
        return self.tries[-1] if self.lasting else ANSWERED

    def __str__(self) -> str:
        return ",".join("+".join(map(str, one)) for one in self.tries) + "*" * self.lasting


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to the questions of a type (lower case; ``*`` any) about a name (empty: any)."""

    type: str
    name: str
    attempts: tuple[Attempt, ...]

    def fits(self, question: Question) -> bool:
        """Whether the rule is for a question."""
        if self.type not in ("*", question.type.lower()):
            return False
        return not self.name or f"{bare(question.name)}.".startswith(f"{self.name}.")

    @property
    def target(self) -> str:
        """Which questions it is for."""
        return f"{self.type}@{self.name}" if self.name else self.type

    def __str__(self) -> str:
        return f"{self.target}:{'|'.join(map(str, self.attempts))}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rules, the first that fits counts; without any, all is answered at once."""

    rules: tuple[Rule, ...] = ()

    def rule_for(self, question: Question) -> Rule | None:
        """The rule for a question, if there is one."""
        return next((rule for rule in self.rules if rule.fits(question)), None)

    @property
    def changes_answers(self) -> bool:
        """Whether anything but delay, loss and forgery happens: the resolver is told something else."""
        tries = (one for rule in self.rules for attempt in rule.attempts for one in attempt.tries)
        return any(event.word in _CHANGING for one in tries for event in one)

    def __str__(self) -> str:
        return " ".join(map(str, self.rules)) or _PLAIN


def bare(name: str) -> str:
    """A name in lower case, without the labels at its front that begin with an underscore."""
    labels = name.lower().split(".")
    while len(labels) > 1 and labels[0].startswith("_"):
        labels.pop(0)
    return ".".join(labels)


def schedule(text: str) -> Schedule:
    """The schedule of a name; ``schedule(str(s)) == s``. Raises ``InputError``."""
    if text.split() == [_PLAIN]:
        return Schedule()
    rules = tuple(map(_rule, text.split()))
    if not rules:
        raise InputError(f"an empty schedule; expected rules such as mx:servfail, or {_PLAIN}")
    return Schedule(rules)


def _rule(text: str) -> Rule:
    target, colon, plan = text.partition(":")
    found = _TARGET.fullmatch(target)
    if not found or not colon:
        raise InputError(f"{text!r} is no rule of a schedule; expected one such as tlsa@h1-a:servfail,now")
    return Rule(found[1], (found[2] or "").lower(), tuple(_attempt(part, text) for part in plan.split("|")))


def _attempt(plan: str, text: str) -> Attempt:
    lasting = plan.endswith("*")
    tries = plan.removesuffix("*").split(",")
    return Attempt(tuple(_try(one, text) for one in tries), lasting)


def _try(plan: str, text: str) -> Try:
    events = tuple(_event(one, text) for one in plan.split("+"))
    if len(events) > 1 and any(event.word == "never" for event in events):
        raise InputError(f"{text!r}: never stands alone; expected no other datagram with it")
    return events


def _event(plan: str, text: str) -> Event:
    found = _EVENT.fullmatch(plan)
    if not found or found[1] not in WORDS:
        raise InputError(f"{text!r}: {plan!r} is no answer; expected one of {', '.join(WORDS)}")
    event = Event(found[1], found[2] or "")
    number, _ = WORDS[event.word]
    whole = event.word == "late" or "." not in event.argument
    if (number == _NONE and event.argument) or (number == _MUST and not event.number) or not whole:
        raise InputError(f"{text!r}: {plan!r} is no answer; expected such as late1.5, perm1, tc, tc1")
    if number == _MAY and event.argument == "0":
        raise InputError(f"{text!r}: {plan!r} is written {event.word}")
    return event
