"""What an ACL's result means for cutthrough delivery (the end of ``acl_check()``, src/acl.c)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl_run import Where
from eximsim.mta.records.verification import CalloutSettings
from eximsim.mta.verify import cutthrough, verify
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun

_CALLOUT = CalloutSettings(seconds=30, no_cache=True, use_sender=True)
_LAST_CODE = re.compile(r"[0-9]{3}[^0-9]*\Z")


def go_through(run: AclRun, rc: Rc) -> Rc:
    """Open, use or give up the call that the message is to go down; the result of the ACL after that."""
    process = run.process
    if run.where is Where.RCPT:
        return _recipient(run, rc)
    if run.where is Where.PREDATA:
        (cutthrough.predata if rc is Rc.OK else cutthrough.cancel)(process)
    elif run.where in (Where.QUIT, Where.NOTQUIT):
        cutthrough.cancel(process)
    return rc


def _recipient(run: AclRun, rc: Rc) -> Rc:
    """A recipient was accepted: the host is to accept it, too, unless a callout has asked it already."""
    process, wanted = run.process, run.process.cutthrough
    if process.host_checking_callout:
        cutthrough.cancel(process, "host-checking mode")
        return rc
    named = wanted.named
    if not wanted.delivery or rc is not Rc.OK or run.reception.envelope.rcpt_count <= named:
        return rc
    assert run.address is not None
    process.hdebug(f"----------- {'more' if named else 'start'} cutthrough setup ------------", indented=True)
    asked = replace(_CALLOUT, transport_sender=wanted.transport_sender)
    result = verify.verify_address(process, run.address.address, is_recipient=True, callout=asked)
    process.hdebug("----------- end cutthrough setup ------------", indented=True)
    if result.rc is not Rc.DEFER:
        return result.rc
    if not wanted.defer_pass:
        return Rc.OK
    if found := _LAST_CODE.search(result.message or ""):
        run.user_message = found[0]
    run.reception.temp_details = True
    return Rc.DEFER
