"""The ``verify`` condition of access control lists: acl_verify() (src/acl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl_quota import QuotaSettings, verify_quota_call
from eximsim.mta.acl.acl_run import Where
from eximsim.mta.acl.acl_verify_options import BadOption, VerifyOptions, read_options
from eximsim.mta.base.parse import Extracted
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.lookup.verify_helo import smtp_verify_helo
from eximsim.mta.miscmods.arc import acl_verify_arc
from eximsim.mta.process.reception import CheckedSender
from eximsim.mta.records.verification import VerifyResult
from eximsim.mta.verify import verify
from eximsim.mta.verify.csa import acl_verify_csa
from eximsim.mta.verify.verify_headers import (
    header_addresses,
    verify_check_header_names_ascii,
    verify_check_headers,
    verify_check_notblind,
)
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eximsim.mta.acl.acl_run import AclRun

_AFTER_DATA = frozenset({Where.DATA, Where.NOTSMTP})
_ALLOWED_LATER = frozenset({Where.MIME, Where.DKIM, Where.PRDR, Where.QUIT, Where.NOTQUIT})
"""Where later releases verify the header as well; where a session ends there is none."""
_WITH_SENDER = frozenset({Where.MAIL, Where.RCPT, Where.PREDATA, Where.DATA, Where.NOTSMTP})
_ANYWHERE = frozenset(Where)


def acl_verify(run: AclRun, text: str) -> Rc:
    """Carry out ``verify = text``; messages and errno are left in ``run``. Source: acl_verify()."""
    items = list(list_items(text, "/"))
    what = items[0] if items else ""
    kind = "sender" if what[:6].lower() == "sender" else what.lower()
    known, profile = ITEMS.get(kind), run.process.profile
    if known is None or kind in lacking(profile.option_release, profile.build_lacks).verified:
        return _bad_verify(run, text)
    plain = known.plain or (kind == "not_blind" and not run.process.profile.not_blind_has_options)
    if plain and "/" in text:
        run.log_message = f"unexpected '/' found in \"{text}\" (this verify item has no options)"
        return Rc.ERROR
    later = known.allowed == _AFTER_DATA and profile.headers_verified_in_more_acls
    if run.where not in (known.allowed | _ALLOWED_LATER if later else known.allowed):
        run.log_message = f"cannot verify {kind} in ACL for {run.where.label}"
        return Rc.ERROR
    nested = run.process.profile.route_debug_nested
    run.process.debug_depth += nested
    try:
        return known.act(run, text, what, items[1:])
    except BadOption as problem:
        run.log_message = problem.args[0]
        return Rc.ERROR
    finally:
        run.process.debug_depth -= nested


def _bad_verify(run: AclRun, text: str) -> Rc:
    run.log_message = (
        'expected "sender[=address]", "recipient", "helo", "header_syntax", "header_sender", '
        f'"header_names_ascii" or "reverse_host_lookup" at start of ACL condition "verify {text}"'
    )
    return Rc.ERROR


# ---- the client ------------------------------------------------------------------------------------


def _reverse_host_lookup(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    """Look the client's name up unless that was done before. Source: acl_verify_reverse(), src/acl.c."""
    reception = run.reception
    if reception.get("sender_host_address") is None or reception.get("sender_host_name") is not None:
        return Rc.OK
    known = reception.get("host_lookup_failed") == "1"
    if not known:
        run.trace("looking up host name to force name/address consistency check")
    rc = Rc.FAIL if known else look_up_sender_name(reception)
    if rc is Rc.OK:
        host_build_sender_fullhost(run.process)
        return rc
    if rc is Rc.DEFER:
        run.log_message = "host lookup deferred for reverse lookup check"
        return Rc.OK if "defer_ok" in options else rc
    run.log_message = (
        f"host lookup failed{'' if known else ' for reverse lookup check'}{reception.host_lookup_message}"
    )
    return rc


