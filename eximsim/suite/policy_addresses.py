"""The addresses that somebody gives for a run, and what Exim's command line makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.mta.base.parse import AddressError, addresses_of, parse_extract_address

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options

HOSTNAME = "mta.invalid"
"""What the machine is called if the configuration does not say (primary_hostname)."""


def recipients_of(texts: Iterable[str], main: Options) -> tuple[str, ...]:
    """The addresses in some texts, each once: without brackets and names, and with a domain.

    ``<joe>`` is ``joe@`` the domain of qualify_recipient; a text may hold several. Raises ``InputError``.
    """
    domain = main.text("qualify_recipient") or _domain(main)
    return tuple(dict.fromkeys(_qualified(text, domain) for text in texts for text in _split(text)))


def sender_of(text: str | None, main: Options) -> str:
    """The sender as ``-f`` takes it; empty is a bounce's, None somebody at this machine.

    Raises ``InputError``.
    """
    if text is not None:
        return _qualified(text, _domain(main)) if text not in ("", "<>") else "<>"
    try:
        return _qualified(f"sender@{main.text('primary_hostname') or HOSTNAME}", "")
    except InputError:  # a name that Exim lets a host have, and not an address
        return f"sender@{HOSTNAME}"


def _domain(main: Options) -> str:
    return main.text("qualify_domain") or main.text("primary_hostname") or HOSTNAME


def _split(text: str) -> Iterator[str]:
    if not text.strip():
        raise InputError("an empty address; expected a recipient")
    yield from addresses_of(text)


def _qualified(text: str, domain: str) -> str:
    try:
        found = parse_extract_address(text, allow_domain_literals=True)
    except AddressError as error:
        raise InputError(f"bad address {text!r}: {error.message}") from None
    return found.address if found.domain_at else f"{found.address}@{domain}"
