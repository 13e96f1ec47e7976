"""What DANE makes of a host: the TLSA question, its answer, and whether the host may be used.

Both decisions are tables; ``eximsim table``, the docs and the gate read the same rows that run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.mta import dns
from eximsim.mta.log import log_write
from eximsim.profiles import TlsaMap
from eximsim.status import DnsResult, Dnssec, Rc

if TYPE_CHECKING:
    from eximsim.mta.globals import Process
    from eximsim.mta.structs import HostItem

_TLSA_SOURCE = "transports/smtp.c (from 4.92 host.c) tlsa_lookup"
_POLICY_SOURCE = "transports/smtp.c smtp_setup_conn (until 4.88 smtp_deliver)"


@dataclass(frozen=True, slots=True)
class TlsaRow:
    """What one kind of TLSA answer means: for a host in hosts_require_dane, and for one in hosts_try_dane."""

    required: Rc
    requested: Rc


@dataclass(frozen=True, slots=True)
class TlsaAnswer:
    """One kind of answer to the TLSA question: ``dns_lookup()``'s result, and whether it was secure."""

    result: DnsResult
    secure: bool


def _rows(
    insecure: TlsaRow,
    nxdomain: TlsaRow,
    nodata: TlsaRow,
    *,
    unsigned_negative: TlsaRow | None = None,
    failure: TlsaRow = TlsaRow(Rc.FAIL, Rc.DEFER),
) -> Mapping[TlsaAnswer, TlsaRow]:
    again = TlsaRow(Rc.DEFER, Rc.DEFER)
    rows = {
        TlsaAnswer(DnsResult.SUCCEED, True): TlsaRow(Rc.OK, Rc.OK),
        TlsaAnswer(DnsResult.SUCCEED, False): insecure,
        TlsaAnswer(DnsResult.NOMATCH, True): nxdomain,
        TlsaAnswer(DnsResult.NOMATCH, False): unsigned_negative or nxdomain,
        TlsaAnswer(DnsResult.NODATA, True): nodata,
        TlsaAnswer(DnsResult.NODATA, False): unsigned_negative or nodata,
        TlsaAnswer(DnsResult.AGAIN, True): again,
        TlsaAnswer(DnsResult.AGAIN, False): again,
        TlsaAnswer(DnsResult.FAIL, True): failure,
        TlsaAnswer(DnsResult.FAIL, False): failure,
    }
    return MappingProxyType(rows)


_DEFER = TlsaRow(Rc.DEFER, Rc.DEFER)
_HOST_LOST = TlsaRow(Rc.FAIL, Rc.DEFER)
_NO_DANE = TlsaRow(Rc.FAIL, Rc.FAIL_FORCED)

TLSA_RESULT: Mapping[TlsaMap, Mapping[TlsaAnswer, TlsaRow]] = MappingProxyType(
    {
        TlsaMap.FALLBACK: _rows(_DEFER, _NO_DANE, _NO_DANE, failure=_NO_DANE),
        TlsaMap.NO_FALLBACK: _rows(_DEFER, _HOST_LOST, _HOST_LOST),
        TlsaMap.NXDOMAIN_IS_NO_DANE: _rows(_DEFER, _NO_DANE, _HOST_LOST),
        TlsaMap.NEGATIVE_IS_NO_DANE: _rows(_DEFER, _NO_DANE, _NO_DANE),
        TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE: _rows(_DEFER, _NO_DANE, _NO_DANE, unsigned_negative=_HOST_LOST),
        TlsaMap.INSECURE_IS_NO_DANE: _rows(_NO_DANE, _NO_DANE, _NO_DANE),
    }
)
"""Answer to decision. OK: use DANE. FAIL_FORCED: go on without DANE. DEFER and FAIL: not this host."""


class Want:
    """How much DANE the transport's options want of a host."""

    NOT = "not wanted"
    REQUESTED = "requested"
    REQUIRED = "required"


HOST_POLICY: Mapping[tuple[Dnssec, str], str] = MappingProxyType(
    {
        (Dnssec.YES, Want.REQUIRED): "ask for TLSA",
        (Dnssec.YES, Want.REQUESTED): "ask for TLSA",
        (Dnssec.YES, Want.NOT): "no DANE",
        (Dnssec.NO, Want.REQUIRED): "fail: not DNSSEC",
        (Dnssec.NO, Want.REQUESTED): "no DANE",
        (Dnssec.NO, Want.NOT): "no DANE",
        (Dnssec.UNK, Want.REQUIRED): "fail: not DNSSEC",
        (Dnssec.UNK, Want.REQUESTED): "no DANE",
        (Dnssec.UNK, Want.NOT): "no DANE",
    }
)
"""Host security and options to what is done, before any TLSA question."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """The outcome of ``tlsa_lookup()``: its result, and the records' RDATA if there are any."""

    rc: Rc
    records: tuple[bytes, ...] = ()


def tlsa_lookup(process: Process, host: HostItem, *, required: bool) -> Tlsa:
    """Ask for the host's TLSA records and decide what the answer means.

    ``host.port`` must be set. Logs an insecure answer. Source: tlsa_lookup(), RFC 7672 section 2.1.
    """
    found = dns.dns_lookup(process, f"_{host.port}._tcp.{host.name[:256]}", "TLSA")
    answer = TlsaAnswer(found.result, found.secure)
    row = TLSA_RESULT[process.profile.tlsa_map][answer]
    rc = row.required if required else row.requested
    process.trace.record(
        "tlsa result",
        rc.name,
        _TLSA_SOURCE,
        host=host.name,
        answer=found.result.name,
        secure=found.secure,
        required=required,
    )
    if found.result is not DnsResult.SUCCEED:
        return Tlsa(rc)
    if not found.secure:
        whose = f" for {host.name}" if process.profile.tlsa_insecure_log_names_host else ""
        log_write(process, f"DANE error: TLSA lookup{whose} not DNSSEC")
        return Tlsa(rc)
    records = (r.data for r in found.answer.answers if r.type == "TLSA")
    return Tlsa(rc, tuple(r for r in records if isinstance(r, bytes)))


def host_policy(process: Process, host: HostItem, want: str) -> str:
    """What is to be done about DANE for this host: a cell of ``HOST_POLICY``, recorded in the trace."""
    policy = HOST_POLICY[host.dnssec, want]
    process.trace.record(
        "dane host policy", policy, _POLICY_SOURCE, host=host.name, dnssec=host.dnssec.value, option=want
    )
    return policy
