"""What a callout begins with: its sender and its key, and what the cache knows (``do_callout()``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.log import log_write
from eximsim.mta.records.hints import Cached
from eximsim.mta.verify.callout import Callout
from eximsim.mta.verify.verify_cache import get_callout_cache_record
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.records.verification import CalloutSettings

_NOT_CACHED = "(not cached or cache expired)"


def prepare(
    process: Process, addr: Address, hosts: list[HostItem], settings: CalloutSettings, *, is_recipient: bool
) -> Callout:
    """The callout for one address, with the sender that it is to have."""
    key, sender = addr.address, ""
    if is_recipient and settings.use_sender:
        sender = process.variables.get("sender_address", "")
        if settings.transport_sender:
            sender = _transports_sender(process, addr)
        key = f"{addr.address}/<{sender}>"
    elif is_recipient and settings.use_postmaster:
        sender = f"postmaster@{qualify_domain(process, is_recipient=False)}"
        key = f"{addr.address}/<{sender}>"
    elif not is_recipient:
        sender = settings.mailfrom or ""
        key = f"{addr.address}/<{sender}>" if sender else key
    if is_recipient and (settings.use_sender or settings.use_postmaster):
        addr.return_path = sender
    return Callout(process, addr, hosts, settings, is_recipient, sender, key, settings.postmaster)


def _transports_sender(process: Process, addr: Address) -> str:
    """The sender that the message is given on its way: errors_to of a router, return_path of a transport."""
    assert addr.transport is not None
    given = process.variables.get("sender_address", "")
    path = addr.errors_address if addr.errors_address is not None else given
    text = addr.transport.options.text("return_path")
    if not text:
        return path
    try:
        return expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return path
        where = addr.transport.options.where("return_path")
        raise Unsupported("a return_path that does not expand, in a callout", *where) from None


def random_answer(process: Process) -> str | None:
    """What ``$recipient_verify_failure`` says of a domain that takes any recipient."""
    return "random" if process.profile.random_acceptance_told else None


def cached(call: Callout) -> Rc | None:
    """The answer, if the cache has it."""
    process, addr = call.process, call.addr
    domain = get_callout_cache_record(process, addr.domain, "domain")
    if domain is not None:
        call.old_domain_result = domain.result
        if domain.result is Cached.REJECT or (not call.sender and domain.result is Cached.REJECT_MFNULL):
            trace_cache(process, "domain gave initial rejection, or does not accept HELO or MAIL FROM:<>")
            addr.user_message = "(result of an earlier callout reused)."
            call.failure = "mail"
            return Rc.FAIL
        if call.settings.random:
            if domain.random_result is Cached.ACCEPT:
                trace_cache(process, "domain accepts random addresses")
                call.failure = random_answer(process)
                return Rc.OK
            if domain.random_result is Cached.UNKNOWN:
                trace_cache(process, f"need to check random address handling {_NOT_CACHED}")
                return None
            trace_cache(process, "domain rejects random addresses")
            call.random = ""
            call.domain_record.random_result = Cached.REJECT
            call.domain_record.random_stamp = domain.random_stamp
        if call.postmaster is not None:
            if domain.postmaster_result is Cached.REJECT:
                trace_cache(process, "domain does not accept RCPT TO:<postmaster@domain>")
                addr.user_message = "(result of earlier verification reused)."
                call.failure = "postmaster"
                return Rc.FAIL
            if domain.postmaster_result is Cached.UNKNOWN:
                trace_cache(process, f"need to check RCPT TO:<postmaster@domain> {_NOT_CACHED}")
                return None
            trace_cache(process, "domain accepts RCPT TO:<postmaster@domain>")
            call.postmaster = None
            call.domain_record.postmaster_result = Cached.ACCEPT
            call.domain_record.postmaster_stamp = domain.postmaster_stamp
    address = get_callout_cache_record(process, call.key, "address")
    if address is None:
        return None
    if address.result is Cached.ACCEPT:
        trace_cache(process, "address record is positive")
        return Rc.OK
    trace_cache(process, "address record is negative")
    addr.user_message = "Previous (cached) callout verification failure"
    call.failure = "recipient"
    return Rc.FAIL


def trace_cache(process: Process, text: str) -> None:
    """Show in the host-check trace what became of the cache."""
    process.hdebug(f"callout cache: {text}", indented=True)


def random_local_part(process: Process) -> str | None:
    """callout_random_local_part, expanded; None without a usable one."""
    text = process.config.main.text("callout_random_local_part")
    try:
        return expand(process, text) if text else None
    except ExpansionFailed as failed:
        log_write(process, f"failed to expand callout_random_local_part: {failed.message}", panic=True)
        return None
