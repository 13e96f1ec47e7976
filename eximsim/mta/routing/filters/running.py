"""One run of a filter: what its parts share, and what it comes to (src/filter.c)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.process.log import quoted
from eximsim.mta.routing.filters.syntax import FilterError
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.routing.filters.filter_log import FilterLog
    from eximsim.mta.routing.filters.generated import Generated


class Outcome(Enum):
    """How a filter ended (the ``FF_`` codes of src/macros.h), and the words with which -bf says so."""

    DELIVERED = (
        "Filtering set up at least one significant delivery or other action.\nNo other deliveries will occur."
    )
    NOTDELIVERED = "Filtering did not set up a significant delivery.\nNormal delivery will occur."
    DEFER = 'Filtering ended by "defer".'
    FAIL = 'Filtering ended by "fail".'
    FREEZE = 'Filtering ended by "freeze".'
    ERROR = "Filter error: "


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter came to; ``message`` is of defer, fail, freeze, or an error.

    What was generated last comes first.
    """

    outcome: Outcome
    message: str | None = None
    generated: list[Generated] = field(default_factory=list)


@dataclass(slots=True)
class Filtering:
    """One run of one filter.

    ``system``: it is the system filter; ``testing``: -bf or -bF, so that actions are told and not taken;
    ``rewrite``: addresses are rewritten by rule; ``prepend_home``: relative names of files are
    in ``$home``. ``pending`` is an error that the reader left to be found.
    """

    process: Process
    system: bool = False
    testing: bool = False
    rewrite: bool = False
    prepend_home: bool = False
    log: FilterLog = field(kw_only=True)
    pending: str | None = None
    generated: list[Generated] = field(default_factory=list)
    delivered: bool = False
    """A command that is ``seen`` was obeyed."""
    numbers: list[int] = field(default_factory=lambda: [0] * 10)
    """``$n0`` to ``$n9``."""

    def expand(self, text: str, where: str) -> str:
        """The value of ``text``; raises ``FilterError``. ``where`` ends the message, before its reason."""
        try:
            return expand_marked(self.process, text)
        except ExpansionFailed as failed:
            told = f"failed to expand {self.quoted(text)} in {where}: {failed.message}"
            raise FilterError(told) from None

    def quoted(self, text: str) -> str:
        """``text`` in quotes, as this release has it in messages."""
        return quoted(self.process, text)

    def tell(self, text: str) -> None:
        """One line of the test's output."""
        self.process.out(f"{text}\n")
