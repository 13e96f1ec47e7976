"""Sieve filters (src/sieve.c): they are obeyed as they are read, so that an error undoes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from eximsim.bounds import within_bounds
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.routing.filters.generated import Generated
from eximsim.mta.routing.filters.personal import filter_personal
from eximsim.mta.routing.filters.running import Filtered, Outcome
from eximsim.mta.routing.filters.sieve_notify import Notification, due, read_notify, send
from eximsim.mta.routing.filters.sieve_scanner import SieveError, SieveScanner
from eximsim.mta.routing.filters.sieve_tests import OWN_LOCAL_PART, SieveTests
from eximsim.mta.routing.filters.sieve_vacation import read_vacation, reply_for
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_CAPABILITIES = frozenset(
    (
        *("envelope", "fileinto", "encoded-character", "subaddress", "copy", "enotify", "vacation"),
        *("comparator-i;octet", "comparator-i;ascii-casemap", "comparator-en;ascii-casemap"),
        "comparator-i;ascii-numeric",
    )
)


@dataclass(frozen=True, slots=True)
class SieveOptions:
    """What a router says about Sieve, expanded, but for the texts of the envelope's parts."""

    inbox: str = "inbox"
    useraddress: str = OWN_LOCAL_PART
    subaddress: str | None = None
    vacation_directory: str | None = None
    notifier: str | None = None
    """Who is said to send notifications (sieve_enotify_mailto_owner)."""
    login: str = "root"
    """The user under whom the filter runs."""


class _Stop(Exception):
    """The filter has said ``stop``."""


def sieve_interpret(process: Process, text: str, options: SieveOptions, *, testing: bool = False) -> Filtered:
    """Read a filter and obey it; with ``testing`` what it came to is told. Source: sieve_interpret().

    What was generated last comes first. After an error the message is kept as well.
    """
    scanner = SieveScanner(octets(text).partition(b"\0")[0])
    tests = SieveTests(process, scanner, options.useraddress, options.subaddress)
    run = _Sieve(tests, scanner, options, testing)
    told = ""
    try:
        with within_bounds("a filter"):
            run.start()
    except _Stop:
        pass
    except SieveError as error:
        told = f"Sieve error: {error.args[0]} in line {scanner.line}"
    if run.keep or told:
        run.generate(octets(options.inbox), "file")
    if testing:
        process.out(f"{told or ('Implicit keep' if run.keep else 'No implicit keep')}\n")
    return Filtered(Outcome.DELIVERED, generated=run.generated)


