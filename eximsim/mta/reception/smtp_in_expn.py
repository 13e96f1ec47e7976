"""EXPN: what an address turns into (src/smtp_in.c, and verify_address() in src/verify.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.routing.address import deliver_make_addr, deliver_split_address
from eximsim.mta.routing.rewrite import rewrite_address, rewrite_address_qualify
from eximsim.mta.routing.route import route_address
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.reception.smtp_session import SmtpSession


def expn(session: SmtpSession, argument: str) -> None:
    """The EXPN command: the address is routed once, by routers that have ``expn``."""
    process = session.process
    result = acl_check(session.reception, Where.EXPN, None, process.config.main.text("acl_smtp_expn"))
    if result.rc is not Rc.OK:
        if session.replies.acl_fail(Where.EXPN, result, argument):
            session.drop()
        return
    before = process.log_testing_mode
    process.address_test_mode = process.log_testing_mode = True
    try:
        lines = _expanded(process, argument)
    finally:
        process.address_test_mode, process.log_testing_mode = False, before
    for line in lines:
        session.replies.line(line)


def _expanded(process: Process, text: str) -> list[str]:
    address = text if "@" in text else rewrite_address_qualify(process, text, is_recipient=True)
    if process.config.rewrites:
        address = rewrite_address(process, address, is_recipient=True)
    addr = deliver_make_addr(address)
    rc = deliver_split_address(process, addr)
    if rc is Rc.OK:
        with process.setting(verify_mode="R"):
            routed = route_address(process, addr, verify="expn")
        rc = routed.rc
    if rc is Rc.FAIL:
        return [f"553 {address} is undeliverable"]
    if rc is Rc.DEFER:
        return [f"553 {address} cannot be resolved at this time"]
    new = [one.address for one in routed.addr_new]
    if new:
        return [f"250{' ' if one == len(new) else '-'}<{name}>" for one, name in enumerate(new, 1)]
    if routed.addr_local or routed.addr_remote:
        return [f"250 <{address}>"]
    return [f"250 mail to <{address}> is discarded"]
