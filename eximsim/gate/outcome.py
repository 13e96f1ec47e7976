"""What became of a recipient, told from a run; and what a change from one outcome to another means.

Nothing here reads log text: results and security come from the trace, the replies and the connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from eximsim.gate.report import Outcome
from eximsim.gate.severity import Severity
from eximsim.mta.base.tables import shown
from eximsim.mta.transports import dane, smtp_decisions
from eximsim.mta.verify import verify_decisions
from eximsim.status import TAKEN, Security
from eximsim.suite.policy_result import Result
from eximsim.trace import Decision

_REFUSALS: frozenset[tuple[str, str]] = frozenset(
    (name, shown(outcome))
    for name, outcomes in (
        (dane.HOST_POLICY.name, (dane.Policy.FAIL,)),
        (dane.TLSA_HOST.name, (dane.Verdict.LOST,)),
        (dane.TLSA_CALLOUT.name, (dane.Verdict.ENDS,)),
        (smtp_decisions.STARTTLS_REPLY.name, (smtp_decisions.StartTls.DEFER,)),
        (smtp_decisions.TLS_REQUIRED.name, (smtp_decisions.Clear.DEFER,)),
        (smtp_decisions.HANDSHAKE_FAILED.name, (smtp_decisions.InClear.DEFER,)),
        (verify_decisions.OWN_TLS_REQUIRED.name, (smtp_decisions.Clear.DEFER,)),
        (verify_decisions.CALLOUT_HANDSHAKE_FAILED.name, (verify_decisions.Again.NEXT_HOST,)),
        (
            verify_decisions.OWN_HANDSHAKE_FAILED.name,
            (verify_decisions.Again.NEXT_HOST, verify_decisions.Again.CLOSED),
        ),
    )
    for outcome in outcomes
)
"""The decisions by which the policy itself rules a host out: rule and outcome."""


def withheld(decisions: Iterable[Decision]) -> bool:
    """Whether the policy ruled a host out for want of security in this run."""
    return any(map(is_refusal, decisions))


def is_refusal(decision: Decision) -> bool:
    """Whether the policy rules a host out here for want of security."""
    return (decision.rule, decision.outcome) in _REFUSALS


def outcome_of(result: Result) -> Outcome:
    """What became of the (first) recipient of a run; what is not modelled is undefined here.

    A callout's security is that of the conversation in which a server was asked about the recipient.
    """
    recipient, *_ = result.recipients
    taken = recipient.result in TAKEN
    security = Security.of_cv(recipient.cv) if recipient.asked and (taken or result.smtp) else None
    if recipient.result in ("unsupported", "unknown"):
        return Outcome("undefined", reason=recipient.reason, log=result.log)
    return Outcome(
        recipient.result,
        security,
        recipient.host,
        "" if recipient.result == "delivered" else recipient.reason,
        result.log,
        unreachable=not taken and not withheld(result.decisions),
    )


_PASSING = re.compile(
    r"^(?P<file>(?:REJECT: |PANIC: )?)(?:\d{4}-\d\d-\d\d [\d:.]{8,12} (?:[-+]\d{4} )?)?(?:\[\d+\] )?"
    r"| [DQR]T=\S+| PS=\S+|(?<=H=)(?P<host>\S+) DS(?= \[)|(?P<own> I=\[[^]]*\]):\d+"
)
UNTOLD = (
    *("deliver_time", "dnssec", "millisec", "pid", "protocol_detail", "queue_time"),
    *("queue_time_exclusive", "queue_time_overall", "receive_time"),
)
"""Words of log_selector that leave nothing in ``lasting`` lines."""


def lasting(log: Iterable[str]) -> tuple[str, ...]:
    """Log lines without what passes, or repeats what was met on the way.

    That is when it was, and in which process; how long something took, from which port it went out, which
    steps set the calls up, and whether a host's address was secure.
    """
    return tuple(_PASSING.sub(_kept, line) for line in log)


def _kept(found: re.Match[str]) -> str:
    return found["file"] or found["host"] or found["own"] or ""


def essence(outcome: Outcome) -> Outcome:
    """An outcome without words: what a lock file holds of it."""
    security = outcome.security if outcome.result in TAKEN else None
    return Outcome(outcome.result, security, outcome.host, unreachable=outcome.unreachable)


# ---- what a change means ---------------------------------------------------------------------------------


class Standing(Enum):
    """All that counts of an outcome when it is weighed against another."""

    CLEAR = "taken in clear"
    TLS = "taken over TLS that was not verified"
    VERIFIED = "taken over verified TLS"
    DANE = "taken under DANE, or nobody was told of the recipient"
    HELD = "kept back for want of security, to be tried again"
    BARRED = "given up for want of security"
    WAITS = "not reached, to be tried again"
    LOST = "not reached, or refused, and given up"
    CRASH = "the process dies"
    UNDEFINED = "anything can happen"


_TAKEN: Mapping[Security | None, Standing] = MappingProxyType(
    {
        Security.CLEAR: Standing.CLEAR,
        Security.TLS: Standing.TLS,
        Security.VERIFIED: Standing.VERIFIED,
        Security.DANE: Standing.DANE,
        None: Standing.DANE,
    }
)
_NOT_TAKEN: Mapping[tuple[bool, bool], Standing] = MappingProxyType(
    {
        (False, False): Standing.HELD,
        (False, True): Standing.WAITS,
        (True, False): Standing.BARRED,
        (True, True): Standing.LOST,
    }
)
"""By whether it is for good, and whether no policy had a part in it."""


def standing(outcome: Outcome) -> Standing:
    """What counts of an outcome."""
    match outcome.result:
        case "delivered" | "accepted":
            return _TAKEN[outcome.security]
        case "crash":
            return Standing.CRASH
        case "undefined":
            return Standing.UNDEFINED
    return _NOT_TAKEN[outcome.result in ("failed", "refused"), outcome.unreachable]


# Rows: before; columns: after, in the order of Standing. A process that dies leaves the mail where it is.
_MATRIX = """
              clear    tls      veri     dane     held     barr     wait     lost     cras undf
