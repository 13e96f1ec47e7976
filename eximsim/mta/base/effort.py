"""How much one run may do: what a configuration asks for can be without end, and the time of a run is not.

Steps are counted, not seconds, so that the same run ends at the same place everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field

from eximsim.bounds import Patience
from eximsim.errors import TooMuch
from eximsim.quick_dataclass import dataclass

_STEPS = 100_000
_REGEXES = 5
_ADDRESSES = 2_000
_GENERATED = 20_000
_HOSTS = 1_000
_SEARCHING = 20_000_000
"""Lines, items and octets that are compared; a few million of them take a second."""
REGEX = 1_000
"""What a match with a regular expression costs of that, at most."""
ITEM = 10
"""What one item of a list costs of that."""
COMPARISON = 60
"""What one comparison of a sort costs of that."""
_NESTED_LISTS = 40
LONGEST = 4_000_000
"""Characters of the longest string that an expansion makes."""


@dataclass(slots=True)
class Effort:
    """What has been spent in one run of the program; the methods raise ``TooMuch`` when it is too much.

    Exim would go on: it takes minutes, or all memory.
    """

    steps: int = 0
    regexes: int = 0
    addresses: int = 0
    generated: int = 0
    searching: int = 0
    patience: Patience = field(default_factory=Patience)
    """For queries, whose steps are of any length."""
    _lists: list[tuple[str, ...]] = field(default_factory=list)

    def spend(self, made: int = 0) -> None:
        """One more part of an expansion has been evaluated, which ``made`` a string of so many characters."""
        self.steps += 1
        if self.steps > _STEPS:
            raise TooMuch(f"expansions of more than {_STEPS:,} steps in one run")
        if made > LONGEST:
            raise TooMuch(f"an expansion that makes more than {LONGEST:,} characters")

    def spend_on_regex(self) -> None:
        """One more regular expression has taken very many steps."""
        self.regexes += 1
        if self.regexes > _REGEXES:
            raise TooMuch(f"more than {_REGEXES} regular expressions of many steps in one run")

    def spend_on_address(self) -> None:
        """One more address is routed."""
        self.addresses += 1
        if self.addresses > _ADDRESSES:
            raise TooMuch(f"more than {_ADDRESSES:,} addresses in one run")

    def spend_on_generated(self) -> None:
        """One more item of a list is read to which a redirect router sends an address."""
        self.generated += 1
        if self.generated > _GENERATED:
            raise TooMuch(f"redirections to more than {_GENERATED:,} addresses in one run")

    @staticmethod
    def check_hosts(count: int) -> None:
        """A list has so many hosts."""
        if count > _HOSTS:
            raise TooMuch(f"a list of more than {_HOSTS:,} hosts")

    def spend_on_searching(self, units: int) -> None:
        """So many more lines, items or octets are compared."""
        self.searching += units
        if self.searching > _SEARCHING:
            raise TooMuch("lists, files and patterns with very much to search through in one run")

    @contextmanager
    def in_list(self, *key: str) -> Iterator[bool]:
        """Within a named list that is looked at for something; whether it is so already, and has no end."""
        if key in self._lists:
            yield True
            return
        if len(self._lists) >= _NESTED_LISTS:
            raise TooMuch(f"named lists in named lists, more than {_NESTED_LISTS} deep")
        self._lists.append(key)
        try:
            yield False
        finally:
            self._lists.pop()
