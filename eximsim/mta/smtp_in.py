"""An SMTP session, seen from the server: a state machine without I/O (src/smtp_in.c).

``SmtpIn`` is fed with what the client sends and gives what the shell has to do. It runs over a socket as a
``world.Session`` (``mta/daemon.py``) and over standard input for -bs, -bh and -bhc (``mta/exim.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta import smtp_in_mail, smtp_in_tls
from eximsim.mta.acl import Where, acl_check
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.log import drop_selector, log_write, selector
from eximsim.mta.receive import DataReader, receive_msg
from eximsim.mta.reception import Envelope, host_and_ident, host_build_sender_fullhost, look_up_sender_name
from eximsim.mta.smtp_in_helo import ehlo, helo, protocol
from eximsim.mta.smtp_in_reply import Replies, closed_by, connection_info, elapsed, tls_log
from eximsim.mta.string import SPACES, from_octets, string_printing
from eximsim.mta.verify_hosts import verify_check_host
from eximsim.mta.world import Action, Close, Send, TlsSession
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.globals import Process
    from eximsim.mta.receive_headers import Submitter
    from eximsim.mta.reception import Reception

_COMMAND_SIZE = 16384
"""``smtp_cmd_buffer_size``: longer lines are no commands."""

_HISTORY = 20
_RESTORED = frozenset({"rset", "helo", "ehlo", "starttls"})
"""Commands of which one for each message is not counted as a non-mail command."""


class _State(Enum):
    COMMAND = "waits for a command"
    DATA = "reads a message that ends in a dot"
    CHUNK = "reads the octets of a BDAT command"
    HANDSHAKE = "waits for the TLS handshake"
    REFUSING = "answers every command but QUIT with one reply"
    ENDED = "is over"


class _Sync(Enum):
    ALWAYS = "nothing may follow before the reply"
    UNLESS_PIPELINING = "something may follow if PIPELINING was offered"
    NEVER = "something may follow"


@dataclass(frozen=True, slots=True)
class _Command:
    """One SMTP command: its name as it is matched, what it does, and what may come with and after it."""

    name: str
    run: Callable[[SmtpIn, str], None]
    sync: _Sync
    argument: bool = True
    mail: bool = True


class SmtpIn:
    """One session with one client.

    ``deliver`` is called with the id of each message that is accepted for immediate delivery, after the
    reply has been handed out. ``real_sender`` replaces the sender of messages from a caller who may not say
    who that is.
    """

    def __init__(
        self, reception: Reception, deliver: Callable[[str], None], submitter: Submitter | None = None
    ) -> None:
        self.reception = reception
        self.process: Process = reception.process
        self.process.smtp_connection = partial(connection_info, reception)
        self.submitter = submitter
        self.real_sender: str | None = None
        self.replies = Replies(reception)
        self.hostname = ""
        self.esmtp = self.helo_seen = self.helo_accept_junk = self.helo_required = self.helo_verify = False
        self.pipelining_advertised = self.tls_advertised = self.dsn_advertised = self.chunking_offered = False
        self.free_commands = set(_RESTORED)
        self.last_was_rejected_mail = self.last_was_rcpt = False
        self.rejected_mail = self.was_rcpt = False
        self.size_limit = 0
        self.accepted: list[str] = []
        self.lost = False
        self.received = 0
        self._deliver = deliver
        self._state = _State.COMMAND
        self._input = bytearray()
        self._actions: list[Action] = []
        self._reader: DataReader | None = None
        self._chunk = (0, False)
        self._refusal = ""
        self._after_handshake: Callable[[], None] = lambda: None
        self._mail_commands = self._nonmail = self._unknown = 0
        self._counts_nonmail: bool | None = None
        self._history: list[str] = []
        self._notquit_run = False

    # ---- what the shell calls -------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the session is over; ``lost`` then tells whether the client went away."""
        return self._state is _State.ENDED

    def start(self) -> Iterator[Action]:
        """Greet the client, or refuse it (smtp_start_session())."""
        process, options = self.process, self.process.config.main
        self.reception.started = process.world.now()
        self.hostname = smtp_active_hostname(process)
        process.variables["smtp_active_hostname"] = self.hostname
        self.reception.set("received_protocol", protocol(self))
        self.size_limit = message_size_limit(process)
        if not self.reception.sender_host_unknown:
            if self.client_in("host_lookup"):
                look_up_sender_name(self.reception)
                host_build_sender_fullhost(process)
            if self.reception.is_socket and process.variables.get("interface_port") in _ports(
                options.text("tls_on_connect_ports")
            ):
                self._after_handshake = self._check_client
                smtp_in_tls.start(self)
                return self._pump()
            self._check_client()
        else:
            self._greet()
        return self._pump()

    def feed(self, data: bytes) -> Iterator[Action]:
        """Take what the client sent; the actions must be carried out as they come."""
        self._input += data
        return self._pump()

    def eof(self) -> Iterator[Action]:
        """The client sends no more."""
        if self._state in (_State.DATA, _State.CHUNK):
            self._lost_in_message()
        elif self._state is not _State.ENDED:
            self._lost_at_command()
        return self._pump()

    def tls_started(self, session: TlsSession) -> Iterator[Action]:
        """The handshake that was asked for is complete."""
        smtp_in_tls.started(self, session)
        self._state = _State.COMMAND
        self._after_handshake()
        return self._pump()

    def tls_failed(self, reason: str) -> Iterator[Action]:
        """The handshake that was asked for failed, for ``reason`` in the library's words."""
        smtp_in_tls.failed(self, reason)
        return self._pump()

    def closedown(self, message: str) -> Iterator[Action]:
        """Exim gives up: tell the client, and refuse everything else (smtp_closedown())."""
        self.replies.line(f"421 {message}")
        self.refuse_all(f"421 {message}")
        return self._pump()

    def _pump(self) -> Iterator[Action]:
        """Work on the input as far as it goes, and hand out actions as they become due."""
        while True:
            progress = self._state is not _State.ENDED and self._step()
            if not progress or self.accepted or self._actions:
                yield from self._drain()
            if not progress:
                return

    def _drain(self) -> Iterator[Action]:
        if data := self.replies.take():
            yield Send(data)
        actions, self._actions = self._actions, []
        yield from actions
        while self.accepted:
            self._deliver(self.accepted.pop(0))
        if self._state is _State.ENDED and not any(isinstance(action, Close) for action in actions):
            yield Close()

    # ---- reading -------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Do one thing with the input; False if there is not enough of it."""
        if self._state is _State.DATA:
            return self._read_data()
        if self._state is _State.CHUNK:
            return self._read_chunk()
        if self._state is _State.HANDSHAKE:
            return False
        line = self._read_line()
        if line is None:
            return False
        if self._state is _State.REFUSING:
            self._refuse(line)
        else:
            self._obey(line)
        return True

    def _read_line(self) -> str | None:
        """The next command line without its end; an overlong one comes in pieces."""
        end = self._input.find(b"\n")
        if end > _COMMAND_SIZE or (end < 0 and len(self._input) > _COMMAND_SIZE):
            end = _COMMAND_SIZE
        if end < 0:
            return None
        line = bytes(self._input[:end])
        del self._input[: end + 1]
        return from_octets(line.replace(b"\0", b"?") if end == _COMMAND_SIZE else line)

    def _obey(self, line: str) -> None:
        """Recognise one command and carry it out (smtp_read_command(), smtp_setup_msg())."""
        had_null = "\0" in line
        overlong = len(line) >= _COMMAND_SIZE
        line = line.replace("\0", "?").rstrip(SPACES)
        self.replies.command = line
        self.process.variables["smtp_command"] = line
        self.last_was_rejected_mail, self.last_was_rcpt = self.rejected_mail, self.was_rcpt
        self.rejected_mail = self.was_rcpt = False
        if had_null:
            text = "NULL character(s) present (shown as '?')"
            if self.replies.synprot_error("syntax", 0, text):
                self.end(lost=True)
            self.replies.line("501 NULL characters are not allowed in SMTP commands")
            return
        command = None if overlong else _find(line)
        if self._out_of_sync(command):
            self._sync_failure()
        elif command is None:
            self._unknown_command()
        else:
            self._run(command, line[len(command.name) :].lstrip(SPACES))

    def _run(self, command: _Command, argument: str) -> None:
        self.process.variables["smtp_command_argument"] = argument
        free = command.mail or command.name in self.free_commands
        if not free and self._too_many_nonmail():
            return
        if argument and not command.argument:
            self.error("syntax", 501, "unexpected argument data")
            return
        self._history = [*self._history, command.name.split()[0].upper()][-_HISTORY:]
        command.run(self, argument)

    def _out_of_sync(self, command: _Command | None) -> bool:
        reception = self.reception
        if not self._input or not reception.enforce_sync or not reception.is_socket or reception.tls is not None:
            return False
        sync = _Sync.ALWAYS if command is None else command.sync
        return sync is _Sync.ALWAYS or (sync is _Sync.UNLESS_PIPELINING and not self.pipelining_advertised)

    # ---- helpers of the commands ---------------------------------------------------------------------------

    def client_in(self, option: str, *, defer: bool = False) -> bool:
        """Whether the client is in the host list of a main option; ``defer`` counts a deferral as yes."""
        process = self.process
        result = verify_check_host(process, process.config.main.text(option), list_name=option)
        return result is Rc.OK or (defer and result is Rc.DEFER)

    def error(self, kind: str, code: int, text: str, data: str | None = None) -> None:
        """Answer a syntax or protocol error; too many of them end the session."""
        if self.replies.synprot_error(kind, code, text, data):
            self.end(lost=True)

    def check_acl(self, where: Where, option: str, recipient: str | None = None) -> AclAnswer:
        """Run the ACL of a main option; no ACL says OK. A refusal is answered here."""
        text = self.process.config.main.text(option)
        if text is None:
            return AclAnswer(Rc.OK, None)
        result = acl_check(self.reception, where, recipient, text)
        if result.rc in (Rc.OK, Rc.DISCARD):
            return AclAnswer(result.rc, result.user_message, result.log_message)
        argument = self.process.variables.get("smtp_command_argument")
        if self.replies.acl_fail(where, result, argument):
            self.drop()
        return AclAnswer(result.rc, None)

    def drop(self) -> None:
        """End the session after an ACL's ``drop``."""
        self._notquit("acl-drop", None)
        self.end()

    def end(self, *, lost: bool = False) -> None:
        """The session is over; ``lost`` makes Exim exit with a failure."""
        if self._state is not _State.ENDED:
            self._state, self.lost = _State.ENDED, lost
            self._log_no_mail()

    def reset(self) -> None:
        """Forget the mail transaction (smtp_reset())."""
        self.reception.envelope = Envelope()
        for name in ("sender_address", "message_size", "rcpt_count", "recipients_count"):
            self.process.variables.pop(name, None)
        for name in [name for name in self.process.variables if name.startswith("acl_m")]:
            del self.process.variables[name]

    def act(self, action: Action) -> None:
        """Have the shell do something once all replies so far are sent."""
        if data := self.replies.take():
            self._actions.append(Send(data))
        self._actions.append(action)

    def wait_for_tls(self) -> None:
        """Nothing is read until the handshake is over; what was sent too early is thrown away."""
        self._input.clear()
        self._state = _State.HANDSHAKE

    def refuse_all(self, reply: str) -> None:
        """Answer every command from now on with ``reply``, until QUIT."""
        self._state, self._refusal = _State.REFUSING, reply

    def read_message(self) -> None:
        """The client was told to send the message."""
        self._reader = DataReader(strict=self.process.profile.data_needs_crlf)
        self._state = _State.DATA

    def read_chunk(self, size: int, *, last: bool) -> None:
        """The client sends ``size`` octets of a message."""
        self._chunk, self._state = (size, last), _State.CHUNK

    # ---- the greeting ----------------------------------------------------------------------------------------

    def _check_client(self) -> None:
        process = self.process
        if self.client_in("host_reject_connection"):
            client = host_and_ident(process, flagged=False)
            text = f"refused connection from {client} (host_reject_connection)"
            log_write(process, text, reject=True, when="connection_reject")
            self.replies.line("554 SMTP service not available")
            self._state = _State.ENDED
            return
        self.reception.allow_unqualified_sender = self.client_in("sender_unqualified_hosts")
        self.reception.allow_unqualified_recipient = self.client_in("recipient_unqualified_hosts")
        self.helo_required = self.client_in("helo_verify_hosts")
        if not self.helo_required:
            self.helo_verify = self.client_in("helo_try_verify_hosts")
        self.helo_accept_junk = self.client_in("helo_accept_junk_hosts")
        self._greet()

    def _greet(self) -> None:
        process = self.process
        self.reception.enforce_sync = process.config.main.flag("smtp_enforce_sync")
        text = process.config.main.text("acl_smtp_connect")
        user_message = None
        if text is not None:
            result = acl_check(self.reception, Where.CONNECT, None, text)
            if result.rc is not Rc.OK:
                self.replies.acl_fail(Where.CONNECT, result, None)
                self._state = _State.ENDED
                return
            user_message = result.user_message
        code, banner = "220", user_message
        if banner is None:
            try:
                banner = expand(process, process.config.main.text("smtp_banner") or "")
            except ExpansionFailed as failure:
                raise Unsupported(
                    f"smtp_banner that does not expand ({failure.message})", *process.config.main.where("smtp_banner")
                ) from None
        else:
            code, banner, _ = self.replies.message_code(code, banner, None)
        lines = banner.rstrip(SPACES).split("\n")
        for index, line in enumerate(lines):
            self.replies.line(f"{code[:3]}{' ' if index == len(lines) - 1 else '-'}{code[4:]}{line}")

    # ---- messages --------------------------------------------------------------------------------------------

    def _read_data(self) -> bool:
        assert self._reader is not None
        rest = self._reader.feed(bytes(self._input))
        self._input.clear()
        if rest is None:
            return False
        self._input += rest
        self._finish_message(self._reader.content(dots=True))
        return True

    def _read_chunk(self) -> bool:
        size, last = self._chunk
        if len(self._input) < size:
            return False
        data = bytes(self._input[:size])
        del self._input[:size]
        self._state = _State.COMMAND
        if self._reader is None:
            self._reader = DataReader(strict=False)
        self._reader.add(data)
        if last:
            self._finish_message(self._reader.content(dots=False))
        else:
            self.replies.line(f"250 {size} byte chunk received")
        return True

    def _finish_message(self, content: bytes) -> None:
        self._reader, self._state = None, _State.COMMAND
        if self.real_sender is not None:
            self.reception.envelope.sender = self.process.variables["sender_address"] = self.real_sender
        received = receive_msg(self.reception, content, self.replies, self.size_limit, self.submitter)
        if received.dropped:
            self._notquit("acl-drop", None)
            self.end()
        if received.message_id is not None and not self.process.host_checking:
            self.received += 1
            if received.deliver and self._may_deliver(received.message_id):
                self.accepted.append(received.message_id)
        self.process.message_id = ""
        self.reset()
        self.free_commands = set(_RESTORED)

    def _may_deliver(self, message_id: str) -> bool:
        """Whether the configuration lets a message be delivered at once."""
        options = self.process.config.main
        if options.flag("queue_only"):
            return False
        limit = options.number("smtp_accept_queue_per_connection")
        if 0 < limit < self.received:
            text = f"no immediate delivery: more than {limit} messages received in one connection"
            log_write(self.process, text, when="delay_delivery")
            return False
        return True

    def transaction_has_chunks(self) -> bool:
        """Whether BDAT has already brought a part of the message."""
        return self._reader is not None

    # ---- the end ---------------------------------------------------------------------------------------------

    def quit(self, argument: str) -> None:
        """The QUIT command."""
        self.incomplete_transaction("QUIT")
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        answer = self.check_acl(Where.QUIT, "acl_smtp_quit")
        if answer.user_message is None:
            self.replies.line(f"221 {self.hostname} closing connection")
        else:
            self.replies.respond("221", answer.user_message)
        self._log_closed("by QUIT")
        self.end()

    def _log_closed(self, how: str) -> None:
        text = f"{connection_info(self.reception)}{closed_by(self.reception, how)}"
        log_write(self.process, text, when="smtp_connection")

    def _refuse(self, line: str) -> None:
        if line.rstrip(SPACES).lower().split(" ")[0] == "quit":
            self._say_goodbye()
        else:
            self.replies.line(self._refusal)

    def _lost_at_command(self) -> None:
        """End of file where a command was expected (EOF_CMD)."""
        if self._state is _State.REFUSING:
            self._log_closed("by EOF")
            self._notquit("tls-failed", None)
            self.end()
            return
        process, envelope = self.process, self.reception.envelope
        self.incomplete_transaction("connection lost")
        self._notquit("connection-lost", "421", f"{self.hostname} lost input connection")
        if envelope.sender is not None or envelope.recipients:
            what = "EOF" if self.reception.sender_host_unknown else "disconnection"
            client = host_and_ident(process, flagged=False)
            time = f" D={elapsed(self.reception)}" if process.profile.lost_connection_duration_logged else ""
            text = f"unexpected {what} while reading SMTP command from {client}{time}"
            log_write(process, text, when="lost_incoming_connection")
        else:
            time = f" D={elapsed(self.reception)}" if process.profile.closed_connection_duration_logged else ""
            log_write(process, f"{connection_info(self.reception)} lost{time}", when="smtp_connection")
        self.end(lost=True)

    def _lost_in_message(self) -> None:
        """End of file inside a message (handle_lost_connection())."""
        where = "" if self._reader is None else self._reader.where()
        text = f"{connection_info(self.reception)} lost while reading message data{where}"
        on = {"lost_incoming_connection", "smtp_connection"}
        if any(selector(self.process, name) for name in on):
            log_write(self.process, text)
        self._notquit("connection-lost", None)
        self.replies.line("421 Lost incoming connection")
        self.end(lost=True)

    def _notquit(self, reason: str, code: str | None, text: str = "") -> None:
        """Run acl_smtp_notquit, and give the last reply (smtp_notquit_exit())."""
        if self._notquit_run:
            return
        self._notquit_run = True
        acl = self.process.config.main.text("acl_smtp_notquit")
        user_message = None
        if acl is not None:
            self.process.variables["smtp_notquit_reason"] = reason
            result = acl_check(self.reception, Where.NOTQUIT, None, acl)
            user_message = result.user_message
            if result.rc is Rc.ERROR:
                log_write(self.process, f"ACL for not-QUIT returned ERROR: {result.log_message}", panic=True)
        if code is None:
            return
        if user_message is None:
            self.replies.line(f"{code} {text}")
        else:
            self.replies.respond(code, user_message)

    def incomplete_transaction(self, what: str) -> None:
        """Log the envelope of a transaction that comes to nothing, if the selector asks for it."""
        envelope = self.reception.envelope
        if envelope.sender is None or not selector(self.process, "smtp_incomplete_transaction"):
            return
        text = f"{host_and_ident(self.process, flagged=True)} incomplete transaction ({what}) from <{envelope.sender}>"
        if envelope.recipients:
            text += " for " + " ".join(recipient.address for recipient in envelope.recipients)
        log_write(self.process, text)

    def _sync_failure(self) -> None:
        self.incomplete_transaction("sync failure")
        offered = "" if self.pipelining_advertised else " not"
        shown = string_printing(from_octets(bytes(self._input[:150])))
        client = host_and_ident(self.process, flagged=True)
        log_write(
            self.process,
            "SMTP protocol synchronization error (next input sent too soon: pipelining was"
            f'{offered} advertised): rejected "{self.replies.command}" {client} next input="{shown}"',
            reject=True,
        )
        self._notquit("synchronization-error", "554", "SMTP synchronization error")
        self.end(lost=True)

    def _unknown_command(self) -> None:
        process = self.process
        self._unknown += 1
        if self._unknown <= process.config.main.number("smtp_max_unknown_commands"):
            self.error("syntax", 500, "unrecognized command")
            return
        shown = string_printing(self.replies.command)
        client = host_and_ident(process, flagged=True)
        text = f'SMTP syntax error in "{shown}" {client} unrecognized command'
        log_write(process, text, when="smtp_syntax_error")
        self.incomplete_transaction("unrecognized command")
        self._notquit("bad-commands", "500", "Too many unrecognized commands")
        log_write(
            process,
            f"SMTP call from {host_and_ident(process, flagged=False)} dropped: too many unrecognized commands "
            f'(last was "{shown}")',
            reject=True,
        )
        self.end()

    def _too_many_nonmail(self) -> bool:
        process = self.process
        if self._counts_nonmail is None:
            self._counts_nonmail = self.client_in("smtp_accept_max_nonmail_hosts", defer=True)
        self._nonmail += 1
        limit = process.config.main.number("smtp_accept_max_nonmail")
        if not self._counts_nonmail or self._nonmail <= limit:
            return False
        last = self.replies.command.split(maxsplit=1)[0]
        self.incomplete_transaction("too many non-mail commands")
        log_write(
            process,
            f"SMTP call from {host_and_ident(process, flagged=False)} dropped: too many nonmail commands "
            f'(last was "{last}")',
            reject=True,
        )
        self._notquit("bad-commands", "554", "Too many nonmail commands")
        self.end(lost=True)
        return True

    def _log_no_mail(self) -> None:
        if self._mail_commands or not selector(self.process, "smtp_no_mail"):
            return
        had = f" C={','.join(self._history)}" if self._history else ""
        client = host_and_ident(self.process, flagged=False)
        time = elapsed(self.reception)
        text = f"no MAIL in SMTP connection from {client} D={time}{tls_log(self.reception)}{had}"
        log_write(self.process, text)

    def count_mail(self) -> int:
        """Count one MAIL command; how many there were."""
        self._mail_commands += 1
        return self._mail_commands


