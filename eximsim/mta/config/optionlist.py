"""What is known of one configuration option (``optionlist`` in src/structs.h); short ways to write tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from eximsim.quick_dataclass import dataclass

Value = str | bool | int | tuple[int, ...] | None
"""A value as read: text unexpanded, times in seconds, fixed-point numbers times 1000; None: not set."""


class Kind(Enum):
    """How an option's value is written (the ``opt_`` types of src/macros.h)."""

    TEXT = "string"
    TEXT_AND = "string; several settings are joined with and"
    TEXT_LIST = "string; several settings make one list"
    FLAG = "boolean"
    FLAG_OR_TEXT = "boolean, or a string that is expanded when needed"
    FLAG_PAIR = "boolean that sets NAME_sender and NAME_recipient"
    INTEGER = "integer"
    KILO = "integer, kept in units of 1024"
    OCTAL = "octal integer"
    FIXED = "fixed-point number"
    TIME = "time"
    TIME_OR_TEXT = "time, or a string that is expanded when needed"
    TIME_LIST = "list of times"
    NAMES = "user or group, or a list of them"
    REWRITE = "rewrite rules"


FLAG_KINDS = frozenset({Kind.FLAG, Kind.FLAG_OR_TEXT, Kind.FLAG_PAIR})
"""The kinds that may stand without a value and take the prefix ``no_`` or ``not_``."""


class Status(Enum):
    """What the model does with an option that a configuration sets."""

    MODELLED = "modelled"
    INERT = "inert"
    UNSUPPORTED = "unsupported"
    ASKED = "asked"
    """Answered by what stands beside the machine, which has to be told; no option is."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name, how its value is written, its value when not set, what the model does with it.

    ``stands_for`` is the option that is really set, if this is another name for it.
    """

    name: str
    kind: Kind
    status: Status
    default: Value = None
    stands_for: str | None = None

    @property
    def neutral(self) -> Value:
        """What a release that does not have the option behaves like: nothing named, nothing switched on."""
        if self.kind in FLAG_KINDS:
            return False
        if self.kind in (Kind.INTEGER, Kind.KILO, Kind.OCTAL, Kind.FIXED, Kind.TIME):
            return 0
        return () if self.kind is Kind.TIME_LIST else None


Table = Mapping[str, Option]
"""Options by name."""


def table(*parts: Table) -> Table:
    """One table of several parts, in alphabetic order; raises ``ValueError`` if a name comes twice."""
    merged = {name: option for part in parts for name, option in part.items()}
    if len(merged) != sum(map(len, parts)):
        raise ValueError("an option is listed twice")
    return dict(sorted(merged.items()))


def texts(status: Status, names: str = "", /, **defaults: str) -> Table:
    """String options: ``names`` have no default."""
    return _options(Kind.TEXT, status, None, names, defaults)


def flags(status: Status, /, *, on: str = "", off: str = "", unset: str = "") -> Table:
    """Boolean options by default; those ``unset`` get theirs from other options when the driver is set up."""
    return {
        **_options(Kind.FLAG, status, True, on, {}),
        **_options(Kind.FLAG, status, False, off, {}),
        **_options(Kind.FLAG, status, None, unset, {}),
    }


def numbers(kind: Kind, status: Status, names: str = "", /, **defaults: int) -> Table:
    """Options of a numeric ``kind``: ``names`` default to 0."""
    return _options(kind, status, 0, names, defaults)


def of_kind(kind: Kind, status: Status, default: Value, names: str) -> Table:
    """Options of any ``kind`` with one ``default``."""
    return _options(kind, status, default, names, {})


def synonym(name: str, stands_for: str, kind: Kind, status: Status) -> Table:
    """Another name, kept for old configurations."""
    return {name: Option(name, kind, status, stands_for=stands_for)}


def _options(
    kind: Kind, status: Status, default: Value, names: str, defaults: Mapping[str, Value]
) -> dict[str, Option]:
    every = {**dict.fromkeys(names.split(), default), **defaults}
    return {name: Option(name, kind, status, value) for name, value in every.items()}
