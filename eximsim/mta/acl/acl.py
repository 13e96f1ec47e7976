"""Access control lists: finding them, and what each verb makes of its conditions (src/acl.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import InputError
from eximsim.mta.acl.acl_conditions import check_conditions
from eximsim.mta.acl.acl_cutthrough import go_through
from eximsim.mta.acl.acl_run import IN_MESSAGE, AclResult, AclRun, Where, setup_header
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.config.acl_read import read_inline
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.marks import taint_of
from eximsim.mta.expand.refused import is_refused
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process import upward
from eximsim.mta.process.log import log_write, printed, quoted, selector
from eximsim.mta.process.reception import Reception
from eximsim.mta.records.structs import Address
from eximsim.mta.records.verification import CalloutSettings
from eximsim.mta.routing.address import deliver_split_address
from eximsim.status import Errno, Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.acl_read import AclVerb
    from eximsim.mta.process.globals import Process

ACL = Rule("acl", "acl.c acl_check")

__all__ = ["AclResult", "CalloutSettings", "Where", "acl_check", "acl_eval", "string_split_message"]

_DEEPEST = 20
_TOLD = ("main", "reject")
"""The logs that are told of a refusal, unless log_reject_target names others."""
_FORGOTTEN = ("domain", "local_part", "address_data", "sender_address_data")


def acl_check(reception: Reception, where: Where, recipient: str | None, text: str | None) -> AclResult:
    """Run the ACL that ``text`` names or is. ``recipient`` is the address of RCPT and VRFY.

    No ACL (None) refuses. Source: acl_check(), src/acl.c.
    """
    process = reception.process
    reception.sender_verified_failed = None
    process.log_reject_target = _TOLD
    address = None if recipient is None else _split(process, recipient)
    if recipient is not None and address is None:
        return AclResult(Rc.DEFER, log_message="defer in percent_hack_domains check")
    run = AclRun(reception, where, address, nested=_check_internal)
    if run.address is not None:
        process.variables["domain"] = run.address.domain
        process.variables["local_part"] = run.address.local_part
    before = process.answering_rcpt, process.acl_eval
    process.answering_rcpt, process.acl_eval = where is Where.RCPT, partial(_eval, run)
    rc = go_through(run, _check_internal(run, text))
    process.answering_rcpt, process.acl_eval = before
    for name in _FORGOTTEN:
        process.variables.pop(name, None)
    if process.profile.acl_domain_data_cleared:
        process.variables.pop("domain_data", None)
    if rc is Rc.DISCARD and (where not in IN_MESSAGE or where is Where.PREDATA):
        log_write(process, f'"discard" verb not allowed in {where.label} ACL', panic=True)
        rc = Rc.ERROR
    process.trace.record(ACL, rc.name, where=where.label, acl=text, recipient=recipient)
    user = run.user_message
    return AclResult(rc, None if user is None else string_split_message(user), run.log_message, run.drop)


@upward.acl_eval.answer
def acl_eval(process: Process, text: str) -> tuple[Rc, str | None, bool]:
    """Run an ACL for ``${acl {...}}`` where no other is at work: result, message, whether it drops."""
    reception = Reception(process)
    reception.envelope.sender = process.variables.get("sender_address")
    return _eval(AclRun(reception, Where.UNKNOWN, None, nested=_check_internal), text)


def _eval(outer: AclRun, text: str) -> tuple[Rc, str | None, bool]:
    """The same in the place of an ACL that is at work. Source: acl_eval(), src/acl.c."""
    reception, process = outer.reception, outer.process
    process.log_reject_target = _TOLD
    reception.sender_verified_failed = None
    outer.rates.clear()
    address = None
    if outer.where is Where.RCPT:
        local_part, domain = (process.variables.get(name, "") for name in ("local_part", "domain"))
        address = Address(f"{local_part}@{domain}", domain=domain, local_part=local_part)
        address.data["cc_local_part"] = local_part
    run = AclRun(
        reception, outer.where, address, level=outer.level + 1, nested=_check_internal, place=outer.place
    )
    rc = _check_internal(run, text)
    outer.place = ""  # where the outer one stands is forgotten
    return rc, run.user_message, run.drop


def _split(process: Process, recipient: str) -> Address | None:
    """The address with its parts; None if it cannot be told what percent_hack_domains makes of it."""
    addr = Address(recipient)
    if deliver_split_address(process, addr) is Rc.DEFER:
        return None
    addr.data["cc_local_part"] = addr.cc_local_part
    addr.utf8 = process.utf8_of_message
    return addr


def _check_internal(run: AclRun, text: str | None) -> Rc:
    """acl_check_internal(): find the ACL, then go through its verbs."""
    if run.level > _DEEPEST:
        run.log_message = "ACL nested too deep: possible loop"
        return Rc.ERROR
    if text is None:
        run.trace("ACL is NULL: implicit DENY")
        return Rc.FAIL
    if run.level == 0:
        try:
            text = expand_marked(run.process, text)
        except ExpansionFailed as failure:
            if failure.forced:
                return Rc.OK
            run.log_message = f"failed to expand ACL string {quoted(run.process, text)}: {failure.message}"
            return Rc.ERROR
    if _comes_from_outside(run.process, text):
        told = run.process.profile.tainted_acl.format(quoted(run.process, text.lstrip(SPACES)))
        log_write(run.process, told, panic=True)
        run.log_message = "internal configuration error"
        return Rc.ERROR
    try:
        found = _find(run, text.lstrip(SPACES))
    except InputError as error:
        run.log_message = error.message.removeprefix("error in ACL: ")
        return Rc.ERROR
    if found is None:
        return Rc.FAIL
    name, verbs = found
    before = run.place
    for verb in verbs:
        rc = _one_verb(run, name, verb, before)
        if rc is not None:
            return rc
    run.process.acl_verb, run.drop = None, False
    run.trace(f"end of {name}: implicit DENY")
    return Rc.FAIL


def _comes_from_outside(process: Process, text: str) -> bool:
    """Whether an ACL, or its name, is refused for where it comes from."""
    minds = bool(process.profile.tainted_acl) and not process.machine.test_harness
    return minds and is_refused(process, taint_of(text), "an ACL's name")


def _find(run: AclRun, text: str) -> tuple[str, tuple[AclVerb, ...]] | None:
    """The ACL's name as messages have it, and its verbs; None if it is there but empty."""
    process = run.process
    if " " not in text:
        verbs = process.config.acls.get(text)
        if verbs is not None:
            if not verbs:
                run.trace(f'ACL "{text}" is empty: implicit DENY')
                return None
            run.trace(f'using ACL "{text}"')
            return (f"ACL {text}" if process.profile.acl_debug_names_acl else f'ACL "{text}"'), verbs
        if text.startswith("/"):
            return _from_file(run, text)
    return _INLINE, read_inline(text, process.config.path, process.config.last_line)


