"""What becomes of the output of a command that a message was piped to (in ``post_process_one()``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.process.log import log_write, printed
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_WANTING = ("return_output", "return_fail_output", "log_output", "log_fail_output", "log_defer_output")
_LONGEST = 16383
"""Octets of a line that are read (BIG_BUFFER_SIZE)."""


def wants_output(transport: DriverInstance) -> bool:
    """Whether the output of a transport's command is kept at all."""
    return any(transport.options.flag(option) for option in _WANTING)


def log_output(process: Process, addr: Address) -> Rc:
    """Log the first line of the output, keep all of it for the sender, as options say; the new outcome.

    The address has an output. What is returned makes a failure of any delivery.
    """
    transport, outcome = addr.transport, addr.transport_return
    assert transport is not None
    flag, message = transport.options.flag, process.message
    logged = flag("log_output") or (
        (outcome is Rc.FAIL and flag("log_fail_output")) or (outcome is Rc.DEFER and flag("log_defer_output"))
    )
    if logged:
        line = (addr.return_text or "").partition("\n")[0][:_LONGEST].rstrip()
        log_write(process, f"<{addr.address}>: {transport.name} transport output: {printed(process, line)}")
    can_return = bool(message and message.sender) or addr.errors_address is not None
    if can_return and flag("return_output"):
        outcome = Rc.FAIL
        if addr.basic_errno == 0 and addr.message is None:
            addr.message = "return message generated"
    elif not (can_return and flag("return_fail_output") and outcome is Rc.FAIL):
        addr.return_text = None
    return outcome
