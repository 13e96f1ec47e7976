"""The finite space of situations: what a name server and the mail servers of a domain can answer.

Nothing is drawn up in advance. The zones and servers of a run ask for the value of an axis when Exim asks
them, so that what a policy never looks at is never varied. The replies of servers and the results of TLSA
lookups are the columns of the decision tables; what stands for each of them is below.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from math import prod
from types import MappingProxyType
from typing import Any

from eximsim.explore.choices import Axis, Chooser
from eximsim.explore.lazy_world import FAILURES, ZEROES, LazyServer, LazyZones, RRset, listener, reply_of
from eximsim.mta.base.tables import Table, shown
from eximsim.mta.transports.dane import TLSA_RESULT
from eximsim.mta.transports.smtp_decisions import (
    EHLO_REFUSED,
    RCPT_REPLY,
    SETUP_FAILED,
    STARTTLS_REPLY,
    TRANSACTION_FAILED,
    Stage,
)
from eximsim.mta.transports.smtp_out import Answer
from eximsim.ports import ConnectError, SessionFactory
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult
from eximsim.world import smtp_behaviour as server
from eximsim.world.certificates import Authority, ChainSet, KeyType, Sent, self_signed
from eximsim.world.reply import Reply
from eximsim.world.smtp_behaviour import Then, reply
from eximsim.world.socks import ProxySession

SECURE, INSECURE = "secure", "insecure"


def axis_of(axis: Axis, subject: str) -> str:
    """The name of the axis for one host or domain: ``TLSA of mx1.example.com``."""
    return f"{axis.name} of {subject}"


_TLSA_VALUES: Mapping[tuple[object, object], tuple[str, ...]] = MappingProxyType(
    {
        (DnsResult.SUCCEED, True): (SECURE,),
        (DnsResult.SUCCEED, False): (INSECURE,),
        (DnsResult.NOMATCH, True): ("NXDOMAIN",),
        (DnsResult.NOMATCH, False): ("NXDOMAIN, insecure",),
        (DnsResult.NODATA, True): ("no data",),
        (DnsResult.NODATA, False): ("no data, insecure",),
        (DnsResult.AGAIN, True): ("SERVFAIL",),
        (DnsResult.AGAIN, False): ("time-out",),
        (DnsResult.FAIL, True): ("FORMERR",),
    }
)
"""What stands for a result and its security; an answer that failed is never secure, so it needs but one."""

MX = Axis("MX", (SECURE, INSECURE, "NXDOMAIN", "no data", "SERVFAIL", "time-out"))
ADDRESS = Axis("address", (SECURE, INSECURE, "NXDOMAIN", "SERVFAIL"))
TLSA = Axis(
    "TLSA",
    tuple(
        value
        for result in TLSA_RESULT.columns[0].values
        for secure in TLSA_RESULT.columns[1].values
        for value in _TLSA_VALUES.get((result, secure), ())
    ),
)
RECORDS = Axis(
    "TLSA records", ("match", "authority", "mismatch", "unusable", "match and unusable", "too short")
)
CONNECT = Axis("connection", ("accepted", "refused", "time-out"))


_SCRIPTS: Mapping[Answer, server.Answer] = MappingProxyType(
    {
        Answer.TEMPORARY: reply("450 not now"),
        Answer.PERMANENT: reply("550 no"),
        Answer.OTHER: reply("350 what next"),
        Answer.MALFORMED: reply("what"),
        Answer.TIMEOUT: server.Answer(then=Then.SILENCE),
        Answer.LOST: server.Answer(then=Then.CLOSE),
    }
)
"""What the server says for each kind of reply; a positive one depends on the command."""

_Rows = tuple[Table[Any], Callable[[Answer], tuple[object, ...]]]


def _replies(name: str, *tables: _Rows) -> Axis:
    """The replies that the decisions about them tell apart: one of each class, a positive one first."""
    classes: dict[Hashable, str] = {(): shown(Answer.POSITIVE)}
    for answer in _SCRIPTS:
        classes.setdefault(tuple(_decided(table, inputs(answer)) for table, inputs in tables), shown(answer))
    return Axis(name, tuple(classes.values()))


def _decided(table: Table[Any], inputs: tuple[object, ...]) -> Hashable:
    """What every variant of a table makes of some inputs."""
    rows = (table.variant(*key)[inputs] for key in table.variants)  # type: ignore[index]  # any inputs
    return tuple((str(row.outcome), row.text, row.log) for row in rows)


def _in_setup(answer: Answer) -> tuple[object, ...]:
    return ("5xx" if answer is Answer.PERMANENT else "4xx or none", False)


def _hello(tls: bool) -> Callable[[Answer], tuple[object, ...]]:
    whole = (Answer.TEMPORARY, Answer.PERMANENT, Answer.OTHER)
    return lambda answer: ("EHLO", answer in whole, tls)


def _after(stage: Stage) -> _Rows:
    return TRANSACTION_FAILED, lambda answer: (stage, answer)


BANNER = _replies("banner", (SETUP_FAILED, _in_setup))
EHLO = Axis("EHLO", ("STARTTLS", "no STARTTLS", *_replies("EHLO", (EHLO_REFUSED, _hello(False))).values[1:]))
HELO = _replies("HELO", (SETUP_FAILED, _in_setup))
STARTTLS = _replies(
    "STARTTLS",
    (STARTTLS_REPLY, lambda answer: (answer, True)),
    (STARTTLS_REPLY, lambda answer: (answer, False)),
)
HANDSHAKE = Axis("handshake", ("completes", "fails"))
CERTIFICATE = Axis("certificate", ("good", "another name", "expired", "self-signed"))
SECOND_EHLO = _replies("EHLO over TLS", (EHLO_REFUSED, _hello(True)), (SETUP_FAILED, _in_setup))
MAIL, DATA, END = (
    _replies(stage, _after(of))
    for stage, of in (("MAIL", Stage.MAIL), ("DATA", Stage.OTHER), ("end of data", Stage.END))
)
RCPT = _replies("RCPT", (RCPT_REPLY, lambda answer: (answer,)))

_OFFERED = "offered"
AUTH = Axis("AUTH", (_OFFERED, "not offered"))
AUTH_OVER_TLS = Axis("AUTH over TLS", (_OFFERED, "not offered"))
AUTH_REPLY = Axis(
    "authentication", tuple(map(shown, (Answer.POSITIVE, Answer.TEMPORARY, Answer.PERMANENT, Answer.LOST)))
)

OF_A_HOST = (
    ADDRESS, TLSA, RECORDS, CONNECT, BANNER, EHLO, HELO, STARTTLS, HANDSHAKE, CERTIFICATE, SECOND_EHLO,
    MAIL, RCPT, DATA, END,
)  # fmt: skip
"""What varies of each host, in the order in which it is met."""
OF_AUTHENTICATION = (AUTH, AUTH_OVER_TLS, AUTH_REPLY)
"""What varies besides where a client can authenticate."""
EXTENSIONS = Axis("extensions", (_OFFERED, "not offered"))
"""What varies besides where a transport has an option about an extension: none is offered, or all are."""
PROXY = Axis("proxy", ("works", "refused"))
"""What varies of each proxy that a transport has."""


# ---- names, addresses and certificates -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is there: the recipient's domain, its MX hosts in order, and the address of every host.

    ``others`` are further hosts that a configuration names: they have an address, and nothing varies.
    ``sender`` is whom the message is from (empty: a bounce; None: somebody at this machine). ``at`` is the
    address of the first host if it is one that a configuration names. ``port`` is where TLSA records are
    looked for; those of another port are another matter, and vary on their own. ``missing`` are names that
    the DNS does not know, so that routers pass the message on: the domain, or hosts that come before these.
    ``mechanisms`` are what servers that offer AUTH offer: all that some client can do;
    ``extensions`` what else they offer, if they do. ``proxies`` are addresses of SOCKS proxies that a
    configuration names. ``own_questions`` says that a configuration may ask for
    records itself, so that those of an insecure answer vary, too.
    """

    recipient: str
    mx: tuple[str, ...]
    addresses: Mapping[str, str]
    others: Mapping[str, str]
    sender: str | None = None
    at: str = ""
    port: int = 25
    missing: tuple[str, ...] = ()
    mechanisms: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    own_questions: bool = True

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2]

    @property
    def size(self) -> int:
        """How many situations there are: every combination of values of every axis."""
        axes = (*OF_A_HOST, *(OF_AUTHENTICATION if self.mechanisms else ()))
        axes += (EXTENSIONS,) if self.extensions else ()
        of_a_host = prod(len(axis.values) for axis in axes)
        proxies = len(PROXY.values) ** len(self.proxies)
        return int((len(MX.values) if self.mx else 1) * of_a_host ** len(self.addresses) * proxies)


