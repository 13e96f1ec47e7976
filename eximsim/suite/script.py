"""The test script language of Exim's ``runtest``, read into frozen command records.

A script is a title line (``# ...``), then commands; a command may be preceded by a line with its expected
exit status, continued with ``\\``, and followed by a body up to ``****``. Parsing substitutes nothing:
``suite.runner`` does that when it runs a command, as ``runtest`` does (test/runtest, ``run_command``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import field

from eximsim.errors import InputError
from eximsim.quick_dataclass import dataclass

DIRECTIVES = (
    "no_message_check",
    "no_msglog_check",
    "no_munge",
    "no_stderr_check",
    "no_stdout_check",
    "rmfiltertest",
    "sortlog",
    "need_ipv4",
    "need_ipv6",
    "need_largefiles",
    "need_move_frozen_messages",
)
"""The words that set how a whole test is run or compared."""

SETTINGS = ("profiles",)
"""The words that may follow ``#@`` in a header comment of the project's own scripts."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a command must exit with: ``code``, or anything but it if ``negated``."""

    code: int = 0
    negated: bool = False

    def met_by(self, code: int) -> bool:
        """Whether an exit code is as expected."""
        return (code != self.code) if self.negated else (code == self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What all commands have: the line they start at, and the optional line before them."""

    line: int
    status: Status = Status()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    """``### text``: written to every output, where the runner of the tree does that."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exim(Command):
    """Run the program under test.

    ``arguments`` is what follows the name, not yet split; ``wait`` seconds before standard input is
    closed; ``suffix`` picks another copy of the program (``exim_exim``).
    """

    arguments: str
    body: tuple[str, ...] = ()
    wait: int = 0
    sudo: bool = False
    user: str | None = None
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Command):
    """Start a scripted server; the body is its script."""

    arguments: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(Command):
    """Run a scripted client (``client``, ``client-ssl``, ...); the body is its script."""

    program: str
    arguments: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """``count`` lines of ``length`` octets (newline included), each beginning with ``lead``."""

    count: int
    length: int
    lead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Command):
    """Make a file from ``before``, the sized ``blocks`` and ``after``; ``show`` copies it to stdout."""

    path: str
    show: bool = False
    before: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is in the file."""
        sized = (
            f"{block.lead}{'a' * (block.length - len(block.lead) - 1)}"
            for block in self.blocks
            for _ in range(block.count)
        )
        return "".join(f"{line}\n" for line in (*self.before, *sized, *self.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep(Command):
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KillDaemon(Command):
    """Stop the daemon that is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Command):
    """Say something to whoever watches; no output of the test."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChooseMunge(Command):
    """Compare with an extra normalisation; the last one named counts."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump(Command):
    """Show a hints database on stdout."""

    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell(Command):
    """A Unix command on files of the test (``cat``, ``mkdir``, ``sudo rm``, ...)."""

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility(Command):
    """One of Exim's utility programs (``exinext``, ``exigrep``, ...)."""

    program: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Command):
    """Some other program with a body: ``perl``, or what ``background`` names in its first line."""

    words: str
    body: tuple[str, ...] = ()
    background: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """One parsed script."""

    path: str
    title: str
    commands: tuple[Command, ...] = ()
    directives: frozenset[str] = frozenset()
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of the header comments ``#@ NAME WORD...``: the words by name."""


def parse(text: str, path: str) -> Script:
    """Read a script; raises ``InputError`` with the line that does not say what it should."""
    return _Reader(text, path).script()


