"""Addresses made complete with the host's own domains (the part of src/rewrite.c that needs no rules)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.globals import Process


def qualify_domain(process: Process, *, is_recipient: bool) -> str:
    """The domain that unqualified senders, or recipients, are given."""
    options = process.config.main
    name = options.text("qualify_recipient") if is_recipient else None
    return (
        name or options.text("qualify_domain") or options.text("primary_hostname") or process.machine.hostname
    )


def rewrite_address_qualify(process: Process, address: str, *, is_recipient: bool) -> str:
    """``address`` with a domain; one that has one is left alone. Source: rewrite_address_qualify()."""
    if "@" in address.replace("\\@", ""):
        return address
    return f"{address}@{qualify_domain(process, is_recipient=is_recipient)}"
