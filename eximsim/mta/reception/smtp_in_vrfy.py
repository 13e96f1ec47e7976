"""VRFY: is an address deliverable (src/smtp_in.c)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.base.parse import AddressError
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import log_write
from eximsim.mta.reception.smtp_in_mail import qualify_recipient
from eximsim.mta.verify import verify
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.reception.smtp_session import SmtpSession


def vrfy(session: SmtpSession, argument: str) -> None:
    """The VRFY command: what is not an address has no ACL asked; without an ACL it is refused with 252."""
    process = session.process
    try:
        found = extract_address(process, argument)
    except AddressError as error:
        session.replies.line(f"501 {error.message}")
        return
    address = qualify_recipient(session, found, argument, "verify")
    if address is None:
        return
    result = acl_check(session.reception, Where.VRFY, address, process.config.main.text("acl_smtp_vrfy"))
    if result.rc is not Rc.OK:
        if session.replies.acl_fail(Where.VRFY, result, argument):
            session.drop()
        return
    answer = verify.verify_address(process, address, is_recipient=True)
    if answer.rc is Rc.OK:
        session.replies.line(f"250 <{address}> is deliverable")
    elif answer.rc is Rc.DEFER:
        why = answer.user_message
        shown = f"Cannot resolve <{address}> at this time" if why is None else f"<{address}> {why}"
        session.replies.line(f"451 {shown}")
    else:
        why = "is not deliverable" if answer.user_message is None else answer.user_message
        session.replies.line(f"550 <{address}> {why}")
        log_write(process, f"VRFY failed for {argument} {host_and_ident(process, flagged=True)}")
