"""How many recipients a message may have, and how many messages a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.numbers import read_long
from eximsim.mta.expand.expand import ExpansionFailed, expand

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def recipients_limit(process: Process) -> int:
    """The most recipients of a message, 0 for any number; expanded for each message.

    Source: recipients_max_expanded, src/exim.c and src/smtp_in.c.
    """
    options = process.config.main
    try:
        text = expand(process, options.text("recipients_max") or "")
    except ExpansionFailed:
        raise Unsupported("recipients_max that does not expand", *options.where("recipients_max")) from None
    return max(0, read_long(text))


def mails_limit(process: Process) -> int:
    """The most messages of a connection, 0 for any number.

    Source: expand_mailmax(), src/smtp_in.c; up to 4.94 the option is a number.
    """
    options = process.config.main
    name = "smtp_accept_max_per_connection"
    if not isinstance(options.value(name), str):
        return options.number(name)
    try:
        return read_long(expand(process, options.text(name) or ""))
    except ExpansionFailed:
        raise Unsupported(f"{name} that does not expand", *options.where(name)) from None
