"""What is looked for in a list (match_check_list() is given it as a function with its data)."""

from __future__ import annotations

from typing import Protocol

from eximsim.mta.records.lists import Kind, ListMatch


class Check(Protocol):
    """A subject with the way in which one pattern is matched against it."""

    kind: Kind
    anchored: bool
    """An item may name another list; without, ``+name`` is a text like any other."""

    @property
    def key(self) -> str:
        """The subject in the form in which it is compared."""

    def test(self, pattern: str) -> ListMatch:
        """Match one pattern."""

    def make_caseful(self) -> None:
        """From here on the local part's case counts (``+caseful``)."""

    @property
    def subject_for_expansion(self) -> str | None:
        """What ``$domain`` is while the list is expanded, if it has no value."""

    @property
    def left(self) -> str | None:
        """The value that items leave behind which do not decide."""
