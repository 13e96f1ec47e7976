"""What a scripted SMTP server says and does in each phase, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import lru_cache

from eximsim.errors import InputError
from eximsim.ports import Action, Send, Wait
from eximsim.quick_dataclass import dataclass


class Then(Enum):
    """What follows an answer."""

    GO_ON = "go on"
    """Wait for the next command."""
    CLOSE = "close"
    RESET = "reset"
    """Close with a TCP reset."""
    TLS = "tls"
    """Begin a TLS handshake."""
    DATA = "data"
    """Take a message, up to the line with a single dot."""
    GARBAGE = "garbage"
    """Answer whatever comes next with text, and close: no ServerHello."""
    SILENCE = "silence"
    """Read on, and never answer again."""

    __hash__ = object.__hash__  # quicker than by name: it is asked for with each command


@dataclass(frozen=True, slots=True)
class Answer:
    """One step of a script: wait ``delay`` seconds, send the lines (without line ends), then ``then``.

    ``pauses`` are seconds to wait before a line, by its number from 0. ``behind`` is sent with the last line,
    right behind it, as it is: octets that no command asked for.
    """

    lines: tuple[str, ...] = ()
    then: Then = Then.GO_ON
    delay: float = 0.0
    pauses: tuple[tuple[int, float], ...] = ()
    behind: bytes = b""

    def spoken(self) -> Iterable[Action]:
        """What is sent, and what is waited for in between."""
        if self.pauses or self.behind:
            return self._spoken_in_parts()
        return (_spoken(self.lines),) if self.lines else ()

    def _spoken_in_parts(self) -> Iterator[Action]:
        start = 0
        for number, seconds in (*self.pauses, (len(self.lines), 0.0)):
            last = number == len(self.lines)
            if (part := self.lines[start:number]) or (last and self.behind):
                said = _spoken(part)
                yield Send(said.data + self.behind) if last and self.behind else said
            if seconds:
                yield Wait(seconds)
            start = number


def reply(*lines: str, then: Then = Then.GO_ON, delay: float = 0.0) -> Answer:
    """An answer with these lines."""
    return Answer(lines, then, delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a scripted server does, phase by phase.

    ``listen`` False: nobody listens, connections are refused. ``lmtp``: LHLO begins LMTP, in which each
    recipient that was accepted gets an ``end_of_data`` of its own. ``prdr``: a client that says PRDR gets an
    answer for each recipient, too, the last of them ``end_of_data``, then one for all. ``ehlo`` None: the
    greeting made of ``host`` and ``extensions``, with STARTTLS among them until TLS is up. ``recipients`` has
    answers for single recipients (the address as the client wrote it, without angle brackets), before
    ``rcpt``. ``auth`` has the answer to AUTH and then to each further line of the exchange, while they begin
    with 334; None: AUTH is ``unknown``. ``bdat`` is for chunks but the last, which gets ``end_of_data``. That
    counts as an acceptance if it begins with 2. ``chain`` names the certificate chain, ``chains_by_sni``
    others for lower-case server names. With ``tickets`` clients may take up their TLS sessions again.
    """

    listen: bool = True
    tls_on_connect: bool = False
    lmtp: bool = False
    prdr: bool = False
    host: str = "mx.test.ex"
    banner: Answer | None = None
    extensions: tuple[str, ...] = ("STARTTLS", "HELP")
    ehlo: Answer | None = None
    helo: Answer | None = None
    starttls: Answer = Answer(("220 TLS go ahead",), Then.TLS)
    mail: Answer = Answer(("250 OK",))
    rcpt: Answer = Answer(("250 OK",))
    recipients: tuple[tuple[str, Answer], ...] = ()
    auth: tuple[Answer, ...] | None = None
    data: Answer = Answer(("354 Send it",), Then.DATA)
    bdat: Answer = Answer(("250 OK",))
    end_of_data: Answer = Answer(("250 OK id=X",))
    reset: Answer = Answer(("250 OK",))
    quit: Answer = Answer(("221 bye",), Then.CLOSE)
    unknown: Answer = Answer(("500 unknown command",))
    garbage: str = "This is no ServerHello"
    chain: str = "good"
    chains_by_sni: tuple[tuple[str, str], ...] = ()
    max_version: str = "TLSv1.3"
    request_client_certificate: bool = False
    tickets: bool = False

    def __post_init__(self) -> None:
        if self.auth == ():
            raise InputError("auth: expected an answer to AUTH")
        for phase in ("banner", "ehlo", "helo", "mail", "rcpt", "end_of_data", "reset", "quit", "unknown"):
            answer = getattr(self, phase)
            if answer is not None and answer.then in (Then.TLS, Then.DATA):
                raise InputError(f"{phase}: {answer.then.value!r} cannot follow it")

    def greeting(self) -> Answer:
        """The banner."""
        return self.banner or _greeting(self.host)

    def hello(self, *, extended: bool, tls: bool) -> Answer:
        """The answer to EHLO (``extended``) or HELO; ``tls`` tells whether TLS is up."""
        if not extended:
            return self.helo or reply(f"250 {self.host}")
        if self.ehlo is not None:
            return self.ehlo
        return _hello(self.host, self.extensions, tls=tls)

    def authentication(self, command: str) -> tuple[Answer, ...] | None:
        """What follows on an AUTH ``command``: see ``auth``."""
        return self.auth

    @property
    def last_chunk(self) -> Answer:
        """The answer to the last chunk of a message."""
        return self.end_of_data

    def does_tls(self) -> bool:
        """Whether a handshake can come about: at once, or because STARTTLS is on offer and answered so."""
        offer = self.hello(extended=True, tls=False).lines
        promised = any(line[4:].upper() == "STARTTLS" for line in offer)
        return self.tls_on_connect or (promised and self.starttls.then is Then.TLS)


