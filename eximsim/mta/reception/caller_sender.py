"""What the caller of the program may say of the sender (src/receive.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError
from eximsim.mta.lookup.match import match_isinlist_address
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.routing.rewrite import rewrite_address_qualify
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.receive_headers import Submitter


def may_set_sender(process: Process, sender: str | None, *, trusted: bool) -> bool:
    """Whether the caller may say that ``sender`` is. Source: receive_check_set_sender(), src/receive.c."""
    if trusted:
        return True
    allowed = process.config.main.text("untrusted_set_sender")
    if sender is None or allowed is None:
        return False
    address = sender if "@" in sender else f"{sender}@{qualify_domain(process, is_recipient=False)}"
    return match_isinlist_address(process, address, allowed) is Rc.OK


def sender_from_line(reception: Reception, submitter: Submitter, text: str) -> Submitter:
    """A ``From `` line says who the sender is, if -f did not and the caller may say it.

    Of a trusted caller the name is forgotten then. Source: receive_msg(), src/receive.c.
    """
    process = reception.process
    if submitter.sender_forced:
        return submitter
    try:
        sender = extract_address(process, text, allow_null=True).address
    except AddressError:
        return submitter
    if sender:
        sender = rewrite_address_qualify(process, sender, is_recipient=False)
    if not may_set_sender(process, sender, trusted=submitter.trusted):
        return submitter
    reception.envelope.sender = process.variables["sender_address"] = sender
    return replace(submitter, local=False, name="") if submitter.trusted else submitter
