"""The options that a release has, and the values that a configuration gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from eximsim.errors import Unsupported
from eximsim.mta.config.optionlist import FLAG_KINDS, Option, Status, Table, Value
from eximsim.mta.config.options_drivers import (
    LOCAL_TRANSPORTS,
    MODELLED_ROUTERS,
    MODELLED_TRANSPORTS,
    ROUTER,
    ROUTER_SHARED,
    ROUTERS,
    TRANSPORT,
    TRANSPORT_SHARED,
    TRANSPORTS,
)
from eximsim.mta.config.options_history import HISTORY, Changes
from eximsim.mta.config.options_main import MAIN
from eximsim.quick_dataclass import dataclass

_PLAIN_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class Schema:
    """The options of one place (the main section, or one kind of driver) at one release.

    What is not modelled is refused when it is read, or with ``lazy`` when the driver is used: a message need
    not come by every transport of a configuration. ``settable`` may be set there; ``defaults`` has a value
    for every option of every release, because code asks for an option under releases that do not have it
    yet: what they have then is its neutral value.
    """

    what: str
    settable: Table
    defaults: Mapping[str, Value]
    modelled: bool
    lazy: bool = False


class Drivers(Mapping[str, Schema]):
    """The schemas of a release's router or transport drivers, by driver; each is made when asked for."""

    __slots__ = ("_made", "_make", "_names")

    def __init__(self, names: Iterable[str], make: Callable[[str], Schema]) -> None:
        self._names = tuple(names)
        self._make = make
        self._made: dict[str, Schema] = {}

    def __getitem__(self, driver: str) -> Schema:
        if driver not in self._names:
            raise KeyError(driver)
        if driver not in self._made:
            self._made[driver] = self._make(driver)
        return self._made[driver]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, slots=True)
class Release:
    """All that the configuration reader knows of one release.

    ``absent`` holds the keys of ``options_history.py`` that it does not have.
    """

    main: Schema
    routers: Mapping[str, Schema]
    transports: Mapping[str, Schema]
    absent: frozenset[str]
    features: tuple[str, ...]


_GROUPS: Mapping[str, Table] = {
    "main": MAIN, "router": ROUTER, "transport": TRANSPORT, **ROUTERS, **TRANSPORTS
}  # fmt: skip


@cache
def release(name: str, lacks: tuple[str, ...] = ()) -> Release:
    """The options of the release ``name`` (``Profile.option_release``); raises ``KeyError`` if it is none.

    ``lacks`` are those that a program was built without (``Profile.build_lacks``).
    """
    known = [changes.release for changes in HISTORY]
    if name not in known:
        raise KeyError(name)
    position = known.index(name) + 1
    passed = HISTORY[:position]
    absent = {key for changes in passed for key in changes.gone.split()}
    absent.update(key for changes in HISTORY[position:] for key in changes.new.split())
    absent.update(lacks)
    changed = _changed_options(passed)

    def schema(what: str, modelled: bool, groups: Sequence[str], shared: Table) -> Schema:
        own = [(f"{group}.{name}", option) for group in groups for name, option in _GROUPS[group].items()]
        settable = {option.name: changed.get(key, option) for key, option in own if key not in absent}
        defaults = {option.name: option.default for option in shared.values()}
        defaults |= {option.name: option.neutral for _, option in own}
        defaults |= {option.name: option.default for option in settable.values()}
        return Schema(what, settable, defaults, modelled, groups[-1] in LOCAL_TRANSPORTS)

    def drivers(kind: str, names: Iterable[str], modelled: Container[str], shared: Table) -> Drivers:
        return Drivers(
            (driver for driver in names if f"driver.{driver}" not in absent),
            lambda driver: schema(f"{driver} {kind}", driver in modelled, (kind, driver), shared),
        )

    return Release(
        main=schema("main", True, ("main",), {}),
        routers=drivers("router", ROUTERS, MODELLED_ROUTERS, ROUTER_SHARED),
        transports=drivers("transport", TRANSPORTS, MODELLED_TRANSPORTS, TRANSPORT_SHARED),
        absent=frozenset(absent),
        features=tuple(next((c.features for c in reversed(passed) if c.features), "").split()),
    )


def _changed_options(passed: Iterable[Changes]) -> dict[str, Option]:
    """The options whose type or default is not what their table says, as the last of ``passed`` has them."""
    changed: dict[str, Option] = {}
    for changes in passed:
        for key in (*changes.kinds, *changes.defaults):
            group, name = key.split(".")
            option = changed.get(key) or _GROUPS[group][name]
            kind = changes.kinds.get(key, option.kind)
            changed[key] = replace(option, kind=kind, default=changes.defaults.get(key, option.default))
    return changed


