"""What DANE makes of a host: the TLSA question, its answer, and whether the host may be used.

All of it is tables; ``eximsim table``, the docs and the gate read the same rows that run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table, Value, always, yes_no
from eximsim.mta.lookup import dns
from eximsim.mta.process.log import log_write
from eximsim.profiles import TlsaMap
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Dnssec, Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import HostItem

_TLSA_SOURCE = "transports/smtp.c (from 4.92 host.c) tlsa_lookup"
_POLICY_SOURCE = "transports/smtp.c smtp_setup_conn (until 4.88 smtp_deliver)"


class Want(Enum):
    """How much DANE the transport's options want of a host."""

    NOT = "not wanted"
    REQUESTED = "requested"
    REQUIRED = "required"


_WANTED = Column("wanted", (Want.REQUIRED, Want.REQUESTED))
"""hosts_require_dane, or only hosts_try_dane."""

_DEFER = (Rc.DEFER, Rc.DEFER)
_HOST_LOST = (Rc.FAIL, Rc.DEFER)
_NO_DANE = (Rc.FAIL, Rc.FAIL_FORCED)


@dataclass(frozen=True, slots=True)
class _Map:
    """What negative, insecure and broken answers mean for a host of which DANE is (required, requested)."""

    insecure: tuple[Rc, Rc]
    nxdomain: tuple[Rc, Rc]
    nodata: tuple[Rc, Rc]
    unsigned_negative: tuple[Rc, Rc] | None = None
    failure: tuple[Rc, Rc] = _HOST_LOST


_MAPS: Mapping[TlsaMap, _Map] = MappingProxyType(
    {
        TlsaMap.FALLBACK: _Map(_DEFER, _NO_DANE, _NO_DANE, failure=_NO_DANE),
        TlsaMap.NO_FALLBACK: _Map(_DEFER, _HOST_LOST, _HOST_LOST),
        TlsaMap.NXDOMAIN_IS_NO_DANE: _Map(_DEFER, _NO_DANE, _HOST_LOST),
        TlsaMap.NEGATIVE_IS_NO_DANE: _Map(_DEFER, _NO_DANE, _NO_DANE),
        TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE: _Map(_DEFER, _NO_DANE, _NO_DANE, unsigned_negative=_HOST_LOST),
        TlsaMap.INSECURE_IS_NO_DANE: _Map(_NO_DANE, _NO_DANE, _NO_DANE),
    }
)


def _tlsa_rows(kind: _Map, *, names_host: bool, failure_logged: bool) -> Rows[Rc]:
    """The rows of one map: by answer, whether it was secure, and whether DANE is required or requested."""

    def means(answer: DnsResult, secure: Value, rcs: tuple[Rc, Rc], log: str = "") -> Rows[Rc]:
        return tuple(
            Row((answer, secure, want), rc, log=log or (failed if rc is Rc.FAIL else ""))
            for want, rc in zip(_WANTED.values, rcs, strict=True)
        )

    failed = "DANE error: TLSA lookup failed" if failure_logged else ""
    log = f"DANE error: TLSA lookup{' for {host}' if names_host else ''} not DNSSEC"
    unsigned = kind.unsigned_negative
    return (
        Row((DnsResult.SUCCEED, True, ANY), Rc.OK),
        *means(DnsResult.SUCCEED, False, kind.insecure, log),
        *(means(DnsResult.NOMATCH, False, unsigned) if unsigned else ()),
        *means(DnsResult.NOMATCH, True if unsigned else ANY, kind.nxdomain),
        *(means(DnsResult.NODATA, False, unsigned) if unsigned else ()),
        *means(DnsResult.NODATA, True if unsigned else ANY, kind.nodata),
        Row((DnsResult.AGAIN, ANY, ANY), Rc.DEFER),
        *means(DnsResult.FAIL, ANY, kind.failure),
    )


TLSA_RESULT: Table[Rc] = Table(
    "tlsa result",
    "What the answer to the TLSA question means. OK: use DANE. FAIL_FORCED: go on without DANE. DEFER and"
    " FAIL: see the next table.",
    _TLSA_SOURCE,
    (Column("answer", tuple(DnsResult)), yes_no("secure"), _WANTED),
    {
        (key, names, logged): _tlsa_rows(kind, names_host=names, failure_logged=logged)
        for key, kind in _MAPS.items()
        for names in (False, True)
        for logged in (False, True)
    },
    switches=("tlsa_map", "tlsa_insecure_log_names_host", "tlsa_failure_logged"),
)