@cache
def certificates(hosts: tuple[str, ...]) -> ChainSet:
    """The certificates that servers called ``hosts`` show, by value of ``CERTIFICATE``; and their root."""
    from eximsim.world.certificates import EXPIRED

    authority = Authority(key_type=KeyType.ECDSA)
    subject = f"/CN={hosts[0]}"
    issued = {
        "good": authority.issue(subject, hosts, sent=Sent.ROOT, key_type=KeyType.ECDSA),
        "another name": authority.issue(subject, ("mail.invalid",), sent=Sent.ROOT, key_type=KeyType.ECDSA),
        "expired": authority.issue(subject, hosts, sent=Sent.ROOT, validity=EXPIRED, key_type=KeyType.ECDSA),
        "self-signed": self_signed(subject, hosts, key_type=KeyType.ECDSA),
    }
    return ChainSet(authority.root, issued)


_TLSA_RECORDS: Mapping[str, list[object]] = MappingProxyType(
    {
        "match": ["3 1 1 @cert:good"],
        "authority": ["2 0 1 @cert:root"],
        "mismatch": ["3 1 1 " + ZEROES],
        "unusable": ["1 1 1 " + ZEROES],
        "match and unusable": ["3 1 1 @cert:good", "1 1 1 " + ZEROES],
        "too short": ["030101"],
    }
)


