"""The conditions and modifiers of access control lists (src/acl.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl import acl_asked, acl_content, acl_lists
from eximsim.mta.acl.acl_controls import control
from eximsim.mta.acl.acl_run import AclRun, Where, setup_header
from eximsim.mta.acl.acl_udpsend import udpsend
from eximsim.mta.acl.acl_verify import acl_verify
from eximsim.mta.acl.dnsbl import verify_check_dnsbl
from eximsim.mta.acl.ratelimit import ratelimit
from eximsim.mta.acl.seen import seen
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, list_items, string_dequote
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_variables import find_variable
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.lookup.match import match_isinlist_string
from eximsim.mta.process.log import log_write, printed, quoted
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eximsim.mta.config.acl_read import AclCondition, AclVerb

_MESSAGES_AT: Mapping[str, frozenset[Rc]] = {
    "accept": frozenset({Rc.OK, Rc.FAIL}),
    "defer": frozenset({Rc.OK}),
    "deny": frozenset({Rc.OK}),
    "discard": frozenset({Rc.OK, Rc.FAIL}),
    "drop": frozenset({Rc.OK}),
    "require": frozenset({Rc.FAIL}),
    "warn": frozenset({Rc.OK}),
}
"""``msgcond``: the results at which ``message`` and ``log_message`` of a verb are used."""


_MARKED = frozenset({"queue", "set"})
"""Those that ask whether their argument comes from outside."""


def check_conditions(run: AclRun, verb: AclVerb) -> Rc:
    """acl_check_condition(): all conditions of one verb in order, until one does not hold."""
    user, log = None, None
    rc = Rc.OK
    for condition in verb.conditions:
        if condition.name in ("message", "log_message"):
            mark = "  message" if condition.name == "message" else "l_message"
            run.trace(f"{mark}: {condition.argument}")
            if condition.name == "message":
                user = condition.argument
            else:
                log = condition.argument
            continue
        if condition.name == "endpass":
            run.endpass = True
            continue
        known = CONDITIONS.get(condition.name)
        if known is None:
            raise Unsupported(f"ACL condition {condition.name}", condition.path, condition.line)
        argument = _argument(condition)
        if known.expand_first:
            try:
                expanding = expand_marked if condition.name in _MARKED else expand
                argument = expanding(run.process, argument)
            except ExpansionFailed as failure:
                if failure.forced:
                    if condition.negated and _held_in_spite(run, condition):
                        rc = Rc.FAIL
                        break
                    continue
                run.log_message = (
                    f"failed to expand ACL string {quoted(run.process, argument)}: {failure.message}"
                )
                return Rc.DEFER if failure.defer else Rc.ERROR
        _trace_condition(run, condition, argument, modifier=known.modifier)
        if run.where in known.forbidden:
            doing = "use" if known.modifier else "test"
            run.log_message = f"cannot {doing} {condition.name} condition in {run.where.label} ACL"
            return Rc.ERROR
        rc = known.run(run, condition, argument)
        if condition.negated and not known.modifier and rc in (Rc.OK, Rc.FAIL):
            rc, run.drop = (Rc.FAIL if rc is Rc.OK else Rc.OK), False
        if rc is not Rc.OK:
            break
    _use_messages(run, verb.verb, rc, None if run.endpass and rc is Rc.OK else user, log)
    return rc


def _argument(condition: AclCondition) -> str:
    """What is expanded: of ``set`` the value, from its first character on."""
    if condition.name == "set":
        return condition.argument.partition("=")[2].lstrip(SPACES)
    return condition.argument


def _held_in_spite(run: AclRun, condition: AclCondition) -> bool:
    """Whether a forced failure is a yes, which ``!`` turns round; others of that kind are passed over."""
    return condition.name == "dnslists" and run.process.profile.list_separator_read_first


def _trace_condition(run: AclRun, condition: AclCondition, argument: str, *, modifier: bool) -> None:
    sign = "!" if condition.negated and not modifier else ""
    start = f"check {sign}{condition.name} "
    raw = _argument(condition)
    if condition.name == "set":
        start += f"{condition.argument.partition('=')[0].strip(SPACES)} "
    run.trace(f"{start}= {raw}")
    if condition.name == "dnslists" and run.process.profile.list_separator_read_first:
        if any(char in raw for char in "$\\"):
            run.trace(f"expanded list: {argument}")
        return
    if argument != raw:
        run.process.hdebug(f"{' ' * len(start)}= {argument}")


def _use_messages(run: AclRun, verb: str, rc: Rc, user: str | None, log: str | None) -> None:
    """Bring in ``message`` and ``log_message`` if the result is one that they are for."""
    if rc in _MESSAGES_AT[verb]:
        _use_own(run, verb, rc, user, log)
    run.process.variables.pop("acl_verify_message", None)


def _use_own(run: AclRun, verb: str, rc: Rc, user: str | None, log: str | None) -> None:
    """The modifiers' own texts, beside or instead of what the conditions have said."""
    old_user = run.user_message
    old_log = run.log_message if run.log_message is not None else old_user
    if verb == "warn" or (rc is Rc.OK and verb in ("accept", "discard")):
        run.log_message = run.user_message = None
    if user is not None:
        text = _message(run, user, old_user)
        if text:
            run.user_message = text
    if log is not None:
        text = _message(run, log, old_log)
        if text:
            run.log_message = text if run.log_message is None else f"{text}: {run.log_message}"
    run.log_is_user = run.log_message is None
    if run.log_is_user:
        run.log_message = run.user_message


