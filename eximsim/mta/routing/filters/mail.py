"""The arguments of a filter's mail and vacation commands (src/filter.c)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError, addresses_of, parse_extract_address
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, from_octets, is_printing, octets
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.process.log import printed
from eximsim.mta.records.structs import BAD_REPLY, Reply
from eximsim.mta.routing.filters.running import Filtering
from eximsim.mta.routing.filters.syntax import MAIL_ARGUMENTS, Command, FilterError

_TEXT = MAIL_ARGUMENTS.index("text")
_HEADERS = MAIL_ARGUMENTS.index("extra_headers")
_SHOWN = 1024
_WIDTH = 7
_LONGEST_ADDRESS = 256


def expanded(run: Filtering, command: Command) -> Mapping[str, str]:
    """The arguments, expanded; raises ``FilterError``."""
    where = f"{command.name} command"
    return {name: run.expand(command.mail[name], where) for name in MAIL_ARGUMENTS if name in command.mail}


def check(run: Filtering, command: Command, given: Mapping[str, str]) -> None:
    """Raise ``FilterError`` if one of the expanded arguments has in it what it must not have."""
    for name, value in given.items():
        _check(run, command, MAIL_ARGUMENTS.index(name), value)


def shown(run: Filtering, command: Command, given: Mapping[str, str]) -> Iterator[str]:
    """What a test says of the command."""
    kind = " (vacation)" if command.name == "vacation" else ""
    noerror = " (noerror)" if command.noerror else ""
    yield f"{'Seen m' if command.seen else 'M'}ail to: {given.get('to', '<default>')}{kind}{noerror}"
    for name in MAIL_ARGUMENTS[1:]:
        if name in given:
            expanded = " (expanded)" if name == "file" and command.expand_file else ""
            yield f"{name:>{_WIDTH}}: {printed(run.process, given[name])}{expanded}"
    if command.return_message:
        yield "Return original message"


def reply_of(run: Filtering, command: Command, given: Mapping[str, str], to: str) -> Reply:
    """What the autoreply transport is to send; raises ``FilterError``."""
    repeat = given.get("once_repeat")
    seconds = 0 if repeat is None else readconf_readtime(repeat)
    if seconds is None:
        raise FilterError(f'Bad time value for "once_repeat" in mail or vacation command: {repeat}')
    if any(taint_of(given.get(name, "")) is not Taint.NONE for name in ("file", "log", "once")):
        raise Unsupported("a filter's mail command with the name of a file that may come from outside")
    return Reply(
        sender=given.get("from"),
        reply_to=given.get("reply_to"),
        to=to,
        cc=given.get("cc"),
        bcc=given.get("bcc"),
        subject=given.get("subject"),
        headers=given.get("extra_headers"),
        text=given.get("text"),
        file=given.get("file"),
        log=given.get("log"),
        once=given.get("once"),
        once_repeat=seconds,
        file_expand=command.expand_file,
        return_message=command.return_message,
        forbidden=run.process.forbidden_expansions,
    )


def reply_address(to: str) -> str:
    """The address that stands for a reply in the log: those in ``to``, up to about 256 octets."""
    found = ""
    for part in addresses_of(to):
        try:
            found += f"{',' if found else '>'}{parse_extract_address(part).address}"
        except AddressError:
            continue
        if len(octets(found)) > _LONGEST_ADDRESS:
            found += ", ..."
            break
    return found or BAD_REPLY


def _check(run: Filtering, command: Command, index: int, value: str) -> None:
    """Header lines must stay header lines, names of files printable; the text may be anything."""
    if index > _TEXT:
        if not _printable(run, value):
            shown = run.quoted(printed(run.process, value))
            raise FilterError(f"non-printing character in {shown} in {command.name} command")
    elif index < _TEXT:
        _check_lines(run, command, index, value)


def _printable(run: Filtering, value: str) -> bool:
    """Whether all characters are printing ones, or tabs (mac_isprint(), src/macros.h)."""
    top = run.process.config.main.flag("print_topbitchars")
    return all(is_printing(octet, top=top) for octet in octets(value))


def _check_lines(run: Filtering, command: Command, index: int, value: str) -> None:
    position = value.find("\n")
    while position >= 0:
        rest = value[position + 1 :]
        if not rest or rest[0] not in SPACES:
            what = "space" if index < _HEADERS else "space or valid header name"
            if index < _HEADERS or not _is_header(rest):
                told = from_octets(octets(printed(run.process, value))[:_SHOWN])
                raise FilterError(f'\\n not followed by {what} in "{told}" in {command.name} command')
            position += 1 + rest.index(":")
        position = value.find("\n", position + 1)


def _is_header(text: str) -> bool:
    """Whether a colon comes before any white space, and not first."""
    name, colon, _ = text.partition(":")
    return bool(name) and bool(colon) and not any(char in SPACES for char in name)