@dataclass(frozen=True, slots=True)
class AclAnswer:
    """What an ACL said, once a refusal has been answered."""

    rc: Rc
    user_message: str | None
    log_message: str | None = None


# ---- what a session needs to know ------------------------------------------------------------------------------


def smtp_active_hostname(process: Process) -> str:
    """The name that the server gives itself."""
    options = process.config.main
    primary = options.text("primary_hostname") or process.machine.hostname
    text = options.text("smtp_active_hostname")
    return primary if not text else expand(process, text) or primary


_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}


def message_size_limit(process: Process) -> int:
    """The largest message that is taken in, 0 for any."""
    options = process.config.main
    text = expand(process, options.text("message_size_limit") or "0").strip(SPACES)
    unit = _UNITS.get(text[-1:].lower(), 1)
    digits = text[:-1] if unit > 1 else text
    if not digits.isdigit():
        raise Unsupported(f"message_size_limit of {text!r}", *options.where("message_size_limit"))
    return min(int(digits) * unit, 2**31 - 1)


def _ports(text: str | None) -> list[str]:
    return [port.strip() for port in (text or "").replace("<", ":").split(":") if port.strip()]


def announce(session: SmtpIn) -> None:
    """Log the connection if the selector asks for it and the client is not in hosts_connection_nolog."""
    process = session.process
    if session.client_in("hosts_connection_nolog"):
        drop_selector(process, "smtp_connection")
    log_write(process, connection_info(session.reception), when="smtp_connection")


