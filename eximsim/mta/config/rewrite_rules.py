"""The rules of the rewrite section: readconf_one_rewrite() in src/readconf.c."""

from __future__ import annotations

from eximsim.errors import InputError
from eximsim.mta.base.string import SPACES, list_items, string_dequote
from eximsim.mta.config.config_lines import ConfigLine
from eximsim.mta.config.options import Options
from eximsim.quick_dataclass import dataclass

ENVELOPE_FROM, ENVELOPE_TO, QUIT, REPEAT, SMTP, QUALIFY, WHOLE = "FTqRSQw"
HEADER_FROM, HEADER_TO = "ft"
SMTP_SENDER = "S<"
"""Flag S, for the address of a sender."""
_ENVELOPE, _HEADERS = ENVELOPE_FROM + ENVELOPE_TO, "stfcbr"
_MEANS = {"h": _HEADERS, "E": _ENVELOPE}
_KNOWN = frozenset(f"qw{_HEADERS}{_ENVELOPE}hEQRS")


@dataclass(frozen=True, slots=True)
class RewriteRule:
    """One rule; ``flags`` are Exim's letters, with ``h`` and ``E`` replaced by those that they stand for."""

    pattern: str
    replacement: str
    flags: frozenset[str]
    path: str
    line: int


def readconf_one_rewrite(line: ConfigLine, *, of_transport: bool = False) -> RewriteRule:
    """The rule that a line is; raises ``InputError``. Without flags it is about all addresses that it can be.

    One of a transport is about header lines only.
    """
    pattern, position = string_dequote(line.text, 0)
    rest = line.text[position:].lstrip(SPACES)
    if not rest:
        raise InputError("missing rewrite replacement string", line.path, line.line)
    replacement, position = string_dequote(rest, 0)
    flags: set[str] = set()
    for letter in rest[position:]:
        if letter in " \t":
            continue
        if letter not in _KNOWN:
            message = (
                f"unknown rewrite flag character '{letter}' (could be missing quotes round replacement item)"
            )
            raise InputError(message, line.path, line.line)
        if letter == SMTP and not pattern.startswith(("^", "\\N^")):
            message = "rewrite rule has the S flag but is not a regular expression"
            raise InputError(message, line.path, line.line)
        flags.update(_MEANS.get(letter, letter))
    if not flags & {*_HEADERS, *_ENVELOPE, SMTP}:
        flags.update(_HEADERS if of_transport else _HEADERS + _ENVELOPE)
    return RewriteRule(pattern, replacement, frozenset(flags), line.path, line.line)


def transport_rewrites(options: Options) -> tuple[RewriteRule, ...]:
    """The rules of a transport's headers_rewrite; raises ``InputError``."""
    text = options.text("headers_rewrite")
    if not text:
        return ()
    path, line = options.where("headers_rewrite")
    lines = [ConfigLine(item, path or "", line or 0) for item in list_items(text)]
    rules = tuple(readconf_one_rewrite(one, of_transport=True) for one in lines)
    if any(rule.flags & {*_ENVELOPE, SMTP} for rule in rules):
        what = "rewrite rule specifies a non-header rewrite - not allowed at transport time -"
        raise InputError(what, path, line)
    return rules
