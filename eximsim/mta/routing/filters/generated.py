"""What redirection data and filters generate (parts of ``address_item``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.expand.marks import CleanText
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.records.structs import Address, Reply


@dataclass(frozen=True, slots=True)
class Generated:
    """One address, or with ``made_for`` (as in ``Address``) a file, a pipe or a reply.

    ``errors_address``: who is told of a failure, None for whoever the router says; ``ignore_error``: a
    failure is no failure. ``expand_pipe``, ``pipe_values`` and ``clean``: see ``Address``.
    """

    address: str
    made_for: str = ""
    errors_address: str | None = None
    ignore_error: bool = False
    reply: Reply | None = None
    expand_pipe: bool = False
    pipe_values: tuple[str, ...] = ()
    clean: bool = False

    def untainted(self) -> Generated:
        """The same as another process has read it: nothing of it is tainted (``rda_read_string()``)."""
        values = tuple(map(CleanText, self.pipe_values))
        return replace(self, address=str(self.address), pipe_values=values, clean=True)

    def give_to(self, child: Address) -> None:
        """Tell the address that is made of it what it is for."""
        child.made_for, child.reply, child.clean = self.made_for, self.reply, self.clean
        child.expand_pipe, child.pipe_values = self.expand_pipe, self.pipe_values
