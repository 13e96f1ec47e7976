"""Exim's own result codes, under its names (src/macros.h, src/structs.h, src/dns.c); what becomes of mail."""

from __future__ import annotations

from enum import Enum, IntEnum


class Rc(Enum):
    """What a host, an address, a list match or a decision came to (src/macros.h)."""

    OK = "OK"
    DEFER = "DEFER"
    FAIL = "FAIL"
    FAIL_FORCED = "FAIL_FORCED"
    ERROR = "ERROR"
    DECLINE = "DECLINE"
    PASS = "PASS"
    DISCARD = "DISCARD"
    SKIP = "SKIP"
    REROUTED = "REROUTED"
    PANIC = "PANIC"
    PENDING = "PENDING"
    PENDING_DEFER = "PENDING_DEFER"
    PENDING_OK = "PENDING_OK"

    def __repr__(self) -> str:
        return self.name


class DnsResult(Enum):
    """What ``dns_lookup()`` returns (src/dns.c)."""

    SUCCEED = "SUCCEED"
    NOMATCH = "NOMATCH"
    NODATA = "NODATA"
    AGAIN = "AGAIN"
    FAIL = "FAIL"

    def __repr__(self) -> str:
        return self.name


class HostFind(Enum):
    """What ``host_find_byname()`` and ``host_find_bydns()`` return (src/host.c)."""

    FAILED = "HOST_FIND_FAILED"
    AGAIN = "HOST_FIND_AGAIN"
    SECURITY = "HOST_FIND_SECURITY"
    FOUND = "HOST_FOUND"
    FOUND_LOCAL = "HOST_FOUND_LOCAL"
    IGNORED = "HOST_IGNORED"

    def __repr__(self) -> str:
        return self.name


class Dnssec(Enum):
    """Whether a host's address came from secure lookups (``host_item.dnssec``, src/structs.h)."""

    UNK = "unknown"
    NO = "no"
    YES = "yes"

    def __repr__(self) -> str:
        return f"DS_{self.name}"


class HostStatus(Enum):
    """What is known of a host's usability (``host_item.status``, src/structs.h)."""

    UNKNOWN = "unknown"
    USABLE = "usable"
    UNUSABLE = "unusable"
    UNUSABLE_EXPIRED = "unusable_expired"


class Errno(IntEnum):
    """The negative numbers that Exim adds to errno (src/macros.h); the log shows them in brackets."""

    UNKNOWNERROR = -1
    EXISTRACE = -3
    NOTREGULAR = -4
    NOTDIRECTORY = -5
    BADUGID = -6
    BADMODE = -7
    LOCKFAILED = -9
    BADADDRESS2 = -10
    FORBIDPIPE = -11
    FORBIDFILE = -12
    FORBIDREPLY = -13
    BADREDIRECT = -17
    SMTPCLOSED = -18
    SMTPFORMAT = -19
    NOTABSOLUTE = -21
    EXIMQUOTA = -22
    HELD = -23
    FILTER_FAIL = -24
    CHHEADER_FAIL = -25
    EXPANDFAIL = -27
    GIDFAIL = -28
    UIDFAIL = -29
    BADTRANSPORT = -30
    UNKNOWNHOST = -32
    FORMATUNKNOWN = -33
    BADCREATE = -34
    LISTDEFER = -35
    DNSDEFER = -36
    TLSFAILURE = -37
    TLSREQUIRED = -38
    CALLOUTDEFER = -41
    AUTHFAIL = -42
    RCPT4XX = -44
    MAIL4XX = -45
    DATA4XX = -46
    AUTHPROB = -48
    UTF8_FWD = -49
    HOST_IS_LOCAL = -50
    RRETRY = -51
    LRETRY = -52
    HRETRY = -53
    LOCAL_ONLY = -54
    QUEUE_DOMAIN = -55
    TRETRY = -56
    EVENT = -57


RETRY_BASE = Errno.RRETRY
"""Numbers from here down mean that nothing was tried (ERRNO_RETRY_BASE)."""

RTEF_CTOUT = 0x0100
"""Bit of ``more_errno`` beside a time-out: it happened while connecting (src/macros.h)."""


RESULTS = (
    "delivered", "deferred", "failed", "accepted", "tempfailed", "refused", "crash", "undefined",
)  # fmt: skip
"""What can become of a recipient, in a word: the first three in a delivery, the next three in a callout."""

TAKEN = ("delivered", "accepted")
WAITING = ("deferred", "tempfailed")
GIVEN_UP = ("failed", "refused")
BROKEN_OFF = ("crash", "undefined")


class Security(IntEnum):
    """How well a message, or a callout's conversation, was protected; more is safer."""

    CLEAR = 0
    TLS = 1
    VERIFIED = 2
    DANE = 3

    def __str__(self) -> str:
        return _SECURITY_WORDS[self]

    @classmethod
    def of_cv(cls, cv: str | None) -> Security:
        """By the word that the log has after ``CV=``; None: no TLS."""
        return _BY_CV[cv]


_SECURITY_WORDS = {
    Security.CLEAR: "in clear",
    Security.TLS: "TLS, not verified",
    Security.VERIFIED: "TLS, verified",
    Security.DANE: "DANE",
}
_BY_CV = {None: Security.CLEAR, "no": Security.TLS, "yes": Security.VERIFIED, "dane": Security.DANE}
