"""The reader of an Exim filter's commands (read_command() and read_command_list(), src/filter.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from eximsim.bounds import within_bounds
from eximsim.errors import Unsupported
from eximsim.mta.base.string import in_quotes
from eximsim.mta.routing.filters.conditions_read import read_condition
from eximsim.mta.routing.filters.numbers import to_int
from eximsim.mta.routing.filters.scanner import Scanner
from eximsim.mta.routing.filters.syntax import (
    DELIVERIES,
    MAIL_ARGUMENTS,
    VACATION_DEFAULTS,
    Command,
    FilterError,
)
from eximsim.quick_dataclass import dataclass


class _End(Enum):
    """What ended a list of commands."""

    NOTHING = "the end of the file"
    ELIF = "elif"
    ELSE = "else"
    ENDIF = "endif"


@dataclass(frozen=True, slots=True)
class EximFilter:
    """A filter that was read. ``pending`` is an error that Exim finds only when it next looks for one."""

    commands: list[Command]
    pending: str | None = None


_MOST = 50_000
"""Commands of one filter."""


def read_filter(text: str, *, allowed: frozenset[str], system: bool, printing: bool) -> EximFilter:
    """The commands of a filter; ``allowed`` are those of defer, fail and freeze that it may have.

    ``system``: it is the system filter; ``printing``: words in messages are shown as ``%q`` shows them.
    Raises ``FilterError``.
    """
    quote = in_quotes if printing else '"{}"'.format
    scanner = Scanner(text.partition("\0")[0], quote)
    reader = _Reader(scanner, allowed, system)
    with within_bounds("a filter"):
        scanner.skip()
        commands = reader.commands(conditional=False)
    return EximFilter(commands, scanner.pending)


@dataclass(slots=True)
class _Reader:
    scanner: Scanner
    allowed: frozenset[str]
    system: bool
    ended: _End = _End.NOTHING
    conditional: int = 0
    """How many ``if`` are open."""
    seen: bool | None = None
    """What ``seen`` or ``unseen`` said about the command that follows."""
    noerror: bool = False
    read: int = 0

    def near(self, what: str) -> FilterError:
        return FilterError(f"{what} near line {self.scanner.line} of filter file")

    def commands(self, *, conditional: bool) -> list[Command]:
        """The commands up to the end, or with ``conditional`` up to what ends that part of an ``if``."""
        commands: list[Command] = []
        self.conditional += conditional
        self.ended = _End.NOTHING
        while self.scanner.next and self.ended is _End.NOTHING:
            self.read += 1
            if self.read > _MOST:
                raise Unsupported(f"a filter of more than {_MOST:,} commands")
            self.one(commands)
            self.scanner.skip()
        self.conditional -= conditional
        if conditional and self.ended is _End.NOTHING:
            raise FilterError('"endif" missing at end of filter file')
        return commands

    def one(self, commands: list[Command]) -> None:
        """Read one command and put it at the end of ``commands``."""
        scanner = self.scanner
        for name in ("if", "elif"):
            if scanner.starts(f"{name}("):
                scanner.position += len(name)
                break
        else:
            name = scanner.word()
            scanner.check()
        handler = _COMMANDS.get(name)
        if handler is None:
            raise self.near(f"unknown filtering command {scanner.quote(name)}")
        made = handler(self, name)
        if made is not None:
            commands.append(made)
        if name not in _PREFIXES:
            self.seen, self.noerror = None, False

    def seen_or(self, default: bool) -> bool:
        return default if self.seen is None else self.seen

    @property
    def prefixed(self) -> bool:
        return self.seen is not None or self.noerror

    # ---- commands with arguments

    def with_argument(self, name: str) -> Command:
        if name in _NOT_AFTER_PREFIXES and self.prefixed:
            told = f"found before an {self.scanner.quote(name)} command near line {self.scanner.line}"
            self.scanner.pending = f'"seen", "unseen", or "noerror" {told}'
        argument = self.scanner.item()
        if not argument:
            raise self.near(f"{self.scanner.quote(name)} requires an argument")
        self.scanner.check()
        return _ARGUMENTS.get(name, _Reader.plain)(self, name, argument)

    def plain(self, name: str, argument: str) -> Command:
        return Command(name, [argument], self.seen_or(name in DELIVERIES), self.noerror)

    def add(self, name: str, argument: str) -> Command:
        if self.scanner.item() != "to":
            raise self.near('"to" expected in "add" command')
        variable = self.scanner.item()
        if not variable:
            raise self.near('value missing after "to"')
        self.scanner.check()
        return Command(name, [argument, variable])

    def headers(self, name: str, argument: str) -> Command:
        if not self.system and argument != "charset":
            what = "header addition and removal is available only in system filters"
            raise FilterError(f"{what}: near line {self.scanner.line} of filter file")
        if argument not in ("add", "remove", "charset"):
            raise self.near('"add", "remove", or "charset" expected after "headers"')
        value = self.scanner.item()
        if not value:
            raise self.near('value missing after "add", "remove", or "charset"')
        self.scanner.check()
        return Command(name, [value], headers=argument)

    def logwrite(self, name: str, argument: str) -> Command:
        return self.plain(name, argument if argument.endswith("\n") else f"{argument}\n")

    def with_mode(self, name: str, argument: str) -> Command:
        made = self.plain(name, argument)
        if self.scanner.next and self.scanner.next in "0123456789":
            made.mode = _octal(self.scanner.word())
            self.scanner.check()
        return made

    def deliver(self, name: str, argument: str) -> Command:
        made = self.plain(name, argument)
        before = self.scanner.position
        errors_to: str | None = None
        if self.scanner.word() == "errors_to":
            errors_to = self.scanner.word()
        else:
            self.scanner.position = before
        self.scanner.check()
        made.arguments = [argument, errors_to]
        return made

    def stop(self, name: str) -> Command:
        """defer, fail and freeze, with a text in quotes or after ``text``.

        Exim does not look whether there was an error in it, and so finds that at the next command.
        """
        if name not in self.allowed:
            told = f"filtering command {self.scanner.quote(name)} is disabled"
            raise FilterError(f"{told}: near line {self.scanner.line} of filter file")
        scanner = self.scanner
        before, quoted = scanner.position, scanner.next == '"'
        text = scanner.item()
        if not quoted and text != "text":
            scanner.position, text = before, ""
        elif not quoted:
            text = scanner.item()
        return Command(name, [text])

    def finish(self, name: str) -> Command:
        return Command(name, seen=self.seen_or(False))

    # ---- if

    def part_of_if(self, name: str) -> None:
        if not self.conditional:
            raise self.near(f"unexpected {self.scanner.quote(name)} command")
        if self.prefixed:
            where = f"near line {self.scanner.line}"
            raise FilterError(f'"seen", "unseen", or "noerror" {where} is not followed by a command')
        self.ended = _End(name)

    def conditional_command(self, name: str) -> Command:
        if self.prefixed:
            told = f'found before an "if" command near line {self.scanner.line}'
            self.scanner.pending = f'"seen", "unseen", or "noerror" {told}'
        first = made = self.branch()
        while self.ended is _End.ELIF:
            following = self.branch()
            made.otherwise = [following]
            made = following
        if self.ended is _End.ELSE:
            made.otherwise = self.last_branch()
        self.ended = _End.NOTHING
        return first

    def branch(self) -> Command:
        condition = read_condition(self.scanner, top=True)
        self.scanner.check()
        return Command("if", condition=condition, then=self.commands(conditional=True))

    def last_branch(self) -> list[Command]:
        commands = self.commands(conditional=True)
        if self.ended is not _End.ENDIF:
            raise self.near('"endif" missing')
        return commands

    # ---- mail

    def mail(self, name: str) -> Command:
        scanner = self.scanner
        given: dict[str, str] = {}
        made = Command(name, seen=self.seen_or(False), noerror=self.noerror)
        while True:
            before = scanner.position
            word = scanner.word()
            scanner.check()
            if word == "return":
                made.return_message = True
                if scanner.word() != "message":
                    raise self.near('"return" not followed by "message" ')
                continue
            if word == "expand":
                made.expand_file = True
                word = scanner.word()
                if word != "file":
                    raise self.near('"expand" not followed by "file" ')
            if word not in MAIL_ARGUMENTS:
                scanner.position = before
                break
            given[word] = scanner.item()
            scanner.check()
        if name == "vacation":
            made.expand_file |= "file" not in given
            given = {**VACATION_DEFAULTS, **given}
        made.mail = given
        return made

    # ---- what stands before a command

    def prefix(self, name: str) -> None:
        where = f"near line {self.scanner.line}"
        if name != "noerror" and self.seen is not None:
            raise FilterError(f'"seen" or "unseen" repeated {where}')
        if not self.scanner.next:
            what = '"noerror"' if name == "noerror" else '"seen" or "unseen"'
            raise FilterError(f"{what} {where} is not followed by a command")
        if name == "noerror":
            self.noerror = True
        else:
            self.seen = name == "seen"


def _octal(digits: str) -> int:
    """strtol() to base 8: as much as is octal."""
    octal = digits[: len(digits) - len(digits.lstrip("01234567"))]
    return to_int(min(int(octal, 8), 2**63 - 1)) if octal else 0


_PREFIXES = frozenset({"seen", "unseen", "noerror"})
_NOT_AFTER_PREFIXES = frozenset({"add", "headers"})

_ARGUMENTS: Mapping[str, Callable[[_Reader, str, str], Command]] = {
    "add": _Reader.add,
    "deliver": _Reader.deliver,
    "headers": _Reader.headers,
    "logfile": _Reader.with_mode,
    "logwrite": _Reader.logwrite,
    "save": _Reader.with_mode,
}

_COMMANDS: Mapping[str, Callable[[_Reader, str], Command | None]] = {
    **dict.fromkeys(
        ("add", "deliver", "headers", "logfile", "logwrite", "pipe", "save", "testprint"),
        _Reader.with_argument,
    ),
    **dict.fromkeys(("defer", "fail", "freeze"), _Reader.stop),
    **dict.fromkeys(("elif", "else", "endif"), _Reader.part_of_if),
    **dict.fromkeys(("seen", "unseen", "noerror"), _Reader.prefix),
    "finish": _Reader.finish,
    "if": _Reader.conditional_command,
    "mail": _Reader.mail,
    "vacation": _Reader.mail,
}
