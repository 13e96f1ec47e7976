"""Asking for the retry rule of an address or a host (-brt; in main() of src/exim.c)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.readtime import readconf_printtime
from eximsim.mta.config.retry_rules import readconf_retry_error
from eximsim.mta.transports.retry import retry_find_config
from eximsim.status import RTEF_CTOUT, Errno

if TYPE_CHECKING:
    from eximsim.mta.config.retry_rules import RetryRule, RetryStep
    from eximsim.mta.process.globals import Process

_REPLIES = (Errno.MAIL4XX, Errno.RCPT4XX, Errno.DATA4XX)
_ANY_CODE, _LAST_CODE = 255, 21
_DECADE = 96
_HOSTS = {ord("M"): "MX", ord("A"): "A"}


def retry_test(process: Process, arguments: Sequence[str], sender: str | None) -> int:
    """Print the rule for a domain or address, maybe one for a second domain, and an error; the exit code.

    ``sender`` is that of ``-f``, None without it.
    """
    names = list(arguments)
    if not names:
        process.out("-brt needs a domain or address argument\n")
        return 1
    first = names.pop(0)
    if "@" not in first and "." not in first:
        process.out(
            f"Warning: \"{first}\" contains no '@' and no '.' characters. It is being \n"
            "treated as a one-component domain, not as a local part.\n\n"
        )
    second = names.pop(0) if names and "." in names[0] else None
    basic, more = 0, 0
    if names:
        try:
            basic, more = readconf_retry_error(names[0])
        except ValueError as error:
            process.out(f"{error}\n")
            return 1
        if basic in _REPLIES:
            more = _one_code(more)
    rule = retry_find_config(process, first, second, basic, more, sender)
    if rule is None:
        process.out("No retry information found\n")
    else:
        steps = "".join(f"{_step(step)}; " for step in rule.rules)
        process.out(f"Retry rule: {rule.pattern}  {_error(rule)}  {steps}\n")
    return 0


def _one_code(more: int) -> int:
    """A code that stands for several, as one of them."""
    code = (more >> 8) & 255
    if code == _ANY_CODE:
        return (more & 255) | (_LAST_CODE << 8)
    return (more & 255) | ((code - _DECADE) << 8) if code > 100 else more


def _error(rule: RetryRule) -> str:
    more = rule.more_errno
    if rule.basic_errno == Errno.EXIMQUOTA:
        return f"quota_{readconf_printtime(more)}" if more > 0 else "quota"
    if rule.basic_errno == errnos.ECONNREFUSED:
        return f"refused_{_HOSTS[more]}" if more in _HOSTS else f"refused{'_' if more > 0 else ''}"
    if rule.basic_errno == errnos.ETIMEDOUT:
        connect = "_connect" if more & RTEF_CTOUT else ""
        hosts = more & 255
        return f"timeout{connect}{f'_{_HOSTS[hosts]}' if hosts else ''}"
    return "auth_failed" if rule.basic_errno == Errno.AUTHFAIL else "*"


def _step(step: RetryStep) -> str:
    text = f"{step.kind},{readconf_printtime(step.timeout)},{readconf_printtime(step.p1)}"
    return text + "".join(_factor(step.p2)) if step.kind == "G" else text


def _factor(thousandths: int) -> Iterator[str]:
    """A number with as many places as it needs, but one."""
    whole, rest = divmod(thousandths, 1000)
    yield f",{whole}."
    size = 100
    while True:
        digit, rest = divmod(rest, size)
        yield str(digit)
        size //= 10
        if not rest:
            return
