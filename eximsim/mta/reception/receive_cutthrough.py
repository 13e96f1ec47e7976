"""A message that goes on to its host while it comes in (the cutthrough parts of ``receive_msg()``)."""

from __future__ import annotations

from enum import Enum

from eximsim.mta.delivery.deliver_log import cutthrough_refused_log, delivery_log
from eximsim.mta.reception.incoming import Incoming, longest_line
from eximsim.mta.records.spool import Message
from eximsim.mta.verify import cutthrough


class Done(Enum):
    """What the host said in the end (``cutthrough_done``)."""

    NOT_TRIED = "the message did not go on"
    ACCEPTED = "accepted"
    PUT_OFF = "refused for now, so that the message stays on the queue"
    REFUSED = "refused, so that the client is refused too"
    LOST = "nothing that makes sense, so that the message is gone"


def send_on(incoming: Incoming) -> None:
    """Send what has come in, but for its end; in chunks it does not go on."""
    process, envelope = incoming.process, incoming.envelope
    if envelope.chunking and process.cutthrough.delivery:
        cutthrough.cancel(process)
    elif envelope.chunking:
        process.cutthrough.hold_only = False
    if process.cutthrough.sends is None:
        return
    headers = list(incoming.reception.headers)
    message = Message(
        process.message_id,
        envelope.sender or "",
        list(envelope.recipients),
        headers,
        incoming.body,
        process.world.now(),
        longest_received=longest_line(incoming),
    )
    process.message = message
    cutthrough.send(process)
    if process.cutthrough.sends is None:
        process.message = None


def finish(incoming: Incoming) -> tuple[Done, str | None]:
    """End the message at the host; what it said, and what the client is told if that is not our own 250."""
    process, wanted = incoming.process, incoming.process.cutthrough
    call = wanted.sends
    if call is None:
        return Done.NOT_TRIED, None
    said = cutthrough.final_dot(process)
    text = said.text if said is not None else ""
    for addr in call.addrs:
        if text.startswith("2"):
            delivery_log(process, addr, ">")
            cutthrough.close(process)
        elif text.startswith("4"):
            cutthrough_refused_log(process, addr, "tmp-reject from cutthrough after DATA:", None)
        elif text.startswith("5"):
            rejected = incoming.reception.rejected()
            cutthrough_refused_log(process, addr, "rejected after DATA:", rejected)
    process.message = None
    passed, wanted.delivery, wanted.defer_pass = wanted.defer_pass, False, False
    if text.startswith("2"):
        return Done.ACCEPTED, None
    if text.startswith("5"):
        return Done.REFUSED, text
    if not passed:
        return Done.PUT_OFF, None
    if not text.startswith("4") and not process.profile.cutthrough_passes_silence:
        return Done.LOST, None
    return Done.REFUSED, text if text.startswith("4") else "450 Onward transmission not accepted"
