"""The ``verify`` condition of access control lists: acl_verify() (src/acl.c)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl_quota import QuotaSettings, read_quota, verify_quota_call
from eximsim.mta.acl.acl_run import Where
from eximsim.mta.base.parse import Extracted
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.lookup.verify_helo import smtp_verify_helo
from eximsim.mta.miscmods.arc import acl_verify_arc
from eximsim.mta.process.reception import CheckedSender
from eximsim.mta.records.verification import CalloutSettings, VerifyResult
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
    from eximsim.mta.process.globals import Process

_AFTER_DATA = frozenset({Where.DATA, Where.NOTSMTP})
_WHERE_LATER_RELEASES_ALLOW = frozenset({Where.MIME, Where.DKIM, Where.PRDR, Where.QUIT, Where.NOTQUIT})
"""Where the header can be verified since 4.95 as well."""
_WITH_SENDER = frozenset({Where.MAIL, Where.RCPT, Where.PREDATA, Where.DATA, Where.NOTSMTP})
_ANYWHERE = frozenset(Where)
_TIME_OPTIONS = {"maxwait": "overall", "connect": "connect"}
_TEXT_OPTIONS = {"postmaster_mailfrom": "postmaster", "mailfrom": "mailfrom"}
_FLAG_OPTIONS = ("defer_ok", "no_cache", "random", "use_sender", "use_postmaster", "hold")


class _BadOption(Exception):
    """The argument of ``verify`` makes no sense; ``args[0]`` is the log message."""


@dataclass(frozen=True, slots=True)
class _Options:
    """The options after the verify item that sender, recipient and header_sender share."""

    callout: CalloutSettings | None = None
    defer_ok: bool = False
    no_details: bool = False
    success_on_redirect: bool = False
    quota: QuotaSettings | None = None


def acl_verify(run: AclRun, text: str) -> Rc:
    """Carry out ``verify = text``; messages and errno are left in ``run``. Source: acl_verify()."""
    items = list(list_items(text, "/"))
    what = items[0] if items else ""
    kind = "sender" if what[:6].lower() == "sender" else what.lower()
    known = _ITEMS.get(kind)
    if known is None:
        return _bad_verify(run, text)
    plain = known.plain or (kind == "not_blind" and not run.process.profile.not_blind_has_options)
    if plain and "/" in text:
        run.log_message = f"unexpected '/' found in \"{text}\" (this verify item has no options)"
        return Rc.ERROR
    if known.allowed == _AFTER_DATA and run.where in _WHERE_LATER_RELEASES_ALLOW:
        raise Unsupported(f"verify = {kind} in the ACL for {run.where.label}", *(run.at or ()))
    if run.where not in known.allowed:
        run.log_message = f"cannot verify {kind} in ACL for {run.where.label}"
        return Rc.ERROR
    nested = run.process.profile.route_debug_nested
    run.process.debug_depth += nested
    try:
        return known.act(run, text, what, items[1:])
    except _BadOption as problem:
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
        raise _BadOption(f'unknown option "{unknown[0]}" in ACL condition "verify {text}"')
    return _refused_after_data(run, verify_check_notblind(run.reception, caseless=bool(options)))


def _header_sender(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    """An address in Sender:, Reply-To: or From: that verifies. Source: verify_check_header_address()."""
    asked = _read_options(run.process, text, options)
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


def _any_header_address(run: AclRun, asked: _Options) -> Rc:
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


def _verify_header_address(run: AclRun, name: str, shown: str, address: str, asked: _Options) -> Rc:
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
            run.user_message = f"Rejected after DATA: {why}\n{address}: {result.message}"
    return result.rc


# ---- addresses -------------------------------------------------------------------------------------


def _recipient(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    asked = _read_options(run.process, text, options)
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
    asked = _read_options(run.process, text, options)
    if asked.callout and (asked.callout.use_sender or asked.callout.use_postmaster):
        raise _BadOption("use_sender or use_postmaster cannot be used for a sender verify callout")
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


def _verify_sender(run: AclRun, address: str, asked: _Options, *, real: bool) -> CheckedSender:
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


def _overridden(run: AclRun, asked: _Options, rc: Rc) -> Rc:
    """A deferral that ``defer_ok`` makes good."""
    callout_ok = (
        asked.callout is not None and asked.callout.defer_ok and run.basic_errno == Errno.CALLOUTDEFER
    )
    if rc is not Rc.DEFER or not (asked.defer_ok or callout_ok):
        return rc
    run.trace(f"verify defer overridden by {'defer_ok' if asked.defer_ok else 'callout_defer_ok'}")
    return Rc.OK


# ---- options ---------------------------------------------------------------------------------------


def _read_options(process: Process, text: str, options: list[str]) -> _Options:
    asked = _Options()
    if options and process.profile.verify_options_in_big_buffer:
        process.scratch = options[-1]
    for option in options:
        word = option.lower()
        if word in ("defer_ok", "no_details", "success_on_redirect"):
            asked = replace(asked, **{word: True})  # type: ignore[arg-type]  # by name
        elif word == "callout_defer_ok":
            asked = replace(asked, callout=replace(asked.callout or CalloutSettings(), defer_ok=True))
        elif word == "check_postmaster":
            asked = replace(asked, callout=replace(asked.callout or CalloutSettings(), postmaster=""))
        elif word.startswith("callout"):
            callout = _read_callout(process, text, option, asked.callout or CalloutSettings())
            asked = replace(asked, callout=callout)
        elif word.startswith("quota") and process.profile.quota_verified:
            asked = replace(asked, quota=read_quota(option[5:], partial(_period, text)))
        else:
            raise _BadOption(f'unknown option "{option}" in ACL condition "verify {text}"')
    if asked.quota is not None and not text.lower().startswith("recipient"):
        raise _BadOption("can only verify quota of recipient")
    return asked


def _read_callout(process: Process, text: str, option: str, settings: CalloutSettings) -> CalloutSettings:
    """``callout`` with what follows its equals sign. Names are matched by their beginning, as Exim does."""
    rest = option[7:].lstrip(SPACES)
    if not rest:
        return settings
    if not rest.startswith("="):
        raise _BadOption(f'\'=\' expected after "callout" in ACL condition "{text}"')
    for word in list_items(rest[1:].lstrip(SPACES), ","):
        settings = _one_suboption(text, word, settings, hold=process.profile.callout_hold)
    if settings.use_sender and settings.use_postmaster:
        raise _BadOption("only one of use_sender and use_postmaster can be set for a recipient callout")
    return settings


def _one_suboption(text: str, word: str, settings: CalloutSettings, *, hold: bool) -> CalloutSettings:
    lowered = word.lower()
    for name in _FLAG_OPTIONS:
        if lowered.startswith(name) and (name != "hold" or hold):
            return _with(settings, name, True)
    for name, field in _TEXT_OPTIONS.items():
        if lowered.startswith(name):
            if name == "mailfrom" and not text.lower().startswith("header_sender"):
                raise _BadOption(
                    '"mailfrom" is allowed as a callout option only for verify=header_sender '
                    f'(detected in ACL condition "{text}")'
                )
            return _with(settings, field, _after_equals(text, word, name))
    if lowered.startswith("postmaster"):
        return replace(settings, postmaster="")
    if lowered.startswith("fullpostmaster"):
        return replace(settings, postmaster="", fullpostmaster=True)
    for name, field in _TIME_OPTIONS.items():
        if lowered.startswith(name):
            return _with(settings, field, _period(text, _after_equals(text, word, name)))
    return replace(settings, seconds=_period(text, word))


def _with(settings: CalloutSettings, field: str, value: object) -> CalloutSettings:
    return replace(settings, **{field: value})  # type: ignore[arg-type]  # by name


def _after_equals(text: str, word: str, name: str) -> str:
    rest = word[len(name) :].lstrip(SPACES)
    if not rest.startswith("="):
        raise _BadOption(f'\'=\' expected after "{name}" in ACL verify condition "{text}"')
    return rest[1:].lstrip(SPACES)


def _period(text: str, word: str) -> int:
    seconds = readconf_readtime(word)
    if seconds is None:
        raise _BadOption(f'bad time value in ACL condition "verify {text}"')
    return seconds


def _arc(run: AclRun, text: str, what: str, options: list[str]) -> Rc:
    return acl_verify_arc(run.process, options[0] if options else None)


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that can be verified, where, and whether it takes no options."""

    act: Callable[[AclRun, str, str, list[str]], Rc]
    allowed: frozenset[Where] = _ANYWHERE
    plain: bool = False


_ITEMS: Mapping[str, _Item] = {
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
