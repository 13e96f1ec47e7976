"""Playing a script: each command against the subject, the scripted peers and the test's files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import field
from functools import partial

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.errnos import ENOENT, strerror
from eximsim.ports import World
from eximsim.profiles import NEWEST, PROFILES, Profile
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.subject import Result, Subject
from eximsim.suite import script, shell
from eximsim.suite.normalisation import Identity
from eximsim.suite.outputs import Raw
from eximsim.suite.runtest_versions import Era
from eximsim.suite.script_files import FileCommands, Missing, NotKnown, NotModelled, cut
from eximsim.suite.script_utilities import SHOWN_AS, UTILITIES, Utilities
from eximsim.suite.script_words import input_line, is_daemon, is_server, waiting_port
from eximsim.suite.scripted_client import read_client
from eximsim.suite.scripted_server import ScriptedServer, read_server
from eximsim.suite.source import as_bytes, substitute
from eximsim.world.host import HostedWorld

_MESSAGE = re.compile(r"\$msg(\d+)")
_NAMED_QUEUE = re.compile(r"-qG(\w+)")
_AS_COPIED = re.compile(r"^cp (\S+) /dev/stderr$")
"""What older scripts have for ``cat2``."""

_SYSTEM = re.compile(
    r"""system\s*\(?\s*(?P<quote>["'])(?P<program>[^"'|]+?)\s*(?:\|\s*grep\s+-E\s+'(?P<pattern>[^'"]+)'\s*)?"""
    r"""(?P=quote)\s*\)?\s*;""",
    re.ASCII,
)
"""A Perl program of one statement: a command of the shell, or two in a pipe."""


INPUT = re.compile(r"""(?<!\s)\s*+<\s*+(?P<file>[^\s'"<>]++)\s*+$""")
"""The one redirection that scripts need for the program itself."""


class WrongStatus(Exception):
    """A command did not exit as the script expects; the outputs are not worth comparing then."""


@dataclass(slots=True)
class Player:
    """Plays one script to its end.

    ``files`` are the test's virtual files by path: the ones that the subject's world reads.
    """

    played: script.Script
    test: str
    subject: Subject
    world: World
    identity: Identity
    era: Era
    files: dict[str, bytes]
    raw: Raw = field(default_factory=Raw)
    debugged: bool = False
    """A command asked for debugging output."""
    profile: Profile = PROFILES[NEWEST]
    """What the program under test is, and its utilities with it."""
    _server: ScriptedServer | None = None

    def play(self) -> None:
        """Run all commands; raises ``WrongStatus``, ``Unsupported`` and ``InputError``."""
        for command in self.played.commands:
            try:
                _PLAY[type(command)](self, command)
            except Unsupported as lack:
                if lack.path is not None:
                    raise
                raise lack.at(self.played.path, command.line) from None

    # ---- helpers

    def _substituted(self, text: str) -> str:
        return substitute(text, self.identity, self.test)

    def _words(self, text: str, command: script.Command) -> list[str]:
        return shell.words(text, self.played.path, command.line)

    def _unsupported(self, item: str, command: script.Command) -> Unsupported:
        return Unsupported(item, self.played.path, command.line)

    def _check(self, command: script.Command, name: str, code: int) -> None:
        if not command.status.met_by(code):
            expected = (
                f"anything but {command.status.code}" if command.status.negated else command.status.code
            )
            ended = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
            raise WrongStatus(f"{self.played.path}:{command.line}: {name} {ended}, expected {expected}")

    def _path(self, name: str) -> str:
        """A file of the test by the name that a script gives it: relative to the test directory."""
        return posixpath.normpath(posixpath.join(self.identity.directory, name))

    def _environment(self, command: script.Command) -> dict[str, str]:
        return {
            "USER": self.identity.caller, "SHELL": self.identity.shell, "PATH": "/usr/bin:/bin",
            "LC_ALL": "C", "EXIM_TEST_NUMBER": self.test, **dict(command.environment),
        }  # fmt: skip

    def _after_pause(self, command: script.Exim) -> tuple[str, ...]:
        """The body behind a pause that it begins with, for which a session over standard input waits."""
        kind, text = input_line(command.body[0]) if command.body else ("text", "")
        over_smtp = re.search(r"(?:^|\s)-b(?:s|hc?)(?=\s|$)", command.arguments)
        if kind != "sleep" or not over_smtp or not isinstance(self.subject, ModelSubject):
            return command.body
        self.subject.machine.input_delay = float(text)
        return command.body[1:]

    def _stdin(self, command: script.Command, body: tuple[str, ...]) -> bytes:
        return as_bytes("".join(self._input_line(self._substituted(line), command) for line in body))

    def _input_line(self, line: str, command: script.Command) -> str:
        kind, text = input_line(line)
        if kind == "sleep":
            raise self._unsupported("a pause in the middle of standard input", command)
        return self._read(text, command) if kind == "file" else text

    def _read(self, name: str, command: script.Command) -> str:
        try:
            return self.world.read_file(self._path(name)).decode("utf-8", "surrogateescape")
        except OSError as error:
            raise InputError(f"{name}: {error.strerror}", self.played.path, command.line) from None

    # ---- commands

    def note(self, command: script.Note) -> None:
        """``### text``; before runtest had it, it was a comment."""
        if "notes_shown" in self.era:
            line = f"{self._substituted(command.text.rstrip())}\n"
            self.raw.say(line, line)
            self.raw.say_server(line, line)

    def dump(self, command: script.Dump) -> None:
        """Show a hints database; records of the retry database are sorted by their keys."""
        text = self.subject.dumped(command.database)
        self.raw.say(f"{'+' * 27}\n", "")
        if command.database == "retry":
            records = re.findall(r"  ([^\n]*\n[^\n]*\n)", text)
            text = "".join(f"  {record}" for record in sorted(records, key=self._retry_key))
        elif command.database in _SORTED:
            key = _SORTED[command.database]
            text = "".join(sorted(text.splitlines(keepends=True), key=lambda line: key(line, self.identity)))
        self.raw.say(text, "")

    def _retry_key(self, record: str) -> str:
        key = record.split()[0].replace(self.identity.ipv4, "ip4.ip4.ip4.ip4")
        return key.replace(self.identity.port_n, "PORT_N", 1) if "ports_sorted_by_name" in self.era else key

    def exim(self, command: script.Exim) -> None:
        """Run the program, as a daemon if it is one; then wait for a scripted server."""
        arguments = self._with_ids(self._substituted(command.arguments), command)
        port = waiting_port(arguments)
        if port is not None:
            if not isinstance(self.subject, ModelSubject):
                raise self._unsupported("a daemon in wait mode", command)
            self.subject.machine.waiting_port = port
        argv = [
            f"-DEXIM_PATH={self.identity.directory}/eximdir/exim",
            "-C",
            f"{self.identity.directory}/test-config",
        ]
        given = INPUT.search(arguments)
        argv += self._words(arguments if given is None else arguments[: given.start()], command)
        environment = self._environment(command)
        if is_daemon(arguments) or port is not None:
            result = self.subject.start_daemon(argv, environment)
            self.debugged |= result.debugged
            self.raw.say(result.stdout, "" if port is None else result.stderr)
            if port is None:
                self.raw.say_server(None, result.stderr)
            return
        user = command.user or "root" if command.sudo else None
        stdin = self._stdin(command, self._after_pause(command))
        if given is not None:
            stdin = b"" if given["file"] == "/dev/null" else as_bytes(self._read(given["file"], command))
        try:
            result = self._program(command)(argv, stdin, environment, user, command.wait)
        except InputError as error:
            raise self._refused(error, command) from None
        self.debugged |= result.debugged
        if is_server(arguments):
            self.raw.say(result.stdout, "")
            self.raw.say_server(None, result.stderr)
        else:
            self.raw.say(result.stdout, result.stderr)
        self._await_server()
        self._check(command, "exim", result.code)

    def _program(self, command: script.Exim) -> Callable[..., Result]:
        """The copy of the program that is meant: ``exim_exim`` belongs to Exim's user."""
        if not command.suffix:
            return self.subject.exim
        if command.suffix == "_exim" and isinstance(self.subject, ModelSubject):
            return partial(self.subject.exim, without_root=True)
        if command.suffix == "_msgdate":
            return self._utilities().msgdate
        raise self._unsupported(f"the program exim{command.suffix}", command)

    def _refused(self, error: InputError, command: script.Exim) -> Exception:
        """A configuration that cannot be read: bad input, unless the test is about just that."""
        if command.status.met_by(0):
            return error
        return Unsupported(f"what Exim says of {error.message!r}", error.path, error.line)

    def _with_ids(self, arguments: str, command: script.Command) -> str:
        named = _NAMED_QUEUE.search(arguments)
        queue = self.subject.queue(named[1] if named else "") if "$msg" in arguments else ()

        def message(match: re.Match[str]) -> str:
            number = int(match[1])
            if not 1 <= number <= len(queue):
                raise WrongStatus(
                    f"{self.played.path}:{command.line}: no message {number} on the queue of {len(queue)}"
                )
            return queue[number - 1]

        return _MESSAGE.sub(message, arguments)

    def _await_server(self, *, replaced: bool = False) -> None:
        """Wait for the scripted server; nobody asks how one ended that another takes the place of."""
        server, self._server = self._server, None
        if server is not None:
            self.subject.settle()
            self._let_serve(server)
            code = server.wait()
            self.raw.say_server("".join(server.said), None)
            if code and not replaced:
                raise WrongStatus(
                    f"{self.played.path}: the scripted server on {server.where} exited with {code}"
                )

    def _let_serve(self, server: ScriptedServer) -> None:
        """Give a server the time that it has for its clients."""
        said = -1
        while not server.finished and said != len(server.said):
            said = len(server.said)
            self.world.wait(lambda: server.finished, self.world.now() + server.patience)

    def server(self, command: script.Server) -> None:
        """Start a scripted server; it is waited for after the next run of the program, or before another."""
        self._await_server(replaced=True)
        words = self._words(self._substituted(command.arguments), command)
        server = read_server(words, command.body, self.played.path, command.line)
        world = self.world
        if server.path:
            if not isinstance(world, HostedWorld):
                raise self._unsupported("a server on a Unix domain socket", command)
            server.on_finished = lambda: world.stop_serving(server.path)
            world.serve(server.path, lambda _: server.session())
        else:
            server.on_finished = lambda: self.world.unlisten(None, server.port)
            self.world.listen(None, server.port, server.session)
        server.wait_until = self.world.wait
        server.read_file = lambda name: self.world.read_file(self._path(name))
        server.start()
        self._server = server

    def client(self, command: script.Client) -> None:
        """Run a scripted client to its end."""
        words = self._words(self._substituted(command.arguments), command)
        path, line, library = self.played.path, command.line, self.profile.tls_library
        client = read_client(self.world, command.program, words, path, line, library, self.era)
        body = self._stdin(command, command.body).decode("utf-8", "surrogateescape")
        code = client.run(tuple(self._client_lines(body)) if body else ())
        self.raw.say("".join(client.said), "")
        self._check(command, command.program, code)

    def _client_lines(self, text: str) -> Iterator[str]:
        """The lines of a client's script; a line ``<<< FILE`` stands for those of a file."""
        for line in text.removesuffix("\n").split("\n"):
            content = self._known_file(line[4:]) if line.startswith("<<< ") else None
            if content is None:
                yield line
            else:
                yield from self._client_lines(content)

    def _known_file(self, name: str) -> str | None:
        try:
            return self.world.read_file(self._path(name)).decode("utf-8", "surrogateescape")
        except OSError:
            return None

    def write(self, command: script.Write) -> None:
        """Make a file."""
        text = command.text
        self._file_commands().put(self._path(self._substituted(command.path)), as_bytes(text))
        if command.show:
            self.raw.say(f"==========\n{text}==========\n", "")

    def sleep(self, command: script.Sleep) -> None:
        """Let the world's time pass."""
        self.world.sleep(command.seconds)

    def kill_daemon(self, command: script.KillDaemon) -> None:
        """Stop the daemon."""
        result = self.subject.kill_daemon()
        self.raw.say(result.stdout, "")
        if result.stderr:
            self.raw.say_server(None, result.stderr)

    def echo(self, command: script.Echo) -> None:
        """Nothing that is compared."""

    def choose_munge(self, command: script.ChooseMunge) -> None:
        """Remember the extra normalisation."""
        self.raw.extra_munge = command.name

    def shell(self, command: script.Shell) -> None:
        """A Unix command on files; its output is that of the test, or goes through ``cut``."""
        self.subject.settle()
        line = _AS_COPIED.sub(r"cat2 \1", self._substituted(command.words))
        to_stderr = line.startswith("cat2 ")
        line = line.removesuffix(">>test-stdout").replace("cat2 ", "cat ", 1) if to_stderr else line
        line, chosen = _cut(line.removesuffix(">>test-stdout"))
        words = self._words(line, command)
        try:
            shown = self._file_commands().run(words)
        except NotKnown:
            raise self._unsupported(f"script command {' '.join(words)}", command) from None
        except NotModelled:
            if not to_stderr:
                raise self._unsupported("what stands in a debug log", command) from None
            self.debugged = True
            return
        except Missing as missing:
            if command.status.met_by(0):
                raise InputError(f"{missing}: {strerror(ENOENT)}", self.played.path, command.line) from None
            self.raw.say("", f"{words[0]}: {missing}: {strerror(ENOENT)}\n")
            return
        shown = shown if chosen is None else cut(shown, *chosen)
        self.raw.say("" if to_stderr else shown, shown if to_stderr else "")

    def _file_commands(self) -> FileCommands:
        return FileCommands(self.subject, self.world, self.identity, self.files, self.raw)

    def perl(self, command: script.Program) -> None:
        """Of Perl, ``system`` with one call of the program, and ``grep -E`` of what it prints."""
        call = _SYSTEM.fullmatch(self._substituted("\n".join(command.body)).strip())
        if command.background or call is None:
            self.refuse(command)
            return
        words = self._words(call["program"], command)
        if posixpath.basename(words[0]) == "exim_dumpdb" and words[1:2] == ["-k"] and words[3:] == ["tls"]:
            self.raw.say(self.subject.dumped("tls"), "")
            return
        if words[0] != "eximdir/exim":
            raise self._unsupported(f"Perl's system {words[0]!r}", command)
        argv = [self._path(word) if word.startswith("./") else word for word in words[1:]]
        result = self.subject.exim(argv, b"", self._environment(command))
        found = re.compile(call["pattern"] or "").search
        lines = result.stdout.splitlines(keepends=True)
        self.raw.say("".join(line for line in lines if found(line.rstrip("\n"))), result.stderr)

    def utility(self, command: script.Utility) -> None:
        """One of Exim's utilities; its exit code is shown, but for ``gnutls``, which only saves time."""
        if command.program == "gnutls":
            return
        run = UTILITIES.get(command.program)
        if run is None:
            self.refuse(command)
            return
        self.subject.settle()
        words = self._words(self._substituted(command.arguments), command)
        result = run(self._utilities(), words)
        ended = f"{SHOWN_AS.get(command.program, command.program)} exit code = {result.code}\n"
        self.raw.say(f"{result.stdout}{ended}", result.stderr)

    def _utilities(self) -> Utilities:
        return Utilities(self._file_commands(), self.profile)

    def refuse(self, command: script.Command) -> None:
        """A command of the language that is not run here."""
        raise self._unsupported(f"script command {_name(command)!r}", command)


_SORTED: dict[str, Callable[[str, Identity], str]] = {
    "callout": lambda line, _: line[21:],
    "seen": lambda line, identity: line.replace(identity.ipv4, "ip4.ip4.ip4.ip4", 1),
}
"""The databases whose records runtest sorts, and by what."""

_CUT = re.compile(r"(?<!\s)\s*+\|\s*+cut\s+-f\s+(?P<field>\d{1,9})\s+-d\s+'(?P<delimiter>.)'\s*$", re.ASCII)


def _cut(line: str) -> tuple[str, tuple[int, str] | None]:
    """A command line without the ``cut`` that it ends with, and the field and the delimiter of that."""
    match = _CUT.search(line)
    return (
        (line, None) if match is None else (line[: match.start()], (int(match["field"]), match["delimiter"]))
    )


def _name(command: script.Command) -> str:
    match command:
        case script.Utility(program=program):
            return program
        case script.Dump(database=database):
            return f"dump {database}"
        case script.Program(words=words, background=background):
            return f"background {words}" if background else words.split()[0]
    return type(command).__name__.lower()


_PLAY: dict[type[script.Command], Callable[..., None]] = {
    script.Note: Player.note,
    script.Exim: Player.exim,
    script.Server: Player.server,
    script.Client: Player.client,
    script.Write: Player.write,
    script.Sleep: Player.sleep,
    script.KillDaemon: Player.kill_daemon,
    script.Echo: Player.echo,
    script.ChooseMunge: Player.choose_munge,
    script.Shell: Player.shell,
    script.Dump: Player.dump,
    script.Utility: Player.utility,
    script.Program: Player.perl,
}
