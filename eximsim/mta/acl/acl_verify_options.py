"""The options of what ``verify`` verifies, those of its callout too (acl_verify(), src/acl.c)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.acl.acl_quota import QuotaSettings, read_quota
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.process.log import quoted
from eximsim.mta.records.verification import CalloutSettings
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_TIME_OPTIONS = {"maxwait": "overall", "connect": "connect"}
_TEXT_OPTIONS = {"postmaster_mailfrom": "postmaster", "mailfrom": "mailfrom"}
_FLAG_OPTIONS = ("defer_ok", "no_cache", "random", "use_sender", "use_postmaster", "hold")


class BadOption(Exception):
    """The argument of ``verify`` makes no sense; ``args[0]`` is the log message."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options after the verify item that sender, recipient and header_sender share."""

    callout: CalloutSettings | None = None
    defer_ok: bool = False
    no_details: bool = False
    success_on_redirect: bool = False
    quota: QuotaSettings | None = None


def read_options(process: Process, text: str, options: list[str]) -> VerifyOptions:
    """What the ``options`` of ``verify = text`` ask for; raises ``BadOption``."""
    asked = VerifyOptions()
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
            raise BadOption(f'unknown option {quoted(process, option)} in ACL condition "verify {text}"')
    _check_sender(process, asked.callout, of_sender=text.lower().startswith("sender"))
    if asked.quota is not None and not text.lower().startswith("recipient"):
        raise BadOption("can only verify quota of recipient")
    return asked


def _check_sender(process: Process, callout: CalloutSettings | None, *, of_sender: bool) -> None:
    """Whose name a callout may go in: that of one, and never to verify a sender."""
    new = process.profile.callout_senders_unchecked
    if callout is None or not (callout.use_sender or callout.use_postmaster):
        return
    if callout.use_sender and callout.use_postmaster and not new:
        raise BadOption("only one of use_sender and use_postmaster can be set for a recipient callout")
    if of_sender and new:
        raise BadOption(
            "use_sender, use_tptsender or use_postmaster cannot be usedfor a sender verify callout"
        )
    if of_sender:
        raise BadOption("use_sender or use_postmaster cannot be used for a sender verify callout")


def _read_callout(process: Process, text: str, option: str, settings: CalloutSettings) -> CalloutSettings:
    """``callout`` with what follows its equals sign. Names are matched by their beginning, as Exim does."""
    rest = option[7:].lstrip(SPACES)
    if not rest:
        return settings
    if not rest.startswith("="):
        raise BadOption(f'\'=\' expected after "callout" in ACL condition "{text}"')
    for word in list_items(rest[1:].lstrip(SPACES), ","):
        settings = _one_suboption(
            text,
            word,
            settings,
            hold=process.profile.callout_hold,
            new=process.profile.callout_senders_unchecked,
        )
    return settings


def _one_suboption(
    text: str, word: str, settings: CalloutSettings, *, hold: bool, new: bool
) -> CalloutSettings:
    lowered = word.lower()
    if new and lowered.startswith("use_tptsender"):
        raise Unsupported("the callout option use_tptsender")
    for name in _FLAG_OPTIONS:
        if lowered.startswith(name) and (name != "hold" or hold):
            return _with(settings, name, True)
    for name, field in _TEXT_OPTIONS.items():
        if lowered.startswith(name):
            if name == "mailfrom" and not text.lower().startswith("header_sender"):
                raise BadOption(
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
        raise BadOption(f'\'=\' expected after "{name}" in ACL verify condition "{text}"')
    return rest[1:].lstrip(SPACES)


def _period(text: str, word: str) -> int:
    seconds = readconf_readtime(word)
    if seconds is None:
        raise BadOption(f'bad time value in ACL condition "verify {text}"')
    return seconds
