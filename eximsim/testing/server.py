"""The servers of a policy test, in plain verbs; whoever is not mentioned takes everything, over good TLS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self, TypedDict, Unpack

from eximsim.errors import InputError
from eximsim.testing.arguments import check_arguments, told_where_called
from eximsim.testing.zone import Zone
from eximsim.world.smtp_behaviour import Behaviour
from eximsim.world.smtp_script import read_behaviour

_PHASES = {
    "connect": "banner", "ehlo": "ehlo", "helo": "helo", "starttls": "starttls", "mail": "mail",
    "rcpt": "rcpt", "auth": "auth", "data": "data", "bdat": "bdat", "message": "end_of_data",
    "rset": "reset", "quit": "quit",
}  # fmt: skip
_CODE = re.compile(r"\d\d\d(?:[ -]|$)")
COMMANDS = tuple(_PHASES)
"""What a server can be told to answer: ``connect`` is for the banner, ``message`` for the final dot."""

OFFERS: tuple[str, ...] = (
    "PIPELINING", "SIZE 52428800", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8",
    "CHUNKING",
)  # fmt: skip
"""What a server offers besides STARTTLS unless a test says otherwise: what a current Postfix does. One that
is told what to answer to DATA leaves CHUNKING out, since with it there is no DATA."""

KINDS = ("good", "wrongname", "expired", "selfsigned", "incomplete")
"""``good``: for the host's name, from an authority that is trusted, with the whole chain; ``wrongname``: for
another name; ``incomplete``: the host's certificate alone, without those above it."""


class Settings(TypedDict, total=False):
    """What ``server(...)`` can be told at once."""

    certificate: str
    """``good``, ``wrongname``, ``expired``, ``selfsigned``, ``incomplete`` (its upper end is not sent)."""
    starttls: bool | str
    """Whether it is on offer; a text: it is, and this is the answer (``"454 TLS not now"``)."""
    listen: bool
    """False: connections are refused."""
    tls_on_connect: bool
    offers: Sequence[str]
    """Extensions besides STARTTLS, in place of ``OFFERS``: ``["SIZE 1000"]``."""


_SETTINGS = {
    "certificate?": str, "starttls?": (bool, str), "listen?": bool, "tls_on_connect?": bool, "offers?": [str],
}  # fmt: skip


