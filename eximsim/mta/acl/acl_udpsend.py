"""The modifier ``udpsend`` of access control lists (acl_udpsend(), src/acl.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eximsim.mta.base.string import SPACES, split_separator, string_is_ip_address
from eximsim.mta.lookup.host import host_find_byname
from eximsim.mta.records.structs import HostItem
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition

_PORT = re.compile(r"[ \t\n\v\f\r]*[-+]?[0-9]+")


def udpsend(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """``udpsend``: a datagram to a host; nobody hears what becomes of it. Source: acl_udpsend()."""
    separator, rest = split_separator(text)
    parts = [part.strip(SPACES) for part in rest.split(separator, 2)] if rest else []
    for number, what in enumerate(("destination host", "destination port")):
        if len(parts) <= number:
            run.log_message = f'missing {what} in "udpsend" modifier'
            return Rc.ERROR
    if parts[1] and not _PORT.fullmatch(parts[1]):
        run.log_message = 'bad destination port in "udpsend" modifier'
        return Rc.ERROR
    if string_is_ip_address(parts[0])[0]:
        return Rc.OK
    if host_find_byname(run.process, HostItem(parts[0])).find in (HostFind.FAILED, HostFind.AGAIN):
        run.log_message = 'DNS lookup failed in "udpsend" modifier'
        return Rc.DEFER
    return Rc.OK
