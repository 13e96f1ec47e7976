"""The accept router: hands every address to its transport (src/routers/accept.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.routing.routers import rf
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify


def accept_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """OK, or DEFER for an expansion that fails or a transport that there is not."""
    rc = rf.take_on(process, addr, router, verify)
    if rc is not Rc.OK:
        return rc
    if not rf.rf_get_transport(process, addr, router):
        return Rc.DEFER
    return rf.rf_queue_add(process, addr, router, routed)
