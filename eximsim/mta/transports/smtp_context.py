"""The state of one SMTP call of the transport or of a callout: ``smtp_context`` (src/transports/smtp.h)."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.event import event_raise
from eximsim.mta.lookup.verify_hosts import verify_check_given_host
from eximsim.mta.process.log import printed
from eximsim.mta.records.hints import EhloRecord
from eximsim.mta.records.open_call import Limits
from eximsim.mta.records.structs import TlsNeeds
from eximsim.mta.transports.smtp_out import Dialogue, Reply, driver_text
from eximsim.mta.transports.tls_failed import log_tls_error
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.open_call import ClientTls
    from eximsim.mta.records.structs import Address, HostItem

RECIPIENT_NAMED = Rule("recipient named", "transports/smtp.c smtp_write_mail_and_rcpt_cmds")

PENDING = frozenset({Rc.PENDING, Rc.PENDING_DEFER, Rc.PENDING_OK})
"""States of an address that is being worked on (``transport_return >= PENDING``)."""

_FEATURE = re.compile(
    r"^250[ -](STARTTLS|PIPELINING|SIZE|PRDR|DSN|CHUNKING|IGNOREQUOTA|SMTPUTF8|PIPE_?CONNECT)(?=\s|$)", re.M
)

_AUTH = re.compile(r"\n250[\s-]AUTH\s+([-\w \t]+)(?:\n|$)")


def ehlo_response(text: str) -> frozenset[str]:
    """The extensions that an EHLO reply offers, of those that a client can use; the first line is none."""
    _, newline, rest = text.partition("\n")
    return frozenset(_FEATURE.findall(rest)) if newline else frozenset()


_LIMITS = re.compile(r"\n250[\s-]LIMITS\s")
_LIMIT = re.compile(r"(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=(\d*)", re.I)


def ehlo_limits(text: str) -> Limits:
    """What an EHLO reply says with the extension LIMITS (``ehlo_response_limits_read()``).

    Exim looks for the limits in all of the reply but as many octets at its beginning as the keyword takes.
    """
    found = _LIMITS.search(text)
    words = text[len(found[0]) :].split() if found else []
    limits = (one for word in words if (one := _LIMIT.match(word)))
    said = {one[1].upper(): int(one[2] or 0) for one in limits}
    return Limits(said.get("MAILMAX", 0), said.get("RCPTMAX", 0), said.get("RCPTDOMAINMAX", 0))


def auth_mechanisms(text: str) -> frozenset[str]:
    """The mechanisms, in lower case, that an EHLO reply offers for authentication."""
    found = _AUTH.search(text) if "AUTH" in text else None
    return frozenset(found[1].lower().split()) if found else frozenset()


@dataclass(slots=True)
class Outstanding:
    """Commands that were sent or buffered and whose replies have not been read."""

    mail: str = ""
    recipients: list[Address] = field(default_factory=list)


@dataclass(slots=True)
class SmtpContext:
    """One call to one host, from before the connection to after it."""

    process: Process
    transport: DriverInstance
    addrlist: list[Address]
    host: HostItem
    port: int
    more_hosts: bool
    interface: str | None = None
    verify: bool = False
    others_asked: bool = False
    """This callout has asked another host before."""
    connect_timeout: float = 0
    command_timeout: float = 0

    dialogue: Dialogue | None = None
    command_log: list[str] = field(default_factory=list)
    tls: ClientTls | None = None
    dane: bool = False
    dane_required: bool = False
    refused_later: bool = False
    """The call was refused, and had been taken for open until the greeting was read."""
    everyone: list[Address] = field(default_factory=list)
    """All recipients of the run, with those that another connection is for."""
    first_addr: Address | None = None
    tlsa: tuple[bytes, ...] = ()
    lmtp: bool = False
    smtps: bool = False
    esmtp: bool = True
    helo_data: str = ""
    starttls_offered: bool = False
    features: frozenset[str] = frozenset()
    mechanisms: frozenset[str] = frozenset()
    """Ways to authenticate that the server offers, in lower case."""
    authenticated: bool = False
    """The server knows who is calling."""
    pipelining: bool = False
    early_wanted: bool = False
    """The host is to be spoken to before it has greeted, once it is known to allow that."""
    early: bool = False
    """It is spoken to like that (``early_pipe_active``)."""
    at_greeting: str = "initial connection"
    """What messages name as the last command while the greeting is waited for."""
    banner_waits: bool = False
    ehlo_waits: bool = False
    known: EhloRecord = field(default_factory=EhloRecord)
    """What the host has offered before, if that is asked for."""
    chunking: bool = False
    """The message goes by BDAT (RFC 3030)."""
    prdr: bool = False
    """The server answers for each recipient after the message, if it is asked to."""
    prdr_active: bool = False
    """It was asked to, for this transaction."""
    reply: Reply = field(default_factory=lambda: Reply(True, ""))
    started: float = 0
    """When the delivery began (``delivery_start``)."""
    setting_up: bool = True
    send_quit: bool = True
    ok: bool = False
    send_rset: bool = True
    completed_addr: bool = False
    last_of_message: bool = True
    next_id: str | None = None
    """The message that was found to wait for the host before this one was sent."""
    quit_early: bool = False
    """QUIT goes out with the message's end."""
    quit_sent: bool = False
    """It has."""
    message_defer: bool = False
    update_waiting: bool = True
    waiting: Outstanding = field(default_factory=Outstanding)
    limits: Limits = field(default_factory=Limits)
    """What the server has said of itself, if the release heeds that."""
    sequence: int = 1
    """The number of this message on the connection; each transaction counts."""
    message_ended: bool = False
    """A message has been sent to its end in this session, which may have more transactions."""
    at_limit: bool = False
    """The connection has had as many messages as it may; there are recipients left for another one."""
    next_addr: Address | None = None
    """The recipient that another connection would begin with, whether it is still to be sent to or not."""
    to_skip: list[tuple[int, Address]] = field(default_factory=list)
    """Recipients of other domains that a transaction passes over, each with how many are named before it."""
    too_many: Address | None = None
    """The first recipient that is to be named again, after another MAIL, since the server had enough."""

    @property
    def ignore_quota(self) -> str:
        """What RCPT says of quotas, with a blank before it, to a server that takes it."""
        asked = self.lmtp and self.transport.options.flag("lmtp_ignore_quota")
        return " IGNOREQUOTA" if asked and "IGNOREQUOTA" in self.features else ""

    @property
    def wire(self) -> Dialogue:
        """The open dialogue; an error of the model if there is none."""
        assert self.dialogue is not None
        return self.dialogue

    def record_step(self, letter: str) -> None:
        """Note a step of the set-up for PS= in the log (``smtp_record_protocol_sequence()``)."""
        if self.first_addr is not None:
            self.first_addr.protocol_sequence += letter

    def host_is_in(self, option: str) -> bool:
        """Whether the host matches the transport's host list ``option``."""
        text = self.option(option)
        found = verify_check_given_host(
            self.process, text, self.host.name, self.host.address, list_name=option
        )
        return found is Rc.OK

    def option(self, name: str) -> str | None:
        """The transport's text option as this process has it: DANE changes some for good."""
        return driver_text(self.process, self.transport, name)

    @property
    def requires_tls(self) -> bool:
        """TLS on connect, or an SRV record, wants TLS."""
        return self.smtps or self.host.tls_needs is not TlsNeeds.UNKNOWN

    @property
    def tempfail_tryclear(self) -> bool:
        """tls_tempfail_tryclear as this process has it: DANE and smtps switch it off, and it stays off."""
        state = self.process.driver_state.get(self.transport.name, {})
        return bool(state.get("tls_tempfail_tryclear", self.transport.options.flag("tls_tempfail_tryclear")))

    def set_option(self, name: str, value: object) -> None:
        """Change the transport's options block for the rest of this process, as the real code does."""
        self.process.driver_state.setdefault(self.transport.name, {})[name] = value

    def raise_event(self, event: str, data: str | None = None) -> str | None:
        """Tell the transport's event_action; see ``event_raise``."""
        action = self.transport.options.text("event_action")
        if action is None:
            return None
        return event_raise(self.process, action, event, data)

    def note_recipient(self, address: str) -> None:
        """Record that the host is about to be told of a recipient, and how safe the call is."""
        security = "clear" if self.tls is None else self.tls.cv
        self.process.trace.record(
            RECIPIENT_NAMED,
            security,
            address=address,
            host=self.host.name,
            ip=self.host.address,
        )

    def read(self, ok_digit: str = "2", timeout: float | None = None) -> Reply:
        """Read one reply into ``self.reply``."""
        self.reply = self.wire.read(ok_digit, self.command_timeout if timeout is None else timeout)
        if self.wire.reset and self.tls is not None and self.process.profile.tls_library == GNUTLS:
            log_tls_error(self, "recv", PULL_FAILED)
        return self.reply

    @property
    def seconds(self) -> int:
        """How long the delivery has taken so far."""
        return int(self.process.world.now() - self.started)


