"""What became of a recipient, told from a run; and what a change from one outcome to another means.

Nothing here reads log text: results and security come from the trace, the replies and the connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

from eximsim.gate.report import Outcome, Severity
from eximsim.mta.base.tables import shown
from eximsim.mta.transports import dane, smtp_decisions
from eximsim.mta.verify import verify_decisions
from eximsim.status import Security
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
    """What became of the one recipient of a run; what is not modelled is undefined here.

    A callout's security is that of the conversation in which a server was asked about the recipient.
    """
    (recipient,) = result.recipients
    taken = recipient.result in ("delivered", "accepted")
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


def essence(outcome: Outcome) -> Outcome:
    """An outcome without words: what a lock file holds of it."""
    security = outcome.security if outcome.result in ("delivered", "accepted") else None
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


_WORDS = {
    "s-": Severity.SECURITY_LOST,
    "s+": Severity.SECURITY_GAINED,
    "r-": Severity.REACHABILITY_LOST,
    "r+": Severity.REACHABILITY_GAINED,
    "..": Severity.WORDING,
}

# Rows: before; columns: after, in the order of Standing.
_MATRIX = """
              clear tls  veri dane held barr wait lost cras undf
CLEAR         ..    s+   s+   s+   s+   s+   r-   r-   r-   r-
TLS           s-    ..   s+   s+   s+   s+   r-   r-   r-   r-
VERIFIED      s-    s-   ..   s+   s+   s+   r-   r-   r-   r-
DANE          s-    s-   s-   ..   r-   r-   r-   r-   r-   r-
HELD          s-    s-   s-   r+   ..   r-   ..   r-   r-   r-
BARRED        s-    s-   s-   r+   r+   ..   r+   ..   r-   r-
WAITS         r+    r+   r+   r+   ..   r-   ..   r-   r-   r-
LOST          r+    r+   r+   r+   r+   ..   r+   ..   r-   r-
CRASH         r+    r+   r+   r+   r+   r+   r+   r+   ..   r-
UNDEFINED     r+    r+   r+   r+   r+   r+   r+   r+   r+   ..
"""


def _read(matrix: str) -> Mapping[tuple[Standing, Standing], Severity]:
    _, *rows = matrix.strip().splitlines()
    return MappingProxyType(
        {
            (Standing[name], after): _WORDS[word]
            for name, *words in map(str.split, rows)
            for after, word in zip(Standing, words, strict=True)
        }
    )


SEVERITY: Mapping[tuple[Standing, Standing], Severity] = _read(_MATRIX)
"""What a change means, by what counted before and what counts after.

A message that was kept back for want of security and is now taken with less than DANE is security lost: what
the policy refused happens. One that merely did not reach anybody and is now taken is reachability gained,
also in clear: no policy stood in its way. What is lost in one direction is gained in the other.
"""


def severity(before: Outcome, after: Outcome) -> Severity | None:
    """What the change means; None if nothing has changed. Another host, or other words: wording."""
    if before == after:
        return None
    return SEVERITY[standing(before), standing(after)]
