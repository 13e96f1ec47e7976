"""The client of the test suite: it makes a call and plays a script from standard input.

``client``, ``client-ssl`` and ``client-gnutls`` are one program with different TLS. Standard library only.
Source: test/src/client.c.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterable
from types import FrameType
from typing import NoReturn

from eximsim.subjects.suite_programs.gnutls import GnuTls
from eximsim.subjects.suite_programs.openssl import OpenSsl
from eximsim.subjects.suite_programs.scripts import Over, leading_number, show, unescaped
from eximsim.subjects.suite_programs.tls import CannotSetUp, Ended, Session, report

_PATIENCE, _HANDSHAKE = 5, 5
_BUFFER, _LINE = 100 * 1024, 20 * 1024 - 1
_ESCAPES = {b"n": b"\n", b"r": b"\r"}


class _Interrupted(Exception):
    """A read has lasted too long, and that is no failure."""


class Client:
    """One call. ``library`` is ``ssl``, ``gnutls`` or nothing."""

    def __init__(self, library: str) -> None:
        self._library = library
        self._timeout = _PATIENCE
        self._at_once = self._quiet = self._sent_starttls = False
        self._ocsp = self._priority = self._certificate = self._key = ""
        self._session: Session | None = None
        self._active = False
        self._input = b""
        self._late = "ends"
        """What becomes of a read that lasts too long: the program ``ends``, the read ``goes on`` or it is
        ``left``."""
        self._was_late = False
        signal.signal(signal.SIGALRM, self._on_alarm)

    def _on_alarm(self, _: int, __: FrameType | None) -> None:
        if self._late == "ends":
            raise Over(99, "\nClient timed out\n")
        self._was_late = True
        if self._late == "left":
            raise _Interrupted

    def run(self, arguments: list[str]) -> int:
        """Make the call and play the script; returns the exit code."""
        try:
            self._call(self._read(arguments))
            if self._at_once:
                self._start_at_once()
            self._play(sys.stdin.buffer)
        except Over as ended:
            signal.alarm(0)
            report(ended.text)
            return ended.code
        except CannotSetUp as lack:
            report(lack.text)
            return lack.code
        report("End of script\n")
        try:
            self._wire.shutdown(socket.SHUT_WR)
            self._wire.setblocking(False)
            while self._wire.recv(_BUFFER):
                pass
        except OSError:
            pass
        return 0

    # ---- the beginning

    def _read(self, arguments: list[str]) -> list[str]:
        """Take the options; what is left are address, port and perhaps an interface."""
        rest = list(arguments)
        while rest and rest[0].startswith("-"):
            option = rest.pop(0)
            if re.fullmatch(r"-t\d{1,5}", option):
                self._timeout = int(option[2:])
            elif option == "-tls-on-connect" and self._library:
                self._at_once = True
            elif option == "-tls-quiet" and self._library:
                self._quiet = True
            elif option == "-ocsp" and self._library:
                self._ocsp = self._value(rest, "certificate file for ocsp option")
            elif option == "-p" and self._library == "gnutls":
                self._priority = self._value(rest, "priority string")
            else:
                self._refuse(f"Unrecognized option {option}", 92)
        if not rest:
            self._refuse("No IP address given", 91)
        if len(rest) < 2:
            self._refuse("No port number given", 90)
        call, more = rest[:2], rest[2:]
        if more and (more[0][:1].isdigit() or more[0].startswith(":")):
            call.append(more.pop(0))
        self._certificate, self._key = [*more, "", ""][:2]
        return call

    def _value(self, rest: list[str], what: str) -> str:
        if not rest:
            self._refuse(f"Missing {what}" if "string" in what else f"Missing required {what}", 96)
        return rest.pop(0)

    def _refuse(self, what: str, code: int) -> NoReturn:
        print(what, file=sys.stderr)
        raise Over(code)

    def _call(self, call: list[str]) -> None:
        address, port, *interface = call
        family = _family(address)
        number = leading_number(port.encode())
        report(f"Connecting to {address} port {number} ... ")
        self._wire = socket.socket(family, socket.SOCK_STREAM)
        for one in interface:
            if _family(one) == family:
                try:
                    self._wire.bind((one, 0))
                except OSError as error:
                    words = f"Unable to bind outgoing SMTP call to {one}: {error.strerror}"
                    raise Over(87, words) from None
        signal.alarm(self._timeout)
        try:
            self._wire.connect((address, number))
        except socket.gaierror:
            raise Over(86, f'Unable to parse "{address}"') from None
        except OSError as error:
            raise Over(85, f"connect failed: {error.strerror}\n") from None
        signal.alarm(0)
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        report("connected\n")
        self._set_up()

    def _set_up(self) -> None:
        if not self._library:
            return
        given = self._certificate, self._key, self._ocsp
        if self._library == "ssl":
            self._session = OpenSsl(*given)
        for name, what in ((self._certificate, "Certificate"), (self._key, "Key")):
            if name:
                report(f"{what} file = {name}\n")
        if self._library == "gnutls":
            self._session = GnuTls(*given, self._priority)
            self._session.quiet = self._quiet

    # ---- TLS

    def _handshake(self, *, at_once: bool) -> None:
        session = self._session
        assert session is not None
        self._was_late = False
        if isinstance(session, GnuTls):
            signal.alarm(self._timeout)
            self._active = session.start(self._wire.fileno(), at_once=at_once)
            signal.alarm(0)
            return
        self._late = "goes on"
        signal.alarm(_HANDSHAKE)
        self._active = session.start(self._wire.fileno())
        signal.alarm(0)
        if self._was_late:
            report("SSL_connect timed out\n")
            self._active = False

    def _start_at_once(self) -> None:
        report("Attempting to start TLS\n")
        self._handshake(at_once=True)
        if not self._quiet:
            report(self._started(at_once=True))

    def _started(self, *, at_once: bool) -> str:
        if not self._active:
            return "Failed to start TLS\n"
        if self._ocsp and isinstance(self._session, GnuTls):
            return self._session.status(at_once=at_once)
        return f"Succeeded in starting TLS{' (with OCSP)' if self._ocsp else ''}\n"

    def _after_starttls(self, answer: bytes) -> None:
        self._sent_starttls = False
        if not answer.startswith(b"2"):
            report("Abandoning TLS start attempt\n")
            return
        report("Attempting to start TLS\n")
        sys.stdout.flush()
        self._handshake(at_once=False)
        if not self._quiet:
            report(self._started(at_once=False))

    # ---- the script

    def _play(self, script: Iterable[bytes]) -> None:
        for whole in script:
            line = whole[:_LINE].removesuffix(b"\n")
            if line.startswith((b"??? ", b"???*", b"????")):
                show(line)
                self._expect(unescaped(line, _ESCAPES)[4:], line[3:4])
            elif line.startswith(b"+++ "):
                show(line)
                time.sleep(leading_number(line[4:]))
            elif line.startswith(b"<<< "):
                try:
                    with open(line[4:], "rb") as file:
                        self._play(file)
                except OSError as error:
                    shown = self._input.decode("utf-8", "surrogateescape")
                    raise Over(74, f"Unable to open '{shown}': {error.strerror}") from None
            else:
                self._send(line)

    def _expect(self, wanted: bytes, kind: bytes) -> None:
        """Read a line; with ``?`` any number of lines that are as wanted, with ``*`` the end."""
        while True:
            if not self._input and not self._fill(kind):
                return
            line, rest = _first_line(self._input)
            if not line.startswith(wanted):
                if kind == b"?":
                    self._input = line  # what is behind it is lost
                    return
                show(b"<<< " + line)
                raise Over(79, "\n******** Input mismatch ********\n")
            self._input = rest
            if kind != b"?":
                show(b"<<< " + line)
            elif rest:
                continue
            if self._sent_starttls:
                self._after_starttls(line)
            return

    def _fill(self, kind: bytes) -> bool:
        """Have input; False if the script's line is done with."""
        signal.alarm(self._timeout)
        data = b""
        try:
            while b"\n" not in data:
                part = self._receive()
                if not part:
                    data = b""
                    break
                data += part
                if len(data) >= _BUFFER:
                    raise Over(73, f"Input buffer overrun, need more than {_BUFFER} bytes input buffer\n")
        except _Interrupted:
            if kind == b"?":
                return False
            raise Over(81, "Read error: Interrupted system call\n") from None
        except OSError as error:
            raise Over(81, f"Read error: {error.strerror}\n") from None
        signal.alarm(0)
        if not data:
            if kind == b"*":
                report("Expected EOF read\n")
            elif kind != b"?":
                raise Over(80, "Unexpected EOF read\n")
            return False
        if kind == b"*":
            raise Over(74, "Expected EOF not read\n")
        self._input = data.partition(b"\0")[0]
        return True

    def _receive(self) -> bytes:
        if self._active:
            assert self._session is not None
            try:
                return self._session.receive(_BUFFER)
            except Ended as ended:
                if ended.broken:
                    raise OSError(ended.number, os.strerror(ended.number)) from None
                self._active = False
                if not self._session.pause_is_fatal:
                    self._late, self._was_late = "left", True
                signal.alarm(self._timeout)
        return self._wire.recv(_BUFFER)

    def _send(self, line: bytes) -> None:
        raw = line.startswith(b">>> ")
        text = line[4:] if raw else line
        if self._input:
            shown = b"Unconsumed input: " + self._input + b"   About to send: " + text + b"\n"
            raise Over(78, shown.decode("utf-8", "surrogateescape"))
        if self._library and text in (b"stoptls", b"STOPTLS"):
            self._stop_tls()
            return
        self._sent_starttls = bool(self._library) and text in (b"starttls", b"STARTTLS")
        if self._library and text == b"starttls_wait":
            text = b"starttls"
        show(b">>> " + text)
        data = unescaped(text if raw else text + b"\r\n", _ESCAPES)
        signal.alarm(self._timeout)
        try:
            if self._active and self._session is not None:
                self._session.send(data)
            else:
                self._wire.sendall(data)
        except OSError as error:
            raise Over(75, f"Write error: {error.strerror}\n") from None
        signal.alarm(0)

    def _stop_tls(self) -> None:
        if not self._active or self._session is None:
            raise Over(77, "STOPTLS read when TLS not active\n")
        report("Shutting down TLS encryption\n")
        self._session.stop()
        self._active = False


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _first_line(text: bytes) -> tuple[bytes, bytes]:
    """The first line, without its end, and what follows."""
    match = re.search(rb"\r\n?|\n\n?", text)
    return (text[: match.start()], text[match.end() :]) if match else (text, b"")
