"""Options that do not go together (what main() in src/exim.c asks behind its option loop)."""

from __future__ import annotations

from eximsim.mta.program.command_line import CommandLine, Mode

_SMTP = frozenset({Mode.SMTP, Mode.BATCH})
_VERIFYING = frozenset({Mode.VERIFY, Mode.VERIFY_SENDER})
_TRIES = frozenset({Mode.TRY_RETRY, Mode.TRY_REWRITE})
_CHECKING = frozenset({Mode.HOST_CHECK, Mode.ADDRESS_TEST, *_VERIFYING, Mode.EXPAND, Mode.FILTER, *_TRIES})
_ACTING = frozenset({Mode.ACT, Mode.DELIVER})


def incompatible(line: CommandLine, recipients: bool) -> bool:
    """Whether the program refuses the options; ``recipients``: something follows them."""
    asked = line.asked
    listens, runs = line.listens, bool(asked & {Mode.QUEUE_RUN} or line.run.interval)
    again, once = bool(line.run.interval), Mode.QUEUE_RUN in asked and not line.run.interval
    smtp, starts = bool(asked & _SMTP), Mode.INITIALISE in asked
    filtering, checking = Mode.FILTER in asked, bool(asked & _CHECKING)
    acting, listing = bool(asked & _ACTING), Mode.PRINT_CONFIG in asked
    input_wanted = smtp or line.from_headers
    several = acting and not line.acts_on_addresses
    apart = input_wanted or filtering or starts
    return (
        ((input_wanted or recipients) and (listens or runs or starts or bool(asked & _TRIES) or several))
        or ((input_wanted or recipients) and filtering)
        or (acting and (listens or again or listing or checking or starts))
        or ((listens or again) and (line.sender is not None or bool(asked & _LISTING) or checking or starts))
        or (listens and once)
        or (line.wait_mode and runs)
        or (listing and (checking or apart))
        or (bool(asked & _VERIFYING) and (Mode.ADDRESS_TEST in asked or apart))
        or (Mode.ADDRESS_TEST in asked and apart)
        or (smtp and (line.sender is not None or filtering or line.from_headers))
        or (line.message_set is not None and (Mode.EXPAND not in asked or line.message_file is not None))
    )


_LISTING = frozenset({Mode.PRINT_CONFIG, Mode.LIST_QUEUE, Mode.COUNT_QUEUE})
