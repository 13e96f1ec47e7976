"""A message from its files on the spool (spool_read_header(), src/spool_in.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eximsim.errors import Unsupported
from eximsim.mta.base.string import from_octets, octets, string_unprinting
from eximsim.mta.records.spool import Header, Message, Recipient

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
_EXTRA = re.compile(r"(?P<dsn>.*?)(?P<orcpt_length>\d+),(?P<flags>\d+) (?P<error>.*?)"
                    r"(?P<error_length>\d+),(?P<parent>-?\d+)#3", re.ASCII)  # fmt: skip


class FormatError(ValueError):
    """The file is not in the form in which Exim writes it."""


def spool_read(header: bytes, data: bytes) -> Message:
    """The message of a header file and a data file.

    Raises ``FormatError``, and ``Unsupported`` for an old or special form.
    """
    try:
        return _Reader(from_octets(header)).message(data.partition(b"\n")[2])
    except (StopIteration, ValueError) as error:
        raise FormatError(str(error)) from None


@dataclass(slots=True)
class _Reader:
    """Reads a header file from its beginning to its end."""

    text: str
    at: int = 0

    def line(self) -> str:
        end = self.text.index("\n", self.at)
        line, self.at = self.text[self.at : end], end + 1
        return line

    def message(self, body: bytes) -> Message:
        message_id = self.line().removesuffix("-H")
        who = _WHO.fullmatch(self.line())
        sender, times = self.line(), self.line().split()
        if who is None or not (sender.startswith("<") and sender.endswith(">")) or len(times) != 2:
            raise FormatError("the envelope")
        message = Message(message_id, sender[1:-1], [], [], body, float(times[0]))
        message.received_complete, message.warning_count = message.received_time, int(times[1])
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
            value = octets(self.text[self.at :])[: int(length)]
            self.at += len(from_octets(value)) + 1
            message.variables[f"acl_{name[3]}{variable}"] = from_octets(value)
        elif name in ("host_address", "interface_address"):
            kind = "sender_host" if name == "host_address" else "interface"
            match = _ADDRESS.fullmatch(text)
            message.variables[f"{kind}_address"] = match["address"] if match else text
            message.variables[f"{kind}_port"] = match["port"] if match else "0"
        elif name == "frozen":
            message.frozen, message.frozen_at = True, float(text)
        elif name == "received_time_usec":
            message.received_time += float(f"0{text}")
        elif name == "received_time_complete":
            message.received_complete = float(text)
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
        for letter in line[:2]:
            if letter == "Y":
                yield from self.tree(self.line())

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
        match = _EXTRA.fullmatch(line)
        if match is None:
            raise Unsupported("a recipient in a spool file, with other extra data than Exim writes today")
        orcpt_length, parent = int(match["orcpt_length"]), int(match["parent"])
        before = match["dsn"].removesuffix(" ")
        orcpt = before[len(before) - orcpt_length :] if orcpt_length else None
        address = before[: len(before) - orcpt_length].rstrip(" ")
        errors_to = match["error"].removesuffix(" ") or None
        flags = frozenset(name for bit, name in _DSN_FLAGS.items() if int(match["flags"]) & bit)
        origin = known[parent].address if 0 <= parent < len(known) else None
        return Recipient(address, errors_to, origin, orcpt, flags)

    def headers(self) -> Iterator[Header]:
        rest = octets(self.text[self.at :])
        while rest:
            match = _HEADER.match(rest)
            if match is None:
                raise FormatError("a header line")
            length = int(match[1])
            yield Header(from_octets(match[2]), from_octets(rest[match.end() : match.end() + length]))
            rest = rest[match.end() + length :]


_HEADER = re.compile(rb"(\d+)(.) ", re.DOTALL)