class _Reader:
    """Walks the lines of one script."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.lines = text.split("\n")
        if self.lines and self.lines[-1] == "":
            self.lines.pop()
        self.at = 0
        """How many lines have been read: the number of the line read last."""

    def error(self, message: str, line: int | None = None) -> InputError:
        return InputError(message, self.path, self.at if line is None else line)

    def next_line(self) -> str | None:
        if self.at >= len(self.lines):
            return None
        self.at += 1
        return self.lines[self.at - 1]

    def script(self) -> Script:
        title = self.next_line()
        if title is None or not title.startswith("#"):
            raise self.error("expected a title line that starts with '#'", 1)
        settings: dict[str, tuple[str, ...]] = {}
        commands = []
        while (line := self.next_line()) is not None:
            if line.startswith("#@"):
                self.setting(line, settings)
            elif line.startswith("#") and not _NOTE.match(line):
                continue
            elif line.strip() and line.strip() not in DIRECTIVES:
                commands.append(self.command(line))
        directives = {word for line in self.lines if (word := line.strip()) in DIRECTIVES}
        title = title.lstrip("# ").rstrip()
        return Script(self.path, title, tuple(commands), frozenset(directives), settings)

    def setting(self, line: str, settings: dict[str, tuple[str, ...]]) -> None:
        words = line[2:].split()
        if not words or words[0] not in SETTINGS:
            raise self.error(f"expected '#@' with one of: {', '.join(SETTINGS)}")
        if len(words) == 1:
            raise self.error(f"expected one or more words after '#@ {words[0]}'")
        settings[words[0]] = tuple(words[1:])

    def command(self, line: str) -> Command:
        status = Status()
        environment: tuple[tuple[str, str], ...] = ()
        if prefix := _STATUS.match(line):
            status = Status(int(prefix["code"]), prefix["negated"] is not None)
            environment = ((prefix["name"], prefix["value"]),) if prefix["name"] else ()
            following = self.next_line()
            if following is None:
                raise self.error("expected a command after the expected exit status")
            line = following
        start = self.at
        line = line.rstrip()
        while line.endswith("\\"):
            line = line[:-1] + (self.next_line() or "").strip()
        for pattern, build in _COMMANDS:
            if match := pattern.match(line):
                return build(self, match, _Common(start, status, environment))
        raise self.error(_unknown(line), start)

    def body(self) -> tuple[str, ...]:
        """The lines up to ``****`` (or the end of the script, as ``runtest`` has it)."""
        return tuple(self.body_lines(_END))

    def body_lines(self, end: re.Pattern[str]) -> Iterator[str]:
        while (line := self.next_line()) is not None and not end.match(line):
            yield line


@dataclass(frozen=True, slots=True)
class _Common:
    line: int
    status: Status
    environment: tuple[tuple[str, str], ...]

    def with_environment(self, words: str | None) -> tuple[tuple[str, str], ...]:
        return self.environment + tuple(_assignment(word) for word in (words or "").split())


def _assignment(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


_Build = Callable[[_Reader, re.Match[str], _Common], Command]

_STATUS = re.compile(r"(?P<negated>~)?(?P<code>[0-9]{1,9})\s*(?:(?P<name>[A-Z]+)=(?P<value>\S+))?\s*$")
_END = re.compile(r"\*{4}\s*$")
_END_OR_PLUS = re.compile(r"(?:\*{4}|\+{4})\s*$")
_NOTE = re.compile(r"###\s")
_BLOCK = re.compile(r"(?P<count>[0-9]{1,7})x(?P<length>[0-9]{1,7})(?:=(?P<lead>.*))?$")
_EXIM = re.compile(
    r"(?P<environment>(?:(?i:[A-Z\d_]+)=\S+\s+)+)?(?P<wait>\d{1,5})?\s*"
    r"(?P<sudo>sudo(?:\s+-u\s+(?P<user>\w+))?\s+)?exim(?P<suffix>_\S+)?\s+(?P<arguments>.*)$"
)


def _exim(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    return Exim(
        line=common.line,
        status=common.status,
        environment=common.with_environment(match["environment"]),
        arguments=match["arguments"],
        wait=int(match["wait"] or 0),
        sudo=match["sudo"] is not None,
        user=match["user"],
        suffix=match["suffix"] or "",
        body=reader.body(),
    )


def _server(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    return Server(line=common.line, status=common.status, arguments=match[1], body=reader.body())


def _client(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    return Client(
        line=common.line,
        status=common.status,
        environment=common.environment,
        program=match[1],
        arguments=match[2].strip(),
        body=reader.body(),
    )


def _write(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    blocks = tuple(_block(reader, word, common.line) for word in (match[3] or "").split())
    before: tuple[str, ...] = ()
    ended = False
    if blocks:
        before = tuple(reader.body_lines(_END_OR_PLUS))
        ended = bool(_END.match(reader.lines[reader.at - 1])) if reader.at else False
    return Write(
        line=common.line,
        show=match[1] is not None,
        path=match[2],
        before=before,
        blocks=() if ended else blocks,
        after=() if ended else reader.body(),
    )


def _block(reader: _Reader, word: str, line: int) -> Block:
    match = _BLOCK.match(word)
    if not match:
        raise reader.error(f"cannot read the size {word!r}: expected COUNTxLENGTH or COUNTxLENGTH=LEAD", line)
    lead = (match["lead"] or "").replace("_", " ")
    length = int(match["length"])
    if length < len(lead) + 1:
        raise reader.error(f"size {word!r}: the lead and a newline do not fit in {length} octets", line)
    return Block(count=int(match["count"]), length=length, lead=lead)


def _sleep(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    try:
        number = float(match[2])
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e7:
        raise reader.error(f"expected a number after {match[1]!r}, not {match[2]!r}", common.line)
    return Sleep(line=common.line, seconds=number / 1000 if match[1] == "millisleep" else number)


def _background(reader: _Reader, match: re.Match[str], common: _Common) -> Command:
    words = reader.next_line()
    if words is None:
        raise reader.error("expected a command line after 'background'")
    return Program(line=common.line, words=words, body=reader.body(), background=True)


def _simple(make: Callable[[re.Match[str], _Common], Command]) -> _Build:
    return lambda reader, match, common: make(match, common)


_COMMANDS: tuple[tuple[re.Pattern[str], _Build], ...] = (
    (
        re.compile(r"(dbmbuild)\s+(\S+\s+\S+)"),
        _simple(lambda m, c: Utility(line=c.line, status=c.status, program=m[1], arguments=m[2])),
    ),
    (re.compile(r"dump\s+(\S+)"), _simple(lambda m, c: Dump(line=c.line, status=c.status, database=m[1]))),
    (_NOTE, _simple(lambda m, c: Note(line=c.line, text=m.string))),
    (re.compile(r"echo\s+(.*)$"), _simple(lambda m, c: Echo(line=c.line, text=m[1]))),
    (
        re.compile(r"(exinext|exigrep|eximstats|exim_lock)\s+(.*)$"),
        _simple(lambda m, c: Utility(line=c.line, status=c.status, program=m[1], arguments=m[2])),
    ),
    (
        re.compile(r"(exiqgrep|exim_id_update|gnutls)(?:\s+(.*))?$"),
        _simple(lambda m, c: Utility(line=c.line, status=c.status, program=m[1], arguments=m[2] or "")),
    ),
    (re.compile(r"killdaemon\s*$"), _simple(lambda m, c: KillDaemon(line=c.line, status=c.status))),
    (re.compile(r"(millisleep|sleep)\s+(.*)$"), _sleep),
    (re.compile(r"munge\s+(.*)$"), _simple(lambda m, c: ChooseMunge(line=c.line, name=m[1].strip()))),
    (
        re.compile(r"(?:ln|ls|du|mkdir|mkfifo|touch|cp|cat2?|sudo\s(?:mkdir|rmdir|rm|mv|cp|chown|chmod))\s"),
        _simple(lambda m, c: Shell(line=c.line, status=c.status, words=m.string)),
    ),
    (re.compile(r"server\s+(.*)$"), _server),
    (re.compile(r"(cat)?write\s+(\S+)(?:\s+(.*))?\s*$"), _write),
    (re.compile(r"(client(?:-ssl|-gnutls|-anytls)?)\s+(.*)$"), _client),
    (
        re.compile(r"(?:sudo\s+)?perl\b.*"),
        lambda r, m, c: Program(
            line=c.line, status=c.status, environment=c.environment, words=m.string, body=r.body()
        ),
    ),
    (_EXIM, _exim),
    (re.compile(r"background$"), _background),
)
"""The commands in the order in which ``runtest`` tries them."""

_NAMES = (
    "background", "cat", "cat2", "catwrite", "client", "client-anytls", "client-gnutls", "client-ssl", "cp",
    "dbmbuild", "du", "dump", "echo", "exigrep", "exim", "exim_id_update", "exim_lock", "eximstats",
    "exinext", "exiqgrep", "gnutls", "killdaemon", "ln", "ls", "millisleep", "mkdir", "mkfifo", "munge",
    "perl", "server", "sleep", "sudo", "touch", "write",
)  # fmt: skip


def _unknown(line: str) -> str:
    word = (line.split() or [""])[0]
    if word in _NAMES:
        return f"the command {word!r} does not have the arguments that it needs: {line!r}"
    near = difflib.get_close_matches(word, (*_NAMES, *DIRECTIVES), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(_NAMES)}"
    return f"unknown script command {word!r}; {hint}"
