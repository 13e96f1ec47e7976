"""Whether a router is to be run for an address (check_router_conditions() and the way to it, src/route.c)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import EACCES, strerror
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.expand.check_condition import expand_check_condition
from eximsim.mta.expand.debug_print import debug_print_string
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import CleanText
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.lookup import match
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.process.reading import is_there
from eximsim.mta.records.lists import Kind
from eximsim.mta.routing.address import deliver_set_expansions
from eximsim.mta.routing.owned_files import NoAccess, access_for, may_read
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.lists import ListCache
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import Verify

ROUTER_CONDITION = Rule("router condition", "route.c check_router_conditions")
_LONGEST_DYNASTY = 100
_VERIFY: Mapping[Verify | None, str] = {"sender": "verify_sender", "recipient": "verify_recipient"}


def prepare(process: Process, addr: Address, router: DriverInstance, verify: Verify | None) -> Rc:
    """Get the address ready for a router: OK to run it, SKIP to pass it over, DEFER or FAIL to end here.

    The order of the tests is Exim's: ancestors, affixes, then the preconditions.
    """
    if _in_loop(process, addr, router):
        return Rc.SKIP
    if _too_many_parents(addr):
        log_write(process, f"routing loop for {addr.address}", panic=True)
        return Rc.DEFER
    if not _strip_affixes(process, addr, router):
        return Rc.SKIP
    process.variables["router_name"] = router.name
    deliver_set_expansions(process, addr)
    rc, why = check_router_conditions(process, addr, router, verify)
    if rc is not Rc.OK:
        process.trace.record(ROUTER_CONDITION, rc.name, router=router.name, address=addr.address, why=why)
        process.variables.pop("router_name", None)
        if rc is not Rc.SKIP:
            addr.message = why
    return rc


def _in_loop(process: Process, addr: Address, router: DriverInstance) -> bool:
    """Whether an ancestor was routed by this router: the same address, or any if repeat_use is unset."""
    return any(
        parent.router is router
        and (not router.options.flag("repeat_use") or _same_address(parent, addr, router))
        for parent in addr.ancestors()
    )


def _same_address(parent: Address, addr: Address, router: DriverInstance) -> bool:
    if parent.address.lower() != addr.address.lower():
        return False
    if not router.options.flag("caseful_local_part"):
        return True
    return parent.address.rpartition("@")[0] == addr.address.rpartition("@")[0]


def _too_many_parents(addr: Address) -> bool:
    return sum(1 for _ in addr.ancestors()) > _LONGEST_DYNASTY + 1


def _strip_affixes(process: Process, addr: Address, router: DriverInstance) -> bool:
    """Set the local part for this router; false if an affix that it wants is not there."""
    options = router.options
    addr.prefix = addr.suffix = addr.prefix_v = addr.suffix_v = None
    caseful = options.flag("caseful_local_part")
    local_part = addr.cc_local_part if caseful else addr.cc_local_part.lower()
    prefixes, suffixes = options.text("local_part_prefix"), options.text("local_part_suffix")
    addr.local_part = local_part
    if prefixes is not None:
        length, addr.prefix_v = route_check_prefix(local_part, prefixes)
        if length:
            prefix, local_part = local_part[:length], local_part[length:]
            addr.prefix = prefix if addr.prefix_v else CleanText(prefix)  # it is the router's own text
            addr.local_part = local_part  # also if the suffix is not there
        elif not options.flag("local_part_prefix_optional"):
            return False
    if suffixes is not None:
        length, addr.suffix_v = route_check_suffix(local_part, suffixes)
        if length:
            suffix, local_part = local_part[-length:], local_part[:-length]
            clean = process.profile.plain_suffix_untainted and not addr.suffix_v
            addr.suffix = CleanText(suffix) if clean else suffix
        elif not options.flag("local_part_suffix_optional"):
            return False
    addr.local_part = local_part
    return True


def route_check_prefix(local_part: str, prefixes: str) -> tuple[int, str | None]:
    """The length of the first prefix of the list that fits, 0 if none does; ``*`` begins a wildcard.

    With it what the wildcard stands for.
    """
    lower = local_part.lower()
    for prefix in list_items(prefixes.lower()):
        if prefix.startswith("*"):
            at = lower.rfind(prefix[1:])
            if at >= 0:
                return at + len(prefix) - 1, local_part[:at]
        elif lower.startswith(prefix):
            return len(prefix), None
    return 0, None


def route_check_suffix(local_part: str, suffixes: str) -> tuple[int, str | None]:
    """The length of the first suffix of the list that fits, 0 if none does; ``*`` ends a wildcard.

    With it what the wildcard stands for.
    """
    lower = local_part.lower()
    for suffix in list_items(suffixes.lower()):
        if suffix.endswith("*"):
            at = lower.find(suffix[:-1])
            if at >= 0:
                return len(lower) - at, local_part[at + len(suffix) - 1 :]
        elif len(lower) > len(suffix) and lower.endswith(suffix):
            return len(suffix), None
    return 0, None


_SET_BY_CONDITIONS = (
    "home", "domain_data", "local_part_data", "sender_data", "local_user_uid", "local_user_gid"
)  # fmt: skip
"""Variables that belong to the router whose conditions are checked."""


def check_router_conditions(
    process: Process, addr: Address, router: DriverInstance, verify: Verify | None
) -> tuple[Rc, str]:
    """OK, SKIP or DEFER, with the reason. Source: check_router_conditions()."""
    options = router.options
    for name in _SET_BY_CONDITIONS:
        process.variables.pop(name, None)
    if verify in (None, "expn") and options.flag("verify_only"):
        return Rc.SKIP, "verify_only set"
    if process.address_test_mode and not options.flag("address_test"):
        return Rc.SKIP, "address_test is unset"
    wanted = _VERIFY.get(verify)
    if wanted is not None and not options.flag(wanted):
        return Rc.SKIP, f"{wanted} is unset"
    if verify == "expn" and not options.flag("expn"):
        return Rc.SKIP, "no_expn set"
    process.local_account, addr.home_expanded = None, False
    for option, check in _CHECKS:
        rc = check(process, addr, router)
        if rc is Rc.FAIL:
            return Rc.SKIP, f"{router.name} router skipped: {option} mismatch"
        if rc is not Rc.OK:
            why = addr.message if option == "router_home_directory" and addr.message else None
            return Rc.DEFER, why or f"{option} check lookup or other defer"
    debug_print_string(process, options.text("debug_print"))
    rc, why = _check_files(process, options.text("require_files"))
    if rc is not Rc.OK:
        return rc, why
    condition = options.text("condition")
    if condition is not None:
        rc = expand_check_condition(process, condition, f"{router.name} router")
        if rc is Rc.DEFER:
            return Rc.DEFER, "condition check lookup defer"
        if rc is not Rc.OK:
            return Rc.SKIP, "condition failure"
    return Rc.OK, ""


def _check_files(process: Process, text: str | None) -> tuple[Rc, str]:
    """OK, SKIP or DEFER for require_files. Source: check_files()."""
    ids: tuple[int, int] | None = None
    for item in list_items(text or ""):
        try:
            path = expand(process, item)
        except ExpansionFailed as failed:
            if failed.forced:
                continue
            return Rc.DEFER, f"failed to expand {quoted(process, item)} for require_files: {failed.message}"
        if not path:
            continue
        if "/" not in path:
            try:
                ids = access_for(process, path)
            except NoAccess as unknown:
                return Rc.DEFER, str(unknown)
            continue
        refused_is_missing = path.startswith("+")
        path = path.removeprefix("+").lstrip(SPACES)
        wanted = not path.startswith("!")
        path = path.removeprefix("!").lstrip(SPACES)
        if not path.startswith("/"):
            return Rc.DEFER, f"require_files: {quoted(process, path)} is not absolute"
        try:
            there = is_there(process, path)
        except NotADirectoryError as error:
            return Rc.DEFER, f"require_files: error for {path}: {error.strerror}"
        if there and not may_read(process, path, ids):
            if not refused_is_missing:
                return Rc.DEFER, f"require_files: error for {path}: {strerror(EACCES)}"
            there = False
        if there is not wanted:
            return Rc.SKIP, "file check"
    return Rc.OK, ""


def _check_domains(process: Process, addr: Address, router: DriverInstance) -> Rc:
    return _check(process, addr.domain, router, "domains", Kind.DOMAIN, addr.domain_cache)


def _check_local_parts(process: Process, addr: Address, router: DriverInstance) -> Rc:
    """The list sees the local part in its own case, so that ``+caseful`` in it can work.

    What is known of named lists holds for the local part without affixes only.
    """
    local_part = addr.cc_local_part[len(addr.prefix or "") :]
    local_part = local_part[: len(local_part) - len(addr.suffix or "")]
    cache = None if addr.prefix or addr.suffix else addr.local_part_cache
    return _check(process, local_part, router, "local_parts", Kind.LOCALPART, cache)


def _check_local_user(process: Process, addr: Address, router: DriverInstance) -> Rc:
    if not router.options.flag("check_local_user"):
        return Rc.OK
    account = process.machine.account(addr.local_part)
    if account is None:
        return Rc.FAIL
    process.local_account = account
    process.variables["local_user_uid"] = str(account.uid)
    process.variables["local_user_gid"] = str(account.gid)
    process.variables["home"] = account.home
    if process.profile.check_local_user_sets_data:
        process.variables["local_part_data"] = addr.data["local_part_data"] = addr.local_part
    return Rc.OK


def _set_home(process: Process, addr: Address, router: DriverInstance) -> Rc:
    """``$home`` is what router_home_directory says, if it says something."""
    text = router.options.text("router_home_directory")
    if text is None:
        return Rc.OK
    try:
        process.variables["home"] = expand_marked(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Rc.OK
        addr.message = f"failed to expand {quoted(process, text)} for router_home_directory: {failed.message}"
        return Rc.DEFER
    addr.home_expanded = True
    return Rc.OK


def _check_senders(process: Process, addr: Address, router: DriverInstance) -> Rc:
    return _check(process, process.variables.get("sender_address", ""), router, "senders", Kind.ADDRESS)


_DATA = {"domains": "domain_data", "local_parts": "local_part_data", "senders": "sender_data"}
"""The variable that a match with data sets."""


def _check(
    process: Process,
    subject: str,
    router: DriverInstance,
    option: str,
    kind: Kind,
    cache: ListCache | None = None,
) -> Rc:
    """Whether the subject is in the option's list; OK if that is not set. Source: route_check_dls()."""
    wanted = router.options.text(option)
    if wanted is None:
        return Rc.OK
    caseless = kind is not Kind.LOCALPART or not router.options.flag("caseful_local_part")
    named = option if process.profile.router_lists_named else None
    found = match.match_isinlist(
        process, subject, wanted, kind, caseless=caseless, list_name=named, cache=cache
    )
    if found.rc is Rc.OK and found.value is not None:
        process.variables[_DATA[option]] = found.value
    return found.rc


