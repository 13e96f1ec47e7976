"""What a filter in Exim's own language can say: commands, arguments, conditions (src/filter.c)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import Enum

from eximsim.quick_dataclass import dataclass

_EXIM = re.compile(r"[ \t\n\v\f\r]*#[ \t]*exim[ \t]*filter", re.I | re.A)
_SIEVE = re.compile(r"[ \t\n\v\f\r]*#[ \t]*sieve[ \t]*filter", re.I | re.A)


class FilterType(Enum):
    """What a file is: the words with which -bf names it."""

    FORWARD = "forward file"
    EXIM = "Exim filter"
    SIEVE = "Sieve filter"


def rda_is_filter(text: str) -> FilterType:
    """What the first line says. Source: rda_is_filter(), src/rda.c."""
    if _EXIM.match(text):
        return FilterType.EXIM
    return FilterType.SIEVE if _SIEVE.match(text) else FilterType.FORWARD


class FilterError(Exception):
    """The filter cannot be read, or obeyed; ``message`` is in Exim's words."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


# ---- commands --------------------------------------------------------------------------------------

DELIVERIES = frozenset({"deliver", "pipe", "save"})
"""The commands that are ``seen`` unless the filter says otherwise."""

STOPPING = frozenset({"defer", "fail", "freeze"})
"""The commands that have to be permitted."""

ARGUMENTS: Mapping[str, int] = {
    "add": 2,
    "defer": 1,
    "deliver": 2,
    "fail": 1,
    "finish": 0,
    "freeze": 1,
    "headers": 1,
    "if": 0,
    "logfile": 1,
    "logwrite": 1,
    "pipe": 0,
    "save": 1,
    "testprint": 1,
}
"""How many arguments of a command are expanded before it is obeyed; those of mail and vacation all are."""

MAIL_ARGUMENTS = (
    *("to", "cc", "bcc", "from", "reply_to", "subject", "extra_headers"),
    *("text", "file", "log", "once", "once_repeat"),
)
"""In Exim's order: header lines before ``text``, names of files and a time after it."""

VACATION_DEFAULTS: Mapping[str, str] = {
    "file": ".vacation.msg",
    "log": ".vacation.log",
    "once": ".vacation",
    "once_repeat": "7d",
    "subject": "On vacation",
}


@dataclass(slots=True)
class Command:
    """One command. ``arguments`` are not expanded yet; None is one that was not given.

    ``mode`` is that of save and logfile (-1: none given), ``headers`` what the headers command does.
    """

    name: str
    arguments: Sequence[str | None] = ()
    seen: bool = False
    noerror: bool = False
    mode: int = -1
    headers: str = ""
    mail: Mapping[str, str] = field(default_factory=dict)
    expand_file: bool = False
    return_message: bool = False
    condition: Condition | None = None
    then: Sequence[Command] = ()
    otherwise: Sequence[Command] = ()


# ---- conditions ------------------------------------------------------------------------------------

COMPARISONS: Mapping[str, str] = {
    "BEGIN": "BEGINS",
    "BEGINS": "BEGINS",
    "CONTAIN": "CONTAINS",
    "CONTAINS": "CONTAINS",
    "END": "ENDS",
    "ENDS": "ENDS",
    "IS": "IS",
    "MATCH": "MATCHES",
    "MATCHES": "MATCHES",
    "above": "above",
    "begin": "begins",
    "begins": "begins",
    "below": "below",
    "contain": "contains",
    "contains": "contains",
    "end": "ends",
    "ends": "ends",
    "is": "is",
    "match": "matches",
    "matches": "matches",
}
"""The words that compare two texts, and the condition that each stands for."""

SIMPLE = frozenset({"delivered", "error_message", "first_delivery", "manually_thawed"})
"""The conditions that are a word alone."""


@dataclass(slots=True)
class Condition:
    """One condition; ``wanted`` is what it has to come to.

    ``kind`` is a comparison, one of ``SIMPLE``, ``personal`` (with ``aliases``), ``foranyaddress`` (``left``
    is the list, ``parts`` the condition on each address), ``and`` or ``or`` (of ``parts``).
    """

    kind: str
    wanted: bool = True
    left: str = ""
    right: str = ""
    aliases: Sequence[str] = ()
    parts: Sequence[Condition] = ()
