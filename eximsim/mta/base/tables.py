"""Decision tables: inputs to outcome, with the words that go with it and where Exim has it.

The engine runs a table with ``decide()``, which also writes the decision into the trace; ``eximsim table``,
the docs and the gate read the same rows. A table holds each of its release's variants by the values of the
switches that choose between them, and is checked when it is made: every combination of inputs has a row, and
every row is the first that fits some combination.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from eximsim.errors import Unsupported
from eximsim.quick_dataclass import dataclass
from eximsim.trace import Decision

if TYPE_CHECKING:
    from eximsim.profiles import Profile
    from eximsim.trace import Trace

T = TypeVar("T")


class Anything(Enum):
    """The type of ``ANY``."""

    ANY = "any"


ANY = Anything.ANY
"""In a row: whatever the input is."""

Value = bool | str | Enum
"""One input of a decision."""

Question = Callable[[], Value]
"""An input that is found out only if it makes a difference: to ask can leave a trace, or cost a lookup."""

Inputs = tuple[Value, ...]


def shown(value: object) -> str:
    """An input or an outcome as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value.value if isinstance(value, Enum) else value)


class Decider(Protocol):
    """Who decides: a process, with its release, and the trace that keeps the decision."""

    @property
    def profile(self) -> Profile:
        """The release whose variant of a table counts."""

    @property
    def trace(self) -> Trace:
        """Where the decision is recorded."""


@dataclass(frozen=True, slots=True)
class Column:
    """One input: its name, and all the values that it can have."""

    name: str
    values: tuple[Value, ...]


def yes_no(name: str) -> Column:
    """A column for a question that has a yes or a no."""
    return Column(name, (True, False))


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """For these inputs, this outcome.

    ``text`` is what the address or the host's log line says then, ``log`` a main log line of its own, both
    with names in braces where the facts go. ``source`` is where Exim has it, if not where the table says.
    """

    inputs: Inputs
    outcome: T
    text: str = ""
    log: str = ""
    source: str = ""

    @property
    def effect(self) -> tuple[T, str, str]:
        """What the row brings about; two rows that differ in it differ for the user."""
        return self.outcome, self.text, self.log


Rows = tuple[Row[T], ...]
"""The rows of one variant; the first that fits decides."""


@dataclass(frozen=True)
class Table(Generic[T]):
    """One decision.

    ``name`` is the rule's name in the trace, ``about`` what is decided, ``source`` Exim's file and function.
    ``variants`` has the rows by the values of the profile's ``switches``; a release without a variant does
    not take this decision, and ``absent`` says why (with ``{profile}`` for its name).
    """

    name: str
    about: str
    source: str
    columns: tuple[Column, ...]
    variants: Mapping[tuple[object, ...], Rows[T]]
    switches: tuple[str, ...] = ()
    absent: str = ""

    def __post_init__(self) -> None:
        cells = {key: self._expanded(rows) for key, rows in self.variants.items()}
        object.__setattr__(self, "_cells", MappingProxyType(cells))
        object.__setattr__(self, "_decided", {})

    def _expanded(self, rows: Rows[T]) -> Mapping[Inputs, Row[T]]:
        found: dict[Inputs, Row[T]] = {}
        for row in reversed(rows):  # so that the first row that fits has the last word
            mine = zip(row.inputs, self.columns, strict=True)
            values = (column.values if value is ANY else (value,) for value, column in mine)
            found.update(dict.fromkeys(itertools.product(*values), row))
        cells: dict[Inputs, Row[T]] = {}
        for inputs in itertools.product(*(column.values for column in self.columns)):
            if inputs not in found:
                raise ValueError(f"{self.name}: no row for {', '.join(map(shown, inputs))}")
            cells[inputs] = found[inputs]
        reached = set(map(id, cells.values()))
        for row in rows:
            if id(row) not in reached:
                raise ValueError(f"{self.name}: no case is left for row {', '.join(map(shown, row.inputs))}")
        return MappingProxyType(cells)

    def rows(self, profile: Profile) -> Rows[T]:
        """The rows as they are written; none if the release does not take this decision."""
        return self.variants.get(self._key(profile), ())

    def cells(self, profile: Profile) -> Mapping[Inputs, Row[T]]:
        """The row that decides, for each combination of inputs; none if the release does not decide this."""
        return self.variant(*self._key(profile))

    def variant(self, *key: object) -> Mapping[Inputs, Row[T]]:
        """The cells for these values of the switches."""
        found: Mapping[Inputs, Row[T]] = self.__dict__["_cells"].get(key, {})
        return found

    def decide(self, process: Decider, *inputs: Value | Question, **context: object) -> Row[T]:
        """The row that decides, recorded in the trace with its inputs and with ``context``.

        An input that is a question is asked only if the answer makes a difference, from the first column to
        the last, as Exim's conditions do. Raises ``Unsupported`` for a release that does not take this
        decision.
        """
        key = self._key(process.profile)
        rows = self.variants.get(key, ())
        if not rows:
            raise Unsupported(self.absent.format(profile=process.profile.name))
        decided: dict[object, tuple[Row[T], Mapping[str, object], str, str]] = self.__dict__["_decided"]
        known = inputs
        found = decided.get((key, inputs))  # a question is never the same twice
        if found is None:
            row, known = _first_fitting(rows, inputs)
            found = decided.get((key, known)) or (row, *self._told(row, known))
            decided[key, known] = found
        row, told, outcome, source = found
        process.trace.decisions.append(Decision(self.name, {**context, **told}, outcome, source))
        return row

    def _told(self, row: Row[T], known: Inputs) -> tuple[Mapping[str, object], str, str]:
        """What a decision tells: its inputs, its outcome, where Exim has it."""
        told = {
            column.name: value.value if isinstance(value, Enum) else value
            for column, value in zip(self.columns, known, strict=True)
        }
        return told, shown(row.outcome), row.source or self.source

    def _key(self, profile: Profile) -> tuple[object, ...]:
        return tuple([getattr(profile, switch) for switch in self.switches])


