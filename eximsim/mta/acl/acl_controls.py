"""The ``control`` modifier of access control lists (src/acl.c)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl_debug import debug
from eximsim.mta.acl.acl_run import Where
from eximsim.mta.base.phrase import parse_fix_phrase
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.process.reception import Submission
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.structs import Downconvert
from eximsim.mta.verify import cutthrough
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition

_REJECTED_TEXT = (
    "Your message has been rejected but is being kept for evaluation.\n"
    "If it was a legitimate message, it may still be delivered to the target recipient(s)."
)


_QUEUE_MANNER = re.compile("/(only|first_pass_route)")
"""An option of ``control = queue``; what does not look like one is ignored, with all that follows."""


class _Misplaced(Exception):
    """The control is not for this ACL."""


class _NamelessError(Exception):
    """What stands in Exim's table for a control that is none; its name can be used."""


class _SyntaxError(Exception):
    """The options after the control's name make no sense; some have a message of their own."""


def control(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """Carry out ``control = text``. Source: acl_check_condition(), case ACLC_CONTROL, src/acl.c."""
    name, slash, options = text.partition("/")
    profile = run.process.profile
    if name in ("queue", "queue_only"):
        named = profile.queue_control_is_named
        name = "queue" if named else name if name == "queue_only" else ""
    known = CONTROLS.get(name)
    lacks = lacking(profile.option_release, profile.build_lacks).controls
    if known is None and name in _NOT_MODELLED and name not in lacks:
        raise Unsupported(f"ACL control {name}", condition.path, condition.line)
    if known is None or name in lacks:
        run.log_message = f'syntax error in "control={text}"'
        return Rc.ERROR
    if slash and not known.options:
        run.log_message = f'syntax error in "control={text}"'
        return Rc.ERROR
    try:
        if run.where in known.forbidden:
            raise _Misplaced
        known.act(run, options if slash else None)
    except _Misplaced:
        run.log_message = f'cannot use "control={name}" in {run.where.label} ACL'
        return Rc.ERROR
    except _NamelessError:
        return Rc.ERROR
    except _SyntaxError as error:
        run.log_message = str(error) or f'syntax error in "control={text}"'
        return Rc.ERROR
    return Rc.OK


def _freeze(run: AclRun, options: str | None) -> None:
    if options not in (None, "no_tell"):
        raise _SyntaxError
    cutthrough.cancel(run.process)
    run.reception.envelope.freeze = True
    run.reception.envelope.freeze_untold = options == "no_tell"


def _queue(run: AclRun, options: str | None) -> None:
    cutthrough.cancel(run.process)
    run.reception.envelope.queue_only_policy = True
    rest = f"/{options}" if options is not None else ""
    while found := _QUEUE_MANNER.match(rest):
        run.process.queue_smtp = found[1] == "first_pass_route"
        rest = rest[found.end() :]


def _submission(run: AclRun, options: str | None) -> None:
    retain, domain, name = False, None, None
    while options is not None:
        word, slash, rest = options.partition("/")
        if word == "sender_retain":
            retain = True
        elif word.startswith("domain="):
            domain = word[7:]
        elif word.startswith("name="):
            longer = run.process.profile.encoded_first_word_longer
            charset, slash = headers_charset(run.process), ""
            name = parse_fix_phrase(options[5:], charset, first_longer=longer)
        else:
            raise _SyntaxError
        options = rest if slash else None
    run.reception.envelope.submission = Submission(retain, domain, name)


def _fake(rc: Rc) -> Callable[[AclRun, str | None], None]:
    def act(run: AclRun, options: str | None) -> None:
        if rc is Rc.FAIL:
            cutthrough.cancel(run.process)
        run.reception.envelope.fake_response = rc
        run.reception.envelope.fake_response_text = _REJECTED_TEXT if options is None else options

    return act


def _suppress_local_fixups(run: AclRun, options: str | None) -> None:
    run.reception.envelope.suppress_local_fixups = True


def _case(run: AclRun, options: str | None) -> None:
    assert run.address is not None
    run.process.variables["local_part"] = run.address.data["cc_local_part"]


def _lower(run: AclRun, options: str | None) -> None:
    assert run.address is not None
    run.process.variables["local_part"] = run.address.local_part


def _flag(name: str, value: bool) -> Callable[[AclRun, str | None], None]:
    def act(run: AclRun, options: str | None) -> None:
        setattr(run.reception, name, value)

    return act


def _unfit(run: AclRun, options: str | None) -> str | None:
    """Why a message cannot go on while it comes in."""
    envelope = run.reception.envelope
    text = "cutthrough_delivery" if options is None else f"cutthrough_delivery/{options}"
    if envelope.prdr:
        return f"PRDR on {text} reception\n"
    what = "frozen" if envelope.freeze else "queue-only" if envelope.queue_only_policy else None
    if what is None and envelope.fake_response is Rc.FAIL:
        what = "fakereject"
    return None if what is None else f'"control={text}" on {what} item'


def _cutthrough_delivery(run: AclRun, options: str | None) -> None:
    """Ask for the message to go on while it comes in; a second recipient, and what is held back, cannot."""
    reception, wanted = run.reception, run.process.cutthrough
    envelope = reception.envelope
    if not run.process.profile.unfit_cutthrough_ignored and (why := _unfit(run, options)):
        raise _SyntaxError(why)
    held_back = envelope.prdr or envelope.freeze or envelope.queue_only_policy
    if held_back or envelope.fake_response is Rc.FAIL or envelope.rcpt_count != 1 or wanted.delivery:
        return
    upgraded, wanted.delivery = wanted.hold_only, True
    if upgraded and not run.process.profile.held_callout_upgraded:
        raise Unsupported("control = cutthrough_delivery while the call of a callout is held")
    wanted.hold_only = False
    if upgraded:
        return
    for option in (options or "").split("/"):
        if option.startswith("defer=pass"):
            wanted.defer_pass = True
        elif option.startswith("sender=transport") and run.process.profile.cutthrough_sender_chosen:
            wanted.transport_sender = True


def _utf8_downconvert(run: AclRun, options: str | None) -> None:
    """Set it for the message and for the recipient in question, without which an old release dies."""
    if run.process.profile.downconvert_control_confined and run.where not in (Where.RCPT, Where.VRFY):
        raise _Misplaced
    value = "1" if options is None else options
    wanted = next((one for one in Downconvert if value.startswith(str(one.value))), None)
    if wanted is None:
        raise _SyntaxError("bad option value for control=utf8_downconvert")
    run.process.downconvert = wanted
    if run.address is None:
        raise null_pointer(run.process, run.process.doing)
    run.address.utf8 = run.process.utf8_of_message


def _dkim_disable_verify(run: AclRun, options: str | None) -> None:
    run.process.dkim.disabled = True


def _no_delay_flush(run: AclRun, options: str | None) -> None:
    run.process.flushing = replace(run.process.flushing, before_delay=False)


def _no_callout_flush(run: AclRun, options: str | None) -> None:
    run.process.flushing = replace(run.process.flushing, before_callout=False)


def _nothing(run: AclRun, options: str | None) -> None:
    """The control changes nothing that the model shows."""


def _dscp(run: AclRun, options: str | None) -> None:
    """Nothing that the model shows; a client that is no socket cannot have a wrong value."""
    if options is None and not run.process.profile.dscp_without_value:
        raise _SyntaxError


@dataclass(frozen=True, slots=True)
class _Control:
    act: Callable[[AclRun, str | None], None]
    forbidden: frozenset[Where] = frozenset()
    options: bool = False


_NOT_MODELLED = frozenset(("bmi_run", "requiretls", "wellknown"))

_EVERYWHERE = frozenset(Where)
_NOT_SMTP = frozenset({Where.NOTSMTP, Where.NOTSMTP_START})
_ENVELOPE = frozenset({Where.MAIL, Where.RCPT, Where.PREDATA})
_NOT_RCPT = _EVERYWHERE - {Where.RCPT}
_NOT_HOLDING = _EVERYWHERE - _ENVELOPE - {Where.DATA, Where.MIME, Where.NOTSMTP}
_NOT_FAKING = _EVERYWHERE - _ENVELOPE - {Where.DATA, Where.PRDR, Where.MIME}


def _error(run: AclRun, options: str | None) -> None:
    raise _NamelessError


CONTROLS: Mapping[str, _Control] = {
    "allow_auth_unadvertised": _Control(
        _flag("auth_unadvertised", True), _EVERYWHERE - {Where.CONNECT, Where.HELO}
    ),
    "caseful_local_part": _Control(_case, _NOT_RCPT),
    "caselower_local_part": _Control(_lower, _NOT_RCPT),
    "cutthrough_delivery": _Control(_cutthrough_delivery, options=True),
    "debug": _Control(debug, options=True),
    "dkim_disable_verify": _Control(_dkim_disable_verify, _NOT_SMTP | {Where.DATA, Where.PRDR}),
    "dmarc_disable_verify": _Control(_nothing, _NOT_SMTP | {Where.DATA}),
    "dmarc_enable_forensic": _Control(_nothing, _NOT_SMTP | {Where.DATA}),
    "dscp": _Control(_dscp, _NOT_SMTP | {Where.NOTQUIT}, options=True),
    "enforce_sync": _Control(_flag("enforce_sync", True), _NOT_SMTP),
    "error": _Control(_error),
    "fakedefer": _Control(_fake(Rc.DEFER), _NOT_FAKING, options=True),
    "fakereject": _Control(_fake(Rc.FAIL), _NOT_FAKING, options=True),
    "freeze": _Control(_freeze, _NOT_HOLDING, options=True),
    "no_callout_flush": _Control(_no_callout_flush, _NOT_SMTP),
    "no_delay_flush": _Control(_no_delay_flush, _NOT_SMTP),
    "no_enforce_sync": _Control(_flag("enforce_sync", False), _NOT_SMTP),
    "no_mbox_unspool": _Control(_nothing, _NOT_HOLDING | {Where.NOTSMTP}),
    "no_multiline_responses": _Control(_flag("multiline_responses", False), _NOT_SMTP),
    "no_pipelining": _Control(_flag("pipelining_enable", False), _NOT_SMTP),
    "queue": _Control(_queue, _NOT_HOLDING, options=True),
    "queue_only": _Control(_queue, _NOT_HOLDING),
    "submission": _Control(_submission, _EVERYWHERE - _ENVELOPE, options=True),
    "suppress_local_fixups": _Control(
        _suppress_local_fixups, _EVERYWHERE - _ENVELOPE - {Where.NOTSMTP_START}
    ),
    "utf8_downconvert": _Control(_utf8_downconvert, options=True),
}
"""What is modelled; any other control is unsupported."""
