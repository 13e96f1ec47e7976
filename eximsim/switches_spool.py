"""The switches of what Exim writes to its spool."""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switches_expand import ExpansionSwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class SpoolSwitches(ExpansionSwitches):
    """The part of a profile that is about the spool, with what comes before it."""

    spool_receive_fraction: bool = switch(
        False, "spool_write_header() in spool_out.c", since("4.90", "32dfdf8ba", item="bug 2102")
    )
    """The header file has the microseconds of the time of reception."""

    messages_change_queue: bool = switch(
        False, "main() in exim.c", since("4.93", "fc7bae7f2", item="bug 2456")
    )
    """-MG moves messages to another queue."""

    locked_message_named: bool = switch(
        False, "spool_open_datafile() in spool_in.c", since("4.94.1", "ff9663026")
    )
    """The log line about a message that another process is at names it."""

    spool_receive_end: bool = switch(
        False, "spool_write_header() in spool_out.c", since("4.95", "f870028fd", item="bug 2672")
    )
    """The header file says when reception was complete."""

    spool_taint_marked: bool = switch(False, "spool_var_write() in spool_out.c", since("4.93", "f3ebb786e"))
    """Values that come from outside have a second dash in the header file."""

    spool_auth_published: bool = switch(
        False, "spool_write_header() in spool_out.c", since("4.95", "a75ebe0dc", item="bug 2648")
    )
    """The header file has the public name of the authenticator."""

    spool_address_bracketed: bool = switch(
        False, "spool_write_header() in spool_out.c", since("4.96", "2b68e140a", item="bug 2855")
    )
    """Addresses in the header file are in brackets, with a colon before the port; before, with a dot."""

    fake_refusal_reports_never: bool = switch(
        False, "receive_msg() in receive.c", since("4.97", "92914be21", item="bug 3016")
    )
    """A message that a fake refusal took in is not reported on, whatever NOTIFY asked for."""

    log_made_by_exim_user: bool = switch(
        False, "log_open_already_exim() in log.c", since("4.95", "b6c1434e4", picks={"93e9a18fb": "4.94.1"})
    )
    """A log file is not made in a process of another user than Exim's, which tells of it as not permitted."""