# ---- the name server -------------------------------------------------------------------------------------


class LatticeZones(LazyZones):
    """What the name server says in a run; questions about anything else than the scene are NXDOMAIN."""

    def __init__(self, scene: Scene, choose: Chooser, chains: ChainSet) -> None:
        super().__init__()
        self._scene, self._choose, self._chains = scene, choose, chains

    def owners(self) -> tuple[str, ...]:
        """The names that have records."""
        return (self._scene.domain, *self._scene.addresses, *self._scene.others)

    def _decide(self, name: str, type: str) -> Reply:
        return reply_of(self._entry(name, type), name, type, self._chains)

    def _entry(self, name: str, type: str) -> RRset:
        scene = self._scene
        if name in scene.missing:
            return _NO_NAME
        if name == scene.domain and type == "MX" and scene.mx:
            data = [[10 * place, host] for place, host in enumerate(scene.mx, 1)]
            return _entry(self._value(MX, name), data)
        if name in scene.addresses and type in ("A", "AAAA"):
            address = scene.addresses[name]
            own = (":" in address) == (type == "AAAA")
            return _entry(self._value(ADDRESS, name), [address] if own else [])
        if name in scene.others and type == "A":
            return _entry(SECURE, [scene.others[name]])
        host = name.partition("._tcp.")[2]
        if type == "TLSA" and host in scene.addresses:
            port = name.partition(".")[0].lstrip("_")
            subject = host if port == str(scene.port) else f"{host} port {port}"
            value = self._value(TLSA, subject)
            if value not in _DATA:
                return _entry(value, [])
            looked_into = value == SECURE or scene.own_questions  # DANE does not look into an insecure answer
            records = self._value(RECORDS, subject) if looked_into else RECORDS.values[0]
            return _entry(value, _TLSA_RECORDS[records])
        return _entry(SECURE, []) if name in self.owners() else _NO_NAME

    def _value(self, axis: Axis, subject: str) -> str:
        return self._choose.choose(axis_of(axis, subject), axis.values)


_DATA = (SECURE, INSECURE)
_NO_NAME: RRset = {"rcode": "NXDOMAIN", "ad": True}


def _entry(value: str, data: Sequence[object]) -> RRset:
    """The entry for a value: with data, with none, or why there is no answer."""
    if value in FAILURES:
        return FAILURES[value]
    word, _, insecure = value.partition(", ")
    if word == "NXDOMAIN":
        return {"rcode": "NXDOMAIN", "ad": not insecure}
    if word == "no data":
        return {"ad": not insecure, "data": []}
    return {"ad": value == SECURE, "data": list(data)}


# ---- the servers -----------------------------------------------------------------------------------------

_SAID: Mapping[str, server.Answer] = {shown(answer): said for answer, said in _SCRIPTS.items()}
_PHASES: Mapping[str, tuple[Axis, server.Answer]] = MappingProxyType(
    {
        "banner": (BANNER, reply("220 ready")),
        "mail": (MAIL, reply("250 OK")),
        "rcpt": (RCPT, reply("250 OK")),
        "data": (DATA, reply("354 send it", then=Then.DATA)),
        "end_of_data": (END, reply("250 OK id=X")),
    }
)
"""The axis of each phase, and the answer if it is a positive one."""
_PROMPTS = {"LOGIN": ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), "CRAM-MD5": ("PDFAaGVsbG8+",)}
"""What a server asks for in turn; of a mechanism that is not here, once, for nothing in particular."""
_REFUSALS = {"refused": errno.ECONNREFUSED, "time-out": errno.ETIMEDOUT}


