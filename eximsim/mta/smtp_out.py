"""The client's side of an SMTP dialogue: connect, write commands, read replies (src/smtp_out.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eximsim.mta import errnos
from eximsim.mta.expand import ExpansionFailed, expand
from eximsim.mta.structs import PORT_NONE
from eximsim.mta.world import ConnectionLost, ReadTimeout
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.globals import Process
    from eximsim.mta.structs import Address, HostItem
    from eximsim.mta.world import Connection

_SERVICES = {"smtp": 25, "submission": 587, "smtps": 465, "submissions": 465, "lmtp": 24, "domain": 53}
_LONGEST_REPLY = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    """What ``smtp_read_response()`` leaves behind.

    ``ok``: the first digit is the one asked for. ``text``: the reply's lines joined by newlines, ``""`` if
    nothing could be read. ``errno``: 0 for a well-formed reply or an orderly end of file.
    """

    ok: bool
    text: str
    errno: int = 0


@dataclass(slots=True)
class Dialogue:
    """One open connection with the text that has arrived and the commands that wait to be flushed.

    ``command`` is the last command written, for messages (``smtp_command``, ``big_buffer``).
    """

    process: Process
    connection: Connection
    command: str = "initial connection"
    _arrived: bytearray = field(default_factory=bytearray)
    _buffered: list[bytes] = field(default_factory=list)

    def write(self, command: str, *, buffer: bool = False) -> int:
        """Send one command line, or keep it with ``buffer`` until the next flush.

        Returns the number of commands that went out, 0 if buffered, -1 if the connection is lost
        (``smtp_write_command()``).
        """
        self.command = command
        self._buffered.append(command.encode("utf-8", "surrogateescape") + b"\r\n")
        mark = "SMTP|>" if buffer and self.process.profile.pipelined_commands_marked else "SMTP>>"
        self.process.hdebug(f"  {mark} {command}")
        if buffer:
            return 0
        data, count = b"".join(self._buffered), len(self._buffered)
        self._buffered.clear()
        return count if self.send(data) else -1

    def send(self, data: bytes) -> bool:
        """Send raw bytes; False if the connection is lost."""
        try:
            self.connection.send(data)
        except ConnectionLost:
            return False
        return True

    def read(self, ok_digit: str, timeout: float) -> Reply:
        """Read one reply, all its lines (``smtp_read_response()``); ``timeout`` in seconds for each read."""
        lines: list[str] = []
        while True:
            line = self._line(timeout)
            if isinstance(line, int):
                return Reply(False, "", line)
            self.process.hdebug(f"  {'SMTP<<' if not lines else '      '} {line}")
            lines.append(line)
            if not _well_formed(line):
                return Reply(False, "\n".join(lines), Errno.SMTPFORMAT)
            if line[3:4] != "-":
                text = "\n".join(lines)
                return Reply(text[0] == ok_digit, text)

    def unread(self) -> bool:
        """Whether more has arrived than was read."""
        return bool(self._arrived)

    def _line(self, timeout: float) -> str | int:
        """The next line without its end, or the errno of a failure (0: end of file)."""
        while (end := self._arrived.find(b"\n")) < 0:
            if len(self._arrived) > _LONGEST_REPLY:
                return Errno.SMTPFORMAT
            try:
                data = self.connection.receive(timeout)
            except ReadTimeout:
                return errnos.ETIMEDOUT
            except ConnectionLost as lost:
                return lost.errno
            if not data:
                return 0
            self._arrived += data
        line = bytes(self._arrived[:end])
        del self._arrived[: end + 1]
        return line.decode("utf-8", "surrogateescape").rstrip()


def _well_formed(line: str) -> bool:
    code = line[:3]
    return len(code) == 3 and code.isascii() and code.isdigit() and line[3:4] in ("-", " ", "")


def smtp_get_interface(
    process: Process, text: str | None, host_address: str, addr: Address, who: str
) -> str | None:
    """The address to connect from, of the host address's family, or None for any.

    A bad setting leaves ``addr`` with ``transport_return`` PANIC and the message.
    """
    if not text:
        return None
    try:
        value = expand(process, text).strip()
    except ExpansionFailed as failed:
        if not failed.forced:
            _bad_setting(addr, f'failed to expand "interface" option for {who}: {failed.message}')
        return None
    wanted_v6 = ":" in host_address
    for item in value.replace("<;", "", 1).split(
        ";" if value.startswith("<;") else ":" if not wanted_v6 else ";"
    ):
        interface = item.strip()
        if interface and (":" in interface) == wanted_v6:
            return interface
    return None


def smtp_get_port(process: Process, text: str, addr: Address, who: str) -> int | None:
    """The port that ``text`` (a number or a service's name) says; None, and ``addr`` at PANIC, if none."""
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        _bad_setting(addr, f'failed to expand "{text}" ("port" option) for {who}: {failed.message}')
        return None
    if value[:1].isdigit():
        if value.isascii() and value.isdigit():
            return int(value)
        _bad_setting(addr, f"invalid port number for {who}: {value}")
        return None
    if value in _SERVICES:
        return _SERVICES[value]
    _bad_setting(addr, f'TCP port "{value}" is not defined for {who}')
    return None


def _bad_setting(addr: Address, message: str) -> None:
    addr.transport_return = Rc.PANIC
    addr.message = message


def smtp_port_for_connect(process: Process, host: HostItem, port: int) -> None:
    """Settle which port this connection uses: the host's own, or else the transport's."""
    if host.port != PORT_NONE:
        if host.port != port:
            process.hdebug(f"Transport port={port} replaced by host-specific port={host.port}")
    else:
        host.port = port


def smtp_connect(process: Process, host: HostItem, interface: str | None, timeout: float) -> Dialogue:
    """Connect to ``host`` at its settled port; raises ``ConnectError``. ``timeout`` in seconds."""
    assert host.address is not None
    source = f" from {interface}" if interface else ""
    process.hdebug(f"Connecting to {host.name} [{host.address}]:{host.port}{source} ... connected")
    connection = process.world.connect(host.address, host.port, timeout, interface)
    return Dialogue(process, connection)
