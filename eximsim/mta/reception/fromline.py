"""``From `` lines at the start of messages that come over SMTP (in receive_msg(), src/receive.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import from_octets
from eximsim.mta.lookup.verify_hosts import verify_check_host
from eximsim.mta.reception.caller_sender import sender_from_line
from eximsim.mta.reception.receive_data import from_line
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.reception.receive_headers import Submitter

_OPTION = "ignore_fromline_hosts"


def without_from_line(reception: Reception, content: bytes, submitter: Submitter) -> tuple[bytes, Submitter]:
    """The message without such a line, if its client may begin with one, and who brings it.

    Exim asks at any first line whether it may, which shows in the host-check trace.
    """
    options = reception.process.config.main
    if content in (b"", b"\n", b"\r\n"):
        return content, submitter
    if reception.get("sender_host_address") is None:
        may = options.flag("ignore_fromline_local")
    else:
        found = verify_check_host(
            reception.process, options.text(_OPTION), _OPTION, cache=reception.host_cache
        )
        may = found is Rc.OK
    named, rest = from_line(content) if may else (None, content)
    if named is None:
        return content, submitter
    return rest, sender_from_line(reception, submitter, from_octets(named))
