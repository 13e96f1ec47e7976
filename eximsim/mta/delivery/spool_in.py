"""A message from its files on the spool (spool_read_header(), src/spool_in.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, string_unprinting
from eximsim.mta.records.spool import Header, Message, Recipient
from eximsim.quick_dataclass import dataclass

_DSN_FLAGS = {2: "NEVER", 4: "SUCCESS", 8: "FAILURE", 16: "DELAY"}
_DSN_RET = {1: "FULL", 2: "HDRS"}

_VARIABLES = {
    "helo_name": "sender_helo_name",
    "host_name": "sender_host_name",
    "host_auth": "sender_host_authenticated",
    "active_hostname": "smtp_active_hostname",
    "ident": "sender_ident",
    "received_protocol": "received_protocol",
    "auth_id": "authenticated_id",
    "auth_sender": "authenticated_sender",
    "tls_cipher": "tls_in_cipher",
    "tls_ver": "tls_in_ver",
}
"""What a line of the file is called, and the variable that it sets."""

_PRINTED = {"tls_peerdn": "tls_in_peerdn", "tls_sni": "tls_in_sni"}
"""The same for those whose control characters are written as escapes."""

_FLAGS: dict[str, Callable[[Message, str], None]] = {
    "allow_unqualified_recipient": lambda message, _: setattr(message, "unqualified_recipient", True),
    "allow_unqualified_sender": lambda message, _: setattr(message, "unqualified_sender", True),
    "deliver_firsttime": lambda message, _: setattr(message, "deliver_firsttime", True),
    "N": lambda message, _: setattr(message, "dont_deliver", True),
    "localerror": lambda message, _: setattr(message, "local_error_message", True),
    "manual_thaw": lambda message, _: setattr(message, "manual_thaw", True),
    "sender_set_untrusted": lambda message, _: setattr(message, "sender_set_untrusted", True),
    "max_received_linelength": lambda message, text: setattr(message, "longest_received", int(text)),
    "dsn_envid": lambda message, text: setattr(message, "dsn_envid", text),
    "dsn_ret": lambda message, text: setattr(message, "dsn_ret", _DSN_RET.get(int(text))),
    "local": lambda message, _: message.variables.update(sender_local="1"),
    "host_lookup_deferred": lambda message, _: message.variables.update(host_lookup_deferred="1"),
    "host_lookup_failed": lambda message, _: message.variables.update(host_lookup_failed="1"),
}

_WHO = re.compile(r"(?P<login>.*) (?P<uid>-?\d+) (?P<gid>-?\d+)\s*", re.ASCII)
_ADDRESS = re.compile(r"\[?(?P<address>.*?)\]?[.:](?P<port>\d+)", re.ASCII)
_TIMES = re.compile(r"(\d{1,12}) (\d{1,9})", re.ASCII)
_SECONDS = re.compile(r"\d{0,12}(\.\d{1,9})?", re.ASCII)
_DIGITS = "0123456789"


class FormatError(ValueError):
    """The file is not in the form in which Exim writes it."""


def spool_read(header: bytes, data: bytes) -> Message:
    """The message of a header file and a data file.

    Raises ``FormatError``, and ``Unsupported`` for an old or special form.
    """
    try:
        return _Reader(header).message(data.partition(b"\n")[2])
    except (StopIteration, ValueError) as error:
        raise FormatError(str(error)) from None


@dataclass(slots=True)
class _Reader:
    """Reads a header file from its beginning to its end."""

    header: bytes
    at: int = 0

    def line(self) -> str:
        end = self.header.index(b"\n", self.at)
        line, self.at = self.header[self.at : end], end + 1
        return from_octets(line)

    def message(self, body: bytes) -> Message:
        message_id = self.line().removesuffix("-H")
        who = _WHO.fullmatch(self.line())
        sender, times = self.line(), _TIMES.fullmatch(self.line())
        if who is None or times is None or not (sender.startswith("<") and sender.endswith(">")):
            raise FormatError("the envelope")
        message = Message(message_id, sender[1:-1], [], [], body, float(times[1]))
        message.received_complete, message.warning_count = message.received_time, int(times[2])
        message.originator_login = who["login"]
        message.originator_uid, message.originator_gid = int(who["uid"]), int(who["gid"])
        message.deliver_firsttime = False
        line = self.line()
        while line.startswith("-"):
            self.option(message, line.removeprefix("-").removeprefix("-"))
            line = self.line()
        if line != "XX":
            message.nonrecipients = dict.fromkeys(self.tree(line))
        message.recipients = list(self.recipients(int(self.line())))
        if self.line():
            raise FormatError("the blank line before the header lines")
        message.headers = list(self.headers())
        return message

    def option(self, message: Message, line: str) -> None:
        """One of the optional lines; those of a name that is not known are left out."""
        name, _, text = line.partition(" ")
        if name.startswith("("):
            raise Unsupported("a spool file with a value that is quoted for a lookup")
        if name in ("aclc", "aclm"):
            variable, length = text.rsplit(" ", 1)
            value = self.header[self.at : self.at + int(length)]
            self.at += len(value) + 1
            message.variables[f"acl_{name[3]}{variable}"] = from_octets(value)
        elif name in ("host_address", "interface_address"):
            kind = "sender_host" if name == "host_address" else "interface"
            match = _ADDRESS.fullmatch(text)
            message.variables[f"{kind}_address"] = match["address"] if match else text
            message.variables[f"{kind}_port"] = match["port"] if match else "0"
        elif name == "frozen":
            message.frozen, message.frozen_at = True, _seconds(text)
        elif name == "received_time_usec":
            message.received_time += _seconds(text)
        elif name == "received_time_complete":
            message.received_complete = _seconds(text)
        elif name == "host_auth_pubname":
            message.auth_public_name = text
        elif name in _VARIABLES:
            message.variables[_VARIABLES[name]] = text
        elif name in _PRINTED:
            message.variables[_PRINTED[name]] = string_unprinting(text)
        elif name in _FLAGS:
            _FLAGS[name](message, text)
        elif name in ("spool_file_wireformat", "smtputf8", "tls_ourcert", "tls_peercert"):
            raise Unsupported(f"-{name} in a spool file")

    def tree(self, line: str) -> Iterator[str]:
        """The addresses that are done with: a tree, each node with a letter for each of its sides."""
        yield line[3:]
        left = line[:2].count("Y")
        while left:
            line = self.line()
            yield line[3:]
            left += line[:2].count("Y") - 1

    def recipients(self, count: int) -> Iterator[Recipient]:
        known: list[Recipient] = []
        for _ in range(count):
            one = self.recipient(self.line(), known)
            known.append(one)
            yield one

    def recipient(self, line: str, known: list[Recipient]) -> Recipient:
        if "#" not in line:
            if line[-1:].isdigit():
                raise Unsupported("a recipient in a spool file of Exim 3 or of early versions of Exim 4")
            return Recipient(line)
        if not line.endswith("#3"):
            raise _other_form()
        rest, error_length, parent = _pair(line.removesuffix("#3"))
        rest = rest.removesuffix(" ")
        errors_to = rest[len(rest) - error_length :] or None
        rest, orcpt_length, bits = _pair(rest[: len(rest) - error_length].removesuffix(" "))
        before = rest.removesuffix(" ")
        orcpt = before[len(before) - orcpt_length :] if orcpt_length else None
        address = before[: len(before) - orcpt_length].rstrip(" ")
        flags = frozenset(name for bit, name in _DSN_FLAGS.items() if bits & bit)
        origin = known[parent].address if 0 <= parent < len(known) else None
        return Recipient(address, errors_to, origin, orcpt, flags)

    def headers(self) -> Iterator[Header]:
        while self.at < len(self.header):
            match = _HEADER.match(self.header, self.at)
            if match is None:
                raise FormatError("a header line")
            self.at = match.end() + int(match[1])
            yield Header(from_octets(match[2]), from_octets(self.header[match.end() : self.at]))


def _seconds(text: str) -> float:
    if not text or not _SECONDS.fullmatch(text):
        raise FormatError("a time")
    return float(text)


def _pair(text: str) -> tuple[str, int, int]:
    """What stands before the last two numbers, which a comma separates, and these."""
    before, _, second = text.rpartition(",")
    rest = before.rstrip(_DIGITS)
    if rest == before or not second.removeprefix("-").isdecimal():
        raise _other_form()
    return rest, int(before[len(rest) :]), int(second)


def _other_form() -> Unsupported:
    return Unsupported("a recipient in a spool file, with other extra data than Exim writes today")


_HEADER = re.compile(rb"(\d+)(.) ", re.DOTALL)