CLEAR         words    more     more     more     held     bounced  held     bounced  dies dies
TLS           less     words    more     more     held     bounced  held     bounced  dies dies
VERIFIED      less     less     words    more     held     bounced  held     bounced  dies dies
DANE          less     less     less     words    held     bounced  held     bounced  dies dies
HELD          released released released released words    given-up words    given-up dies dies
BARRED        released released released released put-off  words    put-off  words    dies dies
WAITS         released released released released words    given-up words    given-up dies dies
LOST          released released released released put-off  words    put-off  words    dies dies
CRASH         released released released released words    given-up words    given-up words dies
UNDEFINED     released released released released held     bounced  held     bounced  dies words
"""


def _read(matrix: str) -> Mapping[tuple[Standing, Standing], Severity]:
    _, *rows = matrix.strip().splitlines()
    by_key = {one.key: one for one in Severity}
    return MappingProxyType(
        {
            (Standing[name], after): by_key[word]
            for name, *words in map(str.split, rows)
            for after, word in zip(Standing, words, strict=True)
        }
    )


SEVERITY: Mapping[tuple[Standing, Standing], Severity] = _read(_MATRIX)
"""What a change means, by what counted before and what counts after.

Mail that stops is never a gain, whatever the reason; mail that was kept back and goes out now is never one
either, since nobody but its administrator knows why it was. Of what can be anything (undefined), the best is
taken for before and the worst for after.
"""

_WORDS: Mapping[Standing, tuple[str, str]] = MappingProxyType(
    {
        Standing.CLEAR: ("delivered in clear", "accepted, asked in clear"),
        Standing.TLS: ("delivered over TLS, not verified", "accepted, asked over TLS, not verified"),
        Standing.VERIFIED: ("delivered over verified TLS", "accepted, asked over verified TLS"),
        Standing.DANE: ("delivered under DANE", "accepted, asked under DANE"),
        Standing.HELD: ("held back for want of protection", "put off for want of protection"),
        Standing.BARRED: ("bounced for want of protection", "refused for want of protection"),
        Standing.WAITS: ("held back", "put off"),
        Standing.LOST: ("bounced", "refused"),
        Standing.CRASH: ("dies", "dies"),
        Standing.UNDEFINED: ("undefined", "undefined"),
    }
)
"""What happens, in words: in a delivery, in a callout."""


def fate(outcome: Outcome, kind: str = "delivery") -> str:
    """What happens to the mail, or to the client of a callout, in a few words: ``delivered in clear``."""
    if outcome.result == "accepted" and outcome.security is None:
        return "accepted, nobody asked"
    delivery, callout = _WORDS[standing(outcome)]
    return callout if kind == "callout" else delivery


def severity(before: Outcome, after: Outcome) -> Severity | None:
    """What the change means; None if nothing has changed."""
    if before == after:
        return None
    found = SEVERITY[standing(before), standing(after)]
    delivered = before.result == after.result == "delivered"
    if found is Severity.WORDS and delivered and before.host != after.host:
        return Severity.ELSEWHERE
    return found
