"""Promises held against one world that was drawn at random, as ``gate.proof`` holds them against all.

What a condition is about is known from the words that the world was made of. Where a schedule changes what
the name server says, or a word is none of the space, it cannot be told whether the condition holds: then the
promise is not held against this world.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.fuzz.baseline import Entry
from eximsim.fuzz.schedules import RECOVERED, RECOVERED_BY_TRIES
from eximsim.gate.outcome import outcome_of
from eximsim.gate.promises import AXES
from eximsim.status import TAKEN
from eximsim.world.messages import Question

if TYPE_CHECKING:
    from eximsim.fuzz.promise import Promise
    from eximsim.gate.report import Outcome
    from eximsim.testing.drawn import Drawn, Host

_TLSA: Mapping[str, tuple[str, str]] = {
    "match": ("secure", "match"),
    "authority": ("secure", "authority"),
    "mismatch": ("secure", "mismatch"),
    "unusable": ("secure", "unusable"),
    "insecure": ("insecure", "match"),
    "nodata": ("no data", ""),
    "nxdomain": ("NXDOMAIN", ""),
    "servfail": ("SERVFAIL", ""),
    "timeout": ("time-out", ""),
    "mixed": ("secure", ""),
}
"""The TLSA answer and the records in it, as the space calls them, by the word for them."""

_CERTIFICATES = {
    "good": "good", "wrongname": "another name", "expired": "expired", "selfsigned": "self-signed",
}  # fmt: skip
_STARTTLS = {"yes": "2xx", "no": "2xx", "4xx": "4xx", "5xx": "5xx"}
_COMMANDS = {"MAIL": "mail", "RCPT": "rcpt", "end of data": "message"}
_HARMLESS = frozenset((*RECOVERED, *RECOVERED_BY_TRIES))


@dataclass(frozen=True, slots=True)
class WorldBreach:
    """A promise that is broken in one world: as a delivery or a callout, under what, with what outcome."""

    promise: Promise
    kind: str
    recipient: str
    situation: Mapping[str, str]
    schedule: str
    outcome: Outcome

    @property
    def entry(self) -> Entry:
        """What a baseline knows it by."""
        from eximsim.gate.proof import told, told_answers

        when = told_answers(self.situation)
        if self.schedule:
            when = f"{when}; {self.schedule}"
        return Entry(self.promise.name, f"{self.kind} to {self.recipient}", when, told(self.outcome))

    def __str__(self) -> str:
        log = [f"  {line}" for line in self.outcome.log]
        return "\n".join([f"{self.promise.name}: {self.kind} to {self.recipient}: {self.outcome}", *log])


def breaches(drawn: Drawn, promises: Iterable[Promise]) -> Iterator[WorldBreach]:
    """The promises that are broken in a world; raises ``Unsupported`` for what is not modelled."""
    for kind in drawn.policy.kinds:
        wanted = [one for one in promises if kind in one.kinds and one.is_about(drawn.recipient)]
        if not wanted:
            continue
        outcome = _outcome(drawn, kind)
        for one in wanted:
            broken = outcome.result == "undefined" or one.is_broken_by(outcome.result, outcome.security)
            if broken and _applies(drawn, one, outcome):
                schedule = str(drawn.schedule) if drawn.schedule.rules else ""
                yield WorldBreach(one, kind, drawn.recipient, _situation(drawn, outcome), schedule, outcome)


def _outcome(drawn: Drawn, kind: str) -> Outcome:
    result = (drawn.callout() if kind == "callout" else drawn.deliver()).result
    if result.unsupported:
        raise Unsupported(result.unsupported[0].removeprefix("not modelled: "))
    return outcome_of(result)


def _applies(drawn: Drawn, promise: Promise, outcome: Outcome) -> bool:
    hosts = tuple(host.name for host in drawn.hosts)
    taken = outcome.result in TAKEN
    for condition, subject in promise.conditions(outcome.host if taken else "", hosts, drawn.domain):
        if _value(drawn, condition.axis, subject) not in condition.values:
            return False
    return True


def _situation(drawn: Drawn, outcome: Outcome) -> dict[str, str]:
    """What is out of the ordinary about the host that took the mail, or about all."""
    found = {}
    for name, axis in ((one.name, one) for one in AXES.values()):
        subjects = [drawn.domain] if name == "MX" else [host.name for host in drawn.hosts]
        if outcome.host in subjects:
            subjects = [outcome.host]
        for subject in subjects:
            value = _value(drawn, name, subject)
            if value not in ("", axis.values[0]):
                found[f"{name} of {subject}"] = value
    return found


def _value(drawn: Drawn, axis: str, subject: str) -> str:
    """The value of an axis; empty if it cannot be told."""
    if axis == "MX":
        return _unless_changed(drawn, "MX", drawn.domain, "secure" if drawn.mx_secure else "insecure")
    host = next((one for one in drawn.hosts if one.name == subject), None)
    if host is None:
        return ""
    match axis:
        case "address":
            return _unless_changed(drawn, "A", host.name, "secure" if host.address_secure else "insecure")
        case "TLSA" | "TLSA records":
            value = _TLSA[host.tlsa][axis != "TLSA"]
            return _unless_changed(drawn, "TLSA", f"_25._tcp.{host.name}", value)
    return _of_server(host, axis)


def _of_server(host: Host, axis: str) -> str:
    replies = dict(host.replies)
    match axis:
        case "connection":
            return "accepted" if host.listen else "refused"
        case "EHLO":
            return "no STARTTLS" if host.starttls == "no" else "STARTTLS"
        case "STARTTLS":
            return _STARTTLS[host.starttls]
        case "certificate":
            return _CERTIFICATES.get(host.certificate, "")
        case "MAIL" | "RCPT" | "end of data":
            return replies.get(_COMMANDS[axis], "2xx")
    return AXES[axis.lower()].values[0]


def _unless_changed(drawn: Drawn, type: str, name: str, value: str) -> str:
    rule = drawn.schedule.rule_for(Question(name, type))
    return value if rule is None or all(str(one) in _HARMLESS for one in rule.attempts) else ""
