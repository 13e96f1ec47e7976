"""The server of the test suite: it takes a number of connections and plays a script on them.

Standard library only. Source: test/src/server.c.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from eximsim.subjects.suite_programs.openssl import OpenSsl
from eximsim.subjects.suite_programs.scripts import Over, show, unescaped
from eximsim.subjects.suite_programs.tls import CannotSetUp, Ended, report

_PATIENCE = 5
_SPACE = b" \t\n\v\f\r"
_LINE = 10240
_ENDS = {b">": b"", b"CR>": b"\r", b"LF>": b"\n"}
_HEADER = b"<Content-length:"
_LENGTH = re.compile(rb"<Content-length:\s*([0-9]+)")


class _Closed(Exception):
    """This connection is done with; the next one goes on behind this line of the script."""


class _Connection:
    """One client, with buffered input and output."""

    def __init__(self, wire: socket.socket) -> None:
        self.wire = wire
        self.session: OpenSsl | None = None
        self._input, self._output = b"", b""
        self._ended = False

    def write(self, data: bytes) -> None:
        """Send something with the next ``flush``."""
        self._output += data

    def flush(self) -> None:
        """Send what has been written."""
        data, self._output = self._output, b""
        try:
            if data and self.session is not None:
                self.session.send(data)
            elif data:
                self.wire.sendall(data)
        except OSError:
            return

    def octets(self, most: int) -> bytes:
        """What one read of the socket gives."""
        try:
            return self.wire.recv(most)
        except OSError:
            return b""

    def _fill(self) -> bool:
        if not self._ended:
            try:
                part = self.session.receive(_LINE) if self.session is not None else self.wire.recv(_LINE)
            except (OSError, Ended):
                part = b""
            self._input += part
            self._ended = not part
        return not self._ended

    def line(self, most: int) -> bytes:
        """A line with its end, what is left of one, or nothing at the end."""
        while b"\n" not in self._input[:most] and len(self._input) < most:
            if not self._fill():
                break
        end = self._input.find(b"\n", 0, most) + 1 or most
        line, self._input = self._input[:end], self._input[end:]
        return line

    def octet(self) -> bytes:
        """One octet; nothing at the end."""
        if not self._input and not self._fill():
            return b""
        one, self._input = self._input[:1], self._input[1:]
        return one

    def close(self) -> None:
        """End it; a client that has TLS sees that nothing more comes."""
        self.flush()
        if self.session is None:
            self.wire.close()
            return
        try:
            self.wire.shutdown(socket.SHUT_WR)
        except OSError:
            return


class Server:
    """One run of the program."""

    def __init__(self) -> None:
        self._debug = self._fast = False
        self._pause, self._timeout, self._late_code = 0, _PATIENCE, 99
        self._families = [socket.AF_INET6, socket.AF_INET]
        self._files = ("", "")
        self._pid_file = ""
        self._script: list[bytes] = []
        self._at = 0
        self._by_lines = True
        self._left: int | None = None
        """How much a client has yet to send that has told the length of it."""
        self._kept: list[_Connection] = []
        """Those with TLS stay open until the end."""

    def run(self, arguments: list[str]) -> int:
        """Listen, serve and end; returns the exit code."""
        try:
            where, count = self._read(arguments)
            self._serve(where, count)
        except Over as ended:
            signal.alarm(0)
            report(ended.text)
            return ended.code
        except CannotSetUp as lack:
            report(lack.text)
            return lack.code
        if self._at >= len(self._script):
            report("End of script\n")
        if where.startswith("/"):
            Path(where).unlink(missing_ok=True)
        return 0

    def _read(self, arguments: list[str]) -> tuple[str, int]:
        rest = list(arguments)
        while rest and rest[0].startswith("-"):
            option = rest.pop(0)
            if option == "-d":
                self._debug = True
            elif option == "-tfo":
                self._fast = True
            elif option == "-tls" and len(rest) > 1:
                self._files = (rest.pop(0), rest.pop(0))
            elif option == "-t" and rest:
                seconds = _number(rest.pop(0))
                self._timeout, self._late_code = abs(seconds), 0 if seconds < 0 else 99
            elif option == "-i" and rest:
                self._pause = _number(rest.pop(0))
            elif option in ("-noipv4", "-noipv6"):
                self._families.remove(socket.AF_INET if option == "-noipv4" else socket.AF_INET6)
            elif option == "-oP" and rest:
                self._pid_file = rest.pop(0)
            else:
                raise Over(1, f"server: unknown option {option}, try -h or --help\n")
        if not self._families:
            raise Over(1, "server: -noipv4 and -noipv6 cannot both be given\n")
        if not rest:
            raise Over(1, "server: no port number or socket name given\n")
        return rest[0], _number(rest[1]) if len(rest) > 1 else 1

    # ---- listening

    def _serve(self, where: str, count: int) -> None:
        if self._pause > 0:
            report(f"{f'{int(time.time())}: ' if self._debug else ''}Inital pause of {self._pause} seconds\n")
            time.sleep(self._pause)
        doors = self._doors(where)
        if self._pid_file:
            Path(self._pid_file).write_text(f"{os.getpid()}\n")
        self._read_script()
        signal.signal(signal.SIGALRM, self._on_alarm)
        named = where if where.startswith("/") else f"port {_number(where)}"
        for _ in range(count):
            signal.alarm(self._timeout)
            report(f"Listening on {named} ... ")
            sys.stdout.flush()
            ready = select.select(doors, [], [])[0]
            wire, peer = next(door for door in doors if door in ready).accept()
            signal.alarm(0)
            told = "" if where.startswith("/") else f" from [{str(peer[0]).removeprefix('::ffff:')}]"
            report(f"\nConnection request{told}\n")
            sys.stdout.flush()
            self._talk(_Connection(wire))

    def _on_alarm(self, _: int, __: FrameType | None) -> NoReturn:
        raise Over(self._late_code, "\nServer timed out\n")

    def _doors(self, where: str) -> list[socket.socket]:
        if where.startswith("/"):
            Path(where).unlink(missing_ok=True)
            if self._debug:
                report(f"{int(time.time())}: Creating Unix domain socket\nBinding Unix domain socket\n")
            door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            door.bind(where)
            mode = os.stat(where).st_mode | 0o777
            if self._debug:
                report(f"Setting Unix domain socket mode: {mode:x}\n")
            os.chmod(where, mode)
            door.listen(5)
            return [door]
        return list(self._network_doors(_number(where)))

    def _network_doors(self, port: int) -> Iterator[socket.socket]:
        for family in self._families:
            version = 6 if family == socket.AF_INET6 else 4
            if self._debug:
                report(f"Creating IPv{version} socket\n")
            door = socket.socket(family, socket.SOCK_STREAM)
            if self._fast:
                door.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
            if version == 6:
                door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind(("::" if version == 6 else "0.0.0.0", port))
            except OSError as error:
                raise Over(1, f"IPv{version} socket bind(port {port}) failed: {error.strerror}\n") from None
            door.listen(5)
            yield door

    def _read_script(self) -> None:
        for whole in sys.stdin.buffer:
            self._by_lines &= not whole.startswith(b">>")
            line = whole.rstrip(_SPACE)
            if line == b"++++":
                return
            self._script.append(unescaped(line))

    # ---- a connection

    def _talk(self, client: _Connection) -> None:
        self._left = None
        try:
            while self._at < len(self._script):
                if not self._step(self._script[self._at], client):
                    break
                self._at += 1
        except _Closed:
            self._at += 1
        if client.session is not None:
            self._kept.append(client)
        client.close()

    def _step(self, line: bytes, client: _Connection) -> bool:
        """Do what a line says; False where the client has said something else."""
        if line.startswith(b">"):
            _show_octets(line)
            if line.startswith(b">*eof"):
                raise _Closed
            end = next((end for end in _ENDS if line.startswith(end, 1)), None)
            client.write(line[1:] + b"\r\n" if end is None else line[1 + len(end) :] + _ENDS[end])
        elif line[:1].isdigit():
            show(line)
            client.write(line + b"\r\n")
        elif line.startswith(b"*sleep "):
            show(line)
            client.flush()
            time.sleep(_number(line[7:].decode()))
        elif line.startswith(b"*data "):
            self._discard(_number(line[6:].decode()), client)
        elif line.startswith(b"*starttls"):
            self._start_tls(client)
        else:
            client.flush()
            return self._expect_line(line, client) if self._by_lines else self._expect_octets(line, client)
        return True

    def _discard(self, count: int, client: _Connection) -> None:
        signal.alarm(self._timeout)
        while count > 0:
            part = client.octet() if self._by_lines else client.octets(min(count, _LINE))
            if not part:
                report("Unexpected EOF read from client\n")
                raise _Closed
            count -= len(part)

    def _start_tls(self, client: _Connection) -> None:
        client.flush()
        signal.alarm(self._timeout)
        session = OpenSsl(*self._files)
        if session.start(client.wire.fileno(), serving=True):
            if self._debug:
                report(f"SSL connection using {session.cipher()}\n")
            client.session = session
        signal.alarm(0)

    def _expect_line(self, line: bytes, client: _Connection) -> bool:
        line = line.partition(b"\0")[0]
        mark = _mark(line)
        while True:
            signal.alarm(self._timeout)
            received = client.line(_LINE - 1 - len(mark))
            if not received:
                self._ended(line)
            signal.alarm(0)
            self._count(len(received))
            received = mark + received.partition(b"\0")[0].rstrip(_SPACE)
            show(received)
            if line != b"." or received == b".":
                break
        if not received.startswith(line):
            report("Comparison failed - bailing out\nExpected: ")
            show(line)
            return False
        self._announced(received, client)
        return True

    def _ended(self, line: bytes) -> NoReturn:
        report(f"{'E' if line.startswith(b'*eof') else 'Une'}xpected EOF read from client\n")
        raise _Closed

    def _expect_octets(self, line: bytes, client: _Connection) -> bool:
        mark = _mark(line)
        signal.alarm(self._timeout)
        received = client.octets(len(line) - len(mark))
        self._count(len(received))
        if not received:
            self._ended(line)
        while len(mark) != 2 and client.octets(1) not in (b"\n", b""):
            pass
        signal.alarm(0)
        received = mark + received
        _show_octets(received)
        if line == b".":
            self._skip_message(client)
        elif not line.startswith(received):
            report("Comparison failed - bailing out\nExpected: ")
            _show_octets(line[: len(received)])
            return False
        self._announced(received, client)
        return True

    def _skip_message(self, client: _Connection) -> None:
        """Read the lines up to one that begins with a dot."""
        while True:
            first = octet = client.octets(1)
            self._count(1)
            while octet not in (b"\n", b""):
                octet = client.octets(1)
                self._count(len(octet))
            if first in (b".", b""):
                return

    def _count(self, octets: int) -> None:
        if self._left is not None:
            self._left -= octets

    def _announced(self, received: bytes, client: _Connection) -> None:
        """Take note of the length of what follows; behind it nothing is read.

        An empty line, or the mere beginning of such a header, counts as a length of nothing.
        """
        if match := _LENGTH.match(received):
            self._left = int(match[1])
        elif self._by_lines and _HEADER.startswith(received.rstrip(_SPACE)):
            self._left = self._left or 0
        if self._left is not None and self._left <= 0:
            with contextlib.suppress(OSError):
                client.wire.shutdown(socket.SHUT_RD)


def _number(text: str) -> int:
    match = re.match(r"\s*(-?[0-9]+)", text)
    return int(match[1]) if match else 0


def _mark(line: bytes) -> bytes:
    """The one or two ``<`` that a line begins with; a client does not send them."""
    return line[: min(2, len(line) - len(line.lstrip(b"<")))]


def _show_octets(line: bytes) -> None:
    shown = ("\\\\" if one == 0x5C else chr(one) if 0x20 <= one <= 0x7E else f"\\x{one:02x}" for one in line)
    report("".join(shown) + "\n")
