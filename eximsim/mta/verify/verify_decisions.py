"""What a callout makes of its hosts: the tables of ``do_callout()`` (src/verify.c).

Callouts up to 4.88 have an SMTP client of their own, and tables of their own for TLS; since 4.89 they share
the transport's set-up with its tables (``transports/smtp_decisions.py``).
"""

from __future__ import annotations

from enum import Enum

from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table, yes_no
from eximsim.mta.records.hints import Cached
from eximsim.mta.transports.smtp_decisions import (
    CA_ROOT_LOG,
    DANE,
    FAULT,
    OFFERED,
    REQUIRE_TLS,
    TRYCLEAR,
    WHY_IN_CLEAR,
    Clear,
    Fault,
)
from eximsim.profiles import CalloutDaneFailure, UnusableTlsa
from eximsim.quick_dataclass import dataclass

_SOURCE = "verify.c do_callout"
_SHARED = ("callout_uses_setup_conn",)
_SINCE_489 = "up to 4.88 callouts have an SMTP client of their own"
_UNTIL_488 = "since 4.89 callouts share the transport's set-up"


# ---- a host that does not accept the recipient -----------------------------------------------------------


class Step(Enum):
    """How far the dialogue had come."""

    SETUP = "before MAIL"
    MAIL = "MAIL"
    RCPT = "RCPT"
    POSTMASTER = "RCPT to postmaster"
    RANDOM = "RCPT to a random recipient"


class Heard(Enum):
    """What was heard, if it was no acceptance."""

    PERMANENT = "5xx"
    MALFORMED = "a malformed reply that begins with 5"
    OTHER = "another reply, or an end of file"
    TIMEOUT = "no reply in time, or no connection"
    ERROR = "another error"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a callout learns: whether that is its result, the step that failed, what the cache gets."""

    final: bool = False
    failure: str | None = None
    domain: Cached | None = None
    address: Cached | None = None
    postmaster: Cached | None = None

    def __str__(self) -> str:
        said = ["the callout fails" if self.final else "the next host is asked"]
        if self.failure:
            said.append(f"at {self.failure}")
        kept = (("domain", self.domain), ("address", self.address), ("postmaster", self.postmaster))
        said += [f"{what} cached as {found.name.lower()}" for what, found in kept if found is not None]
        return ", ".join(said)


_NULL_SENDER = yes_no("null sender")
RESPONSE = 'response to "{command}" was: {reply}'
"""A host's reply, in a log."""

_RESPONSE_OF = 'response to "{command}" from {host} [{address}] was: {reply}'
_REFUSED = Reading(final=True, failure="recipient", address=Cached.REJECT)
_NULL_REFUSED = Reading(final=True, failure="mail", domain=Cached.REJECT_MFNULL)
_MAIL_REFUSED = Reading(final=True, failure="mail")
_POSTMASTER_REFUSED = Reading(final=True, failure="postmaster", postmaster=Cached.REJECT)

_SHARED_ROWS: Rows[Reading] = (
    Row((Step.RCPT, Heard.PERMANENT, ANY), _REFUSED, RESPONSE),
    Row((Step.POSTMASTER, Heard.PERMANENT, ANY), _POSTMASTER_REFUSED, RESPONSE),
    Row((Step.MAIL, Heard.PERMANENT, True), _NULL_REFUSED, RESPONSE),
    Row((Step.MAIL, Heard.PERMANENT, False), _MAIL_REFUSED, RESPONSE),
    Row((Step.MAIL, Heard.OTHER, ANY), Reading(failure="mail"), RESPONSE),
    Row((Step.MAIL, Heard.TIMEOUT, ANY), Reading(failure="mail")),
    Row((Step.MAIL, Heard.ERROR, ANY), Reading(failure="mail")),
    Row((ANY, Heard.PERMANENT, ANY), Reading(final=True), RESPONSE),
    Row((ANY, Heard.MALFORMED, ANY), Reading(final=True), RESPONSE),
    Row((ANY, Heard.OTHER, ANY), Reading(), RESPONSE),
    Row((ANY, ANY, ANY), Reading()),
)
_OWN_CLIENT_ROWS: Rows[Reading] = (
    Row((Step.RCPT, Heard.PERMANENT, ANY), _REFUSED, _RESPONSE_OF),
    Row((Step.POSTMASTER, Heard.PERMANENT, ANY), _POSTMASTER_REFUSED, _RESPONSE_OF),
    Row((Step.MAIL, Heard.PERMANENT, True), _NULL_REFUSED, _RESPONSE_OF),
    Row((Step.MAIL, Heard.PERMANENT, False), _MAIL_REFUSED, _RESPONSE_OF),
    Row((Step.SETUP, Heard.PERMANENT, ANY),
        Reading(final=True, failure="mail", domain=Cached.REJECT), _RESPONSE_OF),
    Row((ANY, Heard.OTHER, ANY), Reading(failure="mail"), _RESPONSE_OF),
    Row((ANY, ANY, ANY), Reading(failure="mail")),
)  # fmt: skip

