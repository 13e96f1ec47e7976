"""Every decision of a run, in order: what ``--trace``, ``explain``, the gate and the fuzzer read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Decision:
    """One step at which the model chose.

    ``rule`` names the rule or table row (``"tlsa result"``); ``inputs`` is what it looked at;
    ``outcome`` what it chose; ``source`` where Exim has it (``"transports/smtp.c smtp_deliver"``).
    """

    rule: str
    inputs: Mapping[str, object]
    outcome: str
    source: str

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.inputs.items())
        return f"{self.rule}: {shown} -> {self.outcome}  [{self.source}]"


@dataclass(slots=True)
class Trace:
    """The decisions of one run, oldest first."""

    decisions: list[Decision] = field(default_factory=list)

    def record(self, rule: str, outcome: object, source: str, /, **inputs: object) -> None:
        """Append one decision; the outcome is kept as text."""
        self.decisions.append(Decision(rule, inputs, str(outcome), source))

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.decisions)

    def __len__(self) -> int:
        return len(self.decisions)
