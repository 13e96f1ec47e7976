"""What came of a policy's run: each recipient's outcome, from the decisions that were made about it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from eximsim.errors import Gap, Unsupported
from eximsim.mta.transports.smtp_context import RECIPIENT_NAMED
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.conversation import Conversation
from eximsim.suite.recipients import Recipient
from eximsim.suite.replay import Normaliser

if TYPE_CHECKING:
    from eximsim.subjects.runs import Ran
    from eximsim.trace import Decision


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
