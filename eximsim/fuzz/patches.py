"""A model with a mistake in it: one table, switch or function replaced for as long as it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from eximsim.mta.base.tables import Inputs, Row, Rows, Table
from eximsim.profiles import Profile, differences, profile
from eximsim.quick_dataclass import dataclass

Change = Callable[[Any], Any]
"""Makes the replacement of what is there."""


@dataclass(frozen=True, slots=True)
class Patch:
    """``change`` is put in the place of what ``module`` (below ``eximsim``) calls ``name``.

    A dotted name is a method of a class. ``what`` says in a few words what it does to it.
    """

    module: str
    name: str
    change: Change
    what: str

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The patch is in for as long as the context lasts."""
        owner: Any = importlib.import_module(f"eximsim.{self.module}")
        *within, name = self.name.split(".")
        for part in within:
            owner = getattr(owner, part)
        original = owner.__dict__[name]
        setattr(owner, name, self._replacement(original))
        try:
            yield
        finally:
            setattr(owner, name, original)

    def _replacement(self, original: Any) -> Any:
        """What ``change`` makes of the original, made once: a table takes its time."""
        key = id(self), id(original)
        if key not in _MADE:
            _MADE[key] = self, original, self.change(original)
        return _MADE[key][2]


_MADE: dict[tuple[int, int], tuple[Patch, Any, Any]] = {}
"""Patch, original and replacement, by the identity of the first two, which are kept alive by this."""


@dataclass(frozen=True, slots=True)
class Program:
    """What is searched: a release, some of its switches set otherwise, and what is patched in the model."""

    profile: Profile
    patches: tuple[Patch, ...] = ()

    @contextmanager
    def running(self) -> Iterator[Profile]:
        """The patches are in; gives the profile to run under."""
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch.applied())
            yield self.profile

    def __str__(self) -> str:
        base = profile(self.profile.name)
        changed = [f"{name}={_shown(new)}" for name, (_, new) in differences(base, self.profile).items()]
        patched = [patch.what for patch in self.patches]
        return "; ".join((base.name, *changed, *patched))


def _shown(value: object) -> str:
    return getattr(value, "name", str(value))


def release(name: str, /, *patches: Patch, **switches: object) -> Program:
    """The release ``name``, with switches set otherwise and patches put in; raises ``InputError``."""
    return Program(replace(profile(name), **switches), patches)  # type: ignore[arg-type]  # by name


def cells_replaced(
    module: str, name: str, change: Callable[[Inputs, Row[Any]], Row[Any] | None], what: str
) -> Patch:
    """A patch of single cells of a table: ``change`` gives the row for these inputs, or None to leave it.

    The table then has a row for each combination of inputs, so that questions whose answers made no
    difference are asked all the same.
    """

    def changed(table: Table[Any]) -> Table[Any]:
        variants: dict[tuple[object, ...], Rows[Any]] = {}
        for key in table.variants:
            cells = table.variant(*key)
            variants[key] = tuple(
                replace(change(inputs, row) or row, inputs=inputs) for inputs, row in cells.items()
            )
        return replace(table, variants=variants)

    return Patch(module, name, changed, what)
