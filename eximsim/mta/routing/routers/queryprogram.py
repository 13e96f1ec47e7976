"""The queryprogram router: a command says what to do with an address (src/routers/queryprogram.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.command_words import TooManyWords, command_words
from eximsim.mta.base.string import SPACES, from_octets, octets
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.expand_items import expand_getkeyed
from eximsim.mta.expand.marks import Taint
from eximsim.mta.expand.taint import expand_tainted
from eximsim.mta.lookup import host_chain
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.routing import rda
from eximsim.mta.routing.routers import rf
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address
    from eximsim.mta.routing.address import RouteResult, Verify

_BUFFER = 1023
"""So many octets of what the command writes are read."""
_MOST_WORDS = 60
_WHAT = "queryprogram router"


def queryprogram_router_entry(
    process: Process, router: DriverInstance, addr: Address, verify: Verify | None, routed: RouteResult
) -> Rc:
    """Do what the command says: accept, redirect, decline, pass, fail, defer or freeze.

    Whether there are such a user and a group is not looked at. Source: queryprogram_router_entry().
    """
    before = addr.errors_address, addr.extra_headers, addr.remove_headers
    rc = rf.take_on(process, addr, router, verify)
    given = addr.errors_address, addr.extra_headers, addr.remove_headers
    addr.errors_address, addr.extra_headers, addr.remove_headers = before
    if rc is not Rc.OK:
        return rc
    output = _answer(process, router, addr)
    if output is None:
        return Rc.DEFER
    word, data = _first_word(output)
    if word == "redirect":
        return _redirect(process, router, addr, routed, data, given)
    if word != "accept":
        return _other(process, router, addr, word, data, output)
    addr.data = _kept(process)
    if value := expand_getkeyed("data", data):
        addr.data["address_data"] = value
    if not _find_transport(process, router, addr, data):
        return Rc.DEFER
    if hosts := expand_getkeyed("hosts", data):
        rc = _find_hosts(process, router, addr, routed, hosts, expand_getkeyed("lookup", data))
        if rc is not Rc.OK:
            return rc
    addr.errors_address, addr.extra_headers, addr.remove_headers = given
    addr.utf8, addr.ignore_error = None, False  # all that is handed on is replaced
    return rf.rf_queue_add(process, addr, router, routed)


def _answer(process: Process, router: DriverInstance, addr: Address) -> str | None:
    """What the command writes, without white space around it; None after an error, with ``addr.message``."""
    command, user = (router.options.text(name) or "" for name in ("command", "command_user"))
    if user.isdigit() and router.options.text("command_group") is None:
        addr.message = f"command_user set without command_group for {router.name} router"
        return None
    try:
        words = command_words(command, _MOST_WORDS)
    except TooManyWords:
        addr.message = f"Too many arguments in command {quoted(process, command)} in {_WHAT}"
        return None
    expanded = _expanded(process, addr, words, command)
    if expanded is None:
        return None
    said = process.world.ask_command(expanded)
    if said.deferred or said.endless:
        addr.message = said.error or f"{router.name} router: command timed out"
    elif said.status > 0:
        addr.message = f"{router.name} router: command returned non-zero code {said.status}"
    elif said.status < 0:
        addr.message = f"{router.name} router: command killed by signal {-said.status}"
    elif not said.value:
        addr.message = f"{router.name} router: command failed to return data"
    else:
        return from_octets(octets(said.value)[:_BUFFER]).strip(SPACES)
    return None


def _expanded(process: Process, addr: Address, words: list[str], command: str) -> list[str] | None:
    """The words as the command gets them; none may come from outside, but under Exim's own suite."""
    found: list[str] = []
    for word in words:
        try:
            value, taint = expand_tainted(process, word)
        except ExpansionFailed as failed:
            said = f"Expansion of {quoted(process, word)} from command {quoted(process, command)} in {_WHAT}"
            addr.message = f"{said} failed: {failed.message}"
            return None
        if process.profile.tainted_arguments_refused and not process.machine.test_harness:
            if taint is Taint.UNKNOWN:
                raise Unsupported(f"whether the word {value} of a command is tainted")
            if taint is Taint.TAINTED:
                addr.message = f"Tainted arg {len(found)} for {_WHAT} command: '{value}'"
                return None
        found.append(value)
    return found