def _message(run: AclRun, text: str, before: str | None) -> str | None:
    run.reception.set("acl_verify_message", before)
    try:
        return expand_marked(run.process, text)
    except ExpansionFailed as failure:
        if not failure.forced:
            told = f"failed to expand ACL message {quoted(run.process, text)}: {failure.message}"
            log_write(run.process, told, panic=True)
        return None


def _acl(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """A nested ACL with up to nine arguments. Source: acl_check_wargs(), src/acl.c."""
    words: list[str] = []
    position = 0
    while position < len(text) and len(words) < 10:
        word, position = string_dequote(text, position)
        try:
            words.append(expand(run.process, word) if words else expand_marked(run.process, word))
        except ExpansionFailed as failure:
            if not failure.forced:
                run.log_message = (
                    f"failed to expand ACL string {quoted(run.process, word)}: {failure.message}"
                )
            return Rc.DEFER if failure.defer else Rc.ERROR
        while position < len(text) and text[position] in SPACES:
            position += 1
    variables = run.process.variables
    names = [f"acl_arg{number}" for number in range(1, 10)] + ["acl_narg"]
    saved = {name: variables[name] for name in names if name in variables}
    for name in names:
        variables.pop(name, None)
    variables.update(zip(names, words[1:], strict=False))
    variables["acl_narg"] = str(len(words) - 1)
    nested = run.process.profile.acl_debug_indented
    run.level += 1
    run.process.debug_depth += nested
    verb, endpass = run.verb, run.endpass
    assert run.nested is not None
    rc = run.nested(run, words[0] if words else "")
    run.verb, run.endpass, run.place = verb, endpass, ""
    run.level -= 1
    run.process.debug_depth -= nested
    for name in names:
        variables.pop(name, None)
    variables.update(saved)
    if rc is Rc.DISCARD and run.verb not in ("accept", "discard"):
        run.log_message = (
            f'nested ACL returned "discard" for "{run.verb}" command '
            '(only allowed with "accept" or "discard")'
        )
        return Rc.ERROR
    return rc


# ---- one function for each condition --------------------------------------------------------------


def _condition(run: AclRun, condition: AclCondition, text: str) -> Rc:
    digits = text.removeprefix("-")
    if not digits or (digits.isascii() and digits.isdigit()):
        return Rc.FAIL if int(digits or "0") == 0 else Rc.OK
    result = {"no": Rc.FAIL, "false": Rc.FAIL, "yes": Rc.OK, "true": Rc.OK}.get(text.lower(), Rc.DEFER)
    if result is Rc.DEFER:
        run.log_message = f'invalid "condition" value {quoted(run.process, text)}'
    return result


def _authenticated(run: AclRun, condition: AclCondition, text: str) -> Rc:
    name = run.reception.get("sender_host_authenticated")
    return Rc.FAIL if name is None else match_isinlist_string(run.process, name, text, caseless=True)


def _encrypted(run: AclRun, condition: AclCondition, text: str) -> Rc:
    if run.where.name in run.process.profile.encrypted_refused_at:
        run.log_message = f"cannot test encrypted condition in {run.where.label} ACL"
        return Rc.ERROR
    cipher = run.reception.get("tls_in_cipher")
    if cipher is None:
        return Rc.FAIL
    parts = cipher.split(":")
    return match_isinlist_string(run.process, parts[1 if len(parts) > 1 else 0], text, caseless=True)


def _set(run: AclRun, condition: AclCondition, text: str) -> Rc:
    name = condition.argument.partition("=")[0].strip(SPACES)
    run.process.variables[name] = text
    if name in ("dkim_verify_status", "dkim_verify_reason"):
        run.process.dkim.overridden = True
    return Rc.OK


def _delay(run: AclRun, condition: AclCondition, text: str) -> Rc:
    seconds = readconf_readtime(text)
    if seconds is None:
        run.log_message = (
            f'syntax error in argument for "delay" modifier: {quoted(run.process, text)} is not a time value'
        )
        return Rc.ERROR
    run.trace(f"delay modifier requests {seconds}-second delay")
    if run.process.host_checking:
        run.trace("delay skipped in -bh checking mode")
        return Rc.OK
    world, link = run.process.world, run.reception.link
    if run.process.flushing.before_delay:
        run.process.flushing.flush()
    if link is None or not run.process.profile.delay_ends_with_connection:
        world.sleep(seconds)
    elif world.wait(lambda: link.hung_up, world.now() + seconds):
        run.trace("delay cancelled by peer close")
    return Rc.OK


_LOGS = ("main", "panic", "reject")
_NAMED_LOGS = re.compile(r":((?:(?:main|panic|reject),?)*):")


def _logwrite(run: AclRun, condition: AclCondition, text: str) -> Rc:
    logs = {"main"}
    if text.startswith(":"):
        named = _NAMED_LOGS.match(text)
        if named is None:
            text = f'unknown log name in {quoted(run.process, text)} in "logwrite" in {run.where.label} ACL'
            logs = {"main", "panic"}
        else:
            logs, text = set(re.findall("main|panic|reject", named[1])) or logs, text[named.end() :]
    shown = printed(run.process, text.lstrip(SPACES))
    log_write(
        run.process,
        shown,
        main="main" in logs,
        reject="reject" in logs,
        panic="panic" in logs,
        rejected=run.reception.rejected(),
    )
    return Rc.OK


def _log_reject_target(run: AclRun, condition: AclCondition, text: str) -> Rc:
    targets: list[str] = []
    for name in list_items(text):
        if name in _LOGS:
            targets.append(name)
            continue
        targets += ("main", "reject")
        said = f'unknown log name {quoted(run.process, name)} in "log_reject_target" in {run.where.label} ACL'
        log_write(run.process, said, panic=True)
    run.process.log_reject_target = tuple(targets)
    return Rc.OK


def _add_header(run: AclRun, condition: AclCondition, text: str) -> Rc:
    setup_header(run.reception, text)
    return Rc.OK


def _remove_header(run: AclRun, condition: AclCondition, text: str) -> Rc:
    if run.where is Where.DKIM and not run.process.profile.remove_header_in_dkim:
        run.log_message = "cannot use remove_header condition in DKIM ACL"
        return Rc.ERROR
    if text:
        run.reception.envelope.removed_headers.append(text)
    return Rc.OK


def _dkim_signers(run: AclRun, condition: AclCondition, text: str) -> Rc:
    signer = run.process.variables.get("dkim_cur_signer")
    return Rc.FAIL if signer is None else match_isinlist_string(run.process, signer, text, caseless=True)


def _dkim_status(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """Any of the verdicts so far is in the list."""
    if run.where is not Where.DKIM and not run.process.profile.dkim_status_in_data:
        run.log_message = f"cannot test dkim_status condition in {run.where.label} ACL"
        return Rc.ERROR
    rc = Rc.FAIL
    for verdict in list_items(find_variable(run.process, "dkim_verify_status") or "none"):
        rc = match_isinlist_string(run.process, verdict, text, caseless=True)
        if rc is Rc.OK:
            break
    return rc


def _continue(run: AclRun, condition: AclCondition, text: str) -> Rc:
    return Rc.OK


def _queue(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``queue``: in which queue the message is kept; the empty name is that of the queue without one."""
    profile = run.process.profile
    if profile.tainted_queue_refused:
        if taint_of(text) is Taint.UNKNOWN:
            raise Unsupported(f"whether the queue {text} is tainted", condition.path, condition.line)
        if taint_of(text) is not Taint.NONE:
            run.log_message = f"Tainted name '{text}' for queue not permitted"
            return Rc.ERROR
    if profile.queue_name_checked and "/" in text:
        run.log_message = f"Directory separator not permitted in queue name: '{text}'"
        return Rc.ERROR
    run.process.queue_name = text
    return Rc.OK


def _verify(run: AclRun, condition: AclCondition, text: str) -> Rc:
    try:
        rc = acl_verify(run, text)
    except Unsupported as lack:
        raise (lack if lack.path is not None else lack.at(condition.path, condition.line)) from None
    if run.user_message:
        run.process.variables["acl_verify_message"] = run.user_message
    if run.verb == "warn":
        run.user_message = None
    return rc


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition or modifier: what it does, whether its argument is expanded first, where it cannot be."""

    run: Callable[[AclRun, AclCondition, str], Rc]
    expand_first: bool = True
    modifier: bool = False
    forbidden: frozenset[Where] = frozenset()


_EVERYWHERE = frozenset(Where)
_NOT_SMTP = frozenset({Where.NOTSMTP, Where.NOTSMTP_START})
_BEFORE_EHLO = frozenset({Where.CONNECT, Where.HELO})
_ONE_ADDRESS = frozenset({Where.RCPT, Where.VRFY, Where.PRDR})
_NEW_HEADERS = frozenset(
    {
        *(Where.MAIL, Where.RCPT, Where.PREDATA, Where.MIME, Where.DKIM, Where.DATA, Where.PRDR),
        *(Where.NOTSMTP, Where.NOTSMTP_START),
    }
)
_NO_SENDER = _BEFORE_EHLO | {
    Where.AUTH, Where.MAILAUTH, Where.QUIT, Where.ETRN, Where.EXPN, Where.STARTTLS, Where.VRFY,
}  # fmt: skip

_ON_SIGNATURES = frozenset({Where.DKIM, Where.DATA, Where.PRDR, Where.MIME})
_IN_DATA = frozenset({Where.DATA, Where.PRDR, Where.NOTSMTP})
_NO_SPF = _NO_SENDER | _NOT_SMTP

_ON_CONTENT: Mapping[str, Condition] = {
    "decode": Condition(acl_content.decode, forbidden=_EVERYWHERE - {Where.MIME}),
    "mime_regex": Condition(acl_content.mime_regex, forbidden=_EVERYWHERE - {Where.MIME}),
    "regex": Condition(acl_content.regex, forbidden=_EVERYWHERE - _IN_DATA - {Where.MIME}),
}
"""Conditions on what the message says."""

ASKED: Mapping[str, Condition] = {
    "dmarc_status": Condition(acl_asked.dmarc_status, forbidden=_EVERYWHERE - {Where.DATA}),
    "dnslists": Condition(verify_check_dnsbl),
    "malware": Condition(acl_asked.malware, forbidden=_EVERYWHERE - _IN_DATA),
    "ratelimit": Condition(ratelimit),
    "spam": Condition(acl_asked.spam, forbidden=_EVERYWHERE - _IN_DATA),
    "spf": Condition(acl_asked.spf, forbidden=_NO_SPF - {Where.QUIT}),
    "spf_guess": Condition(acl_asked.spf, forbidden=_NO_SPF - {Where.QUIT}),
}
"""Conditions that others answer."""

CONDITIONS: Mapping[str, Condition] = {
    **ASKED,
    **_ON_CONTENT,
    "acl": Condition(_acl, expand_first=False),
    "add_header": Condition(_add_header, modifier=True, forbidden=_EVERYWHERE - _NEW_HEADERS),
    "authenticated": Condition(_authenticated, expand_first=False, forbidden=_NOT_SMTP | _BEFORE_EHLO),
    "condition": Condition(_condition),
    "continue": Condition(_continue, modifier=True),
    "control": Condition(control, modifier=True),
    "delay": Condition(_delay, modifier=True, forbidden=frozenset({Where.NOTQUIT})),
    "dkim_signers": Condition(_dkim_signers, forbidden=_EVERYWHERE - {Where.DKIM}),
    "dkim_status": Condition(_dkim_status, forbidden=_EVERYWHERE - _ON_SIGNATURES),
    "domains": Condition(acl_lists.domains, expand_first=False, forbidden=_EVERYWHERE - _ONE_ADDRESS),
    "encrypted": Condition(_encrypted, expand_first=False, forbidden=_NOT_SMTP),
    "hosts": Condition(acl_lists.hosts, expand_first=False, forbidden=_NOT_SMTP),
    "local_parts": Condition(acl_lists.local_parts, expand_first=False, forbidden=_EVERYWHERE - _ONE_ADDRESS),
    "log_reject_target": Condition(_log_reject_target, modifier=True),
    "logwrite": Condition(_logwrite, modifier=True),
    "queue": Condition(_queue, modifier=True, forbidden=frozenset({Where.NOTSMTP, Where.PRDR, Where.DATA})),
    "recipients": Condition(acl_lists.recipients, expand_first=False, forbidden=_EVERYWHERE - {Where.RCPT}),
    "remove_header": Condition(_remove_header, modifier=True, forbidden=_EVERYWHERE - _NEW_HEADERS),
    "seen": Condition(seen),
    "sender_domains": Condition(acl_lists.sender_domains, expand_first=False, forbidden=_NO_SENDER),
    "senders": Condition(acl_lists.senders, expand_first=False, forbidden=_NO_SENDER),
    "set": Condition(_set, modifier=True),
    "udpsend": Condition(udpsend, modifier=True),
    "verify": Condition(_verify),
}
"""What is modelled; anything else that a configuration uses is unsupported."""
