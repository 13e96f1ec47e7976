"""A world that is chosen as it is asked: its name server and its servers answer when something is due.

Nothing is drawn up in advance, so that what a run never looks at is never varied. What there is to choose
(axes and values) an exploration says itself: for the DNS as entries of a zone in the form of a situation, for
a server as the answer in each phase.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import MISSING, fields

from eximsim.explore.choices import Chooser
from eximsim.explore.vocabulary import RRset
from eximsim.ports import ConnectError, DnsAnswer, DnsRecord, RData, TlsIdentity, TlsPolicy
from eximsim.world import names, rdata
from eximsim.world.certificates import ChainSet
from eximsim.world.reply import Reply, Zones
from eximsim.world.smtp_behaviour import Answer, Then, reply
from eximsim.world.smtp_server import ConnectionLog, SmtpSession

# ---- the name server -------------------------------------------------------------------------------------


class LazyZones(Zones):
    """What the name server says in a run; nothing is kept, so that each question is seen."""

    def answer(self, name: str, type: str) -> Reply:
        """See ``Zones``."""
        return self._answer(name, type)


def reply_of(entry: RRset, name: str, type: str, certificates: ChainSet) -> Reply:
    """The reply that an entry is; ``certificates`` are what ``@cert:NAME`` stands for."""
    if "drop" in entry:
        return Reply(DnsAnswer("TIMEOUT"), drop=True)
    rcode, secure = str(entry.get("rcode", "NOERROR")), bool(entry.get("ad", False))
    context = rdata.Context(names.canonical, certificates.certificate)
    data = entry.get("data", ())
    assert isinstance(data, list | tuple)
    records = tuple(DnsRecord(name, type, _rdata(type, one, context), _TTL) for one in data)
    negative = not records and rcode in ("NOERROR", "NXDOMAIN")
    return Reply(DnsAnswer(rcode, ad=secure, answers=records, authority=_SOA if negative else ()))


def _rdata(type: str, data: object, context: rdata.Context) -> RData:
    parts = list(map(str, data)) if isinstance(data, list) else str(data).split()
    if type == "TLSA" and len(parts) == 1:
        return rdata.from_octets(type, bytes.fromhex(parts[0]))
    return rdata.from_fields(type, parts, context)


_TTL = 3600
_SOA = (DnsRecord("", "SOA", rdata.soa("", "", (1, 3600, 600, 86400, 60)), 60),)


# ---- the servers -----------------------------------------------------------------------------------------


class LazyServer(ABC):
    """A server whose answers are chosen when they are due; ``Behaviour`` says what they are for."""

    recipients: tuple[tuple[str, Answer], ...] = ()
    lmtp = prdr = False
    bdat, reset, quit = reply("250 OK"), reply("250 OK"), reply("221 bye", then=Then.CLOSE)
    unknown, garbage = reply("500 unknown command"), "This is no ServerHello"

    def __init__(self, host: str, choose: Chooser, *, tls_on_connect: bool = False) -> None:
        self.host, self._choose, self.tls_on_connect = host, choose, tls_on_connect

    @abstractmethod
    def refuses(self) -> int | None:
        """The error with which a connection to it fails; None: it takes the call."""

    @abstractmethod
    def said(self, phase: str) -> Answer:
        """The answer in a phase in which there is nothing to tell it but that it is due."""

    @abstractmethod
    def hello(self, *, extended: bool, tls: bool) -> Answer:
        """The answer to EHLO or HELO."""

    def authentication(self, command: str) -> tuple[Answer, ...] | None:
        """The answers to an AUTH ``command`` and to what follows on it; None: it is unknown."""
        return None

    @property
    @abstractmethod
    def starttls(self) -> Answer:
        """The answer to STARTTLS."""

    @property
    @abstractmethod
    def chain(self) -> str:
        """The name of its certificate chain."""

    def greeting(self) -> Answer:
        """The banner."""
        return self.said("banner")

    @property
    def mail(self) -> Answer:
        """The answer to MAIL."""
        return self.said("mail")

    @property
    def rcpt(self) -> Answer:
        """The answer to RCPT."""
        return self.said("rcpt")

    @property
    def data(self) -> Answer:
        """The answer to DATA."""
        return self.said("data")

    @property
    def end_of_data(self) -> Answer:
        """The answer to the message."""
        return self.said("end_of_data")

    @property
    def last_chunk(self) -> Answer:
        """The answer to the last chunk of a message: whoever takes no DATA takes no chunks."""
        first = self.data
        return self.end_of_data if first.then is Then.DATA else first


class _Policy:
    """What the server brings into a handshake, chosen when it comes to that; the rest is as usual."""

    def __init__(self, behaviour: LazyServer, chains: ChainSet) -> None:
        self._behaviour, self._chains = behaviour, chains

    @property
    def identity(self) -> TlsIdentity:
        """The certificate."""
        return self._chains.chains[self._behaviour.chain]

    def __getattr__(self, name: str) -> object:
        if name not in _USUAL:
            raise AttributeError(name)
        return _USUAL[name]


_USUAL = {field.name: field.default for field in fields(TlsPolicy) if field.default is not MISSING}


def listener(make: Callable[[], LazyServer], chains: ChainSet) -> Callable[[], SmtpSession]:
    """A maker of sessions with a server: one that is not there refuses the connection."""

    def accept() -> SmtpSession:
        behaviour = make()
        if (error := behaviour.refuses()) is not None:
            raise ConnectError(error)
        policy = _Policy(behaviour, chains)
        return SmtpSession(behaviour, policy, ConnectionLog())  # type: ignore[arg-type]  # both answer late

    return accept
