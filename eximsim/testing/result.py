"""What a policy test got, and the verbs that say what it should have been."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NoReturn, Self

from eximsim import status
from eximsim.errors import InputError
from eximsim.status import TAKEN
from eximsim.subjects.conversation import Conversation
from eximsim.testing.arguments import check_arguments

if TYPE_CHECKING:
    from eximsim.suite.policy_result import Result
    from eximsim.suite.recipients import Recipient
    from eximsim.trace import Decision

Security = Literal["dane", "verified", "tls", "clear"]
"""How safe a conversation was: DANE, TLS with a certificate that was verified, any TLS, none."""

Text = str | re.Pattern[str]
"""Part of a text, or a pattern that is found in it."""

_WORDS: Mapping[status.Security, Security] = {
    status.Security.DANE: "dane",
    status.Security.VERIFIED: "verified",
    status.Security.TLS: "tls",
    status.Security.CLEAR: "clear",
}

_RANKS: Mapping[str, status.Security] = {word: security for security, word in _WORDS.items()}

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
        """All decisions in order: rule, inputs, outcome, and where Exim has it."""
        return self.result.decisions

    @property
    def connections(self) -> tuple[Conversation, ...]:
        """Each connection that a server accepted: ``address``, ``port``, ``events``, ``sni`` and ``tls``."""
        return self.result.connections

    @property
    def questions(self) -> tuple[str, ...]:
        """What the name server was asked, as ``"TYPE name"``."""
        return self.result.dns

    def __getitem__(self, address: str) -> Self:
        """The result for one recipient; raises ``KeyError``, which names those that there are."""
        found = tuple(one for one in self.recipients if one.address == address)
        if not found:
            known = ", ".join(one.address for one in self.recipients) or "none"
            raise KeyError(f"no recipient {address!r}; expected one of: {known}")
        return replace(self, recipients=found)

    def __str__(self) -> str:
        """One line for each recipient, and the log."""
        lots = [f"{one.address} {_lot(one)}" for one in self.recipients]
        return "\n".join([*lots, *(f"  {line}" for line in self.log)])

    def should_log(self, text: Text) -> Self:
        """A log line contains ``text``, or matches the pattern; lines about other recipients do not count.

        Args:
            text: part of a line as in ``log``, or a compiled pattern that is searched for.

        Raises:
            AssertionError: no line does. It shows the log and the decisions.
            InputError: ``text`` is empty, or neither a text nor a pattern.
        """
        __tracebackhide__ = True
        check_text("text", text)
        for one in self._some():
            if not any(has_text(line, text) for line in self._own_lines(one)):
                _fail(self, one, f"should be logged with {shown_text(text)}")
        return self

    def _should(self, results: tuple[str, ...], wanted: str, *demands: Callable[[Recipient], bool]) -> Self:
        __tracebackhide__ = True
        for one in self._some():
            if one.result not in results or not all(demand(one) for demand in demands):
                _fail(self, one, wanted)
        return self

    def _some(self) -> tuple[Recipient, ...]:
        """The recipients; nothing holds of none."""
        __tracebackhide__ = True
        if not self.recipients:
            raise AssertionError("there is no recipient to look at: no message was sent before")
        return self.recipients

    def _said(self, text: Text | None) -> Callable[[Recipient], bool]:
        """Whether a recipient's reason, or a log line that is not about another recipient, has ``text``."""
        if text is not None:
            check_text("reason", text)

        def said(one: Recipient) -> bool:
            if text is None or has_text(one.reason, text):
                return True
            return any(has_text(line, text) for line in self._own_lines(one))

        return said

    def _own_lines(self, one: Recipient) -> list[str]:
        """The log lines that are not about another recipient."""
        others = [other.address for other in self.result.recipients if other.address != one.address]
        return [line for line in self.log if not any(other in line for other in others)]


