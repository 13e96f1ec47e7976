"""The full name of a local user, as the password file or the configuration has it (main() in src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.phrase import parse_fix_phrase
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_variables import headers_charset

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def login_name(process: Process, login: str) -> str:
    """The login of a user; under Exim's test suite what unknown_login sets in its place.

    Elsewhere every user here has a login, so that the option makes no difference.
    """
    text = process.config.main.text("unknown_login")
    return login if text is None or not process.machine.test_harness else expand(process, text)


def full_name(process: Process, login: str) -> str:
    """What gecos_name gives where gecos_pattern matches, else the login: users here have no other name."""
    options = process.config.main
    pattern, name = options.text("gecos_pattern"), options.text("gecos_name")
    if pattern is None or name is None:
        return login
    if pattern:
        raise Unsupported("gecos_pattern that is not empty", *options.where("gecos_pattern"))
    try:
        return parse_fix_phrase(expand(process, name), headers_charset(process))
    except ExpansionFailed as failure:
        what = f"gecos_name that does not expand ({failure.message})"
        raise Unsupported(what, *options.where("gecos_name")) from None
