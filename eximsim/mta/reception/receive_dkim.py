"""DKIM at the end of a message: the verification, and the ACL for each signer (src/miscmods/dkim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import AclResult, Where, acl_check
from eximsim.mta.base.string import list_items
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.miscmods import dkim
from eximsim.mta.process.log import log_write
from eximsim.mta.reception.receive_data import header_lines
from eximsim.mta.reception.receive_headers import add_acl_headers
from eximsim.mta.records.dkim import Signature
from eximsim.mta.verify import cutthrough
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception


def verify(reception: Reception, content: bytes) -> AclResult:
    """Verify the message's signatures, and ask acl_smtp_dkim about them; OK where there is nothing to ask.

    Source: receive_msg(), src/receive.c.
    """
    process = reception.process
    skipped = process.dkim.disabled or not reception.envelope.recipients
    if skipped or not _is_all_header(content):
        return AclResult(Rc.OK)
    dkim.verify(process, content)
    acl = process.config.main.text("acl_smtp_dkim")
    if acl is None or not process.profile.dkim_acl_overrides:
        dkim.log_all(process)
    if acl is None:
        return AclResult(Rc.OK)
    result = acl_entry(reception, acl)
    add_acl_headers(reception)
    if result.rc is not Rc.OK:
        cutthrough.cancel(process)
    return result


def _is_all_header(content: bytes) -> bool:
    """Whether a blank line ends the header: what hides a signature behind a bad line is not looked at."""
    return header_lines(content)[1] in (None, b"\n", b"\n ")


def acl_entry(reception: Reception, acl: str) -> AclResult:
    """Run acl_smtp_dkim for each signer that dkim_verify_signers names, until one is not accepted.

    Source: dkim_exim_acl_entry().
    """
    process = reception.process
    signers = process.config.main.text("dkim_verify_signers")
    result = AclResult(Rc.OK)
    if not signers:
        if process.profile.dkim_acl_overrides:
            dkim.log_all(process)
        return result
    try:
        wanted = expand(process, signers)
    except ExpansionFailed as failure:
        said = f"expansion of dkim_verify_signers option failed: {failure.message}"
        log_write(process, said, panic=True)
        return AclResult(Rc.DEFER)
    verdicts: list[str] = []
    for signer in dict.fromkeys(item for item in list_items(wanted) if item):
        result = _run(reception, acl, signer, verdicts)
        if result.rc is not Rc.OK or (process.profile.dkim_minimal_ends_acl and _is_enough(process)):
            break
    if not process.profile.dkim_status_is_list:
        return result
    if verdicts:
        process.variables["dkim_verify_status"] = ":".join(verdicts)
    else:
        process.variables.pop("dkim_verify_status", None)
    return result


def _is_enough(process: Process) -> bool:
    minimal = process.config.main.flag("dkim_verify_minimal")
    return minimal and process.variables.get("dkim_verify_status") == "pass"


def _run(reception: Reception, acl: str, signer: str, verdicts: list[str]) -> AclResult:
    """Run the ACL for each signature of one signer, or once if there is none (``dkim_exim_acl_run()``)."""
    process = reception.process
    process.variables.update(dkim_verify_status="none", dkim_verify_reason="", dkim_cur_signer=signer)
    if process.dkim.disabled:
        return AclResult(Rc.OK)
    signatures: list[Signature | None] = [sig for sig in process.dkim.signatures if _is_by(sig, signer)]
    if not process.profile.dkim_acl_by_signature:
        del signatures[1:]
    result = AclResult(Rc.OK)
    for sig in signatures or [None]:
        dkim.show(process, sig)
        result = acl_check(reception, Where.DKIM, None, acl)
        if sig is not None and process.profile.dkim_acl_overrides:
            dkim.log_signature(process, sig)
        verdicts.append(process.variables.get("dkim_verify_status", ""))
        enough = process.profile.dkim_minimal_ends_acl and sig is not None and _is_enough(process)
        if result.rc is not Rc.OK or enough:
            break
    return result


def _is_by(sig: Signature, signer: str) -> bool:
    value = sig.identity if "@" in signer else sig.domain
    return value is not None and value.lower() == signer.lower()