PULL_FAILED = "Error in the pull function."
"""What GnuTLS says of a connection that was reset."""


def send_errno(sx: SmtpContext) -> int:
    """Why a command could not be sent: the server has reset the connection, or was gone before."""
    return sx.wire.send_errno or errnos.EPIPE


def send_failed(sx: SmtpContext, errno: int | None = None, *, why: str | None = None) -> str:
    """What is said of a command that could not be sent, for ``errno`` unless ``why`` tells another reason."""
    errno = send_errno(sx) if errno is None else errno
    word = "smtp send" if sx.process.profile.send_failure_worded_generally else "send()"
    reason = errnos.strerror(errno) if why is None else why
    return f"{word} to {sx.host.name} [{sx.host.address}] failed: {reason}"


def set_errno(
    sx: SmtpContext | None,
    addrlist: list[Address],
    errno: int,
    message: str | None,
    rc: Rc,
    *,
    user: bool = False,
    host: HostItem | None = None,
) -> None:
    """Give every address that is being worked on the same outcome (``set_errno()``).

    ``host``, if given, becomes the host that the address's log line names; ``user``: the message is the
    remote server's own and may be shown to the sender (``pass_message``).
    """
    for addr in addrlist:
        if addr.transport_return in PENDING:
            addr.basic_errno = errno
            addr.delivery_seconds = 0 if sx is None else sx.seconds
            if message is not None:
                addr.message = message
                addr.pass_message = addr.pass_message or user
            addr.transport_return = rc
            if host is not None:
                addr.host_used = host


