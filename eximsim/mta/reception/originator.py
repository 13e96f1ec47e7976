"""The full name of a local user, as the password file or the configuration has it (main() in src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.phrase import parse_fix_phrase
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.process.log import log_write_die

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
    pattern, text = options.text("gecos_pattern"), options.text("gecos_name")
    if pattern is None or text is None:
        return login
    try:
        found = compile_pattern(pattern).search(login, process.trace, process.effort)
    except RegexError as error:
        told = error.told(pcre2=process.profile.pcre2)
        log_write_die(process, f"regular expression error: {told} while compiling {pattern}")
    if found is None:
        return login
    process.numeric = found
    try:
        name = expand(process, text)
        longer = process.profile.encoded_first_word_longer
        return parse_fix_phrase(name, headers_charset(process), first_longer=longer)
    except ExpansionFailed:
        return login
    finally:
        process.numeric = ()