EVIDENCE_BEHAVIOURS: Mapping[str, Behaviour] = {
    "ok": Behaviour(),
    "nostarttls": Behaviour(extensions=("HELP",)),
    "st454": Behaviour(starttls=reply("454 TLS not now")),
    "st554": Behaviour(starttls=reply("554 TLS never")),
    "stclose": Behaviour(starttls=reply("220 TLS go ahead", then=Then.CLOSE)),
    "stgarbage": Behaviour(starttls=reply("220 TLS go ahead", then=Then.GARBAGE)),
    "ehlo502": Behaviour(ehlo=reply("502 not implemented")),
    "banner421": Behaviour(banner=reply("421 mx.test.ex busy", then=Then.CLOSE)),
    "banner554": Behaviour(banner=reply("554 mx.test.ex no service")),
    "rcpt450": Behaviour(rcpt=reply("450 later")),
    "rcpt550": Behaviour(rcpt=reply("550 unknown")),
    "refused": Behaviour(listen=False),
    "cert-wrongname": Behaviour(chain="wrongname"),
    "cert-expired": Behaviour(chain="expired"),
    "cert-selfsigned": Behaviour(chain="selfsigned"),
    "cert-eeonly": Behaviour(chain="eeonly"),
    "smtps": Behaviour(tls_on_connect=True),
}
"""The named servers of the recordings, by name; their chains are those of ``standard_chains``."""


@lru_cache(maxsize=1024)
def _greeting(host: str) -> Answer:
    return reply(f"220 {host} ESMTP")


@lru_cache(maxsize=1024)
def _hello(host: str, extensions: tuple[str, ...], *, tls: bool) -> Answer:
    offered = [name for name in extensions if not (tls and name.upper() == "STARTTLS")]
    texts = [host, *offered]
    return reply(*(f"250-{text}" for text in texts[:-1]), f"250 {texts[-1]}")


@lru_cache(maxsize=1024)
def _spoken(lines: tuple[str, ...]) -> Send:
    return Send("".join(f"{line}\r\n" for line in lines).encode())
