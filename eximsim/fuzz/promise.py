"""Promises of one's own: what must always, or never, become of a recipient's mail under some conditions.

A promise is plain data. ``gate.promises`` proves it over the whole space of situations; ``law_of`` in
``fuzz.promised_settings`` makes a law of it, so that the fuzzer searches for breaches beyond that space.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from eximsim.quick_dataclass import dataclass
from eximsim.status import TAKEN, Security

OUTCOMES = {
    "delivery": ("delivered", "deferred", "failed", "crash"),
    "callout": ("accepted", "tempfailed", "refused", "crash"),
}
"""What can become of a recipient, as promises call it, by the kind of run."""

PROTECTIONS = {
    "clear": Security.CLEAR,
    "tls": Security.TLS,
    "verified": Security.VERIFIED,
    "dane": Security.DANE,
}
"""How well mail is protected, by the word for it; worst first."""


_LEAST = {
    Security.CLEAR: "nothing",
    Security.TLS: "TLS",
    Security.VERIFIED: "verified TLS",
    Security.DANE: "DANE",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that DNS or a server must say for a promise to apply: ``TLSA`` is ``SERVFAIL``.

    ``axis`` and ``values`` are those of ``explore.vocabulary``. ``host`` is the one that it is about; empty:
    the host that takes the mail, or every host if none takes it.
    """

    axis: str
    values: tuple[str, ...]
    host: str = ""

    def __str__(self) -> str:
        of = f" of {self.host}" if self.host else ""
        return f"{self.axis}{of}: {' or '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class Promise:
    """What must ``always`` become of mail for ``recipients``, or never, whenever all of ``when`` holds.

    Always: the outcome is one of ``outcomes`` (none given: any), and what is taken is protected at least
    like ``protection``. Never: the outcome is one of ``outcomes``, with less than ``protection`` if that is
    given. ``kinds`` are the kinds of runs it is about; ``where`` is ``file:line``.
    """

    name: str
    always: bool
    recipients: tuple[str, ...] = ("*",)
    outcomes: tuple[str, ...] = ()
    protection: Security | None = None
    when: tuple[Condition, ...] = ()
    where: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """``"delivery"``, ``"callout"``, or both if its outcomes are of both or of none."""
        named = tuple(kind for kind, words in OUTCOMES.items() if not set(self.outcomes).isdisjoint(words))
        return named or tuple(OUTCOMES)

    @property
    def sentence(self) -> str:
        """In words: ``mail for *@bank.example is never delivered with less than verified TLS``."""
        whom = "anybody" if self.recipients == ("*",) else " or ".join(self.recipients)
        parts = [f"mail for {whom} is {'always' if self.always else 'never'}"]
        parts.append(" or ".join(self.outcomes) or "protected")
        if self.protection is not None:
            least = _LEAST[self.protection]
            parts.append(f"{'at least with' if self.always else 'with less than'} {least}")
        told = " ".join(parts)
        return f"{told}, when {'; '.join(map(str, self.when))}" if self.when else told

    def is_about(self, recipient: str) -> bool:
        """Whether the promise is about this address; case does not matter."""
        return any(fnmatchcase(recipient.lower(), pattern.lower()) for pattern in self.recipients)

    def is_broken_by(self, result: str, security: Security | None) -> bool:
        """Whether an outcome breaks it where it applies; ``security`` None: no server was told anything."""
        taken = result in TAKEN
        weak = taken and self.protection is not None and security is not None and security < self.protection
        if self.always:
            return weak or (bool(self.outcomes) and result not in self.outcomes)
        return result in self.outcomes and (self.protection is None or weak)

    def conditions(self, host: str, hosts: tuple[str, ...], domain: str) -> Iterator[tuple[Condition, str]]:
        """What must hold, and of what: ``host`` took the mail (empty: nobody), of all ``hosts``."""
        for condition in self.when:
            if condition.axis == "MX":
                yield condition, domain
            elif condition.host:
                yield condition, condition.host
            else:
                for one in (host,) if host in hosts else hosts:
                    yield condition, one
