"""The client's side of an SMTP dialogue: connect, write commands, read replies (src/smtp_out.c)."""

from __future__ import annotations

import re
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.string import list_items, octets, string_is_ip_address
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.taint import expand_marked, refused_setup
from eximsim.mta.process.log import log_write, quoted
from eximsim.ports import AlertReceived, ConnectionLost, ReadTimeout
from eximsim.profiles import CommandLog
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.ports import Connection


_SERVICES = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465, "lmtp": 24, "domain": 53}
_REPLY_BUFFER, _ROOM_LEFT = 4096, 4
"""Octets of the buffer for a reply, and how many have to stay free in it (``read_response_line()``)."""
_LOGGED_OF_COMMAND = 8


class Answer(Enum):
    """What came back for a command, as far as decisions look at it."""

    POSITIVE = "2xx"
    TEMPORARY = "4xx"
    PERMANENT = "5xx"
    OTHER = "another code"
    MALFORMED = "malformed"
    TIMEOUT = "none in time"
    LOST = "connection lost"
    BROKEN = "system error"

    @classmethod
    def of_code(cls, digit: str) -> Answer:
        """The answer whose code begins with ``digit``."""
        return _BY_DIGIT.get(digit, cls.OTHER)


_BY_DIGIT = {"2": Answer.POSITIVE, "4": Answer.TEMPORARY, "5": Answer.PERMANENT}
_BY_ERRNO = {
    errnos.ETIMEDOUT: Answer.TIMEOUT,
    Errno.SMTPFORMAT: Answer.MALFORMED,
    Errno.SMTPCLOSED: Answer.LOST,
    errnos.ECONNRESET: Answer.LOST,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What ``smtp_read_response()`` leaves behind.

    ``ok``: the first digit is the one asked for. ``text``: the reply's lines joined by newlines, ``""`` if
    nothing could be read. ``errno``: 0 for a well-formed reply or an orderly end of file. ``truncated``:
    lines are missing.
    """

    ok: bool
    text: str
    errno: int = 0
    truncated: bool = False

    @property
    def answer(self) -> Answer:
        """What kind of answer this is."""
        if self.errno:
            return _BY_ERRNO.get(self.errno, Answer.BROKEN)
        if self.truncated and self.text[:1] == "2":
            return Answer.OTHER
        return Answer.of_code(self.text[0]) if self.text else Answer.LOST


@dataclass(slots=True)
class Dialogue:
    """One open connection with the text that has arrived and the commands that wait to be flushed.

    ``command`` is the last command written, for messages (``smtp_command``, ``big_buffer``). ``log`` sums the
    session up: commands, and the codes of replies (``client_cmd_log``).
    """

    process: Process
    connection: Connection
    command: str = "initial connection"
    log: list[str] = field(default_factory=list)
    authenticating: bool = False
    """What is sent is secret: messages and traces show asterisks."""
    alert: str = ""
    """OpenSSL's symbol for the alert by which the server has ended TLS."""
    reset: bool = False
    """The server has ended the connection with RST."""
    closed: bool = False
    """The server has closed the connection, and TLS before it, and that has been read."""
    send_errno: int = 0
    """Why octets could not be sent."""
    arrived: bytearray = field(default_factory=bytearray)
    buffered: list[bytes] = field(default_factory=list)
    held: bytes = b""
    """What goes out with the octets that are sent next."""

    def write(self, command: str, *, buffer: bool = False, more: bool = False, hold: bool = False) -> int:
        """Send one command line, or keep it with ``buffer`` until the next flush.

        With ``more`` octets follow at once, as traces show; with ``hold`` they go out together.

        Returns the number of commands that went out, 0 if buffered, -1 if the connection is lost
        (``smtp_write_command()``).
        """
        self.buffered.append(command.encode("utf-8", "surrogateescape") + b"\r\n")
        if self.authenticating:
            command = _flattened(command)
        self.command = self.process.scratch = command
        self.show(command, "|" if buffer else "+" if more else "")
        return 0 if buffer else self.flush(hold=hold)

    def show(self, command: str, sign: str = "") -> None:
        """Show a command in the traces, and note it for the sum. Source: smtp_debug_cmd(), functions.h.

        ``sign``: ``|`` for one that is kept, ``+`` for one after which more follows.
        """
        if self.process.host_checking or self.process.verbose:
            mark = sign if sign and self.process.profile.pipelined_commands_marked else ">"
            self.process.hdebug(f"  SMTP{mark}> {command}", indented=True, with_v=True)
        self.log.append(command.partition(" ")[0][:_LOGGED_OF_COMMAND] + sign)

    def flush(self, *, hold: bool = False) -> int:
        """Send the commands that are kept (with ``hold``: with what follows); returns what ``write`` does."""
        data, count = b"".join(self.buffered), len(self.buffered)
        self.buffered.clear()
        profile = self.process.profile
        if profile.client_flush_traced:
            self.process.hdebug(f"cmd buf flush {len(data)} bytes", indented=True)
        if hold:
            self.held = data
            return count
        return count if self.send(data) else -1

    def send(self, data: bytes) -> bool:
        """Send raw bytes; False if the connection is lost."""
        data, self.held = self.held + data, b""
        try:
            self.connection.send(data)
        except ConnectionLost as lost:
            self.send_errno = lost.errno
            return False
        return True

    def read(self, ok_digit: str, timeout: float) -> Reply:
        """Read one reply, all its lines (``smtp_read_response()``).

        ``timeout`` in seconds is for the whole reply, in whole seconds; up to 4.92 it was for each read.
        """
        whole = self.process.profile.reply_timeout_is_whole
        until = int(self.process.world.now()) + timeout if whole else None
        lines: list[str] = []
        room = _REPLY_BUFFER
        while True:
            line = self._line(timeout, until, room)
            if isinstance(line, _Broken):
                earlier = "".join(f"{one}\n" for one in lines)
                return Reply(False, earlier + line.text, line.errno, truncated=bool(earlier))
            room -= len(octets(line)) + 1
            if self.process.host_checking or self.process.verbose:
                text = f"  {'SMTP<<' if not lines else '      '} {line}"
                self.process.hdebug(text, indented=True, with_v=True)
            lines.append(line)
            malformed = not _well_formed(line)
            if malformed or line[3:4] != "-":
                self.log.append(lines[0][: 4 if lines[0][3:4] == "-" else 3])
                text = "\n".join(lines)
                return Reply(False, text, Errno.SMTPFORMAT) if malformed else Reply(text[0] == ok_digit, text)

    def unread(self) -> bool:
        """Whether more has arrived than was read."""
        return bool(self.arrived)

    def _line(self, timeout: float, until: float | None, room: int) -> str | _Broken:
        """The next line without its end, which may take up all but the last few octets of ``room``."""
        while (end := self.arrived.find(b"\n")) < 0 and len(self.arrived) <= room - _ROOM_LEFT:
            if until is not None:
                timeout = until - int(self.process.world.now())
            if timeout <= 0 and until is not None:
                return self._ended(errnos.ETIMEDOUT)
            try:
                data = self.connection.receive(timeout)
            except ReadTimeout:
                return self._ended(errnos.ETIMEDOUT)
            except ConnectionLost as lost:
                self.reset = not isinstance(lost, AlertReceived)
                self.alert = lost.reason if isinstance(lost, AlertReceived) else ""
                return self._ended(lost.errno)
            if not data:
                self.closed = True
                return self._ended(0)
            self.arrived += data
        if end < 0 or end > room - _ROOM_LEFT:
            cut = room - _ROOM_LEFT + 1
            line = bytes(self.arrived[:cut])
            del self.arrived[:cut]
            return _Broken(Errno.SMTPFORMAT, line.decode("utf-8", "surrogateescape"))
        line = bytes(self.arrived[:end])
        del self.arrived[: end + 1]
        return line.decode("utf-8", "surrogateescape").rstrip()

    def _ended(self, errno: int) -> _Broken:
        """No more can be read; -v says so, the trace of host checking does not."""
        process = self.process
        if process.verbose and process.profile.end_of_replies_shown:
            text = f"  SMTP({errnos.strerror(errno) if errno else 'closed'})<<"
            process.hdebug(text, indented=True, with_v=True)
        return _Broken(errno)


@dataclass(frozen=True, slots=True)
class _Broken:
    """Why there is no further line of a reply (errno, 0 at the end of file); ``text``: of one too long."""

    errno: int
    text: str = ""


def _flattened(command: str) -> str:
    """A command of an authentication as messages show it: AUTH's data, and other lines whole, as ``*``."""
    shown = _AUTH_COMMAND.match(command)
    start = shown.end() if shown else 0
    return command[:start] + "*" * (len(command) - start)


_AUTH_COMMAND = re.compile(r"AUTH\s+\S*\s*")


def _well_formed(line: str) -> bool:
    code = line[:3]
    return len(code) == 3 and code.isascii() and code.isdigit() and line[3:4] in ("-", " ", "")


class BadSetting(Exception):
    """An option of the transport, ``interface`` or ``port``, is of no use; ``args[0]`` says why."""


def smtp_get_interface(process: Process, text: str | None, host_address: str, who: str) -> str | None:
    """The address to connect from, of the host address's family, or None for any.

    Raises ``BadSetting`` for what is no address, unless one that fits stands before it.
    """
    if not text:
        return None
    try:
        value = expand_marked(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return None
        raise BadSetting(f'failed to expand "interface" option for {who}: {failed.message}') from None
    if refused_setup(process, value, "interface"):
        log_write(process, f"attempt to use tainted value '{value}' from '{text}' for interface", panic=True)
        raise BadSetting(f'failed to expand "interface" option for {who}: configuration error')
    wanted = 6 if ":" in host_address else 4
    for interface in list_items(value) if value.strip() else ():
        version, _ = string_is_ip_address(interface)
        if not version:
            raise BadSetting(
                f'{quoted(process, interface)} is not a valid IP address for the "interface" option for {who}'
            )
        if version == wanted:
            return interface
    return None


class Protocol(Enum):
    """What a transport's ``protocol`` says, in capitals or not."""

    SMTP = "smtp"
    SMTPS = "smtps"
    LMTP = "lmtp"
    UNKNOWN = "another word"


def protocol_of(process: Process, transport: DriverInstance) -> Protocol:
    """What the transport's ``protocol`` means to this release."""
    text = transport.options.text("protocol")
    word = "smtp" if text is None else text.lower()
    if word == "submissions" and process.profile.protocol_checked:
        return Protocol.SMTPS
    if word in (known.value for known in Protocol):
        return Protocol(word)
    return Protocol.UNKNOWN if process.profile.protocol_checked else Protocol.SMTP


def default_port(process: Process, transport: DriverInstance) -> str:
    """The transport's ``port``, or that of its ``protocol``. Source: smtp_transport_init()."""
    port = transport.options.text("port")
    return _PORTS[protocol_of(process, transport)] if port is None else port


_PORTS = {Protocol.SMTP: "smtp", Protocol.SMTPS: "smtps", Protocol.LMTP: "lmtp", Protocol.UNKNOWN: "25"}


def driver_text(process: Process, transport: DriverInstance, name: str) -> str | None:
    """The transport's text option as this process has it: what has been done may have changed it for good."""
    changed = process.driver_state.get(transport.name, {}).get(name)
    return transport.options.text(name) if changed is None else str(changed)


def smtp_get_port(process: Process, text: str, who: str) -> int:
    """The port that ``text`` (a number or a service's name) says; raises ``BadSetting`` if none."""
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        what = f'failed to expand {quoted(process, text)} ("port" option) for {who}: {failed.message}'
        raise BadSetting(what) from None
    if value[:1].isdigit():
        if value.isascii() and value.isdigit():
            return int(value)
        raise BadSetting(f"invalid port number for {who}: {value}")
    if value in _SERVICES:
        return _SERVICES[value]
    raise BadSetting(f"TCP port {quoted(process, value)} is not defined for {who}")


def smtp_debug_cmd_report(process: Process, log: list[str]) -> None:
    """Show how a session went, in the host-check trace of releases that do."""
    if process.profile.command_log is CommandLog.NEVER:
        return
    unset = "(unset)" if process.profile.command_log is CommandLog.AFTER_CALLOUT else "'(unset)'"
    process.hdebug(f"cmdlog: '{':'.join(log)}'" if log else f"cmdlog: {unset}", with_v=True)
    log.clear()
