"""The lmtp transport: LMTP with a command, or over a Unix domain socket (src/transports/lmtp.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.log import printed, quoted
from eximsim.mta.transports.command import set_up_command
from eximsim.mta.transports.filtering import FilterFailed
from eximsim.mta.transports.local import LocalRun, Stop, refuse_unmodelled, replicate_status
from eximsim.mta.transports.transport import dotted, message_parts, transport_rcpt_address
from eximsim.piped import PipedCommand
from eximsim.ports import ConnectError, ConnectionLost, ReadTimeout
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.ports import Connection

LMTP_ENDED = Rule("dialogue with an LMTP server", "lmtp.c lmtp_transport_entry")

_BUFFER = 256
"""Octets of the buffer for a reply."""
_LEAST_ROOM = 10
_REPLY = re.compile(r"[0-9]{3}(?:[- ]|$)", re.ASCII)
_IGNOREQUOTA = re.compile(r"\n250[\s\-]IGNOREQUOTA(?:\s|\n|$)")


class _Failed(Exception):
    """There is no reply, or none that can be read (``errno``; ``text`` of a malformed one)."""

    def __init__(self, errno: int, text: str = "") -> None:
        self.errno, self.text = errno, text
        super().__init__(errno, text)


class _Refused(Exception):
    """A reply with another first digit than the one that is wanted; ``errno`` is 0 or Exim's own number."""

    def __init__(self, text: str, errno: int = 0) -> None:
        self.text, self.errno = text, errno
        super().__init__(text)


@dataclass(slots=True)
class _Dialogue:
    connection: Connection
    timeout: float
    step: str = "initial connection"
    """What was done last, for messages (``big_buffer``)."""
    arrived: bytes = b""

    def say(self, command: str) -> None:
        self.step = command
        self.send(octets(f"{command}\r\n"))

    def send(self, data: bytes) -> None:
        try:
            self.connection.send(data)
        except ConnectionLost as lost:
            raise Stop(Rc.PANIC, f"Error {lost.errno}", lost.errno) from None

    def read(self, wanted: str = "2", errno: int = 0) -> str:
        """A reply that begins with a digit; ``errno`` is the number of a temporary refusal.

        Source: lmtp_read_response().
        """
        lines: list[str] = []
        room = _BUFFER
        while True:
            line = self._line(room)
            if line is None:
                raise _Failed(Errno.SMTPFORMAT, "\n".join(lines))
            room -= len(octets(line)) + 1
            lines.append(line.rstrip())
            if not _REPLY.match(lines[-1]):
                raise _Failed(Errno.SMTPFORMAT, "\n".join(lines))
            if lines[-1][3:4] != "-":
                break
        text = "\n".join(lines)
        if text[0] != wanted:
            raise _Refused(text, errno if text[0] == "4" else 0)
        return text

    def _line(self, room: int) -> str | None:
        """The next line, None if it does not fit."""
        while b"\n" not in self.arrived:
            if room - len(self.arrived) < _LEAST_ROOM:
                return None
            try:
                data = self.connection.receive(self.timeout)
            except ReadTimeout:
                raise _Failed(errnos.ETIMEDOUT) from None
            except ConnectionLost as lost:
                raise _Failed(lost.errno) from None
            if not data:
                raise _Failed(0)
            self.arrived += data
        line, _, self.arrived = self.arrived.partition(b"\n")
        return from_octets(line) if room - len(line) >= _LEAST_ROOM else None