@dataclass(slots=True)
class _Sieve:
    tests: SieveTests
    scanner: SieveScanner
    options: SieveOptions
    testing: bool
    keep: bool = True
    """The message goes to the inbox if nothing else is done with it."""
    generated: list[Generated] = field(default_factory=list)
    vacation_ran: bool = False
    notified: set[Notification] = field(default_factory=set)

    def start(self) -> None:
        """The whole filter: what it requires, and its commands. Source: parse_start()."""
        scanner = self.scanner
        scanner.white()
        while scanner.identifier("require"):
            scanner.white()
            for name in scanner.strings("capability string list expected"):
                self.require(from_octets(name))
            scanner.semicolon()
        self.commands(obey=True)
        if scanner.next:
            raise SieveError("syntax error")

    def require(self, capability: str) -> None:
        if capability == "vacation" and not (self.testing or self.options.vacation_directory is not None):
            raise SieveError("vacation disabled")
        if capability == "enotify" and self.options.notifier is None:
            raise SieveError("enotify disabled")
        if capability not in _CAPABILITIES:
            raise SieveError("unknown capability")
        self.scanner.required.add(capability)

    def commands(self, *, obey: bool) -> None:
        """The commands up to something else. Source: parse_commands()."""
        scanner = self.scanner
        while scanner.next:
            self.tests.process.effort.spend()
            scanner.white()
            for name, command in _COMMANDS.items():
                if scanner.identifier(name):
                    command(self, obey)
                    break
            else:
                return

    def conditional(self, obey: bool) -> None:
        scanner = self.scanner
        scanner.white()
        open_ = obey
        while True:
            held = self.tests.test(obey=open_)
            if held is None:
                raise SieveError("missing test")
            self.block(obey=open_ and held)
            open_ = open_ and not held
            scanner.white()
            if not scanner.identifier("elsif"):
                break
            scanner.white()
        if scanner.identifier("else"):
            self.block(obey=open_)

    def block(self, *, obey: bool) -> None:
        scanner = self.scanner
        scanner.white()
        if not scanner.punctuation(b"{"):
            raise SieveError("missing block")
        self.commands(obey=obey)
        if not scanner.punctuation(b"}"):
            raise SieveError("expecting command or closing brace")

    def stop(self, obey: bool) -> None:
        self.scanner.semicolon()
        if obey:
            raise _Stop

    def keep_command(self, obey: bool) -> None:
        self.scanner.semicolon()
        if obey:
            self.generate(octets(self.options.inbox), "file")
            self.keep = False

    def discard(self, obey: bool) -> None:
        self.scanner.semicolon()
        self.keep = self.keep and not obey

    def redirect(self, obey: bool) -> None:
        copy = self.copy()
        recipient = self.scanner.string("missing redirect recipient string").partition(b"\0")[0]
        if b"@" not in recipient:
            raise SieveError("unqualified recipient address")
        if obey:
            self.generate(recipient, "")
            self.keep = self.keep and copy
        self.scanner.semicolon()

    def fileinto(self, obey: bool) -> None:
        self.scanner.require("fileinto")
        copy = self.copy()
        folder = self.scanner.string("missing fileinto folder string").partition(b"\0")[0]
        if not folder or b".." in folder.split(b"/"):
            raise SieveError("invalid folder")
        if obey:
            self.generate(folder, "file")
            self.keep = self.keep and copy
        self.scanner.semicolon()

    def copy(self) -> bool:
        """Whether ``:copy`` is said, so that the message is kept as well; goes on to what follows."""
        copy = False
        self.scanner.white()
        while self.scanner.identifier(":copy"):
            self.scanner.require("copy")
            copy = True
            self.scanner.white()
        return copy

    def generate(self, address: bytes, made_for: str) -> None:
        """Deliver to an address or a file, if that is not done already. Source: add_addr()."""
        text = from_octets(address)
        if not any(one.address == text and (not made_for or one.made_for) for one in self.generated):
            self.generated.insert(0, Generated(text, made_for))

    def vacation(self, obey: bool) -> None:
        self.scanner.require("vacation")
        if obey and self.vacation_ran:
            raise SieveError("trying to execute vacation more than once")
        self.vacation_ran = self.vacation_ran or obey
        process = self.tests.process
        said = read_vacation(process, self.scanner)
        aliases = [from_octets(alias) for alias in said.aliases]
        folder = self.options.vacation_directory
        if obey and filter_personal(process, aliases, scan_cc=True) and not self.testing:
            self.generated.insert(0, reply_for(process, self.tests, said, folder or ""))

    def notify(self, obey: bool) -> None:
        self.scanner.require("enotify")
        process = self.tests.process
        said = read_notify(process, self.scanner)
        told = due(process, self.tests, said) if obey else None
        if told is None or told in self.notified:
            return
        self.notified.add(told)
        if not self.testing:
            send(process, said, told, self.options.notifier or "", self.options.login)


_COMMANDS: Mapping[str, Callable[[_Sieve, bool], None]] = {
    "if": _Sieve.conditional,
    "stop": _Sieve.stop,
    "keep": _Sieve.keep_command,
    "discard": _Sieve.discard,
    "redirect": _Sieve.redirect,
    "fileinto": _Sieve.fileinto,
    "notify": _Sieve.notify,
    "vacation": _Sieve.vacation,
}
