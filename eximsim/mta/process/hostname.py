"""What this host is called, and what is put to a local part without a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def primary_hostname(process: Process) -> str:
    """The name of this host: ``primary_hostname``, else what the machine says."""
    return process.config.main.text("primary_hostname") or process.machine.hostname


def qualify_domain(process: Process, *, is_recipient: bool) -> str:
    """The domain that unqualified senders, or recipients, are given."""
    options = process.config.main
    name = options.text("qualify_recipient") if is_recipient else None
    return name or options.text("qualify_domain") or primary_hostname(process)
