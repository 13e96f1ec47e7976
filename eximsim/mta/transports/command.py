"""The command of a transport: its words, expanded (``transport_set_up_command()``, src/transport.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.command_words import TooManyWords, command_words
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.marks import Taint
from eximsim.mta.expand.taint import expand_tainted
from eximsim.mta.process.log import quoted
from eximsim.mta.transports.local import Stop
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address

_MOST_WORDS = 60
"""So many words a command may have, besides one for each address."""


def set_up_command(
    process: Process,
    command: str,
    addrs: Sequence[Address],
    *,
    expands: bool,
    failed: Rc,
    what: str,
    forced: bool = False,
) -> list[str]:
    """The words of a command; ``what`` it belongs to is in the messages of the ``Stop`` that is raised.

    ``failed`` is the outcome of words that do not expand. ``forced`` lets ``$address_pipe`` stand for the
    words of the user's command (force_command).
    """
    most = _MOST_WORDS + len(addrs)
    try:
        words = command_words(command, most)
    except TooManyWords:
        told = f"Too many arguments in command {quoted(process, command)} in {what}"
        raise Stop(Rc.FAIL, told, 0) from None
    if not expands:
        return words
    found: list[str] = []
    for word in words:
        if word in ("$pipe_addresses", "${pipe_addresses}"):
            found += [addr.address for addr in addrs]
        elif forced and word in ("$address_pipe", "${address_pipe}"):
            found += _address_pipe(process, addrs[0], command, what)
        else:
            found.append(_expanded(process, word, len(found), command, failed, what))
    if len(found) > most:
        raise Stop(Rc.FAIL, f"Too many arguments to command {quoted(process, command)} in {what}", 0)
    return found


def _expanded(process: Process, word: str, number: int, command: str, failed: Rc, what: str) -> str:
    try:
        value, taint = expand_tainted(process, word)
    except ExpansionFailed as failure:
        told = f"Expansion of {quoted(process, word)} from command {quoted(process, command)} in {what}"
        raise Stop(failed, f"{told} failed: {failure.message}", 0) from None
    if taint is not Taint.NONE and process.profile.tainted_arguments_refused:
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether the word {value} of a command is tainted")
        raise Stop(Rc.FAIL, f"Tainted arg {number} for {what} command: '{value}'", 0)
    return value


def _address_pipe(process: Process, addr: Address, command: str, what: str) -> list[str]:
    """The words of a pipe command that came out of a redirection."""
    text = addr.local_part[1:]
    try:
        value, taint = expand_tainted(process, text)
    except ExpansionFailed as failure:
        told = f"Expansion of {quoted(process, text)} from command {quoted(process, command)} in {what}"
        raise Stop(Rc.FAIL, f"{told} failed: {failure.message}", 0) from None
    if taint is not Taint.NONE and process.profile.tainted_arguments_refused:
        raise Unsupported("words of $address_pipe that may come from outside")
    try:
        return command_words(value, _MOST_WORDS)
    except TooManyWords:
        told = f"Too many arguments in $address_pipe {quoted(process, text)} in {what}"
        raise Stop(Rc.FAIL, told, 0) from None