CALLOUT_REFUSED: Table[Reading] = Table(
    "callout refused",
    "What a host means for the callout that has not accepted the recipient. (One that has accepted it ends"
    " the callout with OK.)",
    _SOURCE,
    (Column("after", tuple(Step)), Column("heard", tuple(Heard)), _NULL_SENDER),
    {(True,): _SHARED_ROWS, (False,): _OWN_CLIENT_ROWS},
    switches=_SHARED,
)


# ---- TLS -------------------------------------------------------------------------------------------------


class Again(Enum):
    """What follows a handshake that failed."""

    IN_CLEAR = "the host is asked in clear"
    CLOSED = "another handshake, on the connection that was just closed; then the next host is asked"
    NEXT_HOST = "the next host is asked"


def _in_clear(log: str) -> Rows[Again]:
    return (Row((True, False), Again.IN_CLEAR, log=log), Row((ANY, ANY), Again.NEXT_HOST))


CALLOUT_HANDSHAKE_FAILED: Table[Again] = Table(
    "callout handshake failed",
    "Whether a callout asks the host again without TLS after a failed handshake, since 4.89.",
    _SOURCE,
    (TRYCLEAR, REQUIRE_TLS),
    {
        (True, True): _in_clear(
            "TLS session failure: callout unencrypted to {host} [{address}] (not in hosts_require_tls)"
        ),
        (True, False): _in_clear(
            "{message}: callout unencrypted to {host} [{address}] (not in hosts_require_tls)"
        ),
    },
    switches=(*_SHARED, "tls_error_logged"),
    absent=_SINCE_489,
)


def _own_client_rows(*, retries: bool, ca_root: bool) -> Rows[Again]:
    doing = "callout" if retries else "delivering"
    log = f"TLS session failure: {doing} unencrypted to {{host}} [{{address}}] (not in hosts_require_tls)"
    return (
        *(() if retries else (Row((Fault.HANDSHAKE, ANY, ANY, ANY), Again.NEXT_HOST),)),
        *((Row((ANY, "requested", ANY, ANY), Again.CLOSED, log=CA_ROOT_LOG),) if ca_root else ()),
        *((Row((ANY, "required", ANY, ANY), Again.NEXT_HOST),) if ca_root else ()),
        Row((ANY, ANY, True, False), Again.IN_CLEAR, log=log),
        Row((ANY, ANY, ANY, ANY), Again.NEXT_HOST),
    )


OWN_HANDSHAKE_FAILED: Table[Again] = Table(
    "callout's own handshake failed",
    "The same up to 4.88. Under DANE tls_tempfail_tryclear has been switched off.",
    _SOURCE,
    (FAULT, DANE, TRYCLEAR, REQUIRE_TLS),
    {
        (False, retries, unusable): _own_client_rows(
            retries=retries, ca_root=unusable is UnusableTlsa.CA_ROOT
        )
        for retries in (False, True)
        for unusable in UnusableTlsa
    },
    switches=(*_SHARED, "callout_tls_failure_retries_in_clear", "unusable_tlsa"),
    absent=_UNTIL_488,
)

