"""``quick_dataclass.dataclass`` makes what ``dataclasses.dataclass`` makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from typing import Any

import pytest

from eximsim import quick_dataclass

KINDS: list[dict[str, bool]] = [
    {},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
]


def shapes(dataclass: Callable[..., Callable[[type], Any]], **kind: bool) -> tuple[Any, Any, Any, Any]:
    @dataclass(**kind)
    class Empty:
        """Nothing."""

    @dataclass(**kind)
    class Plain:
        """Every kind of field."""

        name: str
        number: int = 3
        items: list[int] = field(default_factory=list)
        own: list[int] = field(default_factory=list, init=False)
        unseen: str = field(default="u", repr=False, compare=False)

    @dataclass(**kind)
    class Derived(Plain):
        """With a field of its own and another default."""

        number: int = 4
        more: str = field(default="more", kw_only=True)

    @dataclass(**{**kind, "eq": False, "repr": False})
    class Bare:
        """Without equality."""

        name: str = ""

    return Empty, Plain, Derived, Bare


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(kind) or "plain")
def kind(request: pytest.FixtureRequest) -> dict[str, bool]:
    found: dict[str, bool] = request.param
    return found


def both(kind: dict[str, bool]) -> list[tuple[Any, Any]]:
    quick, standard = shapes(quick_dataclass.dataclass, **kind), shapes(dataclasses.dataclass, **kind)
    return list(zip(quick, standard, strict=True))


def some(cls: Any) -> list[Any]:
    names = {one.name for one in fields(cls)}
    if "items" not in names:
        return [cls()]
    return [cls(name="a"), cls(name="b"), cls(name="a", items=[1]), cls(name="a", unseen="v", number=9)]


def test_objects_look_alike_and_are_equal_where_the_standard_librarys_are(kind: dict[str, bool]) -> None:
    for quick, standard in both(kind):
        ours, theirs = some(quick), some(standard)
        if "Bare" not in quick.__qualname__:
            assert [repr(one) for one in ours] == [repr(one) for one in theirs]
        assert [a == b for a in ours for b in ours] == [a == b for a in theirs for b in theirs]
        assert all(one != other for one, other in zip(ours, theirs, strict=True))
        assert (quick.__hash__ is None) == (standard.__hash__ is None)


def test_a_made_class_has_the_signature_of_the_standard_librarys(kind: dict[str, bool]) -> None:
    for quick, standard in both(kind):
        some(quick)
        ours, theirs = (inspect.signature(cls).parameters.values() for cls in (quick, standard))
        assert [(one.name, one.kind) for one in ours] == [(one.name, one.kind) for one in theirs]
        assert quick.__match_args__ == standard.__match_args__


def test_what_is_frozen_stays_as_it_is(kind: dict[str, bool]) -> None:
    one = some(shapes(quick_dataclass.dataclass, **kind)[1])[0]
    if not kind.get("frozen"):
        one.number = 7
        assert one.number == 7
        return
    with pytest.raises(FrozenInstanceError):
        one.number = 7
    with pytest.raises(FrozenInstanceError):
        del one.number
    assert one.number == 3


def test_copies_are_equal(kind: dict[str, bool]) -> None:
    for cls, _ in both(kind)[:3]:
        for one in some(cls):
            assert copy.copy(one) == copy.deepcopy(one) == one
    assert replace(some(both(kind)[1][0])[0], number=8).number == 8


@quick_dataclass.dataclass(frozen=True, slots=True)
class Pickled:
    """One that pickle finds."""

    name: str
    inner: tuple[int, ...] = ()


def test_a_frozen_object_is_pickled_and_hashed() -> None:
    one = Pickled("a", (1, 2))
    assert pickle.loads(pickle.dumps(one)) == one
    assert {one, Pickled("a", (1, 2))} == {one}


def test_each_object_has_defaults_of_its_own_and_a_class_its_equality() -> None:
    _, plain, _, _ = shapes(quick_dataclass.dataclass, slots=True)
    assert plain("a").items is not plain("a").items

    @quick_dataclass.dataclass(frozen=True, slots=True)
    class Loose:
        name: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Loose)

        def __hash__(self) -> int:
            return 1

    assert Loose("a") == Loose("b")
    assert len({Loose("a"), Loose("b")}) == 1


def test_a_wrong_argument_is_a_type_error_that_names_the_class() -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match=r"Pickled\.__init__\(\)"):
            Pickled()  # type: ignore[call-arg]


def test_what_follows_on_the_fields_is_done() -> None:
    @quick_dataclass.dataclass(slots=True)
    class Counted:
        name: str
        length: int = field(default=0, init=False)

        def __post_init__(self) -> None:
            self.length = len(self.name)

    assert [Counted("ab").length, Counted("abc").length] == [2, 3]