class Verdict(Enum):
    """What becomes of a host after its TLSA question."""

    USE = "use DANE"
    WITHOUT = "go on without DANE"
    LOST = "not this host; its addresses get this result"
    ENDS = "no host is asked any more; the callout ends with this result"


_TLSA_RC = Column("result", (Rc.OK, Rc.FAIL_FORCED, Rc.DEFER, Rc.FAIL))
_WORDS = "DANE error: tlsa lookup {result}"

TLSA_HOST: Table[Verdict] = Table(
    "tlsa host",
    "What the result of the TLSA question means for the host: in the transport, and from 4.89 in callouts.",
    _POLICY_SOURCE,
    (_TLSA_RC, _WANTED),
    {
        (False, False): (
            Row((Rc.OK, ANY), Verdict.USE),
            Row((Rc.FAIL_FORCED, ANY), Verdict.WITHOUT),
            Row((ANY, ANY), Verdict.LOST),
        ),
        (False, True): (
            Row((Rc.OK, ANY), Verdict.USE),
            Row((Rc.FAIL_FORCED, ANY), Verdict.WITHOUT),
            Row((ANY, ANY), Verdict.LOST, _WORDS),
        ),
        (True, True): (
            Row((Rc.OK, ANY), Verdict.USE),
            Row((Rc.FAIL_FORCED, ANY), Verdict.WITHOUT),
            Row((ANY, Want.REQUESTED), Verdict.WITHOUT),
            Row((ANY, Want.REQUIRED), Verdict.LOST, _WORDS),
        ),
    },
    switches=("tlsa_failure_ignored_if_requested", "dane_outcome_in_address"),
)

TLSA_CALLOUT: Table[Verdict] = Table(
    "tlsa callout",
    "What the result of the TLSA question means for a callout with an SMTP client of its own (up to 4.88).",
    "verify.c do_callout",
    (_TLSA_RC,),
    {
        (False, False): (
            Row((Rc.OK,), Verdict.USE),
            Row((Rc.FAIL_FORCED,), Verdict.WITHOUT),
            Row((ANY,), Verdict.ENDS),
        ),
        (False, True): (Row((Rc.OK,), Verdict.USE), Row((ANY,), Verdict.ENDS)),
    },
    switches=("callout_uses_setup_conn", "callout_forced_failure_ends"),
    absent="since 4.89 callouts share the transport's set-up",
)


class Policy(Enum):
    """What is done about DANE for a host before anything is asked."""

    ASK = "ask for TLSA"
    NO_DANE = "no DANE"
    FAIL = "fail: not DNSSEC"


HOST_POLICY: Table[Policy] = Table(
    "dane host policy",
    "Whether TLSA is asked for, by how the host's address was found and what the options want.",
    _POLICY_SOURCE,
    (Column("dnssec", (Dnssec.YES, Dnssec.NO, Dnssec.UNK)), Column("option", tuple(reversed(Want)))),
    always(
        Row((ANY, Want.NOT), Policy.NO_DANE),
        Row((Dnssec.YES, ANY), Policy.ASK),
        Row((ANY, Want.REQUESTED), Policy.NO_DANE),
        Row((ANY, Want.REQUIRED), Policy.FAIL, "DANE error: {host} lookup not DNSSEC"),
    ),
)


@dataclass(frozen=True, slots=True)
class Tlsa:
    """The outcome of ``tlsa_lookup()``: its result, and the records' RDATA if there are any."""

    rc: Rc
    records: tuple[bytes, ...] = ()


def tlsa_lookup(process: Process, host: HostItem, want: Want) -> Tlsa:
    """Ask for the host's TLSA records and decide what the answer means.

    ``host.port`` must be set. Logs an insecure answer. Source: tlsa_lookup(), RFC 7672 section 2.1.
    """
    found = dns.dns_lookup(process, f"_{host.port}._tcp.{host.name[:256]}", "TLSA")
    row = TLSA_RESULT.decide(process, found.result, found.secure, want, host=host.name)
    if row.log:
        log_write(process, row.log.format(host=host.name))
    if row.outcome is not Rc.OK:
        return Tlsa(row.outcome)
    records = (r.data for r in found.answer.answers if r.type == "TLSA")
    return Tlsa(Rc.OK, tuple(r for r in records if isinstance(r, bytes)))
