"""Conditions that are options, of routers and of authenticators (src/expand.c)."""

from __future__ import annotations

from eximsim.mta.expand.expand import ExpansionFailed, expand, is_true
from eximsim.mta.process.globals import Process
from eximsim.mta.process.log import log_write, quoted
from eximsim.status import Rc


def expand_check_condition(process: Process, condition: str, who: str) -> Rc:
    """OK if the condition holds, FAIL if not, DEFER if a lookup in it put it off.

    An expansion that fails is logged with ``who`` (``"client router"``) and counts as false. Source:
    expand_check_condition(), src/expand.c.
    """
    try:
        return Rc.OK if is_true(expand(process, condition)) else Rc.FAIL
    except ExpansionFailed as failed:
        if failed.defer:
            return Rc.DEFER
        if not failed.forced:
            text = f"failed to expand condition {quoted(process, condition)} for {who}: {failed.message}"
            log_write(process, text, panic=True)
        return Rc.FAIL