# ---- commands ------------------------------------------------------------------------------------------------


def _rset(session: SmtpIn, argument: str) -> None:
    session.incomplete_transaction("RSET")
    session.reset()
    session.replies.line("250 Reset OK")
    session.free_commands.discard("rset")


def _noop(session: SmtpIn, argument: str) -> None:
    session.replies.line("250 OK")


def _auth(session: SmtpIn, argument: str) -> None:
    session.error("protocol", 503, "AUTH command used when not advertised")


def _help(session: SmtpIn, argument: str) -> None:
    options = session.process.config.main
    words = ["AUTH"]
    if session.reception.tls is None and session.client_in("tls_advertise_hosts", defer=True):
        words.append("STARTTLS")
    words += ["HELO", "EHLO", "MAIL", "RCPT", "DATA"]
    words += ["BDAT"] if session.process.config.main.text("chunking_advertise_hosts") is not None else []
    words += ["NOOP", "QUIT", "RSET", "HELP"]
    words += [word for word in ("ETRN", "EXPN", "VRFY") if options.text(f"acl_smtp_{word.lower()}") is not None]
    session.replies.line("214-Commands supported:")
    session.replies.line(f"214 {' '.join(words)}")


def _by_acl_only(where: Where, option: str, word: str) -> Callable[[SmtpIn, str], None]:
    """EXPN and ETRN: refused without an ACL, not modelled beyond it."""

    def run(session: SmtpIn, argument: str) -> None:
        result = acl_check(session.reception, where, None, session.process.config.main.text(option))
        if result.rc is Rc.OK:
            raise Unsupported(f"the SMTP command {word}")
        if session.replies.acl_fail(where, result, argument):
            session.drop()

    return run


