"""What is known of an SMTP session, and what all commands do with it (the variables of src/smtp_in.c).

``smtp_in.py`` reads the client's input and finds the command; the modules beside it carry the commands out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.string import from_octets
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.miscmods import arc, dkim
from eximsim.mta.process.load import above_queue_only_load, log_queued_for_load
from eximsim.mta.process.log import log_write, selector
from eximsim.mta.process.reception import Envelope
from eximsim.mta.reception.receive_data import DataReader
from eximsim.mta.reception.smtp_in_reply import (
    TOO_MANY_ERRORS,
    Replies,
    commands_had,
    connection_info,
    elapsed,
    tls_log,
)
from eximsim.mta.records.process_parts import Flushing
from eximsim.mta.records.spool import Header
from eximsim.mta.verify import cutthrough
from eximsim.ports import Action, Send
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.auths.server import Exchange
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.receive_headers import Submitter

RESTORED = frozenset({"rset", "helo", "ehlo", "starttls"})
"""Commands of which one for each message is not counted as a non-mail command."""
_FREE_AT_FIRST = RESTORED | {"auth"}

_OF_A_MESSAGE = (
    "sender_address",
    "prdr_requested",
    "rcpt_count",
    "rcpt_fail_count",
    "rcpt_defer_count",
    "headers_added",
    "recipients_count",
    "sender_data",
    "recipient_data",
    "authenticated_sender",
    "message_smtputf8",
)


class State(Enum):
    """What a session does with the next octets."""

    PROXY = "waits for the header of a proxy"
    COMMAND = "waits for a command"
    DATA = "reads a message that ends in a dot"
    CHUNK = "reads the octets of a BDAT command"
    HANDSHAKE = "waits for the TLS handshake"
    AUTHENTICATION = "waits for the answer to a challenge"
    REFUSING = "answers every command but QUIT with one reply"
    ENDED = "is over"


@dataclass(frozen=True, slots=True)
class AclAnswer:
    """What an ACL said, once a refusal has been answered."""

    rc: Rc
    user_message: str | None
    log_message: str | None = None


@dataclass(slots=True)
class Protocols:
    """Application protocols (ALPN): whether anybody watches for them, and what the client has offered."""

    watched: bool = False
    seen: bool = False
    refused: str = ""
    """Those that were refused, where that is found out only behind the handshake."""


@dataclass(slots=True)
class Xclient:
    """Whether XCLIENT was offered, and whether it was used."""

    offered: bool = False
    used: bool = False


@dataclass(slots=True)
class SmtpSession:
    """One session with one client."""

    reception: Reception
    submitter: Submitter | None = None
    """The local user of a session over standard input."""
    real_sender: str | None = None
    """Replaces each sender that ``may_be_sender`` does not allow the submitter to give."""
    may_be_sender: Callable[[str], bool] = lambda sender: True
    process: Process = field(init=False)
    replies: Replies = field(init=False)
    state: State = State.COMMAND
    gave_up: bool = False
    """The client was silent for too long."""
    lost: bool = False
    """The client went away, or was sent away: Exim exits with a failure."""
    notquit_run: bool = False
    """acl_smtp_notquit has had its say."""
    input: bytearray = field(default_factory=bytearray)
    """What the client has sent and nothing has read."""
    actions: list[Action] = field(default_factory=list)
    """What the shell has to do next."""
    later: list[Callable[[], None]] = field(default_factory=list)
    """What other processes do once the client has been answered."""
    refusal: str = ""
    """What REFUSING answers with."""
    closing: bool = False
    """Exim gives up after a fault of its own, without asking any ACL."""

    # ---- set when the session starts
    hostname: str = ""
    """``$smtp_active_hostname``."""
    time_limit: int = 0
    """For so many seconds the client may be silent; 0: for ever."""
    waiting_since: float | None = None
    """When the server began to wait for the client; None: it does not wait."""
    size_limit: int = 0
    """message_size_limit in octets; 0 for none."""
    queue_only: bool = field(init=False)
    greeted: bool = False
    tls_first: bool = False
    """The client starts with TLS."""
    connections: int = 0
    """How many clients the daemon had as this one came, with it; 0 without a daemon."""
    banner: tuple[str, ...] = ()
    delays: dict[str, float] = field(default_factory=dict)
    """How long the next command will have to wait, in seconds, by the option that says so."""
    connect_message: str | None = None
    """What the ACL for the connection has to say in place of the banner, until TLS is there."""
    """What is said once it has."""
    helo_required: bool = False
    """The client must greet with a name that can be verified (helo_verify_hosts)."""
    helo_verify: bool = False
    """The name is verified, and may be wrong (helo_try_verify_hosts)."""
    helo_accept_junk: bool = False

    proxy_until: float = 0.0
    """When the header of a proxy has to be here."""
    proxy_failed: bool = False
    """It was not, or was none."""
    xclient: Xclient = field(default_factory=Xclient)

    # ---- set by EHLO and HELO
    esmtp: bool = False
    helo_seen: bool = False
    own_certificates: tuple[bytes, ...] = ()
    """What the client is shown in the handshake, DER."""
    protocols: Protocols = field(default_factory=Protocols)
    resumption: int = 0
    """``$tls_in_resumption``."""
    certificate_fault: str = ""
    """The library's words for a client's certificate that was refused."""
    tls_advertised: bool = False
    dsn_advertised: bool = False
    advertised: dict[str, str] = field(default_factory=dict)
    """The mechanisms that were offered, by the name of their authenticator."""
    smtputf8_advertised: bool = False
    chunking_offered: bool = False

    # ---- the commands so far
    mail_commands: int = 0
    mail_limit: int | None = None
    """How many of them are taken, 0 for any number; None: nobody has looked."""
    nonmail_commands: int = 0
    unknown_commands: int = 0
    counts_nonmail: bool | None = None
    """The client is in smtp_accept_max_nonmail_hosts; None: nobody has looked."""
    free_commands: set[str] = field(default_factory=lambda: set(_FREE_AT_FIRST))
    """Commands whose next use is not counted as a non-mail command."""
    rejected_mail: bool = False
    """This command is a MAIL that was refused, or a RCPT that pipelining sent after one."""
    was_rcpt: bool = False
    """This command is a RCPT."""
    last_was_rejected_mail: bool = False
    last_was_rcpt: bool = False

    # ---- who the client is
    authenticating: tuple[DriverInstance, Exchange, bool] | None = None
    """The authenticator at work, its exchange, and whether that has begun."""
    authenticated_by: DriverInstance | None = None
    deferred_why: str = "reason not recorded"
    """Why an authentication was put off, the last time (``auth_defer_msg``)."""
    deferred_told: str = ""
    """What clients are told of it (``auth_defer_user_msg``); nothing takes it back."""
    tls_auth_due: bool = True
    """The tls authenticator has not been asked in this session of TLS."""

    # ---- the message that is coming in
    reader: DataReader | None = None
    chunk_left: int = 0
    past_chunks: bool = False
    """The header goes on behind the last chunk."""
    """So many octets of the chunk have not come yet."""
    only_rset: bool = False
    """The chunks of a message have gone wrong, and nothing but RSET helps."""
    chunk: tuple[int, bool] = (0, False)
    """The size of the chunk that BDAT announced, and whether it is the last."""

    latched_load: int | None = None
    """The load for which a message had to wait, and so do all after it."""
    unwanted: int = 0
    """How many octets of a chunk that nobody can take are thrown away (bdat_flush_data())."""

    def __post_init__(self) -> None:
        self.process = self.reception.process
        self.process.smtp_connection = partial(connection_info, self.reception)
        self.replies = Replies(self.reception)
        self.process.flushing = Flushing(self._flush)
        options = self.process.config.main
        self.queue_only = options.flag("queue_only")

    def waits_for_load(self) -> bool:
        """Whether a message stays on the queue, as the load is too high; and with queue_only_load_latch all
        that come after it."""
        load = self.latched_load
        if load is None:
            load = above_queue_only_load(self.process)
            if self.process.config.main.flag("queue_only_load_latch"):
                self.latched_load = load
        if load is not None:
            log_queued_for_load(self.process, load)
        return load is not None

    def _flush(self) -> None:
        """Tell the client at once what it would be told once its input has been dealt with."""
        link = self.reception.link
        if link is not None:
            if data := self.replies.take():
                link.tell(data)
        elif not self.reception.is_socket:
            self.process.out(from_octets(self.replies.take()))

    def went_on(self, *, or_left: bool) -> bool:
        """Whether the client has gone on (or with ``or_left`` gone away) without waiting for its answer.

        Source: check_sync().
        """
        reception = self.reception
        link = reception.link
        if link is None or not reception.enforce_sync or reception.tls is not None:
            return False
        self.input += link.take()
        return bool(self.input) or (or_left and link.hung_up)

    def may_be_early(self) -> bool:
        """Whether the client need not wait for the greeting, nor for any reply before that to DATA."""
        process, reception = self.process, self.reception
        if not process.profile.pipe_connect_offered or reception.pipelining.data_seen:
            return False
        known = reception.get("sender_host_address") is not None
        return known and self.client_in("pipelining_connect_advertise_hosts")

    @property
    def ended(self) -> bool:
        """Whether the session is over; ``lost`` then tells whether the client went away."""
        return self.state is State.ENDED

    def note_pipelining(self) -> None:
        """MAIL or RCPT is accepted: has the client sent more already? Source: pipeline_response()."""
        reception = self.reception
        if self.input and reception.enforce_sync and reception.is_socket and reception.pipelining.advertised:
            reception.pipelining.used = True

    def client_in(self, option: str, *, defer: bool = False) -> bool:
        """Whether the client is in the host list of a main option; ``defer`` counts a deferral as yes."""
        process = self.process
        text = process.config.main.text(option)
        result = verify_check_host(process, text, list_name=option, cache=self.reception.host_cache)
        return result is Rc.OK or (defer and result is Rc.DEFER)

    def error(self, kind: str, code: int, text: str, data: str | None = None) -> None:
        """Answer a syntax or protocol error; too many of them end the session."""
        if self.replies.synprot_error(kind, code, text, data):
            if code and self.process.profile.synprot_limit_runs_notquit:
                notquit(self, "bad-command-synprot", str(code), TOO_MANY_ERRORS)
            self.end(lost=True)

    def check_acl(self, where: Where, option: str, argument: str | None = None) -> AclAnswer:
        """Run the ACL of a main option; no ACL says OK. A refusal is answered here.

        The log shows ``argument``, or that of the command.
        """
        text = self.process.config.main.text(option)
        if text is None:
            return AclAnswer(Rc.OK, None)
        result = acl_check(self.reception, where, None, text)
        if result.rc in (Rc.OK, Rc.DISCARD):
            return AclAnswer(result.rc, result.user_message, result.log_message)
        shown = self.process.variables.get("smtp_command_argument") if argument is None else argument
        if self.replies.acl_fail(where, result, shown):
            self.drop()
        return AclAnswer(result.rc, None)

    def drop(self, *, message_read: bool = False) -> None:
        """End the session after an ACL's ``drop``; with failure if it was one that sees the message."""
        notquit(self, "acl-drop", None)
        self.end(lost=message_read)

    def end(self, *, lost: bool = False) -> None:
        """The session is over; ``lost`` makes Exim exit with a failure."""
        if not self.ended:
            self.state, self.lost = State.ENDED, lost
            cutthrough.leave(self.process)
            log_no_mail(self)

    def end_at_once(self) -> None:
        """The process exits, and nothing more is logged."""
        if not self.ended:
            self.state, self.lost, self.gave_up = State.ENDED, True, True
            cutthrough.leave(self.process)

    def refuse_session(self) -> None:
        """The client is not let in: nothing more is said or logged."""
        self.state = State.ENDED

    def reset(self) -> None:
        """Forget the mail transaction (smtp_reset())."""
        self.reception.envelope = Envelope(discarded=self.reception.envelope.discarded)
        self.reader, self.only_rset, self.reception.headers = None, False, []
        self.reader = None
        dkim.smtp_reset(self.process)
        arc.smtp_reset(self.process)
        variables = self.process.variables
        for name in _OF_A_MESSAGE:
            variables.pop(name, None)
        variables |= {"message_size": "-1", "message_linecount": "0"}
        for name in [name for name in variables if name.startswith("acl_m")]:
            del variables[name]

    def act(self, action: Action) -> None:
        """Have the shell do something once all replies so far are sent."""
        if data := self.replies.take():
            self.actions.append(Send(data))
        self.actions.append(action)

    def wait_for_tls(self) -> None:
        """Nothing is read until the handshake is over; what was sent too early is thrown away."""
        self.input.clear()
        self.state = State.HANDSHAKE

    def authenticate(self, authenticator: DriverInstance, exchange: Exchange) -> None:
        """What the client says next answers the challenges of ``exchange``, which has not begun."""
        self.authenticating, self.state = (authenticator, exchange, False), State.AUTHENTICATION

    def wait_for_command(self) -> None:
        """What the client says next is a command."""
        self.state = State.COMMAND

    def refuse_all(self, reply: str) -> None:
        """Answer every command from now on with ``reply``, until QUIT."""
        self.state, self.refusal = State.REFUSING, reply

    def take_sender(self) -> None:
        """A message begins: its sender is the submitter's own, if he may give no other."""
        envelope = self.reception.envelope
        if self.real_sender is not None and not self.may_be_sender(envelope.sender or ""):
            envelope.raw_sender, envelope.sender = None, self.real_sender
            self.process.variables["sender_address"] = self.real_sender
            envelope.sender_unrewritten = None

    def read_message(self) -> None:
        """The client was told to send the message."""
        self.take_sender()
        self.reception.envelope.discarded = False
        self.reader = DataReader(strict=self.process.profile.data_needs_crlf)
        self.state = State.DATA

    def read_chunk(self, size: int, *, last: bool) -> None:
        """The client sends ``size`` octets of a message."""
        self.chunk, self.chunk_left, self.state = (size, last), size, State.CHUNK
        self.past_chunks = False
        if self.reader is None:
            self.take_sender()
            self.reception.envelope.discarded = False
            self.reader = DataReader(strict=False)
            self.reception.headers = [Header("P", "")]  # a place for Received:, which shows in the reject log


