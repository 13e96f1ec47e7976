"""The hints databases of one machine: what earlier deliveries and callouts learnt (src/dbstuff.h)."""

from __future__ import annotations

from dataclasses import field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from eximsim.mta.records.open_call import Limits
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.resumption import TlsTicket


class Cached(IntEnum):
    """What a callout found, under the numbers that the trace shows (``ccache_...``)."""

    UNKNOWN = 0
    ACCEPT = 1
    REJECT = 2
    REJECT_MFNULL = 3


@dataclass(slots=True)
class CalloutRecord:
    """One record, of a domain or of an address; stamps are seconds since the epoch."""

    result: Cached = Cached.UNKNOWN
    time_stamp: float = 0.0
    postmaster_result: Cached = Cached.UNKNOWN
    postmaster_stamp: float = 0.0
    random_result: Cached = Cached.UNKNOWN
    random_stamp: float = 0.0


@dataclass(slots=True)
class RetryRecord:
    """One record of the retry database (``dbdata_retry``); times in seconds since the epoch."""

    first_failed: float
    last_try: float
    next_try: float
    time_stamp: float
    expired: bool = False
    basic_errno: int = 0
    more_errno: int = 0
    text: str = ""


@dataclass(slots=True)
class WaitRecord:
    """The ids of messages that wait for one host (``dbdata_wait``); ``sequence`` counts the full records
    that were laid aside before it as ``HOST:0``, ``HOST:1``, ..."""

    ids: list[str] = field(default_factory=list)
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """How often somebody has come (``dbdata_ratelimit``): the rate at ``time``, in seconds since the epoch.

    If events are counted once, ``bloom`` is the filter that knows them, begun at ``epoch``.
    """

    time: float
    rate: float
    epoch: int = 0
    bloom: bytes = b""


@dataclass(slots=True)
class EhloRecord:
    """What a server offered in EHLO, in clear and over TLS (``dbdata_ehlo_resp``).

    Of the mechanisms those count that authenticators of ours have.
    """

    clear: frozenset[str] = frozenset()
    clear_mechanisms: frozenset[str] = frozenset()
    crypted: frozenset[str] = frozenset()
    crypted_mechanisms: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    time_stamp: float = 0.0

    def copy(self) -> EhloRecord:
        """The same, to be changed."""
        return replace(self)


@dataclass(frozen=True, slots=True)
class TlsRecord:
    """A TLS session that may be taken up again (``dbdata_tls_session``).

    ``verified``: what the library said of the certificate; ``overridden``: that it is not good was passed
    over. ``ocsp`` is ``$tls_out_ocsp``.
    """

    ticket: TlsTicket
    verified: bool
    overridden: bool
    ocsp: str
    time_stamp: float


@dataclass(frozen=True, slots=True)
class EtrnRun:
    """When a command of ETRN begins and ends; others for its argument are kept out (``dbdata_serialize``)."""

    begun: float
    over: float


@dataclass(slots=True)
class Hints:
    """The hints databases of one machine: retry records, the callout cache (``mta/verify/verify_cache.py``),
    and the ids of messages that wait, by transport and host name or ``HOST:NUMBER``
    (``mta/transports/transport.py``)."""

    retry: dict[str, RetryRecord] = field(default_factory=dict)
    wait: dict[str, dict[str, WaitRecord]] = field(default_factory=dict)
    callout: dict[str, CalloutRecord] = field(default_factory=dict)
    ehlo: dict[str, EhloRecord] = field(default_factory=dict)
    tls: dict[str, TlsRecord] = field(default_factory=dict)
    """Sessions by what makes them fit for a connection (``tls_client_resmption_key()``)."""
    ratelimit: dict[str, Rate] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    """When something was last seen (the ACL condition ``seen``), by its key."""
    etrn: dict[str, EtrnRun] = field(default_factory=dict)
    """The commands that ETRN has begun, by its argument."""
    once: dict[str, dict[str, float]] = field(default_factory=dict)
    """Who has had an automatic reply, and when, by the file that notes it."""