def lmtp_transport_entry(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> None:
    """Deliver the message; every address has its own result. Source: lmtp_transport_entry()."""
    refuse_unmodelled(transport)
    first = addrs[0]
    try:
        partner = _partner(process, transport, addrs, run)
        if process.dont_deliver:
            raise Stop(Rc.OK, None, first.basic_errno)
        dialogue = _Dialogue(_opened(process, transport, partner), transport.options.seconds("timeout"))
        try:
            _transact(process, transport, addrs, dialogue)
        finally:
            dialogue.connection.close()
    except Stop as stop:
        first.transport_return, first.message, first.basic_errno = stop.rc, stop.message, stop.errno
        replicate_status(addrs)
    process.trace.record(LMTP_ENDED, first.transport_return.name, message=first.message)


def _partner(
    process: Process, transport: DriverInstance, addrs: list[Address], run: LocalRun
) -> PipedCommand | str:
    """The command, or the path of the socket."""
    command, socket = transport.options.text("command"), transport.options.text("socket") or ""
    if command is not None:
        what = f"{transport.name[:50]} transport"
        words = set_up_command(process, command, addrs, expands=True, failed=Rc.PANIC, what=what)
        return PipedCommand(
            tuple(words), environment=process.environment, uid=run.uid, gid=run.gid, directory=run.directory
        )
    try:
        return expand(process, socket)
    except ExpansionFailed as failed:
        what = (
            f"Expansion of {quoted(process, socket)} (socket setting for {transport.name} transport) failed"
        )
        raise Stop(Rc.DEFER, f"{what}: {failed.message}") from None


def _opened(process: Process, transport: DriverInstance, partner: PipedCommand | str) -> Connection:
    try:
        return process.world.converse(partner)
    except ConnectError as error:
        if isinstance(partner, PipedCommand):
            what = "an LMTP command that cannot be run"
            raise Unsupported(what, *transport.options.where("command")) from None
        why = errnos.strerror(error.errno)
        what = f"Failed to connect to socket {partner} for {transport.name} transport: {why}"
        raise Stop(Rc.DEFER, what) from None


def _transact(process: Process, transport: DriverInstance, addrs: list[Address], dialogue: _Dialogue) -> None:
    try:
        dialogue.read()
        dialogue.say(f"LHLO {expand(process, '$primary_hostname')}")
        offered = dialogue.read()
        ignores = transport.options.flag("ignore_quota") and _IGNOREQUOTA.search(offered)
        dialogue.say(f"MAIL FROM:<{process.return_path}>")
        dialogue.read(errno=Errno.MAIL4XX)
        if _say_recipients(process, transport, addrs, dialogue, " IGNOREQUOTA" if ignores else ""):
            dialogue.say("DATA")
            dialogue.read("3", errno=Errno.DATA4XX)
            _send(process, transport, addrs, dialogue)
            _read_each(process, addrs, dialogue)
        _quit(dialogue)
    except _Refused as refused:
        addrs[0].more_errno |= int(refused.text[1:3]) << 8 if refused.errno else 0
        message = f"LMTP error after {dialogue.step}: {printed(process, refused.text)}"
        _quit(dialogue)
        rc = Rc.FAIL if refused.text[0] == "5" else Rc.DEFER
        raise Stop(rc, message, refused.errno or addrs[0].basic_errno) from None
    except _Failed as failed:
        message, number = _why(process, dialogue, failed)
        if number > 0:
            message = f"{message}: {errnos.strerror(number)}"
        own = failed.errno not in (0, errnos.ETIMEDOUT)
        raise Stop(Rc.DEFER, message, failed.errno if own else addrs[0].basic_errno) from None


def _why(process: Process, dialogue: _Dialogue, failed: _Failed) -> tuple[str, int]:
    """What there is to say of a reply that did not come, and the error number that is left. Source:
    check_response()."""
    if failed.errno == errnos.ETIMEDOUT:
        count = process.transport_count
        return f"LMTP timeout after {dialogue.step}{f' ({count} bytes written)' if count > 0 else ''}", 0
    if failed.errno == Errno.SMTPFORMAT:
        shown = printed(process, failed.text)
        return f"Malformed LMTP response after {dialogue.step}: {shown}", failed.errno
    if failed.errno == 0:
        return f"LMTP connection closed after {dialogue.step}", Errno.SMTPCLOSED
    return "(null)", failed.errno


def _say_recipients(
    process: Process, transport: DriverInstance, addrs: list[Address], dialogue: _Dialogue, more: str
) -> bool:
    """Say RCPT for each; whether one was accepted."""
    affixes = transport.options.flag("rcpt_include_affixes")
    for addr in addrs:
        dialogue.say(f"RCPT TO:<{transport_rcpt_address(addr, include_affixes=affixes)}>{more}")
        try:
            dialogue.read()
            addr.transport_return = Rc.PENDING_OK
        except _Refused as refused:
            _refuse(process, addr, dialogue, refused, Errno.RCPT4XX)
    return any(addr.transport_return is Rc.PENDING_OK for addr in addrs)


def _refuse(process: Process, addr: Address, dialogue: _Dialogue, refused: _Refused, errno: Errno) -> None:
    addr.message = f"LMTP error after {dialogue.step}: {printed(process, refused.text)}"
    addr.pass_message = True
    if refused.text[0] == "5":
        addr.transport_return = Rc.FAIL
        return
    addr.transport_return = Rc.DEFER
    if errno is Errno.RCPT4XX or refused.text[0] == "4":
        addr.basic_errno = errno
        addr.more_errno |= int(refused.text[1:3]) << 8


def _send(process: Process, transport: DriverInstance, addrs: list[Address], dialogue: _Dialogue) -> None:
    dialogue.step = "sending data block"
    process.transport_count = 0
    try:
        text = dotted(b"".join(message_parts(process, transport, addrs))) + b".\r\n"
    except ExpansionFailed as failed:
        what = f"failed to expand headers_add or headers_remove: {failed.message}"
        raise Stop(Rc.DEFER, what, Errno.CHHEADER_FAIL) from None
    except FilterFailed as failed:
        if failed.status is None:
            raise _Failed(errnos.ETIMEDOUT) from None
        status, why = failed.shown
        raise Stop(Rc.DEFER, f"transport filter process failed ({status}){why}", Errno.FILTER_FAIL) from None
    dialogue.send(text)
    process.transport_count = len(text)
    dialogue.step = "end of data"


def _read_each(process: Process, addrs: list[Address], dialogue: _Dialogue) -> None:
    """A reply for each recipient that was accepted; one that does not come is missing for all after it."""
    waiting = [addr for addr in addrs if addr.transport_return is Rc.PENDING_OK]
    for number, addr in enumerate(waiting):
        try:
            addr.message = printed(process, dialogue.read())
            addr.transport_return = Rc.OK
        except _Refused as refused:
            _refuse(process, addr, dialogue, refused, Errno.DATA4XX)
        except _Failed as failed:
            for rest in waiting[number:]:
                rest.message, _ = _why(process, dialogue, failed)
                rest.transport_return, rest.basic_errno = Rc.DEFER, addr.basic_errno
            return


def _quit(dialogue: _Dialogue) -> None:
    try:
        dialogue.say("QUIT")
        dialogue.timeout = 1
        dialogue.read()
    except (Stop, _Failed, _Refused):
        pass
