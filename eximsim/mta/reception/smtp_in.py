"""An SMTP session, seen from the server: a state machine without I/O (src/smtp_in.c).

``SmtpIn`` is fed with what the client sends and gives what the shell has to do. It runs over a socket as a
``ports.Session`` (``mta/program/daemon.py``) and over standard input for -bs, -bh and -bhc
(``mta/program/exim.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.process.log import log_write
from eximsim.mta.reception import (
    smtp_in_auth,
    smtp_in_chunks,
    smtp_in_ends,
    smtp_in_proxy,
    smtp_in_start,
    smtp_in_time,
    smtp_in_tls,
    smtp_in_xclient,
)
from eximsim.mta.reception.receive import receive_msg
from eximsim.mta.reception.smtp_in_commands import Command, Sync, find_command
from eximsim.mta.reception.smtp_session import RESTORED, SmtpSession, State
from eximsim.mta.verify import cutthrough
from eximsim.ports import Action, Close, Send, TlsSession

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.receive_headers import Submitter

COMMAND_SIZE = 16384
"""``smtp_cmd_buffer_size``: longer lines are no commands."""

_END_OF_CHUNKS = b"\xfe"
"""What the mark of the last chunk's end is as an octet (EOD, src/macros.h)."""
_BARE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)|[^\n]\Z")