def notquit(session: SmtpSession, reason: str, code: str | None, text: str = "") -> None:
    """Run acl_smtp_notquit, once, and give the last reply (smtp_notquit_exit())."""
    if session.notquit_run:
        return
    session.notquit_run = True
    process = session.process
    acl = process.config.main.text("acl_smtp_notquit")
    user_message = None
    if acl is not None:
        process.variables["smtp_notquit_reason"] = reason
        result = acl_check(session.reception, Where.NOTQUIT, None, acl)
        user_message = result.user_message
        if result.rc is Rc.ERROR:
            log_write(process, f"ACL for not-QUIT returned ERROR: {result.log_message or 'NULL'}", panic=True)
    if code is not None and user_message is not None:
        session.replies.respond(code, user_message)
    elif code is not None:
        session.replies.line(f"{code} {text}")


def log_no_mail(session: SmtpSession) -> None:
    """The line that smtp_no_mail asks for when a session brought no MAIL (smtp_log_no_mail())."""
    process, reception = session.process, session.reception
    if session.mail_commands or not selector(process, "smtp_no_mail"):
        return
    had = commands_had(session.replies.history)
    client = host_and_ident(process, flagged=False)
    text = f"no MAIL in SMTP connection from {client} D={elapsed(reception)}"
    name, identity = reception.get("sender_host_authenticated"), reception.get("authenticated_id")
    if name is not None:
        text += f" A={name}" + (f":{identity}" if identity else "")
    text += f"{tls_log(reception)}{had}"
    log_write(process, text)


_PROTOCOLS = {
    # EHLO, TLS, authenticated
    (False, False, False): "smtp",
    (False, True, False): "smtps",
    (True, False, False): "esmtp",
    (True, True, False): "esmtps",
    (True, False, True): "esmtpa",
    (True, True, True): "esmtpsa",
}


def protocol(session: SmtpSession, *, esmtp: bool | None = None) -> str:
    """``$received_protocol`` as the session stands; ``esmtp``: whatever the client has greeted with."""
    reception = session.reception
    secure = reception.tls is not None
    esmtp = session.esmtp if esmtp is None else esmtp
    authenticated = esmtp and reception.get("sender_host_authenticated") is not None
    local = "" if reception.get("sender_host_address") is not None else "local-"
    process = session.process
    if session.tls_first and process.profile.tls_on_connect_named and selector(process, "tls_on_connect"):
        known = reception.get("sender_host_authenticated") is not None
        return f"{local}essmtp{'a' if known else ''}"  # whether the client has said HELO or EHLO
    return local + _PROTOCOLS[esmtp, secure, authenticated]
