"""Conditions that hold hosts, addresses and their parts against lists (acl_check_condition(), src/acl.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.lookup.match import match_isinlist
from eximsim.mta.lookup.verify_hosts import verify_check_this_host
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.lists import Kind
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.acl.acl_run import AclRun
    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.mta.records.lists import ListMatch
    from eximsim.mta.records.structs import Address


def _recipient(run: AclRun) -> Address:
    """The address of RCPT or VRFY; the tables forbid the conditions that need one elsewhere.

    An ACL in an expansion has none for VRFY: the process dies.
    """
    if run.address is None:
        raise null_pointer(run.process, run.process.doing)
    return run.address


def _kept(run: AclRun, found: ListMatch, variable: str | None = None) -> Rc:
    """A list's answer; what it found is in ``variable``, also where it says no."""
    if variable is not None:
        if found.value is None:
            run.process.variables.pop(variable, None)
        else:
            run.process.variables[variable] = found.value
    return found.rc


def hosts(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``hosts``."""
    address = run.process.variables.get("sender_host_address", "")
    cache = run.reception.host_cache
    found = verify_check_this_host(run.process, text, None, address, cache=cache)
    if found.rc is Rc.DEFER:
        run.log_message = run.process.search_error
    return _kept(run, found, "host_data")


def domains(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``domains``."""
    domain = _recipient(run).domain
    found = match_isinlist(run.process, domain, text, Kind.DOMAIN, cache=run.domain_cache)
    return _kept(run, found, "domain_data")


def local_parts(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``local_parts``."""
    local = _recipient(run).data["cc_local_part"]
    cache = run.local_part_cache
    found = match_isinlist(run.process, local, text, Kind.LOCALPART, cache=cache)
    return _kept(run, found, "local_part_data")


def recipients(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``recipients``."""
    found = match_isinlist(run.process, _recipient(run).address, text, Kind.ADDRESS)
    return _kept(run, found, "recipient_data")


def _sender(run: AclRun) -> str:
    """The sender; only the ACL for NOTQUIT can ask for it where there is none, and the process dies."""
    if run.reception.envelope.sender is None:
        raise null_pointer(run.process, run.process.doing)
    return run.reception.envelope.sender


def senders(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``senders``."""
    sender = _sender(run)
    return _kept(
        run,
        match_isinlist(run.process, sender, text, Kind.ADDRESS, cache=run.reception.envelope.sender_cache),
        "sender_data",
    )


def sender_domains(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """The condition ``sender_domains``."""
    domain = _sender(run).rpartition("@")[2]
    return _kept(
        run,
        match_isinlist(
            run.process, domain, text, Kind.DOMAIN, cache=run.reception.envelope.sender_domain_cache
        ),
    )
