"""What local transports share: under whom they run, and what of a driver is not modelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import quoted
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


@dataclass(frozen=True, slots=True)
class LocalRun:
    """Under whom and where a local transport runs; ``home`` is ``$home``, if it has a value.

    ``keeps_output``: what a command writes goes to the first address's ``return_text``. ``verified_size``:
    nothing is delivered, but asked whether a mailbox would take so many octets.
    """

    uid: int
    gid: int
    home: str | None
    directory: str
    keeps_output: bool = False
    verified_size: int | None = None


LocalEntry = Callable[["Process", "DriverInstance", "list[Address]", LocalRun], None]
"""Runs a transport; what comes of it stands in the first address, and is copied to the others."""


def replicate_status(addrs: list[Address]) -> None:
    """Give the others of a batch what the first address has. Source: replicate_status()."""
    first = addrs[0]
    for addr in addrs[1:]:
        addr.transport_return, addr.basic_errno = first.transport_return, first.basic_errno
        addr.more_errno, addr.message = first.more_errno, first.message
        addr.user_message, addr.special_action = first.user_message, first.special_action
        addr.transport = first.transport


class Stop(Exception):
    """The transport ends here, with this in its first address."""

    def __init__(self, rc: Rc, message: str | None = None, errno: int = Errno.UNKNOWNERROR) -> None:
        self.rc, self.message, self.errno = rc, message, errno
        super().__init__(message)


def expanded(process: Process, transport: DriverInstance, option: str) -> str | None:
    """An option's text, expanded; None if it is not set. Raises ``ExpansionFailed``."""
    text = transport.options.text(option)
    return None if text is None else expand(process, text)


def affix(process: Process, transport: DriverInstance, option: str, text: str | None) -> str:
    """What is written before or after the message; ``Stop`` if it does not expand."""
    if not text:
        return ""
    try:
        return expand(process, text)
    except ExpansionFailed:
        word = option.removeprefix("message_")
        what = f"Expansion of {quoted(process, text)} ({word} for {transport.name} transport) failed"
        raise Stop(Rc.DEFER, what, Errno.EXPANDFAIL) from None


def refuse_unmodelled(transport: DriverInstance) -> None:
    """Raise ``Unsupported`` for the first option of a transport that the model does not have."""
    found = transport.options.unmodelled()
    if found is not None:
        raise Unsupported(f"{transport.driver} transport option {found}", *transport.options.where(found))
