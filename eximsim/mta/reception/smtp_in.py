"""An SMTP session, seen from the server: a state machine without I/O (src/smtp_in.c).

``SmtpIn`` is fed with what the client sends and gives what the shell has to do. It runs over a socket as a
``ports.Session`` (``mta/program/daemon.py``) and over standard input for -bs, -bh and -bhc
(``mta/program/exim.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.process.log import log_write
from eximsim.mta.reception import smtp_in_ends, smtp_in_start, smtp_in_tls
from eximsim.mta.reception.receive import DataReader, receive_msg
from eximsim.mta.reception.reception import Envelope
from eximsim.mta.reception.smtp_in_commands import Command, Sync, find_command
from eximsim.mta.reception.smtp_in_reply import Replies, connection_info
from eximsim.ports import Action, Close, Send, TlsSession
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.receive_headers import Submitter
    from eximsim.mta.reception.reception import Reception

COMMAND_SIZE = 16384
"""``smtp_cmd_buffer_size``: longer lines are no commands."""

_RESTORED = frozenset({"rset", "helo", "ehlo", "starttls"})
"""Commands of which one for each message is not counted as a non-mail command."""


class State(Enum):
    """What a session does with the next octets."""

    COMMAND = "waits for a command"
    DATA = "reads a message that ends in a dot"
    CHUNK = "reads the octets of a BDAT command"
    HANDSHAKE = "waits for the TLS handshake"
    REFUSING = "answers every command but QUIT with one reply"
    ENDED = "is over"


@dataclass(frozen=True, slots=True)
class AclAnswer:
    """What an ACL said, once a refusal has been answered."""

    rc: Rc
    user_message: str | None
    log_message: str | None = None


class SmtpIn:
    """One session with one client.

    ``deliver`` is called with the id of each message that is accepted for immediate delivery, after the
    reply has been handed out. ``submitter`` is the local user of a session over standard input, and
    ``real_sender`` replaces each sender that ``may_be_sender`` does not allow that user to give.
    """

    def __init__(
        self, reception: Reception, deliver: Callable[[str], None], submitter: Submitter | None = None
    ) -> None:
        self.reception = reception
        self.process: Process = reception.process
        self.process.smtp_connection = partial(connection_info, reception)
        self.replies = Replies(reception)
        self.submitter = submitter
        self.real_sender: str | None = None
        self.may_be_sender: Callable[[str], bool] = lambda sender: True
        self.state = State.COMMAND
        self.hostname = ""
        self.size_limit = 0
        self.queue_only = self.process.config.main.flag("queue_only")
        self.greeted = False
        self.esmtp = self.helo_seen = self.helo_accept_junk = self.helo_required = self.helo_verify = False
        self.pipelining_advertised = self.tls_advertised = self.dsn_advertised = self.chunking_offered = False
        self.last_was_rejected_mail = self.last_was_rcpt = self.rejected_mail = self.was_rcpt = False
        self.free_commands = set(_RESTORED)
        self.mail_commands = self.nonmail_commands = self.unknown_commands = 0
        self.counts_nonmail: bool | None = None
        self.history: list[str] = []
        self.notquit_run = self.lost = False
        self.reader: DataReader | None = None
        self.input = bytearray()
        self._deliver = deliver
        self._actions: list[Action] = []
        self._accepted: list[str] = []
        self._received = 0
        self._chunk = (0, False)
        self._refusal = ""

    # ---- what the shell calls -----------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the session is over; ``lost`` then tells whether the client went away."""
        return self.state is State.ENDED

    def start(self) -> Iterator[Action]:
        """Greet the client, or refuse it."""
        smtp_in_start.smtp_start_session(self)
        return self._pump()

    def feed(self, data: bytes) -> Iterator[Action]:
        """Take what the client sent; the actions must be carried out as they come."""
        self.input += data
        return self._pump()

    def eof(self) -> Iterator[Action]:
        """The client sends no more."""
        if self.state in (State.DATA, State.CHUNK):
            smtp_in_ends.lost_in_message(self)
        elif self.state is State.REFUSING:
            smtp_in_ends.lost_while_refusing(self)
        elif self.state is not State.ENDED:
            smtp_in_ends.lost_at_command(self)
        return self._pump()

    def tls_started(self, session: TlsSession) -> Iterator[Action]:
        """The handshake that was asked for is complete."""
        self.state = State.COMMAND
        smtp_in_tls.started(self, session)
        if not self.greeted:
            smtp_in_start.check_client(self)
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
            progress = not self.ended and self._step()
            if not progress or self._accepted or self._actions:
                yield from self._drain()
            if not progress:
                return

    def _drain(self) -> Iterator[Action]:
        actions, self._actions = self._actions, []
        yield from actions
        if data := self.replies.take():
            yield Send(data)
        while self._accepted:
            self._deliver(self._accepted.pop(0))
        if self.ended:
            yield Close()

    # ---- reading ------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Do one thing with the input; False if there is not enough of it."""
        if self.state is State.DATA:
            return self._read_data()
        if self.state is State.CHUNK:
            return self._read_chunk()
        if self.state is State.HANDSHAKE:
            return False
        line = self._read_line()
        if line is None:
            return False
        if self.state is State.REFUSING:
            self._refuse(line)
        else:
            self._obey(line)
        return True

    def _read_line(self) -> str | None:
        """The next command line without its end; an overlong one comes in pieces."""
        end = self.input.find(b"\n", 0, COMMAND_SIZE + 1)
        if end < 0:
            if len(self.input) <= COMMAND_SIZE:
                return None
            end = COMMAND_SIZE
        line = bytes(self.input[:end])
        del self.input[: end + 1]
        return from_octets(line)

    def _obey(self, line: str) -> None:
        """Recognise one command and carry it out (smtp_read_command(), smtp_setup_msg())."""
        overlong = len(line) >= COMMAND_SIZE
        had_null = "\0" in line and not overlong
        line = line.replace("\0", "?").rstrip(SPACES)
        self.replies.command = line
        self.process.variables["smtp_command"] = line
        self.last_was_rejected_mail, self.last_was_rcpt = self.rejected_mail, self.was_rcpt
        self.rejected_mail = self.was_rcpt = False
        if had_null:
            self.error("syntax", 0, "NULL character(s) present (shown as '?')")
            self.replies.line("501 NULL characters are not allowed in SMTP commands")
            return
        command = None if overlong else find_command(line)
        if self._out_of_sync(command):
            smtp_in_ends.sync_failure(self)
        elif command is None:
            smtp_in_ends.unknown_command(self)
        else:
            self._run(command, line[len(command.name) :].lstrip(SPACES))

    def _run(self, command: Command, argument: str) -> None:
        self.process.variables["smtp_command_argument"] = argument
        free = command.mail or command.name in self.free_commands
        if not free and smtp_in_ends.too_many_nonmail(self):
            return
        if argument and not command.argument:
            self.error("syntax", 501, "unexpected argument data")
            return
        self.history = [*self.history, command.name.split()[0].upper()][-smtp_in_ends.HISTORY :]
        command.run(self, argument)

    def _out_of_sync(self, command: Command | None) -> bool:
        reception = self.reception
        if (
            not self.input
            or not reception.enforce_sync
            or not reception.is_socket
            or reception.tls is not None
        ):
            return False
        sync = Sync.ALWAYS if command is None else command.sync
        return sync is Sync.ALWAYS or (sync is Sync.UNLESS_PIPELINING and not self.pipelining_advertised)

    def _refuse(self, line: str) -> None:
        word = line.rstrip(SPACES).lower().split(" ")[0]
        if word == "quit":
            smtp_in_ends.say_goodbye(self)
        elif word == "rset" and self._refusal.startswith("421"):
            self.replies.line("250 Reset OK")
        else:
            self.replies.line(self._refusal)

    # ---- helpers of the commands --------------------------------------------------------------------

    def client_in(self, option: str, *, defer: bool = False) -> bool:
        """Whether the client is in the host list of a main option; ``defer`` counts a deferral as yes."""
        process = self.process
        text = process.config.main.text(option)
        result = verify_check_host(process, text, list_name=option, cache=self.reception.host_cache)
        return result is Rc.OK or (defer and result is Rc.DEFER)

    def error(self, kind: str, code: int, text: str, data: str | None = None) -> None:
        """Answer a syntax or protocol error; too many of them end the session."""
        if self.replies.synprot_error(kind, code, text, data):
            self.end(lost=True)

    def check_acl(self, where: Where, option: str) -> AclAnswer:
        """Run the ACL of a main option; no ACL says OK. A refusal is answered here."""
        text = self.process.config.main.text(option)
        if text is None:
            return AclAnswer(Rc.OK, None)
        result = acl_check(self.reception, where, None, text)
        if result.rc in (Rc.OK, Rc.DISCARD):
            return AclAnswer(result.rc, result.user_message, result.log_message)
        if self.replies.acl_fail(where, result, self.process.variables.get("smtp_command_argument")):
            self.drop()
        return AclAnswer(result.rc, None)

    def drop(self) -> None:
        """End the session after an ACL's ``drop``."""
        smtp_in_ends.notquit(self, "acl-drop", None)
        self.end()

    def end(self, *, lost: bool = False) -> None:
        """The session is over; ``lost`` makes Exim exit with a failure."""
        if not self.ended:
            self.state, self.lost = State.ENDED, lost
            smtp_in_ends.log_no_mail(self)

    def refuse_session(self) -> None:
        """The client is not let in: nothing more is said or logged."""
        self.state = State.ENDED

    def reset(self) -> None:
        """Forget the mail transaction (smtp_reset())."""
        self.reception.envelope = Envelope()
        self.reader = None
        variables = self.process.variables
        for name in ("sender_address", "message_size", "rcpt_count", "recipients_count"):
            variables.pop(name, None)
        for name in [name for name in variables if name.startswith("acl_m")]:
            del variables[name]

    def act(self, action: Action) -> None:
        """Have the shell do something once all replies so far are sent."""
        if data := self.replies.take():
            self._actions.append(Send(data))
        self._actions.append(action)

    def wait_for_tls(self) -> None:
        """Nothing is read until the handshake is over; what was sent too early is thrown away."""
        self.input.clear()
        self.state = State.HANDSHAKE

    def refuse_all(self, reply: str) -> None:
        """Answer every command from now on with ``reply``, until QUIT."""
        self.state, self._refusal = State.REFUSING, reply

    def read_message(self) -> None:
        """The client was told to send the message."""
        self.reader = DataReader(strict=self.process.profile.data_needs_crlf)
        self.state = State.DATA

    def read_chunk(self, size: int, *, last: bool) -> None:
        """The client sends ``size`` octets of a message."""
        self._chunk, self.state = (size, last), State.CHUNK

    # ---- messages -----------------------------------------------------------------------------------

    def _read_data(self) -> bool:
        assert self.reader is not None
        rest = self.reader.feed(bytes(self.input))
        self.input.clear()
        if rest is None:
            return False
        self.input += rest
        self._finish_message(self.reader.content(dots=True))
        return True

    def _read_chunk(self) -> bool:
        size, last = self._chunk
        if len(self.input) < size:
            return False
        data = bytes(self.input[:size])
        del self.input[:size]
        self.state = State.COMMAND
        if self.reader is None:
            self.reader = DataReader(strict=False)
        self.reader.add(data)
        if last:
            self._finish_message(self.reader.content(dots=False))
        else:
            self.replies.line(f"250 {size} byte chunk received")
        return True

    def _finish_message(self, content: bytes) -> None:
        """The message is complete: receive_msg() answers it; then a new transaction may begin."""
        process = self.process
        self.state = State.COMMAND
        envelope = self.reception.envelope
        if self.real_sender is not None and not self.may_be_sender(envelope.sender or ""):
            envelope.sender = process.variables["sender_address"] = self.real_sender
        received = receive_msg(self.reception, content, self.replies, self.size_limit, self.submitter)
        if received.dropped:
            self.drop()
        if received.message_id is not None and not process.host_checking:
            self._received += 1
            process.message_id = received.message_id
            if received.deliver and self._may_deliver():
                self._accepted.append(received.message_id)
            process.message_id = ""
        self.reset()
        self.free_commands = set(_RESTORED)

    def _may_deliver(self) -> bool:
        """Whether the configuration lets a message be delivered at once."""
        options = self.process.config.main
        if self.queue_only:
            return False
        limit = options.number("smtp_accept_queue_per_connection")
        if 0 < limit < self._received:
            text = f"no immediate delivery: more than {limit} messages received in one connection"
            log_write(self.process, text, when="delay_delivery")
            return False
        return True
