"""Testing expansions (-be and -bem; expansion_test_line() and main() in src/exim.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.errnos import strerror
from eximsim.mta.config.config_lines import ConfigLine, ConfigLines
from eximsim.mta.config.macro_predef import builtin_macros
from eximsim.mta.delivery.deliver import message_variables
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import TaintedText
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.lookup.dns import dns_init
from eximsim.mta.process.reception import Reception
from eximsim.mta.program.caller import set_sender
from eximsim.mta.reception.receive_filter import read_message_body, receive_for_filter
from eximsim.mta.reception.receive_headers import extract_recipients, scan_headers

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.program.command_line import CommandLine


_SETTING = re.compile(r"(set(?:,t)?) ")
_NAME = r"acl_([cm](?:[0-9]|_[A-Za-z0-9_])[A-Za-z0-9_]*)"
_VARIABLE = re.compile(_NAME + r"[ \t]*=[ \t]*(.*)", re.ASCII | re.DOTALL)
_EXPANDED = re.compile(r"[$\\]")


def expansion_test(process: Process, line: CommandLine, inputs: Iterator[str]) -> int:
    """Expand each text, with the message that -Mset or -bem names; the exit code."""
    if line.debugging and process.profile.macros_told:
        for name, replacement in process.config.replaced:
            process.out(f"macro '{name}' -> '{replacement}'\n")
    process.reader = (process.machine.uid, process.machine.gid)
    dns_init(process, False, False, False)
    if line.message_file is None:
        process.variables["sender_address"] = set_sender(process, line, smtp=False)[0] or ""
    if line.message_set is not None:
        _load(process, line.message_set)
    elif line.message_file is None:
        _permit_recipients(process, ())
    elif not _read(process, line, line.message_file):
        return 1
    macros = _macros(process)
    for text in inputs:
        _expand_line(process, macros, text)
    return 0


def _permit_recipients(process: Process, addresses: Iterable[str]) -> None:
    if (shown := ", ".join(addresses)) or process.profile.no_recipients_empty:
        process.variables["recipients"] = shown


def _load(process: Process, message_id: str) -> None:
    """-Mset: the message is one on the queue."""
    message = process.spool.get(message_id)
    if message is None:
        process.out(f"Failed to load message datafile {message_id}\n")
        process.out(f"Failed to load message {message_id}\n")
        return
    process.message, process.message_id = message, message_id
    process.variables.update(message_variables(process, message))
    _permit_recipients(process, message.addresses())


def _read(process: Process, line: CommandLine, path: str) -> bool:
    """-bem: the message is in a file; whether it could be read."""
    try:
        content = process.world.read_file(path)
    except OSError as error:
        process.err(f'exim: failed to open "{path}": {strerror(error.errno or 0)}\n')
        return False
    sender, submitter = set_sender(process, line, smtp=False)
    reception = Reception(process)
    reception.envelope.sender = sender
    process.variables["sender_address"] = sender or ""
    message = receive_for_filter(reception, content, submitter, dot_ends=line.dot_ends)
    recipients: list[str] = []
    if line.from_headers:
        recipients = extract_recipients(reception, scan_headers(reception, submitter))
    _permit_recipients(process, recipients)
    read_message_body(reception, message, dot_ends=line.dot_ends)
    lines = sum(int(process.variables[f"{part}_linecount"]) for part in ("message", "body"))
    process.variables["message_linecount"] = str(lines)
    longest = max(len(part) for part in content.split(b"\n"))
    process.variables["max_received_linelength"] = str(longest)
    return True


def _macros(process: Process) -> ConfigLines:
    """A reader that knows the macros of the configuration."""
    profile = process.profile
    builtin = partial(
        builtin_macros,
        profile.option_release,
        profile.tls_library,
        profile.build_lacks,
        expansions=profile.expansion_macros,
    )
    lines = ConfigLines(process.world, builtin)
    lines.define(process.config.macros)
    lines.release()
    return lines


def _expand_line(process: Process, macros: ConfigLines, text: str) -> None:
    if process.profile.expansion_test_macros:
        text, found = macros.expand(text)
        first = found and not text[:1].isupper()
        if "A" <= text[:1] <= "Z" and not first:
            _define(process, macros, text)
            return
    setting = _SETTING.match(text)
    if setting is not None and _knows(process, setting[1]):
        _set(process, setting[1], text[setting.end() :])
        return
    try:
        process.out(f"{expand(process, text)}\n")
    except ExpansionFailed as failure:
        process.out(f"Failed: {failure.message}\n")


def _knows(process: Process, word: str) -> bool:
    profile = process.profile
    return profile.expansion_test_sets_tainted if word == "set,t" else profile.expansion_test_sets


def _set(process: Process, word: str, text: str) -> None:
    """Set an ACL variable, with ``set,t`` to a tainted value. Source: acl_standalone_setvar(), src/acl.c."""
    found = _VARIABLE.fullmatch(text)
    if found is None or (word == "set,t" and _EXPANDED.search(found[2])):
        raise Unsupported(f"what -be says of {word} {text!r}")
    try:
        value = TaintedText(found[2]) if word == "set,t" else expand_marked(process, found[2])
    except ExpansionFailed:
        raise Unsupported(f"what -be says of {word} {text!r}") from None
    process.variables[f"acl_{found[1]}"] = value
    process.out(f"variable {found[1]} set\n")


def _define(process: Process, macros: ConfigLines, text: str) -> None:
    try:
        name = macros.assign(ConfigLine(text, process.config.path, 0))
    except InputError as error:
        raise Unsupported(f"what -be says of {text!r}: {error.message}") from None
    process.out(f"Defined macro '{name}'\n")