def _from_file(run: AclRun, path: str) -> tuple[str, tuple[AclVerb, ...]]:
    """An ACL in a file of its own, which is read once."""
    process = run.process
    known = process.acl_files.get(path)
    if known is not None:
        run.trace(f'using ACL "{path}"')
    else:
        try:
            content = from_octets(process.world.read_file(path))
        except OSError as error:
            raise InputError(f'failed to open ACL file "{path}": {error.strerror}') from None
        run.trace(f"read ACL from file {path}")
        at = run.at if process.profile.skipped_warn_located else None
        known = read_inline(content, *(at or (process.config.path, process.config.last_line)))
        process.acl_files[path] = known
    return (f"ACL {path}" if process.profile.acl_debug_names_acl else f'ACL "{path}"'), known


_INLINE = "inline ACL"


def _one_verb(run: AclRun, name: str, verb: AclVerb, before: str) -> Rc | None:
    """Test one verb's conditions; a result ends the ACL, None goes on to the next verb.

    A verb of an inline ACL counts as standing where the one stands that was at work ``before``.
    """
    run.log_message = run.user_message = run.process.search_error = None
    run.reception.temp_details = False
    run.basic_errno, run.endpass, run.verb, run.drop = 0, False, verb.verb, False
    run.at = (verb.path, verb.line)
    run.process.acl_verb = f"ACL {verb.verb}, {verb.path} {verb.line}"
    run.place = before if name == _INLINE else f" at line {verb.line} of {verb.path}"
    run.trace(f"processing {_shown_verb(run, name, verb)}")
    cond = check_conditions(run, verb)
    said = {Rc.DEFER: "deferred", Rc.ERROR: "error", Rc.OK: "succeeded", Rc.FAIL: "failed"}.get(cond)
    words = f"condition test {said}" if said else f'condition test yielded "{cond.name.lower()}"'
    run.trace(f"{verb.verb}: {words} in {name}")
    if cond is Rc.ERROR:
        return cond
    if cond is Rc.DEFER:
        if run.basic_errno != Errno.CALLOUTDEFER and run.process.search_error:
            run.log_message = run.process.search_error
        if run.basic_errno == Errno.CALLOUTDEFER or run.process.config.main.flag("smtp_return_error_details"):
            run.reception.temp_details = True
        if verb.verb != "warn":
            return cond
    return _VERBS[verb.verb](run, name, cond)


def _shown_verb(run: AclRun, name: str, verb: AclVerb) -> str:
    profile = run.process.profile
    shown = f'{name} "{verb.verb}"' if profile.acl_debug_names_acl else f'"{verb.verb}"'
    inline = name == _INLINE
    if profile.acl_debug_names_line and not (inline and profile.acl_debug_names_acl):
        shown += f" ({verb.path} {verb.line})"
    return shown


