"""The retry section as it is written: readconf_retries() and readconf_retry_error() in src/readconf.c."""

from __future__ import annotations

import re

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.errnos import ECONNREFUSED, ETIMEDOUT
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, skip_spaces, string_dequote
from eximsim.mta.config.config_lines import ConfigLine
from eximsim.mta.config.option_values import readconf_readfixed
from eximsim.quick_dataclass import dataclass
from eximsim.status import RTEF_CTOUT, Errno

ANY_REPLY = 255 << 8
"""``RetryRule.more_errno`` of mail_4xx, rcpt_4xx, data_4xx: any 4xx code."""

_A, _MX = ord("A"), ord("M")
_TIMEOUTS = (
    ("a", _A),
    ("mx", _MX),
    ("connect", RTEF_CTOUT),
    ("connect_a", RTEF_CTOUT | _A),
    ("connect_mx", RTEF_CTOUT | _MX),
)
_REPLY_ERRORS = {"mail": Errno.MAIL4XX, "rcpt": Errno.RCPT4XX, "data": Errno.DATA4XX}
_REPLY = re.compile(r"(mail|rcpt|data)_4(.*)", re.IGNORECASE | re.ASCII)
_REPLY_CODE = re.compile(r"xx|[0-9][0-9x]", re.ASCII)
_NAMED_ERRORS = (
    ("lost_connection", Errno.SMTPCLOSED),
    ("tls_required", Errno.TLSREQUIRED),
    ("lookup", Errno.UNKNOWNHOST),
)
_GRAPHIC = re.compile(r"[^\x00-\x20\x7f]+")
_ARGUMENT = re.compile(r",[ \t\n\v\f\r]*([A-Za-z0-9]*)")
_NUMBER = re.compile(r",[ \t\n\v\f\r]*([A-Za-z0-9.]*)")


@dataclass(frozen=True, slots=True)
class RetryStep:
    """``F``, ``G`` or ``H`` with the time (seconds since the first failure) at which it stops.

    ``p1`` is the interval in seconds, ``p2`` the factor of G and H times 1000.
    """

    kind: str
    timeout: int
    p1: int
    p2: int = 0


@dataclass(frozen=True, slots=True)
class RetryRule:
    """One line of the retry section (``retry_config``).

    ``pattern`` is a domain or an address; ``basic_errno`` and ``more_errno`` the error that it is for, 0 for
    any; ``senders`` an address list. Without steps the address fails at its first temporary error.
    """

    pattern: str
    basic_errno: int
    more_errno: int
    senders: str | None
    rules: tuple[RetryStep, ...]
    path: str
    line: int


def readconf_retry_rule(line: ConfigLine) -> RetryRule:
    """One retry rule; raises ``InputError``."""
    try:
        return _rule(line)
    except Unsupported as problem:
        raise Unsupported(problem.item, line.path, line.line) from None
    except ValueError as error:
        raise InputError(str(error), line.path, line.line) from None


def _rule(line: ConfigLine) -> RetryRule:
    text = line.text
    pattern, position = string_dequote(text, 0)
    error = _GRAPHIC.match(text, skip_spaces(text, position))
    if error is None:
        raise ValueError("missing error type in retry rule")
    basic_errno, more_errno = readconf_retry_error(error[0])
    position = skip_spaces(text, error.end())
    senders = None
    if text.startswith("senders", position):
        position = skip_spaces(text, position + len("senders"))
        if text[position : position + 1] != "=":
            raise ValueError('"=" expected after "senders" in retry rule')
        senders, position = string_dequote(text, skip_spaces(text, position + 1))
    steps: list[RetryStep] = []
    position = skip_spaces(text, position)
    while position < len(text):
        step, position = _step(text, position)
        steps.append(step)
        position = skip_spaces(text, position)
        if position < len(text):
            if text[position] != ";":
                raise ValueError("semicolon expected")
            position = skip_spaces(text, position + 1)
    return RetryRule(pattern, basic_errno, more_errno, senders, tuple(steps), line.path, line.line)


def _step(text: str, position: int) -> tuple[RetryStep, int]:
    kind = text[position].upper()
    timeout, position = _argument(text, position + 1, _ARGUMENT)
    if kind not in ("F", "G", "H"):
        raise ValueError("unknown retry rule letter")
    first, position = _argument(text, position, _ARGUMENT)
    factor = "0"
    if kind != "F":
        factor, position = _argument(text, position, _NUMBER)
    times = readconf_readtime(timeout) or 0, readconf_readtime(first) or 0
    step = RetryStep(kind, *times, readconf_readfixed(factor))
    if step.timeout <= 0 or step.p1 <= 0 or (kind != "F" and step.p2 < 1000):
        raise ValueError("bad parameters for retry rule")
    return step, position


def _argument(text: str, position: int, form: re.Pattern[str]) -> tuple[str, int]:
    match = form.match(text, position)
    if match is None:
        raise ValueError("comma expected")
    if text[match.end() : match.end() + 1] not in ("", ",", ";", *SPACES):
        raise ValueError("comma or semicolon expected")
    return match[1], match.end()


def readconf_retry_error(text: str) -> tuple[int, int]:
    """``basic_errno`` and ``more_errno`` of an error's name; (0, 0) for ``*``. Raises ``ValueError``.

    Names may be shortened where Exim compares only as many characters as there are.
    """
    word, underscore, extra = text.partition("_")
    word, extra = word.lower(), extra.lower()
    if word == "quota":
        return Errno.EXIMQUOTA, _time(extra) if underscore else 0
    if word == "refused":
        return ECONNREFUSED, _refused(extra) if underscore else 0
    if word == "timeout":
        return ETIMEDOUT, _timeout(extra) if underscore else 0
    if match := _REPLY.match(text):
        if not _REPLY_CODE.fullmatch(match[2]):
            raise ValueError(
                f"{match[1]}_4 must be followed by xx, dx, or dd, where x is literal and d is any digit"
            )
        return _REPLY_ERRORS[match[1].lower()], _reply(match[2])
    if word == "auth" and "failed".startswith(extra):
        return Errno.AUTHFAIL, 0
    for name, number in _NAMED_ERRORS:
        if name.startswith(text.lower()):
            return number, 0
    if word != "*":
        raise ValueError(f'unknown or malformed retry error "{text}"')
    return 0, 0


def _time(extra: str) -> int:
    seconds = readconf_readtime(extra)
    if seconds is None:
        raise ValueError("bad time value")
    return seconds


def _refused(extra: str) -> int:
    if "mx".startswith(extra):
        return _MX
    if extra == "a":
        return _A
    raise ValueError('A or MX expected after "refused"')


def _timeout(extra: str) -> int:
    for name, value in _TIMEOUTS:
        if name.startswith(extra):
            return value
    if "dns".startswith(extra):
        raise Unsupported("timeout_dns, which each process that reads it complains of")
    raise ValueError('"A", "MX", or "connect" expected after "timeout"')


def _reply(code: str) -> int:
    if code == "xx":
        return ANY_REPLY
    units = 100 if code[1] == "x" else int(code[1])
    return (int(code[0]) * 10 + units) << 8
