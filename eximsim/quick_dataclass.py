"""``dataclass`` as the standard library has it, with methods that cost a start nothing.

``dataclasses.dataclass`` writes and compiles six functions for each class, and a command makes some hundred
classes before it does anything: that was a third of the time of ``run 5840``. Here only ``__init__`` is
compiled, and only when the first object of its class is made; the others are closures. Fields, ``replace()``,
``fields()``, slots and inheritance are the standard library's own work. Not there, as nobody needs them:
``order``, ``unsafe_hash``, ``InitVar``, and a signature to inspect before the first object is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as standard
from operator import attrgetter
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        cls=None, /, *, init=True, repr=True, eq=True, frozen=False, kw_only=False, slots=False
    ):  # its type is the standard library's
        """Make a class a dataclass; the arguments mean what they mean in ``dataclasses.dataclass``."""

        def make(bare):
            own = frozenset(vars(bare))
            made = standard(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(bare)
            methods = {}
            if init:
                methods["__init__"] = _init_at_first_use(made, frozen)
            if repr:
                methods["__repr__"] = _repr
            if eq:
                methods |= _comparison(made, frozen, vars(bare).get("__hash__") is not None)
            if frozen:
                methods |= {"__setattr__": _no_setattr, "__delattr__": _no_delattr}
                methods |= _state(made) if slots else {}
            for name, method in methods.items():
                if (
                    name not in own or name == "__hash__"
                ):  # a class with an equality of its own has a hash of None
                    setattr(made, name, method)
            return made

        return make if cls is None else make(cls)


def _init_at_first_use(cls: type, frozen: bool) -> Callable[..., None]:
    def first(self: object, *args: object, **named: object) -> None:
        made = _init(cls, frozen)
        cls.__init__ = made  # type: ignore[misc]
        made(self, *args, **named)

    return first


def _init(cls: type, frozen: bool) -> Callable[..., None]:
    """What the standard library would have written; a slot is set by its own descriptor, which is quicker."""
    names: dict[str, object] = {"_NEW": MISSING, "_set": object.__setattr__}
    by_place: list[str] = []
    by_name: list[str] = []
    body: list[str] = []
    for one in fields(cls):
        value = _value(one, names)
        if one.init:
            parameter = one.name if value == one.name and one.default is MISSING else _optional(one)
            (by_name if one.kw_only else by_place).append(parameter)
        if value:
            body.append(_assignment(cls, one.name, value, names) if frozen else f"self.{one.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    star = ["*"] if by_name else []
    head = f"def __init__({', '.join(['self', *by_place, *star, *by_name])}):"
    exec("\n ".join([head, *(body or ["pass"])]), names)
    made: Any = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made  # type: ignore[no-any-return]


def _value(one: Field[Any], names: dict[str, object]) -> str:
    """The expression that a field is set to; empty if it is not set."""
    if one.default_factory is not MISSING:
        names[f"_new_{one.name}"] = one.default_factory
        return f"_new_{one.name}()" + (f" if {one.name} is _NEW else {one.name}" if one.init else "")
    if one.default is not MISSING:
        names[f"_default_{one.name}"] = one.default
        return one.name if one.init else f"_default_{one.name}"
    return one.name if one.init else ""


def _optional(one: Field[Any]) -> str:
    return f"{one.name}={'_NEW' if one.default is MISSING else f'_default_{one.name}'}"


def _assignment(cls: type, name: str, value: str, names: dict[str, object]) -> str:
    slot = getattr(cls, name, None)
    if not isinstance(slot, MemberDescriptorType):
        return f"_set(self, {name!r}, {value})"
    names[f"_set_{name}"] = slot.__set__
    return f"_set_{name}(self, {value})"


def _comparison(cls: type, frozen: bool, has_hash: bool) -> dict[str, object]:
    """``__eq__``, and the hash that goes with it."""
    values = _getter([one.name for one in fields(cls) if one.compare])

    def equal(self: object, other: object) -> Any:
        if other.__class__ is self.__class__:
            return values(self) == values(other)
        return NotImplemented

    if has_hash:
        return {"__eq__": equal}
    if not frozen:
        return {"__eq__": equal, "__hash__": None}
    counted = _getter([one.name for one in fields(cls) if (one.compare if one.hash is None else one.hash)])

    def hashed(self: object) -> int:
        return hash(counted(self))

    return {"__eq__": equal, "__hash__": hashed}


def _getter(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """The values of some fields, as a tuple also if there is one or none."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


@recursive_repr()
def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{self.__class__.__qualname__}({shown})"


def _no_setattr(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delattr(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(cls: type) -> dict[str, object]:
    """How a frozen object with slots is copied and pickled."""
    names = [one.name for one in fields(cls)]
    values = _getter(names)

    def state(self: object) -> list[object]:
        return list(values(self))

    def restore(self: object, kept: list[object]) -> None:
        for name, value in zip(names, kept, strict=True):
            object.__setattr__(self, name, value)

    return {"__getstate__": state, "__setstate__": restore}
