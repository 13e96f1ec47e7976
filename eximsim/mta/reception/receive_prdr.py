"""A reply for each recipient after the message (PRDR; ``receive_msg()``, src/receive.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import AclResult, Where, acl_check
from eximsim.mta.process.log import log_write
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.smtp_in_reply import Replies

_WORDS = {
    Rc.OK: ("250", "acceptance"),
    Rc.DISCARD: ("250", "acceptance"),
    Rc.DEFER: ("450", "temporary refusal"),
}
_REFUSED = ("550", "refusal")
_REFUSING = frozenset({Rc.FAIL, Rc.ERROR, Rc.DISCARD})
"""Results that have the bit of a failure in them."""


def ask_each(reception: Reception, replies: Replies) -> str | None:
    """Ask acl_smtp_data_prdr about each recipient, and answer; those that it does not accept are gone.

    What is returned is to be the last reply, if the ACL for the data accepts the message; None if there is no
    reply for each. The message counts as one with PRDR only if there is.
    """
    process, envelope = reception.process, reception.envelope
    acl = process.config.main.text("acl_smtp_data_prdr")
    envelope.prdr = envelope.prdr and len(envelope.recipients) > 1 and acl is not None
    if not envelope.prdr:
        process.variables.pop("prdr_requested", None)
        return None
    replies.line("353 PRDR content analysis beginning")
    results: list[Rc] = []
    for recipient in list(envelope.recipients):
        result = acl_check(reception, Where.PRDR, recipient.address, acl)
        _answer(reception, replies, recipient.address, result)
        results.append(result.rc)
        if result.rc is not Rc.OK:
            envelope.recipients.remove(recipient)
    if all(rc in _REFUSING for rc in results):
        return f"550 id={process.message_id} message rejected for all recipients"
    how = "accepted" if all(rc is Rc.OK for rc in results) else "accepted for some recipients"
    return f"250 id={process.message_id} message {how}"


def _answer(reception: Reception, replies: Replies, address: str, result: AclResult) -> None:
    code, word = _WORDS.get(result.rc, _REFUSED)
    plain = f"PRDR R=<{address}> {word}"
    replies.user_message(code, plain if result.user_message is None else result.user_message)
    told = result.log_message or result.user_message
    log_write(reception.process, f"PRDR {address} {told}" if told else plain)
