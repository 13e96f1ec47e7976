"""The finite space of situations: what a name server and the mail servers of a domain can answer.

Nothing is drawn up in advance. The zones and servers of a run ask for the value of an axis when Exim asks
them, so that what a policy never looks at is never varied. Axes, values and what stands for each are those of
``explore.vocabulary``.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from math import prod
from types import MappingProxyType

from eximsim.explore.choices import Axis, Chooser
from eximsim.explore.lazy_world import LazyServer, LazyZones, listener, reply_of
from eximsim.explore.vocabulary import (
    ADDRESS,
    AUTH,
    AUTH_OVER_TLS,
    AUTH_REPLY,
    BANNER,
    CERTIFICATE,
    CHAINS,
    CONNECT,
    DATA,
    EHLO,
    END,
    EXTENSIONS,
    HANDSHAKE,
    HELO,
    LATE,
    LIMITS,
    MAIL,
    MX,
    OF_A_HOST,
    OF_A_MESSAGE,
    OF_AUTHENTICATION,
    OFFERED,
    PACE,
    PROXY,
    RCPT,
    RECORDS,
    SCRIPTS,
    SECOND_EHLO,
    SECURE,
    STARTTLS,
    TLSA,
    TLSA_RECORDS,
    WITHOUT_DATA,
    RRset,
    answered,
    axis_of,
)
from eximsim.mta.base.tables import shown
from eximsim.mta.transports.smtp_out import Answer
from eximsim.ports import ConnectError, SessionFactory
from eximsim.quick_dataclass import dataclass
from eximsim.world import smtp_behaviour as server
from eximsim.world.certificates import Authority, ChainSet, KeyType, Sent, self_signed
from eximsim.world.reply import Reply
from eximsim.world.smtp_behaviour import Then, reply
from eximsim.world.socks import ProxySession

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
    records itself, so that those of an insecure answer vary, too. ``beside`` is a second recipient of the
    same message, ``limits`` whether servers may say how many they take. ``notify`` is what the sender asks
    to be told, as NOTIFY has it, of a configuration that offers DSN. ``late`` are the seconds that a banner
    and the answer to a message take if they come late (0: they do not).
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
    beside: str = ""
    limits: bool = False
    notify: str = ""
    late: tuple[int, int] = (0, 0)

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.recipient.rpartition("@")[2]

    @property
    def other_message(self) -> bool:
        """Whether it is another scene with another message: then only what is said of that varies."""
        return bool(self.beside or self.notify)

    @property
    def size(self) -> int:
        """How many situations there are: every combination of values of every axis."""
        if self.other_message:
            offers = {EXTENSIONS: self.extensions, LIMITS: self.limits}
            of_it = (axis for axis in OF_A_MESSAGE if offers.get(axis, True))
            return prod(len(axis.values) for axis in of_it)
        axes = (*OF_A_HOST, *(OF_AUTHENTICATION if self.mechanisms else ()))
        axes += (EXTENSIONS,) if self.extensions else ()
        axes += (LIMITS,) if self.limits else ()
        axes += (PACE,) if any(self.late) else ()
        of_a_host = prod(len(axis.values) for axis in axes)
        proxies = len(PROXY.values) ** len(self.proxies)
        return int((len(MX.values) if self.mx else 1) * of_a_host ** len(self.addresses) * proxies)


@cache
def certificates(hosts: tuple[str, ...]) -> ChainSet:
    """The certificates that servers called ``hosts`` show, by the name of ``CHAINS``; and their root."""
    from eximsim.world.certificates import EXPIRED

    authority = Authority(key_type=KeyType.ECDSA)
    subject = f"/CN={hosts[0]}"
    issued = {
        "good": authority.issue(subject, hosts, sent=Sent.ROOT, key_type=KeyType.ECDSA),
        "wrongname": authority.issue(subject, ("mail.invalid",), sent=Sent.ROOT, key_type=KeyType.ECDSA),
        "expired": authority.issue(subject, hosts, sent=Sent.ROOT, validity=EXPIRED, key_type=KeyType.ECDSA),
        "selfsigned": self_signed(subject, hosts, key_type=KeyType.ECDSA),
    }
    return ChainSet(authority.root, issued)


# ---- the name server -------------------------------------------------------------------------------------


class LatticeZones(LazyZones):
    """What the name server says in a run; questions about anything else than the scene are NXDOMAIN."""

    def __init__(self, scene: Scene, choose: Chooser, chains: ChainSet) -> None:
        super().__init__()
        self.scene, self._choose, self._chains = scene, choose, chains
        self.beyond: dict[tuple[str, str], None] = {}
        """What has been asked of which nothing is explored, name and type."""

    def owners(self) -> tuple[str, ...]:
        """The names that have records."""
        return (self.scene.domain, *self.scene.addresses, *self.scene.others)

    def _decide(self, name: str, type: str) -> Reply:
        return reply_of(self._entry(name, type), name, type, self._chains)

    def _entry(self, name: str, type: str) -> RRset:
        scene = self.scene
        if name in scene.missing:
            return _NO_NAME
        if name == scene.domain and type == "MX" and scene.mx:
            data = [[10 * place, host] for place, host in enumerate(scene.mx, 1)]
            return answered(self._value(MX, name), data)
        if name in scene.addresses and type in ("A", "AAAA"):
            address = scene.addresses[name]
            own = (":" in address) == (type == "AAAA")
            return answered(self._value(ADDRESS, name), [address] if own else [])
        if name in scene.others and type == "A":
            return answered(SECURE, [scene.others[name]])
        host = name.partition("._tcp.")[2]
        if type == "TLSA" and host in scene.addresses:
            port = name.partition(".")[0].lstrip("_")
            subject = host if port == str(scene.port) else f"{host} port {port}"
            value = self._value(TLSA, subject)
            if value in WITHOUT_DATA:
                return WITHOUT_DATA[value]
            looked_into = value == SECURE or scene.own_questions  # DANE does not look into an insecure answer
            records = self._value(RECORDS, subject) if looked_into else RECORDS.values[0]
            return answered(value, TLSA_RECORDS[records])
        there = name in self.owners()
        if type not in _EXPLORED or (scene.own_questions and not there):
            self.beyond[name, type] = None
        return answered(SECURE, []) if there else _NO_NAME

    def _value(self, axis: Axis, subject: str) -> str:
        return self._choose.choose(axis_of(axis, subject), axis.values)


_EXPLORED = frozenset(("MX", "A", "AAAA", "TLSA", "CNAME"))
_NO_NAME = WITHOUT_DATA["NXDOMAIN"]


# ---- the servers -----------------------------------------------------------------------------------------

_PRDR = "PRDR"
_SAID: Mapping[str, server.Answer] = {shown(answer): said for answer, said in SCRIPTS.items()}
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
        self.prdr = _PRDR in scene.extensions

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
        answer = self._scripted(*_PHASES[phase])
        seconds = dict(zip(("banner", "end_of_data"), self._scene.late, strict=True)).get(phase)
        if seconds and self.value(PACE) == LATE:
            return replace(answer, delay=seconds)
        return answer

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
        if (more := self._scene.extensions) and self.value(EXTENSIONS) == OFFERED:
            offered += more
        if self._scene.limits and (limits := self.value(LIMITS)) != LIMITS.values[0]:
            offered.append(f"LIMITS {limits}")
        if (known := self._scene.mechanisms) and self.value(AUTH_OVER_TLS if tls else AUTH) == OFFERED:
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
        return CHAINS[self.value(CERTIFICATE)]


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
