"""Redirection data: lists of addresses and special items (src/rda.c; parse_forward_list(), src/parse.c)."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.errnos import EACCES, ENOENT, ENOTDIR, strerror
from eximsim.mta.base.parse import AddressError, parse_find_address_end
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.config.readconf import read_config
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import CleanText, Taint, marked, taint_of
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.harness import forked
from eximsim.mta.process.log import quoted, run_as_somebody_else
from eximsim.mta.process.logins import login_of
from eximsim.mta.routing.filters.exim_filter import filter_interpret
from eximsim.mta.routing.filters.filter_log import LogAccess
from eximsim.mta.routing.filters.generated import Generated
from eximsim.mta.routing.filters.running import Filtered, Outcome
from eximsim.mta.routing.filters.sieve import SieveOptions, sieve_interpret
from eximsim.mta.routing.filters.sieve_tests import OWN_LOCAL_PART
from eximsim.mta.routing.filters.syntax import FilterType, rda_is_filter
from eximsim.mta.routing.owned_files import bad_file
from eximsim.mta.routing.rda_include import NotIncluded, read_included
from eximsim.mta.routing.rewrite import rewrite_address
from eximsim.mta.routing.routers import rf
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process

_SEPARATORS = SPACES + ","
_IGNORED = {EACCES: "ignore_eacces", ENOTDIR: "ignore_enotdir"}
"""The options that make an error with the file as good as no file."""


class Found(Enum):
    """What redirection data comes to (the ``FF_`` codes of src/macros.h)."""

    DELIVERED = "addresses, or syntax errors that were skipped"
    NOTDELIVERED = "nothing"
    BLACKHOLE = ":blackhole:"
    DEFER = ":defer:"
    FAIL = ":fail:"
    FREEZE = "a filter's freeze"
    INCLUDEFAIL = "an included file that cannot be read"
    ERROR = "an error"
    NONEXIST = "no such file"


_SPECIALS = (
    (":defer:", Found.DEFER, "allow_defer", True),
    (":blackhole:", Found.BLACKHOLE, "forbid_blackhole", False),
    (":fail:", Found.FAIL, "allow_fail", True),
)
"""Item, code, the option that decides whether it is permitted, and what that option has to be."""


@dataclass(slots=True)
class Redirection:
    """The result: code, addresses in the order of the text, the message of a special item or an error.

    ``inspected`` tells that the data itself was read, so that an error lies in it. ``skipped`` are syntax
    errors: (what, in which item). ``filter``: it is one.
    """

    found: Found
    addresses: list[Generated] = field(default_factory=list)
    message: str | None = None
    inspected: bool = True
    skipped: list[tuple[str, str]] = field(default_factory=list)
    filter: bool = False


class _Stop(Exception):
    def __init__(self, found: Found, message: str) -> None:
        self.found = found
        self.message = message


def rda_interpret(
    process: Process,
    router: DriverInstance,
    incoming_domain: str,
    log: LogAccess = LogAccess.SKIPPED,
    owner: tuple[int, int] | None = None,
) -> Redirection:
    """Read the redirect router's ``data`` or ``file`` and take it apart.

    ``owner`` are the ids under which a filter runs, if the router says so; ``log`` says what becomes of what
    it logs. ``incoming_domain`` completes ``\\name``.
    """
    options = router.options
    is_file = options.text("file") is not None
    text = options.text("file" if is_file else "data") or ""
    try:
        data = expand_marked(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Redirection(Found.NOTDELIVERED)
        why = f"failed to expand {quoted(process, text)}: {failed.message}"
        return Redirection(Found.ERROR, message=why, inspected=False)
    apart = owner is not None and (is_file or rda_is_filter(data) is not FilterType.FORWARD)
    if apart and is_file and data.startswith("/") and _is_missing(process, data):
        return Redirection(Found.NONEXIST, inspected=False)
    with forked(process) if apart else nullcontext():
        return _interpreted(process, router, data, incoming_domain, log, owner)


def _interpreted(
    process: Process,
    router: DriverInstance,
    data: str,
    incoming_domain: str,
    log: LogAccess,
    owner: tuple[int, int] | None,
) -> Redirection:
    """What the file of that name, or else the text itself, stands for. Source: rda_extract()."""
    options = router.options
    is_file = options.text("file") is not None
    if is_file:
        if not data.startswith("/"):
            return Redirection(
                Found.ERROR, message=f"{quoted(process, data)} is not an absolute path", inspected=False
            )
        if process.profile.tainted_file_refused and _is_tainted(process, router, data):
            why = f"Tainted name '{data}' for file read not permitted\n"
            return Redirection(Found.ERROR, message=why, inspected=False)
        bad = bad_file(process, router, data)
        if bad is not None:
            return Redirection(Found.ERROR, message=bad, inspected=False)
        try:
            data = from_octets(process.world.read_file(data))
        except OSError as error:
            folder = data.rpartition("/")[0]
            if process.world.path_kind(data) == "folder":
                return Redirection(Found.ERROR, message=f"{data} is not a regular file", inspected=False)
            if error.errno == ENOENT and not options.flag("ignore_enotdir") and lacks_folder(process, folder):
                why = f"failed to stat {folder}/. ({strerror(ENOENT)})"
                return Redirection(Found.ERROR, message=why, inspected=False)
            ignored = _IGNORED.get(error.errno or 0)
            if error.errno == ENOENT or (ignored is not None and options.flag(ignored)):
                return Redirection(Found.NONEXIST, inspected=False)
            why = f"failed to open {data}: {strerror(error.errno or 0)}"
            return Redirection(Found.ERROR, message=why, inspected=False)
    kind = rda_is_filter(data)
    if kind is not FilterType.FORWARD:
        return _filtered(process, router, data, kind, log, owner)
    level = Taint.NONE if is_file else taint_of(data)
    reader = _ForwardList(process, router, incoming_domain, level)
    return reader.read(data)


def _is_missing(process: Process, path: str) -> bool:
    """Whether there is no such file, though a folder for it, which is looked at before a process is made."""
    try:
        process.world.read_file(path)
    except OSError as error:
        there = error.errno != ENOENT or process.world.path_kind(path) != ""
        return not there and not lacks_folder(process, path.rpartition("/")[0])
    return False


def lacks_folder(process: Process, folder: str) -> bool:
    """Whether a folder is known not to be there, as the one that it would be in is known.

    Source: rda_exists(), src/rda.c.
    """
    world, above = process.world, folder.rpartition("/")[0]
    there = folder in world.disk.folders or bool(world.disk.below(folder)) or bool(world.path_kind(folder))
    return bool(above) and not there and world.path_kind(above) == "folder"


_FORBIDDEN: Mapping[str, Mapping[str, str]] = {
    "forbid_filter_dlfunc": {"dlfunc": "dynamically-loaded functions are not permitted"},
    "forbid_filter_existstest": {
        "exists": "File existence tests are not permitted",
        "stat": "Use of the stat() expansion is not permitted",
    },
    "forbid_filter_lookup": {"lookup": "lookup expansions are not permitted"},
    "forbid_filter_perl": {"perl": "Perl calls are not permitted"},
    "forbid_filter_readfile": {"readfile": "file insertions are not permitted"},
    "forbid_filter_readsocket": {"readsocket": "socket insertions are not permitted"},
    "forbid_filter_run": {"run": "running a command is not permitted"},
}
"""What each option keeps filters from expanding, and what is said of it."""


_STOPS = {"allow_defer": "defer", "allow_fail": "fail", "allow_freeze": "freeze"}
"""The commands that a filter has only if its router allows them."""

_KINDS = {
    FilterType.EXIM: ("Exim", "forbid_exim_filter"),
    FilterType.SIEVE: ("Sieve", "forbid_sieve_filter"),
}


def _filtered(
    process: Process,
    router: DriverInstance,
    text: str,
    kind: FilterType,
    log: LogAccess,
    owner: tuple[int, int] | None,
) -> Redirection:
    """Obey a filter, if the router permits it."""
    options = router.options
    name, forbidden_by = _KINDS[kind]
    if not options.flag("allow_filter"):
        return Redirection(Found.ERROR, message="filtering not enabled", filter=True)
    if options.flag(forbidden_by):
        return Redirection(Found.ERROR, message=f"{name} filtering not enabled", filter=True)
    forbidden = [told for option, told in _FORBIDDEN.items() if options.flag(option)]
    before, settings = process.forbidden_expansions, process.log_settings
    exim = process.machine.account(process.machine.exim_user)
    if owner is not None and owner[0] not in (0, exim.uid if exim is not None else 0):
        run_as_somebody_else(process)
    process.forbidden_expansions = {name: told for one in forbidden for name, told in one.items()}
    try:
        if kind is FilterType.EXIM:
            result = _exim_filter(process, router, text, log, owner)
        else:
            result = _sieve(process, router, text, owner)
    finally:
        process.forbidden_expansions, process.log_settings = before, settings
    return Redirection(
        Found[result.outcome.name], list(reversed(result.generated)), result.message, filter=True
    )


def _exim_filter(
    process: Process, router: DriverInstance, text: str, log: LogAccess, owner: tuple[int, int] | None
) -> Filtered:
    options = router.options
    return filter_interpret(
        process,
        text,
        allowed=frozenset(command for option, command in _STOPS.items() if options.flag(option)),
        rewrite=options.flag("rewrite"),
        prepend_home=options.flag("filter_prepend_home"),
        log=LogAccess.FORBIDDEN if options.flag("forbid_filter_logwrite") else log,
        owner=owner or (0, 0),
    )


def _sieve(process: Process, router: DriverInstance, text: str, owner: tuple[int, int] | None) -> Filtered:
    options, values = router.options, dict[str, str | None]()
    for name in ("sieve_vacation_directory", "sieve_inbox", "sieve_enotify_mailto_owner"):
        given = options.text(name)
        try:
            values[name] = None if given is None else expand_marked(process, given)
        except ExpansionFailed as failed:
            shown = quoted(process, given or "")
            return Filtered(Outcome.ERROR, f"failed to expand {shown} ({name}): {failed.message}")
    return sieve_interpret(
        process,
        text,
        SieveOptions(
            inbox=values["sieve_inbox"] or "inbox",
            useraddress=options.text("sieve_useraddress") or OWN_LOCAL_PART,
            subaddress=options.text("sieve_subaddress"),
            vacation_directory=values["sieve_vacation_directory"],
            notifier=values["sieve_enotify_mailto_owner"],
            login=login_of(process, owner[0] if owner is not None else 0),
        ),
    )


def _is_tainted(process: Process, router: DriverInstance, path: str) -> bool:
    where = router.options.where("file")
    if taint_of(path) is Taint.UNKNOWN:
        raise Unsupported("whether the name of the file is tainted", *where)
    tainted = taint_of(path) is Taint.TAINTED
    if tainted and process.config.main.flag("allow_insecure_tainted_data"):
        raise Unsupported("allow_insecure_tainted_data with a tainted file name", *where)
    return tainted


@dataclass(slots=True)
class _ForwardList:
    """One reading of redirection data, included files and all."""

    process: Process
    router: DriverInstance
    incoming_domain: str
    taint: Taint = Taint.NONE
    result: Redirection = field(default_factory=lambda: Redirection(Found.NOTDELIVERED))

    def read(self, data: str) -> Redirection:
        result = self.result
        try:
            for address in self.addresses(data):
                result.addresses.append(address)
        except _Stop as stop:
            result.found, result.message = stop.found, stop.message
            return result
        if result.addresses or result.skipped:
            result.found = Found.DELIVERED
        return result

    def addresses(self, data: str) -> Iterator[Generated]:
        """The addresses of a list. Source: parse_forward_list(), src/parse.c."""
        position = 0
        while True:
            position = _skip(data, position)
            if position >= len(data):
                return
            self.process.effort.spend_on_generated()
            end = parse_find_address_end(data, position, newline_ends=True)
            item = data[position:end].rstrip(SPACES)
            quoted = len(item) > 1 and item[0] == item[-1] == '"'
            if quoted:
                item = item[1:-1].strip(SPACES)
            if ":unknown:".startswith(item):
                position = end
                continue
            self.special(data, data.index(item, position), item)
            if item.startswith(":include:"):
                yield from self.included(item.removeprefix(":include:").lstrip(SPACES))
            elif (address := self.address(item, quoted=quoted)) is not None:
                yield address
            position = end

    def special(self, data: str, position: int, item: str) -> None:
        """Stop at :fail:, :defer: or :blackhole:; the rest of the line, or of all, is its message."""
        for name, found, option, wanted in _SPECIALS:
            if item.startswith(name):
                if self.router.options.flag(option) is not wanted:
                    raise _Stop(Found.ERROR, f'"{item}" is not permitted')
                rest = data[position + len(name) :]
                whole = self.process.profile.special_takes_all_lines
                message = rest.rstrip("\n") if whole else rest.partition("\n")[0]
                raise _Stop(found, message.lstrip(SPACES))

    def included(self, path: str) -> Iterator[Generated]:
        try:
            data = read_included(self.process, self.router, path, self.taint)
        except NotIncluded as failed:
            raise _Stop(Found.INCLUDEFAIL if failed.unreadable else Found.ERROR, failed.message) from None
        yield from self.addresses(data)

    def address(self, item: str, *, quoted: bool) -> Generated | None:
        """What one item is, an address qualified; None for a comment or a syntax error that is skipped."""
        if item.startswith("\\"):
            try:
                local = extract_address(self.process, item[1:])
                if not local.domain_at:
                    clean = self.taint is Taint.NONE and isinstance(self.incoming_domain, CleanText)
                    return Generated(f"{local.address}@{self.incoming_domain}", clean=clean)
            except AddressError:
                pass
        try:
            found = extract_address(self.process, item)
        except AddressError as error:
            if item.startswith(("|", "/")):
                return self.file_or_pipe(item, quoted=quoted)
            self.no_address(item, error.message)
            return None
        if item.startswith(("|", "/")) and not found.domain_at:
            return self.file_or_pipe(item, quoted=quoted)
        address = found.address if found.domain_at else rf.qualified(self.process, found.address)
        clean = self.taint is Taint.NONE
        if not self.router.options.flag("rewrite"):
            return Generated(address, clean=clean)
        rewritten = rewrite_address(self.process, address, is_recipient=True)
        return Generated(rewritten, clean=clean and rewritten == address)

    def no_address(self, item: str, why: str) -> None:
        if why == "empty address":
            return
        if not self.router.options.flag("skip_syntax_errors"):
            raise _Stop(Found.ERROR, f"{why} in {quoted(self.process, item)}")
        self.result.skipped.append((why, item))

    def file_or_pipe(self, item: str, *, quoted: bool) -> Generated:
        """The file or the command; in quotes a backslash stands for what follows it."""
        text = _ESCAPED.sub(r"\1", item) if quoted else item
        return Generated(marked(text, self.taint), "pipe" if item.startswith("|") else "file")


_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Plain:
    """The configuration of a router that redirects, and sets only these options about it."""

    options: str

    def read_file(self, path: str) -> bytes:
        return f"begin routers\nr:\n  driver = redirect\n  data = x\n{self.options}".encode()


def parse_forward_list(
    process: Process, data: str, incoming_domain: str, *, options: str = ""
) -> Redirection:
    """The addresses of a list that is no redirect router's: a .forward that is tested with -bf.

    ``options`` are lines of such a router that forbid and allow.
    """
    (router,) = read_config(_Plain(options), "", process.profile, {}).routers
    return _ForwardList(process, router, incoming_domain).read(data)


_OF_A_COMMAND = "  forbid_blackhole\n  allow_fail\n  forbid_include\n"


def rda_interpret_text(process: Process, text: str, incoming_domain: str) -> Redirection:
    """What a command says instead of an address; it is expanded, too."""
    try:
        data = expand(process, text)
    except ExpansionFailed as failed:
        if failed.forced:
            return Redirection(Found.NOTDELIVERED)
        return Redirection(Found.ERROR, message=f"failed to expand {quoted(process, text)}: {failed.message}")
    if rda_is_filter(data) is not FilterType.FORWARD:
        return Redirection(Found.ERROR, message="filtering not enabled")
    return parse_forward_list(process, data, incoming_domain, options=_OF_A_COMMAND)


def _skip(data: str, position: int) -> int:
    """Past separators and comment lines."""
    while True:
        while position < len(data) and data[position] in _SEPARATORS:
            position += 1
        if not data.startswith("#", position):
            return position
        line_end = data.find("\n", position)
        position = len(data) if line_end < 0 else line_end
