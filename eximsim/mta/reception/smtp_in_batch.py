"""Batched SMTP on standard input, -bS: nobody is answered, and one error ends it all (src/smtp_in.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.process.extract import extract_address
from eximsim.mta.reception import smtp_in_time
from eximsim.mta.reception.receive_data import DataReader
from eximsim.mta.reception.receive_local import BatchRefused, lost_in_batch, not_smtp_start, receive_batched
from eximsim.mta.reception.smtp_in_commands import find_command
from eximsim.mta.reception.smtp_in_helo import check_helo
from eximsim.mta.reception.smtp_session import SmtpSession
from eximsim.mta.records.spool import Recipient
from eximsim.mta.routing.rewrite import rewrite_address_qualify
from eximsim.mta.verify import cutthrough

if TYPE_CHECKING:
    from eximsim.mta.base.parse import Extracted

_SECRET = frozenset({"auth", "bdat", "starttls"})
"""Commands that a batch does not know."""


class BadBatch(Exception):
    """The rest of the batch is abandoned: what Exim writes to its two outputs, and its exit code."""

    def __init__(self, stdout: str, stderr: str, code: int) -> None:
        self.stdout, self.stderr, self.code = stdout, stderr, code
        super().__init__(stderr)


class Batch:
    """One batch; ``deliver`` is called with the id of each message that may be delivered at once."""

    def __init__(self, session: SmtpSession, content: bytes, deliver: Callable[[str], None]) -> None:
        self._session, self._content, self._deliver = session, content, deliver
        self._position = self._line = self._began = self._messages = 0

    def run(self) -> None:
        """Take in all messages; raises ``BadBatch``. Source: smtp_setup_batch_msg()."""
        while self._transaction():
            self._message()

    def _moan(self, message: str, command: str | None = None) -> BadBatch:
        """What is said of an error (``moan_smtp_batch()``)."""
        shown = "" if command is None else f"{command}\n"
        stdout = (
            f"{message}\nTransaction started in line {self._began}\n"
            f"Error detected in line {self._line}\n{shown}"
        )
        at_fault = "" if command is None else f"The SMTP command at fault was:\n\n   {command}\n\n"
        were = "was" if self._messages == 1 else "were"
        messages = f"{self._messages} previous message{'' if self._messages == 1 else 's'} {were}"
        stderr = (
            "An error was detected while processing a file of BSMTP input.\n"
            f"The error message was:\n\n  {message}\n\n"
            f"The SMTP transaction started in line {self._began}.\n"
            f"The error was detected in line {self._line}.\n"
            f"{at_fault}{messages} successfully processed.\nThe rest of the batch was abandoned.\n"
        )
        return BadBatch(stdout, stderr, 1 if self._messages else 2)

    # ---- commands ----------------------------------------------------------------------------------

    def _transaction(self) -> bool:
        """Read commands up to DATA; False at the end of the batch."""
        self._began = self._line
        if self._position >= len(self._content) and not self._session.process.machine.input_pause:
            return False
        self._reset()
        while True:
            end = self._content.find(b"\n", self._position)
            if end < 0:
                self._wait_for_command()
                return False
            text = from_octets(self._content[self._position : end])
            self._position, self._line = end + 1, self._line + 1
            line = text.replace("\0", "?").rstrip(SPACES)
            if "\0" in text:
                raise self._moan("501 Unexpected NULL in SMTP command", line)
            command = find_command(line)
            if command is None:
                return False
            name, argument = command.name, line[len(command.name) :].lstrip(SPACES)
            self._session.process.variables |= {"smtp_command": line, "smtp_command_argument": argument}
            if argument and not command.argument:
                raise self._moan("501 Unexpected argument data", line)
            if name == "quit":
                return False
            if name == "data":
                self._check_data(line)
                return True
            self._obey(name, argument, line)

    def _waits_too_long(self) -> bool:
        """Wait for what still comes; whether that takes longer than the server waits."""
        world, pause = self._session.process.world, self._session.process.machine.input_pause
        limit = self._session.time_limit
        world.sleep(limit if 0 < limit <= pause else pause)
        return 0 < limit <= pause

    def _wait_for_command(self) -> None:
        if self._waits_too_long():
            smtp_in_time.log_command_timeout(self._session)
            raise self._moan("421 SMTP command timeout")

    def _obey(self, name: str, argument: str, line: str) -> None:
        if name in ("helo", "ehlo"):
            check_helo(self._session, argument)
        if name in ("helo", "ehlo", "rset"):
            self._reset()
            self._began = self._line
        elif name == "mail from:":
            self._mail(argument, line)
        elif name == "rcpt to:":
            self._rcpt(argument, line)
        elif name in _SECRET:
            raise self._moan("500 Command unrecognized", line)
        else:
            self._began = self._line

    def _reset(self) -> None:
        cutthrough.cancel(self._session.process)
        self._session.reset()

    def _address(self, argument: str, line: str, *, allow_null: bool) -> Extracted:
        try:
            return extract_address(self._session.process, argument, allow_null=allow_null)
        except AddressError as error:
            raise self._moan(f"501 {error.message}", line) from None

    def _mail(self, argument: str, line: str) -> None:
        session = self._session
        session.mail_commands += 1
        if session.reception.envelope.sender is not None:
            raise self._moan("503 Sender already given", line)
        if not argument:
            raise self._moan("501 MAIL FROM must have an address operand", line)
        self._reset()
        found = self._address(argument, line, allow_null=True)
        address = found.address
        if not found.domain_at and address and not address.startswith("@"):
            if not session.reception.allow_unqualified_sender:
                raise self._moan("501 sender address must contain a domain", line)
            address = rewrite_address_qualify(session.process, address, is_recipient=False)
        session.reception.envelope.raw_sender = found.address
        session.reception.envelope.sender = session.process.variables["sender_address"] = address

    def _rcpt(self, argument: str, line: str) -> None:
        session, envelope = self._session, self._session.reception.envelope
        options = session.process.config.main
        if envelope.sender is None:
            raise self._moan("503 No sender yet given", line)
        if not argument:
            raise self._moan("501 RCPT TO must have an address operand", line)
        if 0 < options.number("recipients_max") <= len(envelope.recipients):
            code = 552 if options.flag("recipients_max_reject") else 452
            raise self._moan(f"{code} too many recipients", line)
        found = self._address(argument, line, allow_null=False)
        address = found.address
        if not found.domain_at:
            if not session.reception.allow_unqualified_recipient:
                raise self._moan("501 recipient address must contain a domain", line)
            address = rewrite_address_qualify(session.process, address, is_recipient=True)
        envelope.recipients.append(Recipient(address))

    def _check_data(self, line: str) -> None:
        envelope = self._session.reception.envelope
        if envelope.sender is None:
            raise self._moan("503 MAIL FROM:<sender> command must precede DATA", line)
        if not envelope.recipients:
            raise self._moan("503 RCPT TO:<recipient> must precede DATA", line)

    # ---- messages ----------------------------------------------------------------------------------

    def _message(self) -> None:
        session = self._session
        process = session.process
        session.take_sender()
        not_smtp_start(session.reception)
        reader = DataReader(strict=process.profile.data_needs_crlf)
        rest = reader.feed(self._content[self._position :])
        if rest is None and self._waits_too_long():
            self._line += self._content.count(b"\n", self._position)
            smtp_in_time.log_data_timeout(session, has_id=reader.header_done())
            raise self._moan("421 SMTP incoming data timeout - message abandoned")
        if rest is None:
            self._line += self._content.count(b"\n", self._position) + (reader.where() == "")
            raise self._moan(lost_in_batch(session.reception, reader.where()))
        end = len(self._content) - len(rest)
        self._line += self._content.count(b"\n", self._position, end)
        self._position = end
        try:
            received = receive_batched(
                session.reception, reader.content(dots=True), session.size_limit, session.submitter
            )
        except BatchRefused as refused:
            raise self._moan(str(refused)) from None
        self._messages += 1
        if received.message_id is not None:
            process.message_id = received.message_id
            if not session.queue_only and not session.waits_for_load() and received.deliver:
                self._deliver(received.message_id)
            process.message_id = ""