class Delivery(_Verbs):
    """What happened to a message. A verb returns the result, or raises ``AssertionError``."""

    def should_deliver(
        self,
        *,
        host: str | None = None,
        security: Security | None = None,
        security_at_least: Security | None = None,
    ) -> Self:
        """Each recipient was delivered.

        Args:
            host: by this host.
            security: with exactly this protection.
            security_at_least: with this protection or better.

        Raises:
            AssertionError: it was not. It says what happened instead, and which decisions led there.
            InputError: no such word for security.
        """
        __tracebackhide__ = True
        demands = _was_host(host), *_was_safe(security, security_at_least)
        wanted = f"should be delivered{_to(host)}{_in_brackets(security, security_at_least)}"
        return self._should(_DELIVERED, wanted, *demands)

    def should_not_deliver(self, *, reason: Text | None = None) -> Self:
        """No recipient was delivered: each one is still queued, or failed permanently.

        Args:
            reason: part of what Exim says of it, or a pattern.

        Raises:
            AssertionError: one was, or it is not known what became of one.
        """
        __tracebackhide__ = True
        said = self._said(reason)
        return self._should(_NOT_DELIVERED, f"should not be delivered{_because(reason)}", said)

    def should_defer(self, *, reason: Text | None = None) -> Self:
        """Each recipient was deferred; ``reason`` is part of what Exim says of it, or a pattern."""
        __tracebackhide__ = True
        said = self._said(reason)
        return self._should(("deferred",), f"should be deferred{_because(reason)}", said)

    def should_bounce(self, *, reason: Text | None = None) -> Self:
        """Each recipient failed permanently; ``reason`` is part of what Exim says of it, or a pattern."""
        __tracebackhide__ = True
        said = self._said(reason)
        return self._should(("failed",), f"should bounce{_because(reason)}", said)


class Callout(_Verbs):
    """The result of verifying addresses by callout. A verb raises ``AssertionError`` if it does not hold."""

    @property
    def replies(self) -> tuple[str, ...]:
        """The replies that the client of Exim got."""
        return self.result.smtp

    def should_accept(
        self, *, security: Security | None = None, security_at_least: Security | None = None
    ) -> Self:
        """Each address was verified, in a conversation with this protection.

        Args:
            security: exactly this protection.
            security_at_least: this protection or better.

        Raises:
            AssertionError: it was not.
            InputError: no such word for security.
        """
        __tracebackhide__ = True
        demands = _was_safe(security, security_at_least)
        wanted = f"should be accepted{_in_brackets(security, security_at_least)}"
        return self._should(("accepted",), wanted, *demands)

    def should_refuse(self, *, reason: Text | None = None) -> Self:
        """Each address was refused permanently; ``reason`` is part of the reply or log, or a pattern."""
        __tracebackhide__ = True
        said = self._said(reason)
        return self._should(("refused",), f"should be refused{_because(reason)}", said)

    def should_defer(self, *, reason: Text | None = None) -> Self:
        """Each address was refused temporarily; ``reason`` is part of the reply or log, or a pattern."""
        __tracebackhide__ = True
        said = self._said(reason)
        return self._should(("tempfailed",), f"should be deferred{_because(reason)}", said)


_DELIVERED = ("delivered",)
_NOT_DELIVERED = ("deferred", "failed")


def security_of(one: Recipient) -> Security | None:
    """How safe the conversation was in which a server was told of a recipient; None: there was none."""
    return _WORDS[status.Security.of_cv(one.cv)] if one.asked else None


# ---- what was wanted -------------------------------------------------------------------------------------


def _was_host(host: str | None) -> Callable[[Recipient], bool]:
    check_arguments({"host?": str}, host=host)
    return lambda one: host is None or one.host.lower() == host.lower()


def _was_safe(exactly: str | None, at_least: str | None) -> list[Callable[[Recipient], bool]]:
    for word in (exactly, at_least):
        if word is not None and word not in _RANKS:
            raise InputError(f"security {word!r}: expected {', '.join(_RANKS)}")

    def safe_enough(one: Recipient) -> bool:
        found = security_of(one)
        return at_least is None or (found is not None and _RANKS[found] >= _RANKS[at_least])

    return [lambda one: exactly is None or security_of(one) == exactly, safe_enough]


def _to(host: str | None) -> str:
    return f" to {host}" if host else ""


def _in_brackets(security: str | None, at_least: str | None = None) -> str:
    words = [*([security] if security else []), *([f"at least {at_least}"] if at_least else [])]
    return f" ({', '.join(words)})" if words else ""


def _because(reason: Text | None) -> str:
    return f" for {shown_text(reason)}" if reason else ""


def check_text(what: str, text: object) -> None:
    """Raise ``InputError`` for what cannot be looked for: an empty text would be found everywhere."""
    if not isinstance(text.pattern if isinstance(text, re.Pattern) else text, str) or not text:
        raise InputError(f"{what} is {text!r}; expected a part of a text, or a compiled pattern")


def has_text(where: str, text: Text) -> bool:
    """Whether a text is part of another, or a pattern is found in it."""
    return text in where if isinstance(text, str) else text.search(where) is not None


def shown_text(text: Text) -> str:
    """A text or a pattern, as messages show it."""
    return repr(text) if isinstance(text, str) else f"/{text.pattern}/"


# ---- how it went ------------------------------------------------------------------------------------------


def _lot(one: Recipient) -> str:
    """What became of a recipient, in one line."""
    told = _TOLD[one.result]
    if one.result in TAKEN:
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