_COMMANDS = (
    _Command("rset", _rset, _Sync.UNLESS_PIPELINING, argument=False, mail=False),
    _Command("helo", helo, _Sync.ALWAYS, mail=False),
    _Command("ehlo", ehlo, _Sync.ALWAYS, mail=False),
    _Command("auth", _auth, _Sync.NEVER),
    _Command("starttls", smtp_in_tls.starttls, _Sync.ALWAYS, argument=False, mail=False),
    _Command("mail from:", smtp_in_mail.mail, _Sync.UNLESS_PIPELINING),
    _Command("rcpt to:", smtp_in_mail.rcpt, _Sync.UNLESS_PIPELINING),
    _Command("data", smtp_in_mail.data, _Sync.ALWAYS, argument=False),
    _Command("bdat", smtp_in_mail.bdat, _Sync.NEVER),
    _Command("quit", SmtpIn.quit, _Sync.NEVER, argument=False),
    _Command("noop", _noop, _Sync.ALWAYS, mail=False),
    _Command("etrn", _by_acl_only(Where.ETRN, "acl_smtp_etrn", "ETRN"), _Sync.ALWAYS, mail=False),
    _Command("vrfy", smtp_in_mail.vrfy, _Sync.ALWAYS, mail=False),
    _Command("expn", _by_acl_only(Where.EXPN, "acl_smtp_expn", "EXPN"), _Sync.ALWAYS, mail=False),
    _Command("help", _help, _Sync.NEVER, mail=False),
)
"""``cmd_list``."""


def _find(line: str) -> _Command | None:
    lowered = line[:11].lower()
    for command in _COMMANDS:
        after = line[len(command.name) : len(command.name) + 1]
        if lowered.startswith(command.name) and (command.name.endswith(":") or after in ("", " ")):
            return command
    return None