# ---- what each verb makes of its conditions' result ------------------------------------------------


def _ended(run: AclRun, name: str, word: str, result: Rc) -> Rc:
    run.trace(f"end of {name}: {word}")
    return result


def _bad_quit(run: AclRun) -> bool:
    """A top-level QUIT or not-QUIT ACL may not refuse."""
    if run.level or run.where not in (Where.QUIT, Where.NOTQUIT):
        return False
    level = "toplevel" if run.process.profile.quit_acl_says_toplevel else "teplevel"
    run.log_message = f"QUIT or not-QUIT {level} ACL may not fail ('{run.verb}' verb used incorrectly)"
    return True


def _accept(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond in (Rc.OK, Rc.DISCARD):
        return _ended(run, name, "ACCEPT", cond)
    if run.endpass:
        run.trace("accept: endpass encountered - denying access")
        return cond
    return None


def _discard(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond in (Rc.OK, Rc.DISCARD):
        _ended(run, name, "DISCARD", cond)
        return Rc.ERROR if _bad_quit(run) else Rc.DISCARD
    if run.endpass:
        run.trace("discard: endpass encountered - denying access")
        return cond
    return None


def _defer(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond is not Rc.OK:
        return None
    _ended(run, name, "DEFER", cond)
    if _bad_quit(run):
        return Rc.ERROR
    run.reception.temp_details = True
    return Rc.DEFER


def _deny(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond is not Rc.OK:
        return None
    _ended(run, name, "DENY", cond)
    return Rc.ERROR if _bad_quit(run) else Rc.FAIL


def _drop(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond is not Rc.OK:
        return None
    _ended(run, name, "DROP", cond)
    if _bad_quit(run):
        return Rc.ERROR
    run.drop = True
    return Rc.FAIL


def _require(run: AclRun, name: str, cond: Rc) -> Rc | None:
    if cond is Rc.OK:
        return None
    _ended(run, name, "not OK", cond)
    return Rc.ERROR if _bad_quit(run) else cond


def _warn(run: AclRun, name: str, cond: Rc) -> Rc | None:
    process = run.process
    if cond is Rc.OK:
        acl_warn(run)
    elif cond is Rc.DEFER and selector(process, "acl_warn_skipped"):
        detail = "" if run.log_message is None else f": {run.log_message}"
        client = host_and_ident(process, flagged=True)
        where = ' "warn" statement skipped'
        if process.profile.skipped_warn_located:
            where = f" 'warn' statement skipped (in {name.replace(chr(34), '')}{run.place})"
        log_write(process, f"{client} Warning: ACL{where}: condition test deferred{detail}")
    run.log_message = run.user_message = None
    return None


_VERBS = {
    "accept": _accept,
    "defer": _defer,
    "deny": _deny,
    "discard": _discard,
    "drop": _drop,
    "require": _require,
    "warn": _warn,
}


def acl_warn(run: AclRun) -> None:
    """What ``warn`` does when its conditions hold: a log line once a message, or a header line.

    Source: acl_warn(), src/acl.c.
    """
    reception, process = run.reception, run.process
    if run.log_message is not None and not run.log_is_user:
        text = f"{host_and_ident(process, flagged=True)} Warning: {printed(process, run.log_message)}"
        failed = reception.sender_verified_failed
        if failed and failed.result.message and run.log_message.lower() == "sender verify failed":
            text += f": {failed.result.message}"
        if text not in reception.envelope.warned:
            log_write(process, text)
            reception.envelope.warned.add(text)
    if run.user_message is None:
        return
    if run.where not in IN_MESSAGE:
        log_write(
            process,
            f'ACL "warn" with "message" setting found in a non-message ({run.where.label}) ACL: '
            "cannot specify header lines here: message ignored",
            panic=True,
        )
        return
    setup_header(reception, run.user_message)


def string_split_message(text: str) -> str:
    """``text`` with newlines put in so that no line is much longer than 75 characters (src/string.c)."""
    if len(text) <= 75:
        return text
    start = at = 0
    while True:
        count = 0
        while count < 75 and at < len(text) and text[at] != "\n":
            at, count = at + 1, count + 1
        if at >= len(text):
            return text
        if text[at] == "\n":
            at += 1
            start = at
            continue
        cut = _split_place(text, start, at)
        if cut is None:
            return text
        text = f"{text[:cut]}\n{text[cut + 1 :]}"
        start = at = cut + 1


def _split_place(text: str, start: int, at: int) -> int | None:
    """Where to break: at the last blank behind, best after a colon; else at the next blank ahead."""
    best: int | None = None
    for place in range(at, start + 35, -1):
        if text[place] == " ":
            if text[place - 1] == ":":
                return place
            best = place if best is None else best
    if best is not None:
        return best
    return next((place for place in range(at + 1, len(text)) if text[place] in " \n"), None)
