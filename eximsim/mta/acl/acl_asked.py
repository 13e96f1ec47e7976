"""ACL conditions that others answer: scanners, SPF and DMARC.

What they say is asked for (``World.ask``); what Exim makes of it is here (src/acl.c, the scanners beside).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unanswered
from eximsim.mta.acl.malware import malware_scan
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.base.string import SPACES, list_items, split_separator
from eximsim.mta.expand.expand import expand
from eximsim.mta.lookup.match import match_isinlist_string
from eximsim.mta.process.log import log_write
from eximsim.ports import Told
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.mta.process.globals import Process

_OFF = ("", "0", "false")
_ANY = ("1", "true", "*")
_LONGEST_BAR = 51
"""MAX_SPAM_BAR_CHARS is 50, and one more comes before that is asked."""
_THRESHOLD = "5.0"


def _ask(run: AclRun, condition: AclCondition, kind: str, question: str) -> Told:
    try:
        return run.process.world.ask(kind, question)
    except Unanswered as problem:
        raise problem.at(condition.path, condition.line) from None


def _deferred(run: AclRun, said: Told, options: list[str]) -> Rc:
    """A service that cannot be asked; ``/defer_ok`` makes that "no"."""
    run.log_message = said.error or None
    return Rc.FAIL if "defer_ok" in (option.lower() for option in options) else Rc.DEFER


def _items(text: str) -> list[str]:
    """What a condition wants, and its options, after slashes unless it begins with another separator."""
    if text.lstrip(SPACES).startswith("<"):
        separator, text = split_separator(text)
        return list(list_items(text, separator))
    return list(list_items(text, "/"))


def malware(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``malware``: the question is the scanner (av_scanner), the answer the name of what it found.

    Some scanners are really asked, if they are there (``malware.py``).
    Source: malware(), src/malware.c.
    """
    wanted, *options = _items(text) or [""]
    if wanted.lower() in _OFF:
        return Rc.FAIL
    envelope = run.reception.envelope
    said = envelope.scanned or malware_scan(run.process, options)
    if said is None:
        scanner = run.process.config.main.written("av_scanner") or "sophie:/var/run/sophie"
        said = _ask(run, condition, "malware", scanner)
        if said.error:
            log_write(run.process, f"malware acl condition: {said.error}", panic=True)
            said = Told(deferred=True)
    elif not said.deferred:
        envelope.scanned = said
    if said.deferred:
        return _deferred(run, said, options)
    if said.value is None:
        return Rc.FAIL
    run.process.variables["malware_name"] = said.value
    if wanted.lower() in _ANY:
        return Rc.OK
    try:
        found = compile_pattern(wanted).search(said.value, run.process.trace, run.process.effort)
    except RegexError as error:
        run.log_message = f"regular expression error in {wanted!r}: {error.told(pcre2=True)}"
        return Rc.DEFER
    return Rc.OK if found else Rc.FAIL


def spam(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``spam``: the question is the user, the answer ``SCORE``, ``SCORE/THRESHOLD`` or that and an action.

    Source: spam(), src/spam.c.
    """
    user, *options = text.split("/")
    name, _, always = user.partition(":")
    if name.lower() in _OFF:
        return Rc.FAIL
    said = _ask(run, condition, "spam", name)
    if said.deferred:
        if said.error:
            log_write(run.process, f"spam acl condition: spamd: {said.error}")
        log_write(run.process, "spam acl condition: all spamd servers failed", panic=True)
        return _deferred(run, Told(deferred=True), options)
    score, _, threshold = (said.value or "0.0").partition("/")
    threshold, _, action = threshold.partition(" ")
    try:
        number, limit = float(score), float(threshold or _THRESHOLD)
    except ValueError:
        run.log_message = "cannot parse spamd output"
        return _deferred(run, said, options)
    sign = "+" if number >= 0 else "-"
    is_spam = number >= limit
    run.process.variables.update(
        spam_score=f"{number:.1f}",
        spam_score_int=str(int((number + 0.001) * 10)),
        spam_bar=sign * min(int(abs(number)), _LONGEST_BAR) or "/",
        spam_action=action or ("reject" if is_spam else "no action"),
    )
    return Rc.OK if is_spam or always == "true" else Rc.FAIL


def spf(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``spf`` and ``spf_guess``: the question is address and sender, the answer SPF's result in one word.

    Source: spf_process(), src/spf.c.
    """
    address = run.process.variables.get("sender_host_address", "")
    sender = run.reception.envelope.sender or ""
    said = _ask(run, condition, condition.name, f"{address} {sender}".strip())
    result = "temperror" if said.deferred else said.value or "none"
    guessed = "no" if condition.name == "spf" else "yes"
    texts = _spf_texts(run, result, address, sender)
    run.process.variables.update(spf_result=result, spf_result_guessed=guessed, **texts)
    return match_isinlist_string(run.process, result, text, caseless=True)


def _spf_texts(run: AclRun, result: str, address: str, sender: str) -> dict[str, str]:
    """What libspf2 says of a result: ``$spf_received`` and its like; given answers come before it."""
    process = run.process
    helo = process.variables.get("sender_helo_name", "")
    sender = sender or f"postmaster@{helo}"
    domain, host = sender.rpartition("@")[2], expand(process, "$primary_hostname")
    known = _SPF_SAYS.get(result)
    comment = known.format(address=address, domain=domain) if known else ""
    why = "Please see http://www.open-spf.org/Why : Reason: mechanism" if result in _SPF_EXPLAINED else ""
    received = f"Received-SPF: {result} ({host}: {comment}) client-ip={address}; envelope-from={sender};"
    texts = {
        "spf_header_comment": f"{host}: {comment}" if known else "",
        "spf_received": f"{received} helo={helo};" if known else "",
        "spf_smtp_comment": why,
    }
    return {name: _given(process, name, text) for name, text in texts.items()}


def _given(process: Process, name: str, text: str) -> str:
    given = process.world.find_answer("variable", name)
    return text if given is None else given.value or ""


_SPF_SAYS = {
    "pass": "domain of {domain} designates {address} as permitted sender",
    "fail": "domain of {domain} does not designate {address} as permitted sender",
    "softfail": "transitioning domain of {domain} does not designate {address} as permitted sender",
    "neutral": "{address} is neither permitted nor denied by domain of {domain}",
    "none": "domain of {domain} does not provide an SPF record",
}
"""What libspf2 says of its results; of errors it says nothing."""

_SPF_EXPLAINED = ("fail", "softfail", "neutral")


def dmarc_status(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``dmarc_status``: the question is the domain of From:, the answer DMARC's result in one word.

    Source: dmarc_process(), src/dmarc.c.
    """
    said = _ask(run, condition, "dmarc_status", expand(run.process, "${domain:$h_from:}"))
    result = "temperror" if said.deferred else said.value or "none"
    run.process.variables["dmarc_status"] = result
    return match_isinlist_string(run.process, result, text, caseless=True)