OWN_TLS_REQUIRED: Table[Clear] = Table(
    "callout's own tls required",
    "Whether a callout without TLS may go on, up to 4.88. Over smtps it never has TLS, and goes on.",
    _SOURCE,
    (yes_no("dane"), REQUIRE_TLS, OFFERED),
    {
        (False,): (
            *(
                Row(
                    (*why, offered),
                    Clear.DEFER,
                    log=f"H={{host}} [{{address}}]: a TLS session is required for this host, but {what}",
                )
                for why in ((True, ANY), (ANY, True))
                for offered, what in WHY_IN_CLEAR.items()
            ),
            Row((ANY, ANY, ANY), Clear.GO_ON),
        )
    },
    switches=_SHARED,
    absent=_UNTIL_488,
)


# ---- DANE rules a host out -------------------------------------------------------------------------------


class Context(Enum):
    """What the memory of a callout's SMTP context holds when the next host is taken up."""

    FRESH = "nothing was written to it"
    USED = "an earlier host's connection, closed or never made"
    TLS_FAILED = "an earlier host's connection with a TLS session that failed"


class Mishap(Enum):
    """What happens when QUIT goes to a connection that was never made."""

    NONE = "the next host is asked"
    DIES = "the process dies of signal 11"
    UNDEFINED = "undefined: the context of a callout is used before it is set"
    LOGS = "a log line, then the next host is asked"
    PANICS = "a line in main and panic log, then the next host is asked; a second RCPT gets 421"


_NEXT = Row((ANY, ANY, ANY), Mishap.NONE)
_DEAD = Row((ANY, ANY, ANY), Mishap.DIES)
_MISHAPS: dict[CalloutDaneFailure, Rows[Mishap]] = {
    CalloutDaneFailure.CLEAN: (_NEXT,),
    CalloutDaneFailure.STALE_CONTEXT: (
        Row((Context.FRESH, True, ANY), Mishap.UNDEFINED),
        Row((Context.FRESH, False, ANY), Mishap.NONE),
        Row((Context.TLS_FAILED, ANY, ANY), Mishap.LOGS, log="SSL_write: (from <unknown>) syscall: Success"),
        _DEAD,
    ),
    CalloutDaneFailure.DIES_UNLESS_SET_UP: (Row((ANY, ANY, False), Mishap.DIES), _NEXT),
    CalloutDaneFailure.DIES: (_DEAD,),
    CalloutDaneFailure.NULL_CONTEXT: (Row((ANY, ANY, ANY), Mishap.PANICS, log="null conn-context pointer"),),
}

CALLOUT_DANE_FAILED: Table[Mishap] = Table(
    "callout dane failed",
    "What happens when DANE rules a host out before there is a connection: QUIT goes to whatever the context"
    " holds.",
    _SOURCE,
    (
        Column("context", tuple(Context)),
        yes_no("host list from a manualroute router"),
        yes_no("an earlier callout of the process had a connection"),
    ),
    {(True, fault): rows for fault, rows in _MISHAPS.items()},
    switches=(*_SHARED, "callout_dane_failure"),
    absent=_SINCE_489,
)


# ---- no host has answered --------------------------------------------------------------------------------

_DULL = "Could not complete {what} verify callout"

UNREACHABLE = (
    "The mail server(s) for the domain may be temporarily unreachable, or\n"
    "they may be permanently unreachable from this server. In the latter case,\n"
)
"""What smtp_return_error_details has the client told besides, and how that ends."""

ITS_END = {
    "recipient": "the address will never be accepted.",
    "sender": (
        "you need to change the address or create an MX record for its domain\n"
        "if it is supposed to be generally accessible from the Internet.\n"
        "Talk to your mail administrator for details."
    ),
}


def _unanswered(one_host: str) -> Rows[str]:
    outcome = "DEFER"
    return (
        Row((True, ANY), outcome, _DULL),
        Row((False, True), outcome, one_host),
        Row((False, False), outcome, _DULL),
    )


CALLOUT_UNANSWERED: Table[str] = Table(
    "callout unanswered",
    "What a callout says that no host has answered.",
    _SOURCE,
    (yes_no("several hosts"), yes_no("a reason is known")),
    {(True,): _unanswered(f"{_DULL}: {{message}}"), (False,): _unanswered("{message}")},
    switches=_SHARED,
)