class LatticeServer(LazyServer):
    """The server of a host; one that should begin with TLS, and fails to, begins without it.

    The ``scene`` says what it can offer.
    """

    lmtp = True

    def __init__(self, host: str, choose: Chooser, scene: Scene, *, tls_on_connect: bool = False) -> None:
        super().__init__(host, choose, tls_on_connect=tls_on_connect)
        self._scene = scene

    def value(self, axis: Axis) -> str:
        """The value of this host's ``axis``."""
        return self._choose.choose(axis_of(axis, self.host), axis.values)

    def refuses(self) -> int | None:
        """See ``LazyServer``."""
        if (error := _REFUSALS.get(self.value(CONNECT))) is not None:
            return error
        if self.tls_on_connect:
            self.tls_on_connect = self.value(HANDSHAKE) == HANDSHAKE.values[0]
        return None

    def _scripted(self, axis: Axis, positive: server.Answer) -> server.Answer:
        return _SAID.get(self.value(axis), positive)

    def said(self, phase: str) -> server.Answer:
        """See ``LazyServer``."""
        return self._scripted(*_PHASES[phase])

    def hello(self, *, extended: bool, tls: bool) -> server.Answer:
        """See ``LazyServer``."""
        if not extended:
            return self._scripted(HELO, reply("250 hello"))
        if tls and not self.tls_on_connect:
            return self._offering(SECOND_EHLO, "HELP", tls=True)
        offer = "STARTTLS" if self.value(EHLO) == "STARTTLS" and not tls else "HELP"
        return self._offering(EHLO, offer, tls=tls)

    def _offering(self, axis: Axis, offer: str, *, tls: bool) -> server.Answer:
        refusal = _SAID.get(self.value(axis))
        if refusal is not None:
            return refusal
        offered = list[str]()
        if (more := self._scene.extensions) and self.value(EXTENSIONS) == _OFFERED:
            offered += more
        if (known := self._scene.mechanisms) and self.value(AUTH_OVER_TLS if tls else AUTH) == _OFFERED:
            offered.append(f"AUTH {' '.join(known)}")
        return reply("250-hello", *(f"250-{one}" for one in offered), f"250 {offer}")

    def authentication(self, command: str) -> tuple[server.Answer, ...] | None:
        """See ``LazyServer``; what the client does not say at once is asked for."""
        _, mechanism, *at_once = command.split()
        asked = _PROMPTS.get(mechanism.upper(), ("",))[len(at_once) :]
        last = self._scripted(AUTH_REPLY, reply("235 welcome"))
        return (*(reply(f"334 {prompt}") for prompt in asked), last)

    @property
    def starttls(self) -> server.Answer:
        """See ``LazyServer``; one that fails the handshake sends text for a ServerHello."""
        if self.value(STARTTLS) != Answer.POSITIVE.value:
            return _SAID[self.value(STARTTLS)]
        completes = self.value(HANDSHAKE) == HANDSHAKE.values[0]
        return reply("220 go ahead", then=Then.TLS if completes else Then.GARBAGE)

    @property
    def chain(self) -> str:
        """See ``LazyServer``."""
        return self.value(CERTIFICATE)


def servers(
    scene: Scene, choose: Chooser, chains: ChainSet, *, tls_on_connect: bool = False
) -> Mapping[str, SessionFactory]:
    """The servers of a scene, by address, and the proxies in front of them."""
    found: dict[str, SessionFactory] = {
        address: listener(partial(LatticeServer, host, choose, scene, tls_on_connect=tls_on_connect), chains)
        for host, address in scene.addresses.items()
    }
    return {**found, **{proxy: partial(_call, proxy, choose, found) for proxy in scene.proxies}}


def _call(proxy: str, choose: Chooser, behind: Mapping[str, SessionFactory]) -> ProxySession:
    """A call to a proxy."""
    if choose.choose(axis_of(PROXY, proxy), PROXY.values) == "refused":
        raise ConnectError(errno.ECONNREFUSED)
    return ProxySession(behind)
