"""How full a mailbox may be (the quota options of src/transports/appendfile.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import quoted
from eximsim.mta.transports.local import Stop
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+))?([kKmMgG%]?)(/no_check)?\s*", re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "%": 1}
WARN = "warn"
"""``Address.special_action`` of an address whose mailbox has passed quota_warn_threshold."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The options as they are for one delivery: sizes in octets; 0 is no limit, -1 that nothing is said."""

    quota: int = 0
    quota_checked: bool = False
    filecount: int = 0
    filecount_checked: bool = False
    threshold: int = 0
    mailbox_size: int = -1
    mailbox_filecount: int = -1

    @property
    def need_size(self) -> bool:
        """Whether it has to be known how large the mailbox is."""
        return self.quota > 0 or self.threshold > 0


@dataclass(frozen=True, slots=True)
class Filled:
    """How full a mailbox is: octets, files, and seconds since it was read."""

    size: int
    files: int
    age: int


def limits_of(process: Process, transport: DriverInstance) -> Limits:
    """The options expanded; ``Stop`` for one that is no number. Source: appendfile_transport_setup()."""
    quota, checked, _ = _number(process, transport, "quota", 0)
    files, files_checked, _ = _number(process, transport, "quota_filecount", 0)
    threshold, _, percent = _number(process, transport, "quota_warn_threshold", 0)
    if percent and quota <= 0:
        threshold = 0
    elif percent:
        if not 0 <= threshold <= 100:
            what = f"Invalid quota_warn_threshold percentage ({threshold}) for {transport.name} transport"
            raise Stop(Rc.PANIC, what)
        threshold = int(quota * threshold / 100)
    size = _number(process, transport, "mailbox_size", -1)[0]
    count = _number(process, transport, "mailbox_filecount", -1)[0]
    return Limits(quota, checked, files, files_checked, threshold, size, count)


def _number(process: Process, transport: DriverInstance, option: str, default: int) -> tuple[int, bool, bool]:
    """A value, whether it is to be checked, and whether it is in percent."""
    text = transport.options.text(option)
    if text is None:
        return default, True, False
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        what = f"Expansion of {quoted(process, text)} in {transport.name} transport failed: {failed.message}"
        raise Stop(Rc.DEFER if failed.defer else Rc.PANIC, what) from None
    match = _NUMBER.fullmatch(value)
    unit = match[2].lower() if match else ""
    percent = unit == "%"
    checkable = option in ("quota", "quota_filecount")
    if match is None or (percent and option != "quota_warn_threshold") or (match[3] and not checkable):
        shown = quoted(process, value)
        what = f"Malformed value {shown} (expansion of {quoted(process, text)}) in {transport.name} transport"
        raise Stop(Rc.PANIC, what)
    return int(float(match[1] or 0) * _UNITS[unit]), match[3] is None, percent


def check_quota(
    process: Process, transport: DriverInstance, addr: Address, limits: Limits, path: str, filled: Filled
) -> None:
    """``Stop`` if the message does not fit into the mailbox."""
    if limits.quota <= 0:
        return
    assert process.message is not None
    inclusive = transport.options.flag("quota_is_inclusive")
    size = filled.size + (process.message.size if inclusive else 0)
    files = filled.files + (1 if inclusive else 0)
    over = limits.quota_checked and size > limits.quota
    crowded = limits.filecount_checked and 0 < limits.filecount < files
    if not over and not crowded:
        return
    addr.more_errno = filled.age
    addr.user_message = "mailbox is full"
    kind = " filecount" if crowded else ""
    what = f"mailbox is full (MTA-imposed{kind} quota exceeded while writing to {path})"
    raise Stop(Rc.DEFER, what, Errno.EXIMQUOTA)


def verify_quota(transport: DriverInstance, limits: Limits, filled: int, size: int) -> NoReturn:
    """``Stop`` with what is to be said of a message of ``size`` octets, of which only the quota is verified.

    A mailbox in one file has no files to count.
    """
    more = size if transport.options.flag("quota_is_inclusive") else 0
    if limits.quota_checked and 0 < limits.quota < filled + more:
        raise Stop(Rc.DEFER, "Over quota", Errno.EXIMQUOTA)
    raise Stop(Rc.OK, "Over quota", 0)


def check_threshold(addr: Address, limits: Limits, size: int, written: int) -> None:
    """Have the owner warned if the mailbox passes quota_warn_threshold now."""
    if limits.threshold > 0 and size <= limits.threshold < size + written:
        addr.special_action = WARN
