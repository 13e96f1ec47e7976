"""One vocabulary for what name servers, servers and certificates do: axes, values, what stands for each.

The gate varies these axes. A space of the search (``fuzz.space``) says which of the values it has of each, in
the same words, and has a few of its own. The replies of servers and the results of TLSA lookups are the
columns of the decision tables.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from eximsim.explore.choices import Axis
from eximsim.explore.states import Phase
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
from eximsim.status import DnsResult
from eximsim.world import smtp_behaviour as server
from eximsim.world.smtp_behaviour import Then, reply

RRset = Mapping[str, object]
"""An entry of a zone without its name and type: ``{"ad": True, "data": [...]}``."""

SECURE, INSECURE = "secure", "insecure"


def axis_of(axis: Axis, subject: str) -> str:
    """The name of the axis for one host or domain: ``TLSA of mx1.example.com``."""
    return f"{axis.name} of {subject}"


@lru_cache(maxsize=4096)
def asked_of(name: str) -> tuple[str, str]:
    """What is asked, and of whom: ``("TLSA", "mx1.example.com")``; of nobody if the name is an axis alone."""
    if name.lower().startswith(END.name):
        return END.name, name[len(END.name) :].removeprefix(" of ")
    what, _, subject = name.partition(" of ")
    return what, subject


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
"""The records of a TLSA answer, by names of ``TLSA_RECORDS``."""
CONNECT = Axis("connection", ("accepted", "refused", "time-out"))


SCRIPTS: Mapping[Answer, server.Answer] = MappingProxyType(
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
    for answer in SCRIPTS:
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
CHAINS: Mapping[str, str] = MappingProxyType(
    {"good": "good", "another name": "wrongname", "expired": "expired", "self-signed": "selfsigned"}
)
"""The name of the chain that a server shows, as situations have it."""
CERTIFICATE = Axis("certificate", tuple(CHAINS))
SECOND_EHLO = _replies("EHLO over TLS", (EHLO_REFUSED, _hello(True)), (SETUP_FAILED, _in_setup))
MAIL, DATA, END = (
    _replies(stage, _after(of))
    for stage, of in (("MAIL", Stage.MAIL), ("DATA", Stage.OTHER), ("end of data", Stage.END))
)
RCPT = _replies("RCPT", (RCPT_REPLY, lambda answer: (answer,)))

OFFERED = "offered"
AUTH = Axis("AUTH", (OFFERED, "not offered"))
AUTH_OVER_TLS = Axis("AUTH over TLS", (OFFERED, "not offered"))
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
EXTENSIONS = Axis("extensions", (OFFERED, "not offered"))
"""What varies besides where a transport has an option about an extension: none is offered, or all are."""
LIMITS = Axis("limits", ("not offered", "RCPTMAX=1", "MAILMAX=1 RCPTMAX=1"))
"""What varies besides where a message has two recipients and it matters how many a server takes."""
LATE = "late"
PACE = Axis("pace", ("at once", LATE))
"""What varies besides where time limits differ: whether the banner and the last answer come late."""
OF_A_MESSAGE = (CONNECT, MAIL, RCPT, DATA, END, EXTENSIONS, LIMITS)
"""What varies where only the message is another one: DNS and TLS are as they should be, whoever gets it."""
PROXY = Axis("proxy", ("works", "refused"))
"""What varies of each proxy that a transport has."""


# ---- what stands for the answers of a name server --------------------------------------------------------

WITHOUT_DATA: Mapping[str, RRset] = MappingProxyType(
    {
        "no data": {"ad": True},
        "NXDOMAIN": {"ad": True, "rcode": "NXDOMAIN"},
        "SERVFAIL": {"rcode": "SERVFAIL"},
        "FORMERR": {"rcode": "FORMERR"},
        "time-out": {"drop": True},
        "no data, insecure": {"ad": False},
        "NXDOMAIN, insecure": {"ad": False, "rcode": "NXDOMAIN"},
    }
)
"""Answers that hold nothing, and what is no answer."""

ZEROES = "00" * 32
"""A digest that nothing has."""
_MATCH, _MISMATCH, _UNUSABLE = "3 1 1 @cert:good", "030101" + ZEROES, "010101" + ZEROES

TLSA_RECORDS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "match": (_MATCH,),
        "mismatch": (_MISMATCH,),
        "unusable": ("1 1 1 @cert:good", "3 1 3 @cert:good"),
        "authority": ("2 0 1 @cert:root",),
        "match and unusable": (_MATCH, _UNUSABLE),
        "unusable and match": (_UNUSABLE, _MATCH),
        "match and mismatch": (_MATCH, _MISMATCH),
        "mismatch and match": (_MISMATCH, _MATCH),
        "too short": ("030101",),
    }
)
"""Records in the form of a zone's entry; ``@cert:NAME`` is a certificate."""


def answered(word: str, data: Sequence[object]) -> RRset:
    """The entry for an answer: with ``data``, with none, or why there is no answer."""
    if word in (SECURE, INSECURE):
        return {"ad": word == SECURE, "data": list(data)}
    return WITHOUT_DATA[word]


# ---- where a run stands that asks ------------------------------------------------------------------------

ORDER, A, AAAA = "order", "A", "AAAA"
"""What the search asks for besides: the order of equal MX records, and addresses by type."""

PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        **dict.fromkeys((MX.name, ADDRESS.name, ORDER, A, AAAA), Phase.ROUTING),
        **{
            axis.name: Phase.BEFORE_TLS
            for axis in (
                TLSA,
                RECORDS,
                PROXY,
                CONNECT,
                BANNER,
                EHLO,
                EXTENSIONS,
                LIMITS,
                AUTH,
                HELO,
                STARTTLS,
            )
        },
        **{axis.name: Phase.TRANSACTION for axis in (MAIL, RCPT, DATA, END)},
    }
)
"""What is under way when an axis is asked for; of others it is anything else."""
