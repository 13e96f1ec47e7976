"""What words and lines of a script mean, whoever plays it: the model's player or the bench."""

from __future__ import annotations

import re
from typing import Literal

_SERVER = re.compile(r"(^|\s)-DSERVER=server(\s|$)")
_NOT_DAEMON = re.compile(r"(^|\s)-DNOTDAEMON(\s|$)")
_WAIT_MODE = re.compile(r"(?:^|\s)-DSERVER=wait:(\d+)(?=\s)", re.ASCII)
_ESCAPED_LINE = re.compile(r":(\w+):(.*)", re.DOTALL)
_STRING_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "e": "\x1b", "\\": "\\"}

Kind = Literal["text", "sleep", "file"]


def is_server(arguments: str) -> bool:
    """Whether what a call of Exim writes belongs to the server's outputs."""
    return _SERVER.search(arguments) is not None


def is_daemon(arguments: str) -> bool:
    """Whether a call of Exim starts a daemon, which goes on beside the next commands."""
    return is_server(arguments) and _NOT_DAEMON.search(arguments) is None


def waiting_port(arguments: str) -> str | None:
    """The port on which a socket listens already for the daemon that a call of Exim starts."""
    match = _WAIT_MODE.search(arguments)
    return None if match is None else match[1]


def input_line(line: str) -> tuple[Kind, str]:
    """What a line of a command's body comes to: ``text`` as it is sent, the name of a ``file`` whose content
    is sent, or for how many seconds to ``sleep``. Words are substituted before."""
    if line.rstrip().endswith("\\NONL\\"):
        return "text", line.rstrip().removesuffix("\\NONL\\")
    match = _ESCAPED_LINE.match(line)
    kind, text = match.groups() if match else ("", line)
    match kind:
        case "noeol":
            return "text", text
        case "eval":
            return "text", evaluated(text)
        case "file":
            return "file", text.strip()
        case "sleep":
            return "sleep", text
    return "text", f"{line}\n"


def evaluated(text: str) -> str:
    """The escapes of a Perl string."""
    pattern = r"\\(x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]{1,5}\}|.)"
    return re.sub(pattern, lambda match: _escape(match[1]), text)


def _escape(code: str) -> str:
    if code[0] == "x" and len(code) > 1:
        number = int(code[1:].strip("{}"), 16)
        return bytes([number]).decode("utf-8", "surrogateescape") if number < 0x100 else chr(number)
    return _STRING_ESCAPES.get(code, code)