_CHECKS = (
    ("domains", _check_domains),
    ("local_parts", _check_local_parts),
    ("check_local_user", _check_local_user),
    ("router_home_directory", _set_home),
    ("senders", _check_senders),
)
"""The preconditions that a list or the password file decides, in Exim's order."""


def ended_before(process: Process, addr: Address, router: DriverInstance) -> Rc | None:
    """Set the router's variables and address_data; None: it can be run.

    DECLINE after a forced failure; otherwise what the address comes to: DEFER, FAIL, or OK, to go nowhere.
    Source: set_router_vars() and route_address().
    """
    rc = _set_router_vars(process, addr, router)
    text = router.options.text("address_data")
    if rc is not None or text is None:
        return rc
    try:
        addr.data["address_data"] = process.variables["address_data"] = expand_marked(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Rc.DECLINE
        addr.message = (
            f"expansion of {quoted(process, text)} failed in {router.name} router: {failed.message}"
        )
        return Rc.DEFER
    return None


def _set_router_vars(process: Process, addr: Address, router: DriverInstance) -> Rc | None:
    options = router.options
    failed_as = Rc.OK if process.profile.failed_set_is_forgotten else Rc.FAIL
    for item in list_items(options.text("set") or "", ";"):
        name, _, text = item.partition("=")
        name, text = name.rstrip(), text.lstrip()
        if not name.startswith("r_") or name == "r_":
            log_write(process, f"bad router variable name '{name}' in router '{router.name}'\n", panic=True)
            return failed_as
        try:
            addr.data[name] = process.variables[name] = expand_marked(process, text)
        except ExpansionFailed as failed:
            if failed.forced:
                return Rc.DECLINE
            addr.message = (
                f"expansion of {quoted(process, item)} failed in {router.name} router: {failed.message}"
            )
            if failed_as is Rc.FAIL and failed.defer:
                raise Unsupported("set with a lookup that defers", *options.where("set")) from None
            return failed_as
    return None
