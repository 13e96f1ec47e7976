"""What came of a policy's run: each recipient's outcome, from the decisions that were made about it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from eximsim.errors import Gap, Unsupported
from eximsim.mta.base.errnos import strerror
from eximsim.mta.delivery.deliver_done import ADDRESS_OUTCOME
from eximsim.mta.delivery.transport_process import TRANSPORT_DIED
from eximsim.mta.reception.receive_headers import RECIPIENT_REWRITTEN
from eximsim.mta.transports.retry import ADDRESS_TIMED_OUT
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.quick_dataclass import dataclass
from eximsim.status import RESULTS
from eximsim.subjects.conversation import Conversation
from eximsim.suite.replay import Normaliser

if TYPE_CHECKING:
    from eximsim.subjects.runs import Ran
    from eximsim.trace import Decision


_LAST_COUNTS = (*RESULTS, "unsupported", "unknown")


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of one recipient.

    ``result``: ``delivered``, ``deferred``, ``failed``; of a callout ``accepted``, ``refused``,
    ``tempfailed``; ``crash``; ``undefined`` if the program itself leaves open what happens; ``unsupported``;
    ``unknown`` if nothing was decided. ``errno`` is as Exim logs it in brackets; ``reason`` its text, or the
    server's reply. ``host`` took the message or was asked. ``cv`` is ``"dane"``, ``"yes"`` or ``"no"`` as in
    the log, None without TLS; ``asked`` tells whether a server was asked about the recipient at all.
    """

    address: str
    result: str
    errno: int = 0
    reason: str = ""
    host: str = ""
    cv: str | None = None
    asked: bool = False


@dataclass(frozen=True)
class Result:
    """What a run did.

    ``raw_log`` has the log lines as written (those of reject and panic log marked ``REJECT:``, ``PANIC:``);
    ``smtp`` the replies of a callout; ``connections`` are as in a recording, without the server's name.
    ``missed`` is what the run would have needed and the model does not have: what was decided before that
    about a recipient holds all the same. ``gaps`` are all that leaves an outcome uncertain: these, what the
    program itself leaves open, a program that dies, recipients that got lost.
    """

    recipients: tuple[Recipient, ...]
    raw_log: tuple[str, ...]
    smtp: tuple[str, ...]
    connections: tuple[Conversation, ...]
    dns: tuple[str, ...]
    decisions: tuple[Decision, ...]
    queued: int
    exit: object
    missed: tuple[Unsupported, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def unsupported(self) -> tuple[str, ...]:
        """What the run missed, a line each."""
        return tuple(dict.fromkeys(map(str, self.missed)))

    @cached_property
    def log(self) -> tuple[str, ...]:
        """The log without what differs from run to run: no date, ``M1``, ``X=TLS``, ``S=N``, ``pid=P``."""
        return normalised(self.raw_log)


def normalised(lines: Iterable[str]) -> tuple[str, ...]:
    """Log lines in the form that is the same in every run."""
    normalise = Normaliser()
    return tuple(map(normalise, lines))


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


def _timed_out(late: Recipient) -> Recipient:
    why = f"{late.reason}: " if late.reason else ""
    return replace(late, result="failed", reason=f"{why}retry timeout exceeded")


def _outcome(decision: Decision, died: set[object]) -> Recipient:
    inputs = decision.inputs
    errno = inputs["errno"]
    assert isinstance(errno, int)
    result = {"OK": "delivered", "FAIL": "failed"}.get(decision.outcome, "deferred")
    cv = inputs["cv"]
    return Recipient(
        str(inputs["recipient"]),
        "crash" if inputs["address"] in died else result,
        errno,
        str(inputs["message"] or (strerror(errno) if errno > 0 else "")),
        str(inputs["host"] or ""),
        None if not cv else str(cv),
        inputs["host"] is not None,
    )


def verified(addresses: Sequence[str], ran: Ran, commands: Sequence[str], what: str) -> dict[str, Recipient]:
    """The outcome of each callout, from the replies to ``commands`` and the connections that were made."""
    replies = _replies(ran.output, commands)
    crashed = ran.exit != 0 and ran.stopped is None
    found = {}
    for address in addresses:
        reply = replies.get(f"RCPT TO:<{address}>" if what == "recipient" else f"MAIL FROM:<{address}>", "")
        result = {"2": "accepted", "4": "tempfailed", "5": "refused"}.get(reply[:1], "unknown")
        if result == "unknown" and crashed:
            result = "crash"
        found[address] = _conversation(address, result, reply, ran)
    return found


def _replies(output: Iterable[str], commands: Sequence[str]) -> dict[str, str]:
    """The reply to each command; a sender's counts with the RCPT command after it."""
    groups: list[list[str]] = [[]]
    for line in output:
        groups[-1].append(line)
        if line[3:4] != "-":
            groups.append([])
    told = {
        command: " ".join([group[0], *(line[4:] for line in group[1:])])
        for command, group in zip(("", *commands), groups, strict=False)
        if group
    }
    for first, second in itertools.pairwise(commands):
        if first.startswith("MAIL") and second in told and told[first].startswith("2"):
            told[first] = told[second]
    return told


def _conversation(address: str, result: str, reply: str, ran: Ran) -> Recipient:
    host, cv, asked = "", None, False
    for decision in ran.decisions:
        inputs = decision.inputs
        if decision.is_of(CERTIFICATE_VERIFIED):
            cv, host = decision.outcome, str(inputs["host"])
    for connection in ran.connections:
        if f"RCPT TO:<{address}>" in connection.events:
            asked = True
            cv = (cv or "no") if connection.tls else None
    named = [one for one in ran.decisions if one.is_of(RECIPIENT_NAMED) and one.inputs["address"] == address]
    if named:
        host, cv = str(named[-1].inputs["host"]), None if named[-1].outcome == "clear" else named[-1].outcome
    return Recipient(address, result, 0, reply[4:], host, cv if asked else None, asked)


def dialogue(addresses: Iterable[str], what: str) -> Iterator[str]:
    """What a client says to have each address verified as a ``"recipient"`` or a ``"sender"``."""
    yield "EHLO client.invalid"
    for address in addresses:
        sender, recipient = (SENDER, address) if what == "recipient" else (address, SENDER)
        yield f"MAIL FROM:<{sender}>"
        yield f"RCPT TO:<{recipient}>"
        yield "RSET"
    yield "QUIT"


SENDER = "postmaster@client.invalid"
"""Who the other address of a callout's dialogue is."""
