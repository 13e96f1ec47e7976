"""What the smtp transport makes of what goes wrong: tables of ``smtp_setup_conn()`` and ``smtp_deliver()``.

``smtp_setup.py``, ``smtp_transaction.py`` and ``smtp.py`` run them; callouts since 4.89 share those of the
set-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table, always, yes_no
from eximsim.mta.transports.smtp_out import Answer
from eximsim.profiles import DaneFailureLog, UnusableTlsa
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

_SETUP = "transports/smtp.c smtp_setup_conn (until 4.88 smtp_deliver)"
_DELIVER = "transports/smtp.c smtp_deliver"
_ENTRY = "transports/smtp.c smtp_transport_entry"


class Fault(Enum):
    """Why there is no TLS session (the return code of ``tls_client_start()``)."""

    UNUSABLE = "no usable TLSA record"
    HANDSHAKE = "handshake or verification failed"


REPLY = Column("reply", tuple(Answer))
TRYCLEAR = yes_no("tls_tempfail_tryclear")
REQUIRE_TLS = yes_no("hosts_require_tls")
OFFERED = yes_no("STARTTLS offered")
FAULT = Column("fault", tuple(Fault))
DANE = Column("dane", ("required", "requested", "no"))


# ---- EHLO and HELO ---------------------------------------------------------------------------------------


class Hello(Enum):
    """What follows a refused EHLO or HELO."""

    SAY_HELO = "say HELO"
    GO_ON = "go on to MAIL, without extensions"
    GIVE_UP = "the set-up has failed"


EHLO_REFUSED: Table[Hello] = Table(
    "ehlo refused",
    "Whether the old HELO is tried when the first command is refused. Over TLS a refusal may be overlooked.",
    _SETUP,
    (
        Column("command", ("EHLO", "LHLO", "HELO")),
        yes_no("a whole reply"),
        yes_no("over TLS"),
    ),
    {
        (overlooked,): (
            Row(("EHLO", True, False), Hello.SAY_HELO),
            *((Row(("LHLO", ANY, ANY), Hello.GIVE_UP),) if overlooked else ()),
            *((Row((ANY, True, True), Hello.GO_ON),) if overlooked else ()),
            Row((ANY, ANY, ANY), Hello.GIVE_UP),
        )
        for overlooked in (False, True)
    },
    switches=("second_hello_may_be_refused",),
)


# ---- STARTTLS --------------------------------------------------------------------------------------------


class StartTls(Enum):
    """What follows the reply to STARTTLS."""

    HANDSHAKE = "handshake"
    CLEAR = "go on without TLS"
    DEFER = "defer"


STARTTLS_REPLY: Table[StartTls] = Table(
    "starttls reply",
    "What the reply to STARTTLS means. What goes on without TLS meets the table 'tls required' next. DANE and"
    " smtps have switched tls_tempfail_tryclear off.",
    _SETUP,
    (REPLY, TRYCLEAR),
    always(
        Row((Answer.POSITIVE, ANY), StartTls.HANDSHAKE),
        Row((Answer.TEMPORARY, True), StartTls.CLEAR),
        Row((Answer.TEMPORARY, False), StartTls.DEFER),
        Row((Answer.PERMANENT, ANY), StartTls.CLEAR),
        Row((Answer.OTHER, ANY), StartTls.CLEAR),
        Row((ANY, ANY), StartTls.DEFER),
    ),
)


# ---- the handshake ---------------------------------------------------------------------------------------


class NoSession(Enum):
    """What follows a handshake that failed."""

    CA_ROOT = "another handshake, with ordinary verification"
    FAILED = "the set-up has failed"


_SETTING_UP = {True: "failure while setting up TLS session", False: "TLS session: {reason}"}
CA_ROOT_LOG = "DANE attempt failed; trying CA-root TLS to {host} [{address}] (not in hosts_require_dane)"
_NO_TLS_LOG = "DANE attempt failed; no TLS connection to {host} [{address}]"
_DANE_LOG: Mapping[tuple[DaneFailureLog, Fault], str] = {
    (DaneFailureLog.WHEN_UNUSABLE, Fault.UNUSABLE): _NO_TLS_LOG,
    (DaneFailureLog.ALWAYS, Fault.UNUSABLE): _NO_TLS_LOG,
    (DaneFailureLog.ALWAYS, Fault.HANDSHAKE): _NO_TLS_LOG,
    **{
        (DaneFailureLog.WITH_REASON, fault): (
            "DANE attempt failed; TLS connection to {host} [{address}]: {reason}"
        )
        for fault in Fault
    },
}


def _no_session(unusable: UnusableTlsa, log: DaneFailureLog, *, logged: bool) -> Iterator[Row[NoSession]]:
    text = _SETTING_UP[logged]
    if unusable is UnusableTlsa.CA_ROOT:
        yield Row((Fault.UNUSABLE, "requested"), NoSession.CA_ROOT, log=CA_ROOT_LOG)
    yield Row((ANY, "no"), NoSession.FAILED, text)
    for fault in Fault:
        yield Row((fault, ANY), NoSession.FAILED, text, _DANE_LOG.get((log, fault), ""))


NO_TLS_SESSION: Table[NoSession] = Table(
    "no tls session",
    "What follows when there is no TLS session: the call has failed, but for one release's second handshake.",
    _SETUP,
    (FAULT, DANE),
    {
        (unusable, log, logged): tuple(_no_session(unusable, log, logged=logged))
        for unusable in UnusableTlsa
        for log in DaneFailureLog
        for logged in (False, True)
    },
    switches=("unusable_tlsa", "dane_failure_log", "tls_error_logged"),
)


class InClear(Enum):
    """Whether a host whose handshake failed is called again."""

    AGAIN = "try in clear"
    DEFER = "defer"


def _retry_in_clear(log: str) -> Rows[InClear]:
    return (
        Row((True, False), InClear.AGAIN, log=log),
        Row((ANY, ANY), InClear.DEFER),
    )


HANDSHAKE_FAILED: Table[InClear] = Table(
    "handshake failed",
    "Whether a delivery calls the host again without TLS after a failed handshake.",
    _ENTRY,
    (TRYCLEAR, REQUIRE_TLS),
    {
        (True,): _retry_in_clear(
            "TLS session failure: delivering unencrypted to {host} [{address}] (not in hosts_require_tls)"
        ),
        (False,): _retry_in_clear(
            "{message}: delivering unencrypted to H={host} [{address}] (not in hosts_require_tls)"
        ),
    },
    switches=("tls_error_logged",),
)


# ---- TLS required ----------------------------------------------------------------------------------------


class Clear(Enum):
    """Whether a call may go on that has no TLS."""

    GO_ON = "go on in clear"
    DEFER = "defer"


WHY_IN_CLEAR = {
    True: "an attempt to start TLS failed",
    False: "the server did not offer TLS support",
}
"""By whether STARTTLS was offered."""

TLS_REQUIRED: Table[Clear] = Table(
    "tls required",
    "Whether a call that came out without TLS may go on.",
    _SETUP,
    (yes_no("smtps"), yes_no("dane"), REQUIRE_TLS, OFFERED),
    always(
        *(
            Row((*why, offered), Clear.DEFER, f"a TLS session is required, but {what}")
            for why in ((True, ANY, ANY), (ANY, True, ANY), (ANY, ANY, True))
            for offered, what in WHY_IN_CLEAR.items()
        ),
        Row((ANY, ANY, ANY, ANY), Clear.GO_ON),
    ),
)


# ---- set-up ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lost:
    """What a call that failed means: for its addresses, and for the host (OK: it stays usable)."""

    addresses: Rc
    host: Rc

    def __str__(self) -> str:
        return f"addresses {self.addresses.value}, host {self.host.value}"


SETUP_FAILED: Table[Lost] = Table(
    "set-up failed",
    "What a call means that failed before MAIL: a refusal (greeting, EHLO or HELO, STARTTLS), a reply that is"
    " missing or malformed, TLS that could not be had.",
    _SETUP,
    (Column("reply", ("5xx", "4xx or none")), yes_no("more hosts")),
    {
        (False, False): (
            Row(("5xx", ANY), Lost(Rc.FAIL, Rc.OK)),
            Row(("4xx or none", ANY), Lost(Rc.DEFER, Rc.DEFER)),
        ),
        (False, True): (
            Row(("5xx", ANY), Lost(Rc.FAIL, Rc.FAIL)),
            Row(("4xx or none", ANY), Lost(Rc.DEFER, Rc.DEFER)),
        ),
        (True, False): (
            Row(("5xx", False), Lost(Rc.FAIL, Rc.DEFER)),
            Row((ANY, ANY), Lost(Rc.DEFER, Rc.DEFER)),
        ),
    },
    switches=("setup_5xx_tries_next_host", "setup_5xx_goes_on"),
)


# ---- transaction -----------------------------------------------------------------------------------------


class Recipient(Enum):
    """What a reply to RCPT means."""

    ACCEPTED = "accepted"
    REFUSED = "the address fails"
    LATER = "the address is deferred"
    TIMEOUT = "all addresses are deferred, the host stays usable"
    LOST = "the transaction has failed"


_REFUSED = "SMTP error from remote mail server after {command}: {reply}"

RCPT_REPLY: Table[Recipient] = Table(
    "rcpt reply",
    "What the reply to RCPT means.",
    "transports/smtp.c sync_responses",
    (REPLY,),
    always(
        Row((Answer.POSITIVE,), Recipient.ACCEPTED),
        Row((Answer.PERMANENT,), Recipient.REFUSED, _REFUSED),
        Row((Answer.TEMPORARY,), Recipient.LATER, _REFUSED),
        Row((Answer.OTHER,), Recipient.LATER, _REFUSED),
        Row((Answer.TIMEOUT,), Recipient.TIMEOUT, "SMTP timeout after {command}"),
        Row((ANY,), Recipient.LOST),
    ),
)


class Stage(Enum):
    """Which command the transaction broke off after."""

    MAIL = "MAIL"
    END = "end of data"
    OTHER = "another command"


TRANSACTION_FAILED: Table[Lost] = Table(
    "transaction failed",
    "Whose fault it is when a transaction breaks off. The message's: the host stays usable (OK). The host's:"
    " it is not tried again for a while.",
    _DELIVER,
    (
        Column("after", tuple(Stage)),
        REPLY,
    ),
    always(
        Row((ANY, Answer.PERMANENT), Lost(Rc.FAIL, Rc.OK)),
        Row((ANY, Answer.TEMPORARY), Lost(Rc.DEFER, Rc.OK)),
        Row((ANY, Answer.POSITIVE), Lost(Rc.DEFER, Rc.OK)),
        Row((ANY, Answer.OTHER), Lost(Rc.DEFER, Rc.OK)),
        Row((Stage.MAIL, Answer.TIMEOUT), Lost(Rc.DEFER, Rc.OK)),
        Row((Stage.END, Answer.TIMEOUT), Lost(Rc.DEFER, Rc.OK)),
        Row((Stage.END, Answer.LOST), Lost(Rc.DEFER, Rc.OK)),
        Row((ANY, ANY), Lost(Rc.DEFER, Rc.DEFER)),
    ),
)