class Options:
    """The values of one section or driver: what the configuration sets, else the release's defaults.

    Strings come unexpanded. Every getter raises ``KeyError`` for a name that no release has, and
    ``Unsupported``, with file and line, where a fixed value is asked for and the configuration has a string
    to be expanded.
    """

    __slots__ = ("_schema", "_values", "_where")

    def __init__(
        self, schema: Schema, values: Mapping[str, Value], where: Mapping[str, tuple[str, int]]
    ) -> None:
        self._schema = schema
        self._values = {**schema.defaults, **values}
        self._where = where

    def replaced(self, /, **values: Value) -> Options:
        """The same with other values for some options; raises ``KeyError`` for one that no release has."""
        if unknown := next((name for name in values if name not in self._values), None):
            raise KeyError(unknown)
        return Options(self._schema, {**self._values, **values}, self._where)

    def with_one_of(self, others: Options, name: str) -> Options:
        """The same, with one option as ``others`` have it: set there, with its place, or not set."""
        where = {**self._where, name: others._where[name]} if others.is_set(name) else dict(self._where)
        if not others.is_set(name):
            where.pop(name, None)
        return Options(self._schema, {**self._values, name: others._values[name]}, where)

    def value(self, name: str) -> Value:
        """The value as it is, whatever its type."""
        return self._values[name]

    def text(self, name: str) -> str | None:
        """A string; None if it is not set, or if the option has a fixed value that is not a string.

        A number is given as its digits, so that an option that became a string in some release can be
        expanded under all of them.
        """
        value = self._values[name]
        if value is None or isinstance(value, str):
            return value
        return str(value) if type(value) is int else None

    def flag(self, name: str) -> bool:
        """A boolean."""
        value = self._values[name]
        if isinstance(value, str):
            raise self._needs_expansion(name)
        return bool(value)

    def is_set_or(self, name: str, default: bool) -> bool:
        """A boolean whose default depends on other options."""
        return default if self._values[name] is None else self.flag(name)

    def number(self, name: str) -> int:
        """An integer; fixed-point numbers times 1000."""
        value = self._values[name]
        if isinstance(value, int):
            return int(value)
        if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
            return int(value)
        if value is None:
            return 0
        raise self._needs_expansion(name)

    def seconds(self, name: str) -> int:
        """A time."""
        return self.number(name)

    def times(self, name: str) -> tuple[int, ...]:
        """A list of times, in seconds."""
        value = self._values[name]
        return value if isinstance(value, tuple) else ()

    @property
    def names(self) -> Iterator[str]:
        """The options that the release has."""
        return iter(self._schema.settable)

    @property
    def settable(self) -> Table:
        """The options that the release has, with what is known of each; those of all drivers come first."""
        return self._schema.settable

    def exists(self, name: str) -> bool:
        """Whether the release has the option."""
        return name in self._schema.settable

    def is_set(self, name: str) -> bool:
        """Whether the configuration sets the option."""
        return name in self._where

    def where(self, name: str) -> tuple[str | None, int | None]:
        """File and line of the setting; ``(None, None)`` if it has its default."""
        return self._where.get(name, (None, None))

    def settings(self) -> Iterator[tuple[str, tuple[str, int]]]:
        """The options that the configuration sets, in its order, with file and line."""
        return iter(self._where.items())

    @property
    def is_modelled(self) -> bool:
        """Whether the model has the driver."""
        return self._schema.modelled

    def written(self, name: str) -> str:
        """A string as it was set; empty if nothing set it, or not to a string."""
        value = self._values.get(name) if name in self._where else None
        return value if isinstance(value, str) else ""

    def unmodelled(self) -> str | None:
        """The first option that the configuration sets, that can matter, and that the model does not have."""
        for name in self._where:
            option = self._schema.settable[name]
            if option.status is Status.UNSUPPORTED and can_matter(option, self._values[name]):
                return name
        return None

    def status(self, name: str) -> Status:
        """What the model does with the option here: nothing at all with those of drivers it does not have."""
        return self._schema.settable[name].status if self._schema.modelled else Status.UNSUPPORTED

    def _needs_expansion(self, name: str) -> Unsupported:
        return Unsupported(f"expansion of {self._schema.what} option {name}", *self.where(name))


def can_matter(option: Option, value: Value) -> bool:
    """Whether setting an unsupported ``option`` to ``value`` could make a difference to leaving it out."""
    if option.default is None and option.kind not in FLAG_KINDS:
        return value not in ("", ":")
    return value != option.default