def prepare_addresses(addrlist: list[Address], host: HostItem) -> Address | None:
    """Flush out the results of earlier hosts; the first address that is still to be delivered, or None."""
    first = None
    for addr in addrlist:
        if addr.transport_return is Rc.DEFER:
            first = first or addr
            addr.transport_return = Rc.PENDING_DEFER
            addr.basic_errno = 0
            addr.more_errno = ord("M") if host.mx >= 0 else ord("A")
            addr.message = None
            addr.tls = addr.cv = addr.peerdn = addr.ocsp = None
    return first


@dataclass(frozen=True, slots=True)
class Analysis:
    """What ``check_response()`` makes of a failed reply."""

    code: str
    errno: int
    message: str
    user: bool
    send_quit: bool


def check_response(sx: SmtpContext, reply: Reply) -> Analysis:
    """Analyse an unwanted reply: the digit to act on, errno and text (``check_response()``)."""
    what = f"{'pipelined ' if sx.process.pipelining_active else ''}{sx.wire.command}"
    if reply.errno == errnos.ETIMEDOUT:
        written = sx.process.transport_count
        count = f" ({written} bytes written)" if written else ""
        return Analysis("4", reply.errno, f"SMTP timeout after {what}{count}", False, False)
    if reply.errno == Errno.SMTPFORMAT:
        text = printed(sx.process, reply.text).lstrip()
        said = f"in response to {what}: {text}" if text else f"(an empty line) in response to {what}"
        return Analysis("4", reply.errno, f"Malformed SMTP reply {said}", False, False)
    if reply.text:
        text = f"SMTP error from remote mail server after {what}: {printed(sx.process, reply.text)}"
        return Analysis(reply.text[0], reply.errno, text, True, True)
    if reply.errno in (0, errnos.ECONNRESET):
        text = f"Remote host closed connection in response to {what}"
        return Analysis("4", Errno.SMTPCLOSED, text, False, False)
    return Analysis("4", reply.errno, f"{sx.host.name} [{sx.host.address}]", False, False)
