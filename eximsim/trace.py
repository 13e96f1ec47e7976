"""Every decision of a run, in order: what ``--trace``, ``explain``, the gate and the fuzzer read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from operator import attrgetter
from typing import Protocol

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that the model decides: its ``name`` in traces, and where Exim has it (``source``).

    It is made once, beside the code that decides; who reads a trace asks for that object's name.
    """

    name: str
    source: str


_name = attrgetter("name")


class AnyRule(Protocol):
    """A rule or a decision table: both have a name, by which a trace knows their decisions."""

    @property
    def name(self) -> str:
        """The name in a trace."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One step at which the model chose.

    ``rule`` is the name of the ``Rule`` or the table (``"tlsa result"``); ``inputs`` is what it looked at;
    ``outcome`` what it chose; ``source`` where Exim has it (``"transports/smtp.c smtp_deliver"``).
    """

    rule: str
    inputs: Mapping[str, object]
    outcome: str
    source: str

    def is_of(self, *rules: AnyRule) -> bool:
        """Whether one of these rules decided here."""
        return self.rule in map(_name, rules)

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.inputs.items())
        return f"{self.rule}: {shown} -> {self.outcome}  [{self.source}]"


@dataclass(slots=True)
class Trace:
    """The decisions of one run, oldest first."""

    decisions: list[Decision] = field(default_factory=list)

    def record(self, rule: Rule, outcome: object, /, **inputs: object) -> None:
        """Append one decision; the outcome is kept as text."""
        self.decisions.append(Decision(rule.name, inputs, str(outcome), rule.source))

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)

    def __len__(self) -> int:
        return len(self.decisions)
