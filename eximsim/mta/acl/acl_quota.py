"""``verify = recipient/quota``: is there room in the mailbox (``verify_quota_call()``, src/verify.c)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets
from eximsim.mta.delivery.deliver_local import deliver_local
from eximsim.mta.process.harness import forked
from eximsim.mta.records.hints import Cached, CalloutRecord
from eximsim.mta.records.verification import VerifyResult
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.mta.verify import verify
from eximsim.mta.verify.verify_cache import get_callout_cache_record
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_ANSWER = 128
"""Octets that the process answers in, five of them and one more for other things."""


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """For how many seconds an answer is remembered: that there is room, and that there is none."""

    positive: int = 5 * 60
    negative: int = 60 * 60


def read_quota(rest: str, period: Callable[[str], int]) -> QuotaSettings:
    """What follows the word ``quota``; words that are not known are passed over. ``period`` reads times."""
    settings, rest = QuotaSettings(), rest.lstrip(SPACES)
    for word in list_items(rest[1:], ",") if rest.startswith("=") else ():
        name, _, value = word.partition("=")
        if name == "cachepos":
            settings = replace(settings, positive=period(value))
        elif name == "cacheneg":
            settings = replace(settings, negative=period(value))
        elif word == "no_cache":
            settings = QuotaSettings(0, 0)
    return settings


def verify_quota_call(process: Process, address: str, size: int, settings: QuotaSettings) -> VerifyResult:
    """Route a recipient and ask its mailbox about a message of ``size`` octets, -1 for not known.

    Raises ``Unsupported`` where what is asked is no mailbox in one file.
    """
    if process.host_checking:
        raise Unsupported("the option quota of verify = recipient when a host is tested")
    remembers = bool(settings.positive or settings.negative)
    if remembers:
        known = get_callout_cache_record(
            process, address, "address", holds=(settings.positive, settings.negative)
        )
        if known is not None and known.result is Cached.ACCEPT:
            return VerifyResult(Rc.OK)
        if known is not None:
            said = "Previous (cached) quota verification failure"
            process.variables["recipient_verify_failure"] = "quota"
            return VerifyResult(Rc.FAIL, said, failure="quota")
    result = _in_child(process, address, size)
    process.variables["recipient_verify_failure"] = result.failure or ""
    if remembers and (result.rc is Rc.OK or result.failure == "quota"):
        answer = Cached.ACCEPT if result.rc is Rc.OK else Cached.REJECT
        record = CalloutRecord(answer, time_stamp=process.world.now())
        process.machine.hints.callout[f"address:{address}"] = record
    return result


def _in_child(process: Process, address: str, size: int) -> VerifyResult:
    """The program, run again to regain its privilege. Source: verify_quota()."""
    child = process.fork("quota-verify")
    child.run_anew()
    child.variables, child.answering_rcpt = {}, False
    with forked(process):
        routed = verify.verify_address(child, address, is_recipient=True)
        addr = routed.addr
        if routed.rc is not Rc.OK:
            return VerifyResult(
                routed.rc, _fitting(routed), basic_errno=routed.basic_errno, failure=routed.failure
            )
        if addr is None or addr.transport is None:
            return VerifyResult(Rc.OK)
        return _ask(child, addr, addr.transport, size)


def _ask(process: Process, addr: Address, transport: DriverInstance, size: int) -> VerifyResult:
    if transport.driver != "appendfile":
        what = f"verify = recipient/quota with transport driver {transport.driver}"
        raise Unsupported(what, transport.path, transport.line)
    deliver_set_expansions(process, addr)
    deliver_local(process, transport, [addr], shadowing=True, verified_size=size)
    deliver_set_expansions(process, None)
    if addr.transport_return is Rc.OK:
        return VerifyResult(Rc.OK)
    if addr.transport_return is not Rc.DEFER or addr.basic_errno != Errno.EXIMQUOTA:
        raise Unsupported(
            f"verify = recipient/quota where the transport fails ({addr.message})",
            transport.path,
            transport.line,
        )
    return VerifyResult(Rc.FAIL, addr.message, failure="quota")


def _fitting(result: VerifyResult) -> str:
    room = _ANSWER - 5 - len(octets(result.failure or "")) - 1
    return from_octets(octets(result.message or "")[:room])
