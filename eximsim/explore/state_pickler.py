"""How a state of the model becomes octets.

A digest is the pickle of what counts of a state. ``StatePickler`` knows how functions, tables and the like
count; what else counts in an exploration, and of what only a part does, that exploration says.
"""

from __future__ import annotations

import functools
import io
import pickle
import random
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from operator import attrgetter
from typing import Any

from eximsim.explore.choices import Choices
from eximsim.mta.base.tables import Table
from eximsim.mta.config.drivers import DriverInstance
from eximsim.mta.transports import tls_out
from eximsim.mta.transports.smtp_out import Dialogue

EXPANDED_ONLY = frozenset({"event_defer_errno", "host_port", "lookup_dnssec_authenticated", *tls_out.NAMES})
"""Expansion variables that the model itself never reads."""

Reduced = tuple[Callable[..., object], tuple[object, ...]]
Reducer = Callable[[Any], Reduced]


def same(*parts: object) -> None:
    """Stands for an object in the digest; only what it is given counts."""


def others(kind: type, *left_out: str) -> Callable[[Any], tuple[object, ...]]:
    """The fields of a dataclass but for some."""
    return attrgetter(*(one.name for one in fields(kind) if one.name not in left_out))


def constant(_: object) -> Reduced:
    """For what there is one of, or what follows from where the run has come to."""
    return same, ()


def _named(one: Any) -> Reduced:
    return same, (one.__module__, one.__qualname__)


def _function(one: types.FunctionType) -> Reduced:
    cells = [cell.cell_contents for cell in one.__closure__ or ()]
    return same, (one.__module__, one.__qualname__, cells, one.__defaults__)


_DIALOGUE = others(Dialogue, "log")

_COMMON: Mapping[type, Reducer] = {
    DriverInstance: lambda one: (same, (one.name,)),
    Dialogue: lambda one: (same, _DIALOGUE(one)),
    Table: lambda one: (same, (one.name,)),
    functools._lru_cache_wrapper: _named,
    random.Random: lambda one: (same, (hash(one.getstate()),)),
    re.Pattern: lambda one: (same, (one.pattern, one.flags)),
    type: _named,
    types.FunctionType: _function,
    types.MappingProxyType: lambda one: (same, (dict(one),)),
    types.ModuleType: lambda one: (same, (one.__name__,)),
}


def reducers(own: Mapping[type, Reducer]) -> Mapping[type, Reducer]:
    """How objects count, by type: those of all explorations, and an exploration's ``own``."""
    return {**_COMMON, **own}


class StatePickler(pickle.Pickler):
    """Writes a state. ``known`` reduces by type alone, ``alive`` tells by type what counts to a ``view``."""

    def __init__(
        self,
        out: io.BytesIO,
        known: Mapping[type, Reducer],
        alive: Mapping[type, Callable[[Any, Any], tuple[object, ...]]],
        view: object,
    ) -> None:
        super().__init__(out, protocol=5)
        self._known, self._alive, self._view = known, alive, view

    def reducer_override(self, one: Any) -> Any:
        """How an object goes into the digest, if it is not just its parts."""
        kind = type(one)
        reducer = self._known.get(kind)
        if reducer is not None and one is not same:
            return reducer(one)
        if kind in self._alive:
            return same, self._alive[kind](self._view, one)
        if issubclass(kind, Enum):
            return same, (kind.__qualname__, one.name)
        if issubclass(kind, Choices):
            return same, ()  # what was answered before is no state
        if issubclass(kind, type):
            return _named(one)
        return NotImplemented
