"""What a policy test got, and the verbs that say what it should have been."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NoReturn, Self

from eximsim import status

if TYPE_CHECKING:
    from eximsim.suite.policy_result import Recipient, Result
    from eximsim.trace import Decision

Security = Literal["dane", "verified", "tls", "clear"]
"""How safe a conversation was: DANE, TLS with a certificate that was verified, any TLS, none."""

_WORDS: Mapping[status.Security, Security] = {
    status.Security.DANE: "dane",
    status.Security.VERIFIED: "verified",
    status.Security.TLS: "tls",
    status.Security.CLEAR: "clear",
}

_TOLD = {
    "delivered": "was delivered",
    "deferred": "was deferred",
    "failed": "bounced",
    "accepted": "was accepted",
    "refused": "was refused",
    "tempfailed": "was deferred",
    "crash": "the process that delivered it died",
    "undefined": "Exim leaves open what happens",
    "unsupported": "is not modelled",
    "unknown": "nothing was decided about it",
}


@dataclass(frozen=True, slots=True)
class _Verbs:
    """What deliveries and callouts share. ``profile`` is the name of the release that did it."""

    result: Result
    profile: str
    recipients: tuple[Recipient, ...]

    @property
    def log(self) -> tuple[str, ...]:
        """The log lines, without what differs from run to run (dates, ids, sizes, ciphers)."""
        return self.result.log

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Each decision, in order: its rule, what it looked at, what it chose, and where Exim has it."""
        return self.result.decisions

    @property
    def connections(self) -> tuple[Mapping[str, object], ...]:
        """Each connection that a server accepted: ``addr``, ``port``, ``events``, ``sni`` and ``tls``."""
        return self.result.connections

    @property
    def questions(self) -> tuple[str, ...]:
        """What the name server was asked, as ``"TYPE name"``."""
        return self.result.dns

    def __getitem__(self, address: str) -> Self:
        """The same for one recipient; raises ``KeyError``."""
        found = tuple(one for one in self.recipients if one.address == address)
        if not found:
            raise KeyError(address)
        return replace(self, recipients=found)

    def __str__(self) -> str:
        """One line for each recipient, and the log."""
        lots = [f"{one.address} {_lot(one)}" for one in self.recipients]
        return "\n".join([*lots, *(f"  {line}" for line in self.log)])

    def _should(self, result: str, wanted: str, *demands: Callable[[Recipient], bool]) -> Self:
        __tracebackhide__ = True
        for one in self.recipients:
            if one.result != result or not all(demand(one) for demand in demands):
                _fail(self, one, wanted)
        return self

    def _said(self, text: str | None) -> Callable[[Recipient], bool]:
        """Whether a recipient's reason, or a log line that is not about another recipient, has ``text``."""

        def said(one: Recipient) -> bool:
            others = [other.address for other in self.result.recipients if other.address != one.address]
            own = (line for line in self.log if not any(other in line for other in others))
            return text is None or text in one.reason or any(text in line for line in own)

        return said


class Delivery(_Verbs):
    """What became of a message; each verb raises ``AssertionError`` if it is not so, and returns the same."""

    def should_deliver(self, *, host: str | None = None, security: Security | None = None) -> Self:
        """Each recipient was delivered, to ``host`` and with this ``security`` if they are given."""
        __tracebackhide__ = True
        wanted = f"should be delivered{_to(host)}{_in_brackets(security)}"
        return self._should("delivered", wanted, _was_host(host), _was_safe(security))

    def should_defer(self, *, reason: str | None = None) -> Self:
        """Each recipient was deferred; ``reason`` is part of what Exim says of it."""
        __tracebackhide__ = True
        return self._should("deferred", f"should be deferred{_because(reason)}", self._said(reason))

    def should_bounce(self, *, reason: str | None = None) -> Self:
        """Each recipient failed for good; ``reason`` is part of what Exim says of it."""
        __tracebackhide__ = True
        return self._should("failed", f"should bounce{_because(reason)}", self._said(reason))


class Callout(_Verbs):
    """What came of verifying addresses by callout; each verb raises ``AssertionError`` if it is not so."""

    @property
    def replies(self) -> tuple[str, ...]:
        """The replies that the client of Exim got."""
        return self.result.smtp

    def should_accept(self, *, security: Security | None = None) -> Self:
        """Each address was verified, over a conversation with this ``security`` if it is given."""
        __tracebackhide__ = True
        return self._should("accepted", f"should be accepted{_in_brackets(security)}", _was_safe(security))

    def should_refuse(self, *, reason: str | None = None) -> Self:
        """Each address was refused for good; ``reason`` is part of the reply or of the log."""
        __tracebackhide__ = True
        return self._should("refused", f"should be refused{_because(reason)}", self._said(reason))

    def should_defer(self, *, reason: str | None = None) -> Self:
        """Each address was refused for now; ``reason`` is part of the reply or of the log."""
        __tracebackhide__ = True
        return self._should("tempfailed", f"should be deferred{_because(reason)}", self._said(reason))


def security_of(one: Recipient) -> Security | None:
    """How safe the conversation was in which a server was told of a recipient; None: there was none."""
    return _WORDS[status.Security.of_cv(one.cv)] if one.asked else None


# ---- what was wanted -------------------------------------------------------------------------------------


def _was_host(host: str | None) -> Callable[[Recipient], bool]:
    return lambda one: host is None or one.host.lower() == host.lower()


def _was_safe(security: str | None) -> Callable[[Recipient], bool]:
    if security is not None and security not in _WORDS.values():
        raise ValueError(f"security {security!r}: expected {', '.join(_WORDS.values())}")
    return lambda one: security is None or security_of(one) == security


def _to(host: str | None) -> str:
    return f" to {host}" if host else ""


def _in_brackets(security: str | None) -> str:
    return f" ({security})" if security else ""


def _because(reason: str | None) -> str:
    return f" for {reason!r}" if reason else ""


# ---- how it went ------------------------------------------------------------------------------------------


def _lot(one: Recipient) -> str:
    """What became of a recipient, in one line."""
    told = _TOLD[one.result]
    if one.result in ("delivered", "accepted"):
        return f"{told}{_to(one.host)}{_in_brackets(security_of(one))}"
    return f"{told}: {one.reason}" if one.reason else told


def _fail(verbs: _Verbs, one: Recipient, wanted: str) -> NoReturn:
    __tracebackhide__ = True
    parts = [
        f"{one.address} {wanted}, but {_lot(one)}",
        _listed(f"decisions ({verbs.profile}):", map(str, verbs.decisions)),
        _listed("log:", verbs.log),
        _listed("not modelled:", verbs.result.unsupported),
    ]
    raise AssertionError("\n".join(part for part in parts if part))


def _listed(title: str, lines: Iterable[str]) -> str:
    shown = [f"  {line}" for line in lines]
    return "\n".join([title, *shown]) if shown else ""
