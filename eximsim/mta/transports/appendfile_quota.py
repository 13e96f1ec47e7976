"""How full a mailbox may be (the quota options of src/transports/appendfile.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.transports.local import Stop
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_SIZE = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))?([kKmMgG]?)(/no_check)?\s*", re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def quota_of(process: Process, transport: DriverInstance) -> tuple[int, bool]:
    """The value of ``quota`` in octets, 0 for none, and whether it is to be checked.

    Source: appendfile_transport_setup().
    """
    text = transport.options.text("quota")
    if text is None:
        return 0, False
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        what = f'Expansion of "{text}" in {transport.name} transport failed: {failed.message}'
        raise Stop(Rc.DEFER if failed.defer else Rc.PANIC, what) from None
    match = _SIZE.fullmatch(value)
    if match is None:
        what = f'Malformed value "{value}" (expansion of "{text}") in {transport.name} transport'
        raise Stop(Rc.PANIC, what)
    return int(float(match[1] or 0) * _UNITS[match[2].lower()]), match[3] is None


def check_quota(
    process: Process, transport: DriverInstance, addr: Address, path: str, size: int, last_read: float
) -> None:
    """``Stop`` if the message does not fit into a mailbox that has ``size`` octets."""
    quota, checked = quota_of(process, transport)
    if quota <= 0 or not checked:
        return
    message = process.message
    assert message is not None
    if transport.options.flag("quota_is_inclusive"):
        size += message.size
    if size <= quota:
        return
    addr.more_errno = int(process.world.now() - last_read)
    addr.user_message = "mailbox is full"
    what = f"mailbox is full (MTA-imposed quota exceeded while writing to {path})"
    raise Stop(Rc.DEFER, what, Errno.EXIMQUOTA)
