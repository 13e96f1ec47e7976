"""Is the client who it says it is in HELO or EHLO? (smtp_verify_helo(), src/smtp_in.c)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.lookup.host import look_up_sender_name
from eximsim.mta.lookup.host_bydns import host_find_bydns
from eximsim.mta.records.structs import HostItem
from eximsim.status import Dnssec, HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception


def smtp_verify_helo(reception: Reception) -> bool:
    """Check that the client is who it says: by its address, by its name's lookup, or the other way round.

    False if a lookup has to be put off. Source: smtp_verify_helo(), src/smtp_in.c.
    """
    process = reception.process
    said, address = reception.get("sender_helo_name"), reception.get("sender_host_address")
    shown = f'"{said}"'
    if said is None:
        shown = "<NULL>" if process.profile.nothing_quoted_bare else '"NULL"'
    process.hdebug(f"verifying EHLO/HELO argument {shown}")
    completed = True
    if said is None:
        process.hdebug("no EHLO/HELO command was issued")
    elif address is None:
        process.hdebug("no client IP address: assume success")
        reception.helo_verified = True
    elif said.startswith("["):
        plain = address.lower().removeprefix("::ffff:")
        reception.helo_verified = said[1:].startswith((address, plain))
        if reception.helo_verified:
            process.hdebug("matched host address")
    else:
        if reception.get("sender_host_name") is None and reception.get("host_lookup_failed") != "1":
            completed = look_up_sender_name(reception, for_log=False) is not Rc.DEFER
        _compare_names(reception, said)
        if not reception.helo_verified:
            _look_up_helo(reception, said, address)
    if not reception.helo_verified:
        reception.helo_verify_failed = True
    return completed


def _compare_names(reception: Reception, said: str) -> None:
    name = reception.get("sender_host_name")
    if name is None:
        return
    if name.lower() == said.lower():
        reception.helo_verified = True
        reception.process.hdebug("matched host name")
        return
    alias = next(
        (alias for alias in reception.process.sender_host_aliases if alias.lower() == said.lower()), None
    )
    if alias is not None:
        reception.helo_verified = True
        reception.process.hdebug(f"matched alias {alias}")


def _look_up_helo(reception: Reception, said: str, address: str) -> None:
    process = reception.process
    process.hdebug(f"getting IP address for {said}")
    found = host_find_bydns(process, HostItem(said), dnssec_request_domains="*", dnssec_require_domains="")
    if found.find not in (HostFind.FOUND, HostFind.FOUND_LOCAL):
        return
    if any(host.address == address for host in found.hosts):
        reception.helo_verified = True
        secure = found.hosts[0].dnssec is Dnssec.YES
        reception.set("sender_helo_dnssec", "yes" if secure else None)
        process.hdebug(f"IP address for {said} matches calling address")
        process.hdebug(f"Forward DNS security status: {'' if secure else 'un'}verified")