def _first_fitting(rows: Rows[T], inputs: tuple[Value | Question, ...]) -> tuple[Row[T], Inputs]:
    """The first row that fits, and the inputs as far as they had to be asked for (else ``ANY``)."""
    known = list[Value](ANY if callable(value) else value for value in inputs)
    for row in rows:
        asked = [position for position, wanted in enumerate(row.inputs) if wanted is not ANY]
        if any(known[position] not in (ANY, row.inputs[position]) for position in asked):
            continue
        for position in asked:
            value = inputs[position]
            if known[position] is ANY and callable(value):
                known[position] = value()
            if known[position] != row.inputs[position]:
                break
        else:
            return row, tuple(known)
    raise AssertionError("a table that was checked has a row for everything")


@dataclass(frozen=True, slots=True)
class Difference(Generic[T]):
    """Inputs (``ANY`` where it makes no difference) for which two profiles decide differently."""

    inputs: Inputs
    old: Row[T]
    new: Row[T]


def differences(table: Table[T], old: Profile, new: Profile) -> list[Difference[T]]:
    """Where two profiles that both take the decision come to something else, in the table's order.

    Cells that differ in the same way for all values of an input become one.
    """
    before, after = table.cells(old), table.cells(new)
    pairs = {
        inputs: (row, after[inputs])
        for inputs, row in before.items()
        if inputs in after and row.effect != after[inputs].effect
    }
    for position, column in enumerate(table.columns):
        pairs = _merged(pairs, position, column)
    return [Difference(inputs, was, now) for inputs, (was, now) in pairs.items()]


_Pairs = Mapping[Inputs, tuple[Row[T], Row[T]]]


def _merged(pairs: _Pairs[T], position: int, column: Column) -> dict[Inputs, tuple[Row[T], Row[T]]]:
    """``pairs`` with ``ANY`` in one column wherever all of its values come to the same."""
    merged: dict[Inputs, tuple[Row[T], Row[T]]] = {}
    for inputs, (was, now) in pairs.items():
        before, after = inputs[:position], inputs[position + 1 :]
        siblings = (pairs.get((*before, value, *after)) for value in column.values)
        effects = (was.effect, now.effect)
        same = all(pair is not None and (pair[0].effect, pair[1].effect) == effects for pair in siblings)
        merged.setdefault((*before, ANY, *after) if same else inputs, (was, now))
    return merged


def always(*rows: Row[T]) -> Mapping[tuple[object, ...], Rows[T]]:
    """The variants of a decision that no release changed."""
    return MappingProxyType({(): rows})