@told_where_called
class MailServer:
    """One server. By default it accepts every message, over TLS with a good certificate."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._said: dict[str, object] = {"host": host, "chain": chain_name(host, KINDS[0])}
        self._recipients: dict[str, object] = {}
        self._starttls = True
        self._offers = OFFERS

    def __repr__(self) -> str:
        return f"<server of {self.host}>"

    def set(self, **settings: Unpack[Settings]) -> Self:
        """Change these settings; raises ``InputError``, and then nothing is changed."""
        check_arguments(_SETTINGS, **settings)
        with self._all_or_nothing():
            self._set(settings)
        return self

    def _set(self, settings: Settings) -> None:
        if "certificate" in settings:
            self._said["chain"] = chain_name(self.host, settings["certificate"])
        if "starttls" in settings:
            self._offer_starttls(settings["starttls"])
        for key in ("listen", "tls_on_connect"):
            if key in settings:
                self._said[key] = settings[key]
        if "offers" in settings:
            self._offers = tuple(settings["offers"])

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """What is said within counts if the server can be so, and else nothing of it."""
        before = dict(self._said), dict(self._recipients), self._starttls, self._offers
        try:
            yield
            self.behaviour()
        except InputError:
            self._said, self._recipients, self._starttls, self._offers = before
            raise

    def _offer_starttls(self, starttls: bool | str) -> None:
        self._starttls = bool(starttls)
        self._said.pop("starttls", None)
        if isinstance(starttls, str):
            self.reply("starttls", starttls)

    def reply(
        self,
        command: str,
        *lines: str | float,
        to: str | None = None,
        then: str | None = None,
        delay: float = 0.0,
        behind: str = "",
    ) -> Self:
        """Answer ``command`` with these lines.

        Args:
            command: one of ``COMMANDS``.
            lines: ``"550 no"``; of several each but the last gets its hyphen, and one without a code the code
                of the first. A number between them is a pause, in seconds. None, with ``then="silence"``: the
                command is never answered.
            to: the answer is for this recipient only.
            then: what follows: ``"close"``, ``"reset"`` (a TCP reset), ``"silence"``, or after STARTTLS
                ``"garbage"``.
            delay: seconds before the answer.
            behind: octets that are sent right after it, ``"250 injected\\r\\n"``.

        Raises:
            InputError: an unknown command, or something that is not a reply; then nothing is changed.
        """
        check_arguments({"command": str, "to?": str, "then?": str}, command=command, to=to, then=then)
        phase = _PHASES.get(command.lower())
        if phase is None:
            raise InputError(f"command {command!r}: expected {', '.join(COMMANDS)}")
        if then == "garbage" and phase != "starttls":
            raise InputError("then='garbage': expected with command 'starttls' only")
        if (not lines and then is None) or (lines and not isinstance(lines[-1], str)):
            raise InputError(f"reply to {command}: expected a line at the end, or then=")
        answer: dict[str, object] = {"lines": _one_reply(lines), "delay": delay, "behind": behind}
        if then is not None:
            answer["then"] = then
        if to is not None and phase != "rcpt":
            raise InputError(f"to={to!r}: expected with command 'rcpt' only")
        with self._all_or_nothing():
            if to is None:
                self._said[phase] = answer
            else:
                self._recipients[to] = answer
        return self

    def behaviour(self) -> Behaviour:
        """What the server does. Its chain is one of ``certificates.chains()``. Raises ``InputError``."""
        known = self._offers
        if known is OFFERS and "data" in self._said:
            known = tuple(name for name in known if name != "CHUNKING")
        offers = [*(["STARTTLS"] if self._starttls else []), *known]
        return read_behaviour({"extensions": offers, **self._said, "recipients": self._recipients})


@told_where_called
class Server:
    """The fixture ``server``: call it with a host to get the server there."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._named: dict[str, MailServer] = {}

    def __repr__(self) -> str:
        return f"<servers: {', '.join(self._named) or 'all good'}>"

    def __call__(self, host: str, **settings: Unpack[Settings]) -> MailServer:
        """The server of ``host``, a name of the zone or an address, changed by ``settings``.

        The same host gives the same server. Raises ``InputError``.
        """
        check_arguments({"host": str}, host=host)
        key = _place(host)
        if not key:
            raise InputError(f"server {host!r}: expected a name or an address")
        if key not in self._named:
            self._named[key] = MailServer(key)
        server = self._named[key]
        return server.set(**settings) if settings else server

    def chain_of(self, host: str) -> str | None:
        """The name of the chain that the server of ``host`` shows, None if the zone has no address for it."""
        return next((s.behaviour().chain for s in self.by_address().values() if s.host == host), None)

    def by_address(self) -> Mapping[str, MailServer]:
        """The server at each address of the zone and at each that was named; raises ``InputError``."""
        found: dict[str, MailServer] = {}
        unused = dict(self._named)
        for address, name in self._zone.addresses().items():
            named = unused.pop(address, None) or self._named.get(name) or MailServer(name)
            unused.pop(name, None)
            found[address] = named
        for place, server in unused.items():
            if not _is_address(place):
                raise InputError(
                    f"server {place!r}: the zone has no address for it; zone.add({place!r}) adds one"
                )
            found[place] = server
        return found


def _one_reply(lines: Sequence[str | float]) -> list[str | float]:
    """Lines as those of one reply: with the first one's code, and a hyphen in all but the last."""
    numbers = [number for number, line in enumerate(lines) if isinstance(line, str)]
    found = list(lines)
    if not numbers or not _CODE.match(str(lines[numbers[0]])):
        return found
    code = str(lines[numbers[0]])[:3]
    for number in numbers:
        line = str(lines[number])
        text = line[4:] if _CODE.match(line) else line
        own = line[:3] if _CODE.match(line) else code
        found[number] = f"{own}{' ' if number == numbers[-1] else '-'}{text}" if own == code else line
    return found


def chain_name(host: str, kind: str) -> str:
    """What a chain for ``host`` is called among ``chains()``; raises ``InputError``."""
    if kind not in KINDS:
        raise InputError(f"certificate {kind!r}: expected {', '.join(KINDS)}")
    return f"{kind}/{host}"


def _place(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.rstrip(".").lower()


def _is_address(place: str) -> bool:
    return ("." in place and place.replace(".", "").isdigit()) or ":" in place
