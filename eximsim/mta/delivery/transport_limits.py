"""The size of a message that a transport takes (``check_message_size()``, src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_eval import EvalError, expanded_string_integer
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address


def check_message_size(process: Process, transport: DriverInstance, addr: Address) -> Rc:
    """OK, FAIL if message_size_limit keeps the message from the transport, DEFER if it is no number.

    ``addr`` gets a message unless it is OK.
    """
    text = transport.options.text("message_size_limit")
    if text is None:
        return Rc.OK
    wrong = f"message_size_limit in {transport.name} transport"
    deliver_set_expansions(process, addr)
    try:
        limit = expanded_string_integer(expand(process, text), positive=True)
    except ExpansionFailed as failed:
        addr.message = f"failed to expand {wrong}: {failed.message}"
        return Rc.DEFER
    except EvalError as failed:
        addr.message = f"invalid {wrong}: {failed.message}"
        return Rc.DEFER
    finally:
        deliver_set_expansions(process, None)
    assert process.message is not None
    if not 0 < limit < process.message.size:
        return Rc.OK
    addr.message = f"message is too big (transport limit = {limit})"
    return Rc.FAIL
