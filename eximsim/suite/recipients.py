"""What became of each recipient of a delivery, worked out from the decisions that were made about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.errnos import strerror
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.system_filter import SYSTEM_FILTERED
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.reception.receive_headers import RECIPIENT_REWRITTEN
from eximsim.mta.transports.retry import ADDRESS_TIMED_OUT
from eximsim.quick_dataclass import dataclass
from eximsim.status import RESULTS

if TYPE_CHECKING:
    from eximsim.mta.records.spool import Spool
    from eximsim.trace import Decision

SYSTEM_FILTER = "system-filter"
"""What addresses come from that a system filter has made."""
_LAST_COUNTS = (*RESULTS, "unsupported", "unknown")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of one recipient.

    ``result``: ``delivered``, ``deferred``, ``failed``; of a callout ``accepted``, ``refused``,
    ``tempfailed``; ``crash``; ``undefined`` if the program itself leaves open what happens; ``unsupported``;
    ``unknown`` if nothing was decided. ``errno`` is as Exim logs it in brackets; ``reason`` its text, or the
    server's reply. ``host`` took the message or was asked; empty where none took it. ``cv`` is ``"dane"``,
    ``"yes"`` or ``"no"`` as in the log, None without TLS; ``asked`` tells whether a server was asked about
    the recipient at all.
    """

    address: str
    result: str
    errno: int = 0
    reason: str = ""
    host: str = ""
    cv: str | None = None
    asked: bool = False


def delivered(addresses: Sequence[str], decisions: Iterable[Decision]) -> dict[str, Recipient]:
    """The outcome of each recipient of a delivery about which something was decided.

    Of several addresses that one stands for, the one that is last in ``_LAST_COUNTS`` counts.
    """
    outcomes: dict[str, dict[str, Recipient]] = {}
    died: set[object] = set()
    stands_for: dict[str, list[str]] = {}
    for decision in decisions:
        inputs = decision.inputs
        if decision.is_of(TRANSPORT_DIED):
            died.update(inputs["addresses"])  # type: ignore[arg-type]  # a tuple of texts
        if decision.is_of(RECIPIENT_REWRITTEN) and inputs["recipient"] in addresses:
            stands_for.setdefault(decision.outcome, []).append(str(inputs["recipient"]))
        if decision.is_of(SYSTEM_FILTERED):
            filtered = [one for one in addresses if one in inputs["recipients"]]  # type: ignore[operator]
            if decision.outcome == "IGNORED" and inputs["instead"]:
                stands_for.setdefault(SYSTEM_FILTER, []).extend(filtered)
            elif (settled := _filtered(decision)) is not None:
                outcomes.update({one: {one: replace(settled, address=one)} for one in filtered})
        if decision.is_of(ADDRESS_OUTCOME):
            given = str(inputs["recipient"])
            for recipient in (*stands_for.get(given, ()), *([given] if given in addresses else [])):
                found = outcomes.setdefault(recipient, {})
                found[str(inputs["address"])] = replace(_outcome(decision, died), address=recipient)
        if decision.is_of(ADDRESS_TIMED_OUT):
            name = str(inputs["address"])
            for found in outcomes.values():
                if name in found and found[name].result == "deferred":
                    found[name] = _timed_out(found[name])
    return {
        recipient: max(found.values(), key=lambda one: _LAST_COUNTS.index(one.result))
        for recipient, found in outcomes.items()
    }


def kept(spool: Spool, known: Mapping[str, Recipient], *, broken: bool) -> dict[str, Recipient]:
    """The recipients of whom nothing is known but that their message has been kept, and why it was.

    If something is ``broken`` that may be why: then only what is frozen has been kept on purpose.
    """
    found = {}
    for message in spool.all_messages().values():
        why = "the message is frozen" if message.frozen else "the message stays on the queue"
        for address in message.addresses():
            one = known.get(address)
            if one is not None and one.result == "unknown" and (message.frozen or not broken):
                found[address] = replace(one, result="deferred", reason=why)
    return found


def _filtered(decision: Decision) -> Recipient | None:
    """What becomes of recipients by the system filter; None if they are tried."""
    said = str(decision.inputs["message"])
    why = f": {said}" if said else ""
    match decision.outcome:
        case "IGNORED":
            return Recipient("", "delivered", reason="discarded by the system filter")
        case "FILTERED":
            return Recipient("", "failed", reason=f"cancelled by the system filter{why}")
        case "DEFERRED":
            return Recipient("", "deferred", reason=f"put off by the system filter{why}")
        case "ERROR":
            return Recipient("", "deferred", reason=f"error in the system filter{why}")
    return None


def _timed_out(late: Recipient) -> Recipient:
    why = f"{late.reason}: " if late.reason else ""
    return replace(late, result="failed", reason=f"{why}retry timeout exceeded")


def _outcome(decision: Decision, died: set[object]) -> Recipient:
    inputs = decision.inputs
    errno = inputs["errno"]
    assert isinstance(errno, int)
    result = {"OK": "delivered", "FAIL": "failed"}.get(decision.outcome, "deferred")
    host, cv = inputs["host"], inputs["cv"]
    if result == "delivered" and not inputs["message_sent"]:  # what Exim takes for a delivery need not be one
        host = None
    return Recipient(
        str(inputs["recipient"]),
        "crash" if inputs["address"] in died else result,
        errno,
        str(inputs["message"] or (strerror(errno) if errno > 0 else "")),
        str(host or ""),
        None if not cv else str(cv),
        inputs["host"] is not None,
    )
