"""Command lines that the program refuses, in its own words (main() in src/exim.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_extract_address
from eximsim.mta.delivery import queue
from eximsim.mta.program.bad_options import USAGE, BadOption, BadUse, Clash
from eximsim.mta.program.caller import Fatal
from eximsim.mta.program.command_line import CommandLine, Mode
from eximsim.mta.program.exim_argv import MESSAGE_IDS, parse_argv

if TYPE_CHECKING:
    from eximsim.profiles import Profile


def read_command_line(argv: Sequence[str], profile: Profile) -> CommandLine:
    """The options of the call; raises ``Fatal`` with what the program says of a bad one."""
    ids = MESSAGE_IDS[profile.message_id_long]
    try:
        line = parse_argv(argv, ids)
        if line.mode is Mode.LIST_QUEUE and "i" in line.option and not profile.queue_ids_listed:
            raise BadOption(f"-bp{line.option}")
        if line.option == queue.SET_QUEUE and not profile.messages_change_queue:
            raise BadOption(line.option)
        if line.apart and profile.queue_runners_described:
            raise BadOption("-q")
        for switch, option in line.new_options.items():
            if getattr(profile, switch):
                continue
            if option.startswith("-d"):
                raise BadUse(f'malformed debug_selector setting: + or - expected but found "{option[2:]}"')
            raise BadOption(option)
        if line.without_notifier and not profile.notifier_left_out:
            raise BadOption("-oY")
    except BadOption as bad:
        who, end = ("exim:", "\n") if profile.fatal_names_program else ("exim abandoned:", "")
        raise Fatal(f"{who} unknown, malformed, or incomplete option {bad}\n{end}") from None
    except Clash as clash:
        raise Fatal(_bad_sender(clash.sender, profile) or f"exim: {clash}\n") from None
    except BadUse as bad:
        raise Fatal(f"exim: {bad}\n") from None
    if line.usage:
        raise Fatal(USAGE)
    if line.reference is not None and not ids.fullmatch(line.reference):
        name = "exim: " if profile.fatal_names_program else ""
        raise Fatal(f"{name}-oMm must be a valid message ID\n")
    return line


def _bad_sender(text: str | None, profile: Profile) -> str | None:
    """What is said of a sender that is no address, whatever the configuration; None if it is one."""
    if text in (None, "", "<>"):
        return None
    try:
        parse_extract_address(
            text or "", allow_null=True, allow_domain_literals=True, allow_utf8_domains=profile.i18n
        )
    except AddressError as error:
        return f'exim: bad -f address "{text}": {error.message}\n'
    return None
