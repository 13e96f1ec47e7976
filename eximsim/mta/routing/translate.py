"""Host addresses that a router has others put in the place of (translate_ip_address, src/route.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import string_is_ip_address
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.host import host_find_byname
from eximsim.mta.records.structs import MX_NONE
from eximsim.status import Errno, HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem

_OPTION = "translate_ip_address"


def translate_hosts(process: Process, addr: Address, router: DriverInstance) -> Rc:
    """Give each host the address, or the name, that the option makes of its address: OK, or DEFER.

    A forced failure leaves a host as it is. Raises ``Unsupported`` for a failure in a delivery, in which Exim
    both delivers the address and puts it off. Source: route_address().
    """
    text = router.options.text(_OPTION)
    if text is None:
        return Rc.OK
    hosts: list[HostItem] = []
    for host in addr.host_list:
        found, why, errno = _translated(process, host, text)
        if why:
            if process.message is not None:
                raise Unsupported(f"{_OPTION} that fails: {why}", *router.options.where(_OPTION))
            addr.basic_errno, addr.message = errno, why
            return Rc.DEFER
        hosts += found
    addr.host_list = hosts
    return Rc.OK


def _translated(process: Process, host: HostItem, text: str) -> tuple[list[HostItem], str, int]:
    if host.address is None:
        return [host], "", 0
    try:
        with process.setting(host_address=host.address):
            new = expand(process, text)
    except ExpansionFailed as failed:
        why = f"{_OPTION} expansion failed: {failed.message}"
        return [host], "" if failed.forced else why, Errno.EXPANDFAIL
    if string_is_ip_address(new)[0]:
        host.address = new
        return [host], "", 0
    old = f"{host.name} [{host.address}]"
    host.name, host.address, host.mx = new, None, MX_NONE
    found = host_find_byname(
        process, host, ignore_target_hosts=None, qualify_single=True, canonical_name_wanted=True
    )
    lost = found.find in (HostFind.FAILED, HostFind.AGAIN)
    return found.hosts, f"host {new} not found when translating {old}" if lost else "", Errno.UNKNOWNHOST
