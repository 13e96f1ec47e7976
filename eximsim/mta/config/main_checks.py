"""What the main section is checked for once it has been read: the end of readconf_main() in src/readconf.c.

Each check raises ``InputError``, in Exim's words; they are made in Exim's order.
"""

from __future__ import annotations

from collections.abc import Callable

from eximsim.errors import InputError
from eximsim.mta.base.parse import AddressError, parse_extract_address
from eximsim.mta.config.options import Options

_FEWEST_DH_BITS = 1024
_FACILITIES = frozenset(
    (*("daemon", "mail", "news", "user", "uucp"), *(f"local{number}" for number in range(8)))
)


def check_main(options: Options) -> None:
    """All checks of settings that have to fit together."""
    for check in _CHECKS:
        check(options)


def _error(options: Options, name: str, message: str) -> InputError:
    return InputError(message, *options.where(name), subject="")


def _check_syslog_facility(options: Options) -> None:
    text = options.text("syslog_facility")
    if text is not None and text.lower().removeprefix("log_") not in _FACILITIES:
        message = f'failed to interpret syslog_facility "{text}"'
        raise _error(options, "syslog_facility", message)


def _check_errors_reply_to(options: Options) -> None:
    text = options.text("errors_reply_to")
    if text is None:
        return
    try:
        found = parse_extract_address(text)
    except AddressError as error:
        raise _error(options, "errors_reply_to", f"error in errors_reply_to ({text}): {error}") from None
    if not found.domain_at:
        message = f"errors_reply_to ({text}) does not contain a domain"
        raise _error(options, "errors_reply_to", message)


def _check_smtp_accept_max(options: Options) -> None:
    for name in ("smtp_accept_queue", "smtp_accept_max_per_host"):
        if options.is_set(name) and options.number("smtp_accept_max") == 0:
            message = "smtp_accept_max must be set if smtp_accept_queue or smtp_accept_max_per_host is set"
            raise _error(options, name, message)


def _check_dh_bits(options: Options) -> None:
    if options.number("tls_dh_max_bits") < _FEWEST_DH_BITS:
        message = f"tls_dh_max_bits is too small, must be at least {_FEWEST_DH_BITS} for interop"
        raise _error(options, "tls_dh_max_bits", message)


_CHECKS: tuple[Callable[[Options], None], ...] = (
    _check_syslog_facility,
    _check_errors_reply_to,
    _check_smtp_accept_max,
    _check_dh_bits,
)
