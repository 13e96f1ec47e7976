"""The model as a subject: Exim's processes in Python, on one simulated machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.errnos import ENOENT, strerror
from eximsim.mta.base.string import from_octets
from eximsim.mta.delivery.spool_in import FormatError, spool_read
from eximsim.mta.process.globals import Machine
from eximsim.mta.program import daemon, exim
from eximsim.mta.records.structs import Account
from eximsim.ports import World
from eximsim.profiles import Profile
from eximsim.subjects.dumpdb import dump
from eximsim.subjects.refused import refused
from eximsim.subjects.runs import ROOT, User, become, new_machine
from eximsim.subjects.subject import Result, Written
from eximsim.trace import Trace

PATCHED_VERSION = "x.yz"
"""What the program under test calls itself, so that its length is always the same (test/patchexim)."""


_NO_MESSAGE = ("-b", "-q", "-M", "-R", "-S")
"""Options of calls that take no message from standard input and the command line."""

_TO_BEGIN = 0.1
"""How long it takes a script to begin a command, in seconds: others go on meanwhile."""

_AT_THE_END = 0.5
"""How long after the last command outputs are looked at, in seconds."""


def _is_meant(path: str, pattern: str) -> bool:
    """Whether a pattern means a file or folder, or a folder that it is in."""
    depth = pattern.count("/") + 1
    return fnmatchcase("/".join(path.split("/")[:depth]), pattern)


class ModelSubject:
    """A ``Subject``; all commands share one machine: its spool, its hints and its files.

    ``test_harness``: the program is one that test/patchexim has patched, and waits as Exim's goldens have it.
    """

    def __init__(
        self,
        world: World,
        profile: Profile,
        caller: User,
        exim_user: str,
        hostname: str,
        *,
        seed: int = 0,
        accounts: Mapping[str, Account] | None = None,
        test_harness: bool = False,
    ) -> None:
        self._without_data: set[str] = set()
        self._halves: dict[str, dict[str, bytes]] = {}
        self._profile = replace(profile, version=PATCHED_VERSION)
        self._caller = caller
        self.machine: Machine = new_machine(world, profile, seed, caller)
        self.machine.exim_user, self.machine.hostname = exim_user, hostname
        self.machine.accounts = accounts or {}
        self.machine.test_harness, self.machine.hints_known = test_harness, True

    def exim(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
        *,
        without_root: bool = False,
    ) -> Result:
        """See ``Subject``; the users known are the caller and root (``Unsupported`` otherwise).

        ``without_root``: the program is a copy that belongs to Exim's user.
        """
        if any(word.startswith(_NO_MESSAGE) for word in argv):
            self._catch_up()
        else:
            self.machine.unwatched.run_until(self.machine.world.now())
            self._let_pass(0)
        self._let_pass(_TO_BEGIN if self.machine.world.side_by_side else 0)
        self.machine.without_root = without_root
        self.machine.input_pause = pause
        if self._without_data.intersection(self.machine.spool.all_messages()):
            raise Unsupported("a message whose data file was taken away")
        with self._as(user):
            try:
                status = exim.run(self.machine, argv, stdin, env, self._profile)
            except InputError as error:
                return refused(self.machine, argv, error, self._profile)
        self.machine.unwatched.run_overtaken(self.machine.world.now())
        return Result(status.code, status.stdout, status.stderr, status.debugged)

    def start_daemon(self, argv: Sequence[str], env: Mapping[str, str]) -> Result:
        """See ``Subject``; it stays in the foreground, as Exim's test suite has it."""
        return self.exim(["-bdf" if word == "-bd" else word for word in argv], b"", env)

    def kill_daemon(self) -> Result:
        """See ``Subject``."""
        self._catch_up()
        return Result(0, "", daemon.kill(self.machine))

    def settle(self) -> None:
        """See ``Subject``."""
        self.machine.unwatched.run()
        self.machine.unwatched.run_all_later(now=self.machine.world.now())

    def _catch_up(self) -> None:
        self.machine.unwatched.run()
        self._let_pass(0)

    def _let_pass(self, seconds: float) -> None:
        """Have what goes on in the background for so long behind it."""
        until = self.machine.world.now() + seconds
        if self.machine.world.side_by_side:
            self.machine.world.sleep(seconds)
        self.machine.unwatched.run_later(until=until)

    def queue(self, name: str = "") -> Sequence[str]:
        """See ``Subject``."""
        self._catch_up()
        return self.machine.spool.queue(name).ids()

    def remove(self, pattern: str) -> None:
        """See ``Subject``."""
        self._catch_up()
        folder, _, name = pattern.rpartition("/")
        hints, spool = self.machine.hints, self.machine.spool
        for stored, place, key in (
            (hints.retry, "/db", "retry"),
            (hints.callout, "/db", "callout"),
            (hints.ratelimit, "/db", "ratelimit"),
            (hints.seen, "/db", "seen"),
            (hints.wait, "/db", "wait-*"),
            (hints.ehlo, "/db", "misc"),
            (hints.tls, "/db", "tls"),
            (spool.messages, "/input", "*"),
        ):
            if folder.endswith(place) and fnmatchcase(key, name):
                stored.clear()
        if folder.endswith("/input") and name != "*":
            self._remove_spool_files(name)
        disk = self.machine.world.disk
        for stored_files in (self.machine.files, disk.files, disk.folders):
            for path in [path for path in stored_files if _is_meant(path, pattern)]:
                del stored_files[path]

    def _remove_spool_files(self, pattern: str) -> None:
        """Take away header or data files of messages; a message without a header file is none."""
        messages = self.machine.spool.messages
        for message_id in list(messages):
            if fnmatchcase(f"{message_id}-H", pattern):
                del messages[message_id]
            elif fnmatchcase(f"{message_id}-D", pattern):
                self._without_data.add(message_id)

    def move_queue(self, old: str, new: str) -> None:
        """Have the messages of one queue in another; those without a name are called by an empty one."""
        self._catch_up()
        left = self.machine.spool.queue(old).messages
        self.machine.spool.queue(new).messages.update(left)
        left.clear()

    def take_in(self, name: str, content: bytes) -> None:
        """A file of a message that somebody puts on the spool: with its other half there is a message.

        Raises ``Unsupported`` where it is not in the form in which Exim writes it.
        """
        message_id, _, half = name.rpartition("-")
        halves = self._halves.setdefault(message_id, {})
        halves[half] = content
        if len(halves) < len("DH"):
            return
        del self._halves[message_id]
        try:
            self.machine.spool.add(spool_read(halves["H"], halves["D"]))
        except FormatError as error:
            raise Unsupported(f"the files of message {message_id} on the spool: {error}") from None

    def dumped(self, database: str) -> str:
        """See ``Subject``."""
        self._catch_up()
        if database == "misc" and not self._profile.etrn_runs_dumped:
            raise Unsupported("script command 'dump misc'")
        text = dump(self.machine.hints, database, self.machine.world.now())
        if text is None:
            path = f"{self.machine.directory}/spool/db/{database}.lockfile"
            return f"** Failed to open database lock file {path}: {strerror(ENOENT)}\n"
        return text

    def written(self) -> Written:
        """See ``Subject``; children that are about to end have done so by then."""
        self.machine.unwatched.run()
        self._let_pass(_AT_THE_END)
        files = {path: "".join(f"{line}\n" for line in lines) for path, lines in self.machine.files.items()}
        files |= {path: from_octets(file.content) for path, file in self.machine.world.disk.files.items()}
        messages = self.machine.spool.all_messages().items()
        return Written(files, {name: "".join(message.msglog) for name, message in messages})

    def log(self, path: str, line: str) -> None:
        """Add a line to a log file, as another program does."""
        self.machine.files.setdefault(path, []).append(line)

    def trace(self) -> Trace | None:
        """See ``Subject``."""
        return self.machine.trace

    @contextmanager
    def _as(self, user: str | None) -> Iterator[None]:
        if user not in (None, ROOT.name, self._caller.name):
            raise Unsupported(f"a command run as user {user}")
        become(self.machine, ROOT if user == ROOT.name else self._caller)
        try:
            yield
        finally:
            become(self.machine, self._caller)