def _certificate(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    if run.reception.certificate_verified:
        return Rc.OK
    run.user_message = "no verified certificate"
    return Rc.FAIL


def _helo(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    if not run.reception.helo_verified and not run.reception.helo_verify_failed:
        smtp_verify_helo(run.reception)
    return Rc.OK if run.reception.helo_verified else Rc.FAIL


def _csa(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    """Ask whether the client may use its name (Client SMTP Authorization)."""
    status, why, code = acl_verify_csa(run.reception, text.partition("/")[2]).value
    run.log_message = run.user_message = f"client SMTP authorization {why}"
    run.process.variables["csa_status"] = status
    return code


# ---- the message -----------------------------------------------------------------------------------


def _refused_after_data(run: AclRun, problem: str | None) -> Rc:
    if problem is None:
        return Rc.OK
    run.log_message = problem
    if run.process.config.main.flag("smtp_return_error_details"):
        run.user_message = f"Rejected after DATA: {problem}"
    else:
        run.process.variables["acl_verify_message"] = problem
    return Rc.FAIL


def _header_syntax(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    return _refused_after_data(run, verify_check_headers(run.reception))


def _header_names_ascii(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    return _refused_after_data(run, verify_check_header_names_ascii(run.reception))


def _not_blind(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    if unknown := [option for option in options if option.lower() != "case_insensitive"]:
        raise BadOption(f'unknown option "{unknown[0]}" in ACL condition "verify {text}"')
    return _refused_after_data(run, verify_check_notblind(run.reception, caseless=bool(options)))


def _header_sender(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    """An address in Sender:, Reply-To: or From: that verifies. Source: verify_check_header_address()."""
    asked = read_options(run.process, text, options)
    rc = _any_header_address(run, asked)
    if rc is Rc.OK:
        return rc
    if run.log_message is None:
        run.log_message = (
            "there is no valid sender in any header line"
            if rc is Rc.FAIL
            else "all attempts to verify a sender in a header line deferred"
        )
    if run.process.config.main.flag("smtp_return_error_details"):
        if run.user_message is None:
            run.user_message = f"Rejected after DATA: {run.log_message}"
        if rc is Rc.DEFER:
            run.reception.temp_details = True
    return _overridden(run, asked, rc)


def _any_header_address(run: AclRun, asked: VerifyOptions) -> Rc:
    outcome = Rc.FAIL
    for kind in "SRF":
        for header in [header for header in run.reception.headers if header.kind == kind]:
            name, _, content = header.text.partition(":")
            for text, found in header_addresses(run.process, content):
                shown = text.rstrip(SPACES)
                run.process.hdebug(f"verifying {name}: header address {shown}")
                if isinstance(found, Extracted):
                    rc = _verify_header_address(run, name, shown, found.address, asked)
                    if rc is Rc.OK:
                        return rc
                    outcome = Rc.DEFER if rc is Rc.DEFER else outcome
                elif found.message != "empty address":
                    why = f'scanning for sender: {found.message} in "{shown}"'
                    run.log_message = f"syntax error in '{name}:' header when {why}"
                    return Rc.FAIL
    return outcome


def _verify_header_address(run: AclRun, name: str, shown: str, address: str, asked: VerifyOptions) -> Rc:
    """``shown`` is the address as it stands; only one that stands alone is known from the envelope."""
    senders = run.reception.envelope.verified_senders
    checked = next((old for old in senders if old.address == shown), None)
    if checked is not None and asked.callout is None:
        run.process.hdebug("previously checked as envelope sender")
        result = checked.result
    else:
        result = verify.verify_address(run.process, address, is_recipient=False, callout=asked.callout)
    if result.rc is not Rc.OK:
        run.basic_errno = result.basic_errno
        if run.process.config.main.flag("smtp_return_error_details"):
            why = f'could not verify "{name}:" header address'
            run.user_message = f"Rejected after DATA: {why}\n{address}: {result.message or 'NULL'}"
    return result.rc


# ---- addresses -------------------------------------------------------------------------------------


def _recipient(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    asked = read_options(run.process, text, options)
    assert run.address is not None
    if asked.quota is not None:
        return _quota(run, run.address.address, asked.quota)
    result = verify.verify_address(
        run.process,
        run.address.address,
        is_recipient=True,
        callout=asked.callout,
        success_on_redirect=asked.success_on_redirect,
        utf8=run.address.utf8,
    )
    run.trace("----------- end verify ------------")
    run.basic_errno = result.basic_errno
    run.log_message = result.message
    run.user_message = result.user_message if result.user_message is not None else result.message
    if result.pass_message:
        run.reception.temp_details = True
    run.process.variables["domain"] = run.address.domain
    run.process.variables["local_part"] = run.address.local_part
    run.reception.set("address_data", result.address_data)
    return _overridden(run, asked, Rc.OK if result.rc is Rc.FAIL_FORCED else result.rc)


def _quota(run: AclRun, address: str, settings: QuotaSettings) -> Rc:
    result = verify_quota_call(run.process, address, run.reception.envelope.message_size, settings)
    if result.rc is Rc.OK:
        return result.rc
    run.basic_errno, run.log_message = result.basic_errno, result.message
    run.process.variables["acl_verify_message"] = result.message or ""
    if run.process.config.main.flag("smtp_return_error_details"):
        run.user_message = run.user_message or f"Rejected after RCPT: {result.message}"
        if result.rc is Rc.DEFER:
            run.reception.temp_details = True
    return result.rc


def _sender(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    reception = run.reception
    address = reception.envelope.sender
    rest = what[6:].lstrip(SPACES)
    if rest:
        if not rest.startswith("="):
            return _bad_verify(run, text)
        address = rest[1:].lstrip(SPACES)
    if address is None:
        return Rc.OK
    asked = read_options(run.process, text, options)
    checked = next((old for old in reception.envelope.verified_senders if old.address == address), None)
    if checked is not None and asked.callout is None:
        run.trace("using cached sender verify result")
        rc = Rc.OK if checked.result.routed else checked.result.rc
        run.basic_errno = checked.result.basic_errno
    else:
        checked = _verify_sender(run, address, asked, real=not rest)
        rc = checked.result.rc
        reception.envelope.verified_senders.insert(0, checked)
    reception.set("sender_address_data", checked.result.address_data)
    rc = _overridden(run, asked, rc)
    if rc is not Rc.OK:
        _sender_failed(run, checked, rc)
    if run.address is not None:
        run.process.variables["domain"] = run.address.domain
        run.process.variables["local_part"] = run.address.local_part
    return rc


def _verify_sender(run: AclRun, address: str, asked: VerifyOptions, *, real: bool) -> CheckedSender:
    """A full verification; the empty sender needs none. ``real``: it is the sender of the message."""
    if not address:
        return CheckedSender(address, VerifyResult(Rc.OK), asked.no_details)
    envelope = run.reception.envelope
    if real:
        envelope.sender_unrewritten = address
    address_data = run.reception.get("address_data")
    result = verify.verify_address(
        run.process,
        address,
        is_recipient=False,
        callout=asked.callout,
        success_on_redirect=asked.success_on_redirect,
        utf8=run.process.utf8_of_message,
        real_sender=real,
    )
    if real:
        envelope.sender = result.verified
    run.trace("----------- end verify ------------")
    run.reception.set("address_data", address_data)
    if result.rc is not Rc.OK:
        run.basic_errno = result.basic_errno
    return CheckedSender(result.verified, result, asked.no_details)


def _sender_failed(run: AclRun, checked: CheckedSender, rc: Rc) -> None:
    if rc is not Rc.DEFER:
        run.log_message = run.user_message = "Sender verify failed"
    elif run.basic_errno != Errno.CALLOUTDEFER:
        run.log_message = run.user_message = "Could not complete sender verify"
    else:
        run.log_message = run.user_message = "Could not complete sender verify callout"
        if run.process.config.main.flag("smtp_return_error_details"):
            run.user_message = checked.result.user_message
    run.reception.sender_verified_failed = checked


def _overridden(run: AclRun, asked: VerifyOptions, rc: Rc) -> Rc:
    """A deferral that ``defer_ok`` makes good."""
    callout_ok = (
        asked.callout is not None and asked.callout.defer_ok and run.basic_errno == Errno.CALLOUTDEFER
    )
    if rc is not Rc.DEFER or not (asked.defer_ok or callout_ok):
        return rc
    run.trace(f"verify defer overridden by {'defer_ok' if asked.defer_ok else 'callout_defer_ok'}")
    return Rc.OK


def _arc(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    return acl_verify_arc(run.process, options[0] if options else None)


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that can be verified, where, and whether it takes no options."""

    act: Callable[[AclRun, str, str, list[str]], Rc]
    allowed: frozenset[Where] = _ANYWHERE
    plain: bool = False


ITEMS: Mapping[str, _Item] = {
    "reverse_host_lookup": _Item(_reverse_host_lookup),
    "certificate": _Item(_certificate, plain=True),
    "helo": _Item(_helo, plain=True),
    "header_syntax": _Item(_header_syntax, _AFTER_DATA, plain=True),
    "not_blind": _Item(_not_blind, _AFTER_DATA),
    "header_sender": _Item(_header_sender, _AFTER_DATA),
    "sender": _Item(_sender, _WITH_SENDER),
    "recipient": _Item(_recipient, frozenset({Where.RCPT})),
    "csa": _Item(_csa),
    "arc": _Item(_arc, frozenset({Where.DATA})),
    "header_names_ascii": _Item(_header_names_ascii, _AFTER_DATA, plain=True),
}
"""What can be verified."""