def _first_word(text: str) -> tuple[str, str]:
    """The command's verdict in lower case, and what follows the character after it."""
    end = next((at for at, char in enumerate(text) if char in SPACES), len(text))
    return text[:end].lower(), text[end + 1 :]


def _kept(process: Process) -> dict[str, str]:
    """The variables that go on to what the router makes of the address."""
    known = process.variables
    return {name: known[name] for name in known if name == "address_data" or name.startswith("r_")}


_Given = tuple[str | None, tuple[str, ...], str | None]
"""The errors address, the header lines to add and the list of those to remove, as the router has them."""


def _redirect(
    process: Process, router: DriverInstance, addr: Address, routed: RouteResult, data: str, given: _Given
) -> Rc:
    read = rda.rda_interpret_text(process, data, addr.domain)
    addr.message = read.message
    if read.found is rda.Found.FAIL:
        _add(process, router, addr, routed, read, given)
        if addr.message is None:
            addr.message = "forced rejection"
        else:
            addr.user_message = addr.message
        return Rc.FAIL
    if read.found is not rda.Found.DELIVERED:
        why = "no addresses supplied" if read.found is rda.Found.NOTDELIVERED else read.message
        addr.basic_errno, addr.message = Errno.BADREDIRECT, f"error in redirect data: {why}"
        return Rc.DEFER
    _add(process, router, addr, routed, read, given)
    routed.addr_succeed.insert(0, addr)
    return Rc.OK


def _add(
    process: Process,
    router: DriverInstance,
    addr: Address,
    routed: RouteResult,
    read: rda.Redirection,
    given: _Given,
) -> None:
    """Put what the command named in the address's place."""
    following = router.options.text("redirect_router")
    start = next((one for one in process.config.routers if one.name == following), None)
    for one in read.addresses[::-1]:
        child = rf.make_child(addr, one.address)
        child.errors_address, child.extra_headers, child.remove_headers = given
        child.start_router, child.data, child.utf8 = start, _kept(process), None
        child.made_for = one.made_for
        addr.child_count += 1
        routed.addr_new.insert(0, child)


def _other(process: Process, router: DriverInstance, addr: Address, word: str, data: str, output: str) -> Rc:
    """What is neither acceptance nor redirection."""
    if word in ("decline", "pass"):
        return Rc.DECLINE if word == "decline" else Rc.PASS
    addr.message = data
    if word == "fail":
        addr.pass_message = True
        return Rc.FAIL
    if word == "freeze":
        addr.special_action = rf.FREEZE
    elif word != "defer":
        addr.message = f"bad command yield: {output[: len(word)]} {data}"
        log_write(process, f"{router.name} router: {addr.message}", main=False, panic=True)
    return Rc.DEFER


def _find_transport(process: Process, router: DriverInstance, addr: Address, data: str) -> bool:
    """The transport that the command names, or else the router's; false after an error."""
    name = expand_getkeyed("transport", data)
    if not name:
        return rf.rf_require_transport(process, addr, router, "transport")
    transport = process.config.transports.get(name)
    if transport is None:
        addr.message = f"unknown transport name {name} yielded by command"
        log_write(process, f"{router.name} router: {addr.message}", main=False, panic=True)
        return False
    addr.transport = transport
    return True


def _find_hosts(
    process: Process,
    router: DriverInstance,
    addr: Address,
    routed: RouteResult,
    hosts: str,
    lookup: str | None,
) -> Rc:
    if lookup and lookup not in ("byname", "bydns"):
        addr.message = f"bad lookup type {quoted(process, lookup)} yielded by command"
        log_write(process, f"{router.name} router: {addr.message}", main=False, panic=True)
        return Rc.DEFER
    addr.host_list = host_chain.host_build_hostlist(process, hosts, False)
    return rf.rf_lookup_hostlist(
        process,
        addr,
        router,
        routed,
        lookup=lookup or "default",
        find_failed="defer",
        ipv4_only=False,
        ipv4_first=False,
    )