class SmtpIn(SmtpSession):
    """One session with one client.

    ``deliver`` is called with the id of each message that is accepted for immediate delivery, after the
    reply has been handed out.
    """

    __slots__ = ("_accepted", "_deliver", "_received")

    def __init__(
        self, reception: Reception, deliver: Callable[[str], None], submitter: Submitter | None = None
    ) -> None:
        super().__init__(reception, submitter)
        self._deliver = deliver
        self._accepted: list[str] = []
        self._received = 0

    # ---- what the shell calls -----------------------------------------------------------------------

    def start(self) -> Iterator[Action]:
        """Greet the client, or refuse it."""
        smtp_in_start.smtp_start_session(self)
        self.process.variables["message_size"] = "-1"
        return self._pump()

    def feed(self, data: bytes) -> Iterator[Action]:
        """Take what the client sent; the actions must be carried out as they come."""
        self.input += data
        return self._pump()

    def before_greeting(self, data: bytes) -> list[Action] | None:
        """What the client is sent instead of a greeting that it has not waited for; None if it need not.

        Source: smtp_start_session().
        """
        if self.ended or self.reception.tls is not None or not self.reception.enforce_sync:
            return None
        if self.proxy_until:  # a proxy speaks first; what comes behind its header is looked at then
            return None
        if self.may_be_early():
            self.reception.pipelining.early_used = True
            return None
        smtp_in_ends.too_early(self, data)
        return [Send(b"554 SMTP synchronization error\r\n"), Close()]

    def eof(self, *, cut: bool = False) -> Iterator[Action]:
        """The client sends no more; ``cut``: it has not closed TLS."""
        if self.state is State.PROXY:
            smtp_in_proxy.fail(self)
            smtp_in_start.go_on_after_proxy(self)
        if cut and self.state is not State.ENDED:
            smtp_in_tls.cut(self)
        if self.state in (State.DATA, State.CHUNK):
            smtp_in_ends.lost_in_message(self)
            return self._pump()
        if self.closing:
            self.end_at_once()
            return self._pump()
        if self.state is State.REFUSING:
            smtp_in_ends.lost_while_refusing(self)
            return self._pump()
        if self.state is State.AUTHENTICATION:
            smtp_in_auth.lost(self)
        if self.state is not State.ENDED:
            smtp_in_ends.lost_at_command(self)
        return self._pump()

    def tls_started(self, session: TlsSession) -> Iterator[Action]:
        """The handshake that was asked for is complete."""
        if smtp_in_tls.refused_protocol(self):
            return self._pump()
        self.state = State.COMMAND
        smtp_in_tls.started(self, session)
        if not self.greeted:
            smtp_in_start.go_on_in_tls(self)
        return self._pump()

    def tls_ended(self) -> Iterator[Action]:
        """The client has closed TLS, and goes on in clear."""
        smtp_in_tls.ended(self)
        return self._pump()

    def tls_failed(self, reason: str) -> Iterator[Action]:
        """The handshake that was asked for failed, for ``reason`` in the library's words."""
        smtp_in_tls.failed(self, reason)
        return self._pump()

    def closedown(self, message: str) -> Iterator[Action]:
        """Exim gives up: tell the client, and refuse everything else (smtp_closedown())."""
        self.replies.line(f"421 {message}")
        self.closing = True
        self.refuse_all(f"421 {message}")
        return self._pump()

    def deadline(self) -> float | None:
        """When the server gives the client up if it says nothing; None: never."""
        if self.state is State.PROXY:
            return self.proxy_until
        if self.ended or self.waiting_since is None or self.time_limit <= 0:
            return None
        return self.waiting_since + self.time_limit

    def time_out(self) -> Iterator[Action]:
        """That moment has come."""
        if self.state is State.PROXY:
            smtp_in_proxy.fail(self)
            smtp_in_start.go_on_after_proxy(self)
        else:
            smtp_in_time.timed_out(self)
        return self._pump()

    def _pump(self) -> Iterator[Action]:
        """Work on the input as far as it goes, and hand out actions as they become due."""
        self.waiting_since = None
        while True:
            progress = not self.ended and self._step()
            if not progress or self._accepted or self.actions or self.later:
                yield from self._drain()
            if not progress:
                self.waiting_since = self.process.world.now()
                return

    def _drain(self) -> Iterator[Action]:
        actions, self.actions = self.actions, []
        yield from actions
        if data := self.replies.take():
            yield Send(data)
        while self.later:
            self.later.pop(0)()
        while self._accepted:
            self._deliver(self._accepted.pop(0))
        if self.ended:
            yield Close()

    # ---- reading ------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Do one thing with the input; False if there is not enough of it."""
        if self.state is State.PROXY:
            return self._read_proxy_header()
        if self.state is State.DATA:
            return self._read_data()
        if self.state is State.CHUNK:
            return self._read_chunk()
        if self.state is State.HANDSHAKE:
            return False
        if self.state is State.AUTHENTICATION:
            return self._read_answer()
        if self.state is State.COMMAND and self.tls_auth_due and self.reception.tls is not None:
            smtp_in_auth.authenticate_by_certificate(self)
        if self.unwanted:
            there = min(self.unwanted, len(self.input))
            del self.input[:there]
            self.unwanted -= there
        line = self._read_line()
        if line is None:
            return False
        if self.state is State.REFUSING:
            self._refuse(line)
        else:
            self._obey(line)
        return True

    def _read_proxy_header(self) -> bool:
        known = smtp_in_proxy.read(self)
        if known:
            smtp_in_start.go_on_after_proxy(self)
        return known

    def _read_answer(self) -> bool:
        if self.authenticating is not None and not self.authenticating[2]:
            smtp_in_auth.go_on(self, None)
            return True
        return smtp_in_auth.read_answer(self)

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
            word = "NUL" if self.process.profile.nul_is_spelt else "NULL"
            self.error("syntax", 0, f"{word} character(s) present (shown as '?')")
            self.replies.line(f"501 {word} characters are not allowed in SMTP commands")
            return
        command = None if overlong else find_command(line)
        if command is not None and command.name == "xclient" and not smtp_in_xclient.is_known(self):
            command = None
        if self.reader is not None:
            known = command is not None and (command.argument or line == line[: len(command.name)])
            name = command.name if command is not None and known else ""
            smtp_in_chunks.between(self, name, line[len(name) :])
        elif self.proxy_failed and (command is None or command.name != "quit"):
            self.replies.line(smtp_in_proxy.REFUSED)
        elif self._out_of_sync(command):
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
        self.replies.had(command.name.split()[0].upper())
        command.run(self, argument)

    def _out_of_sync(self, command: Command | None) -> bool:
        return self._is_early(Sync.ALWAYS if command is None else command.sync)

    def _is_early(self, sync: Sync) -> bool:
        """Whether the client has gone on though it had to wait."""
        reception = self.reception
        if (
            not self.input
            or not reception.enforce_sync
            or not reception.is_socket
            or reception.tls is not None
        ):
            return False
        if sync is Sync.UNLESS_PIPELINING and reception.pipelining.advertised:
            return False
        return sync in (Sync.ALWAYS, Sync.UNLESS_PIPELINING) and not self.may_be_early()

    def _refuse(self, line: str) -> None:
        word = line.rstrip(SPACES).lower().split(" ")[0]
        if self.closing and word in ("quit", "rset"):
            self.replies.line(f"221 {self.hostname} closing connection" if word == "quit" else "250 Reset OK")
            if word == "quit":
                self.end_at_once()
        elif word == "quit":
            smtp_in_ends.say_goodbye(self)
        elif word == "rset" and self.refusal.startswith("421 "):  # smtp_closedown()
            self.replies.line("250 Reset OK")
        else:
            self.replies.line(self.refusal)

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
        assert self.reader is not None
        size, last = self.chunk
        data = bytes(self.input[: self.chunk_left])
        del self.input[: self.chunk_left]
        self.chunk_left -= len(data)
        self.reader.add(data)
        if self.chunk_left:
            return False
        self.state = State.COMMAND
        if not self.past_chunks and self._is_early(Sync.UNLESS_PIPELINING):
            smtp_in_ends.chunk_sync_failure(self)
            return True
        if last and not self._header_read_on():
            self.state = State.CHUNK
            return False
        if last:
            options = self.process.config.main
            content = self.reader.content(dots=False)
            if options.flag("spool_wireformat") and _BARE_END.search(content):
                what = "spool_wireformat with a line in a chunk that does not end in CRLF"
                raise Unsupported(what, *options.where("spool_wireformat"))
            lines = content.replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
            total = len(lines) + lines.count(b"\n") + self.reader.lacks_blank_line()
            self.reception.envelope.chunks = size, total
            self._finish_message(content)
        else:
            self.replies.line(f"250 {size} byte chunk received")
        return True

    def _header_read_on(self) -> bool:
        """Whether the header is complete; where a release does not see the last chunk's end, by what follows.

        They take the mark of that end for an octet, and the client's next commands for more of the header.
        """
        assert self.reader is not None
        if not (self.past_chunks or self.reader.header_done()):
            if self.reader.content(dots=False).endswith(b"\r"):
                raise Unsupported("a last chunk that ends in CR within the header")
            if self.process.profile.chunk_end_read_as_header:
                self.past_chunks = True
                self.reader.add(_END_OF_CHUNKS)
        while self.past_chunks and not self.reader.header_done():
            if not self.input:
                return False
            self.reader.add(bytes(self.input[:1]))
            del self.input[:1]
        if self.past_chunks:
            self.input[:0] = self.reader.take_back()
        return True

    def _finish_message(self, content: bytes) -> None:
        """The message is complete: receive_msg() answers it; then a new transaction may begin."""
        process = self.process
        self.state = State.COMMAND
        received = receive_msg(
            self.reception,
            content,
            self.replies,
            self.size_limit,
            self.submitter,
            has_more=bool(self.input),
        )
        if received.lost:
            smtp_in_tls.cut(self)
            smtp_in_ends.lost_after_dot(self)
        if received.dropped:
            self.drop(message_read=True)
            process.message_id, self.reception.headers = "", []
        if received.message_id is not None and not process.host_checking:
            self._received += 1
            process.message_id = received.message_id
            if self._may_deliver() and received.deliver:
                self._accepted.append(received.message_id)
            process.message_id = ""
        if received.message_id is not None and process.host_checking:
            process.message_id = received.message_id
        if not self._accepted:
            cutthrough.cancel(process)
        self.reset()
        self.free_commands |= RESTORED

    def _may_deliver(self) -> bool:
        """Whether the configuration lets a message be delivered at once."""
        options = self.process.config.main
        if self.queue_only:
            return False
        queue, most = options.number("smtp_accept_queue"), options.number("smtp_accept_max")
        if 0 < queue < self.connections and queue <= most:
            text = f"no immediate delivery: too many connections ({self.connections}, max {queue})"
            log_write(self.process, text, when="delay_delivery")
            return False
        limit = options.number("smtp_accept_queue_per_connection")
        if 0 < limit < self._received:
            text = f"no immediate delivery: more than {limit} messages received in one connection"
            log_write(self.process, text, when="delay_delivery")
            return False
        return not self.waits_for_load()
