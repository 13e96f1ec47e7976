"""Running one test: its script against a subject in a world, its outputs, and how they compare."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from eximsim.bounds import within_bounds
from eximsim.disk import StoredFolder
from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.string import from_octets
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.records.structs import Account
from eximsim.piped import PipedCommand
from eximsim.ports import World
from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass
from eximsim.subjects.model import ModelSubject
from eximsim.subjects.runs import User
from eximsim.subjects.subject import NoNamespace, Subject
from eximsim.suite import golden, requirements
from eximsim.suite.bench_programs import bench_programs
from eximsim.suite.golden import Comparison
from eximsim.suite.goldens_of_others import older_than, whose
from eximsim.suite.mtp_script import MtpScript
from eximsim.suite.munge import SERVER_HEADING
from eximsim.suite.normalisation import Identity
from eximsim.suite.outputs import munged
from eximsim.suite.queue_order import in_order_of_arrival
from eximsim.suite.runtest_versions import Era
from eximsim.suite.script import Script
from eximsim.suite.script_player import Player, WrongStatus
from eximsim.suite.servers_around import Peers
from eximsim.suite.source import Source, TestCase, as_text
from eximsim.trace import Trace
from eximsim.world.answers import Answers
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.reply import Zones

if TYPE_CHECKING:
    from eximsim.subjects.exim import EximWorld
    from eximsim.world.loopback import LoopbackWorld

WORLDS = ("memory", "loopback")
MODEL = "model"
_EXIM = "exim:"


def exim_path(subject: str) -> Path | None:
    """The program that a subject ``exim:PATH`` is, None for the model; raises ``InputError`` for others."""
    if subject == MODEL:
        return None
    path = subject.removeprefix(_EXIM)
    if path in (subject, ""):
        raise InputError(f"subject {subject!r}: expected model or exim:PATH")
    if not Path(path).is_file():
        raise InputError("expected an Exim program here", path)
    return Path(path)


def subject_profile(subject: str) -> Profile | None:
    """The profile that a real program has; None for the model, and where no program can be run.

    Raises ``InputError`` for a program that cannot be compared.
    """
    path = exim_path(subject)
    if path is None:
        return None
    from eximsim.subjects.exim import program_at  # the model does without it

    try:
        return program_at(path).profile
    except NoNamespace:
        return None  # the tests will be skipped, and say why


class Verdict(Enum):
    """What came of a test."""

    PASS = "pass"
    PASS_BUT_STDERR = "pass, stderr not compared"
    """All other outputs are the same; the test asks for debugging output (-d), which is not modelled."""
    FAIL = "fail"
    UNSUPPORTED = "unsupported"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Setting:
    """Under what a test runs; the seed is of the scenario's one source of randomness.

    ``answers`` are those of databases and services, for the model.
    """

    profile: Profile
    world: str = "memory"
    subject: str = "model"
    seed: int = 0
    answers: Answers = field(default_factory=Answers)
    run_commands: bool = False
    """Commands of which it is not known what they do are really run, for the model."""
    test_mode: bool = True
    """A real program is switched to Exim's test mode."""

    def __post_init__(self) -> None:
        if self.world != WORLDS[0] and self.subject != MODEL:
            raise InputError(f"world {self.world!r} with a real program; expected none: it has a namespace")

    @property
    def surroundings(self) -> str:
        """Where it runs, in one word: a real program in a namespace, whatever world the model would have."""
        return self.world if self.subject == MODEL else "namespace"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one run of one test.

    ``reason`` is one line, empty for a pass at the first attempt. ``seconds`` are of the wall clock.
    ``outputs`` compares each output that has a golden or should have none; ``texts`` are the normalised
    outputs, ``goldens`` what they were compared with. ``completed`` is False if a command did not do what the
    script expects of it.
    """

    __test__ = False  # not a class of tests for pytest

    test: str
    setting: Setting
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    outputs: Mapping[str, Comparison] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    goldens: Mapping[str, str] = field(default_factory=dict)
    trace: Trace | None = None
    completed: bool = True
    questions: tuple[str, ...] = ()
    """What reached the name server, in order, as ``"TYPE name"``."""
    handshakes: int = 0
    """How many TLS handshakes servers completed on real sockets; none in the memory world."""
    since: Mapping[str, str] = field(default_factory=dict)
    """For an output that differs, the line of the script after which it does, where that is known."""
    spool: Mapping[str, bytes] = field(default_factory=dict)
    """What a test that failed on the bench left in its spool, by path."""

    def as_json(self) -> dict[str, object]:
        """The object that ``--json`` prints."""
        return {
            "test": self.test,
            "profile": self.setting.profile.name,
            "world": self.setting.surroundings,
            "subject": self.setting.subject,
            "result": self.verdict.value,
            "reason": self.reason,
            "seconds": round(self.seconds, 4),
            "outputs": {name: comparison.value for name, comparison in self.outputs.items()},
        }

    def may_be_accepted(self) -> bool:
        """Whether all commands did what the script expects and only the outputs differ."""
        return self.verdict is Verdict.FAIL and self.completed

    def differences(self) -> str:
        """Each output that is not the same, as a diff."""
        return "\n".join(text for _, text in self.different())

    def different(self) -> Iterator[tuple[str, str]]:
        """The name of each output that is not the same, and its diff."""
        for name, comparison in self.outputs.items():
            if comparison not in _NO_DIFFERENCE:
                got, want = self.texts.get(name), self.goldens.get(name)
                about = f"{name} of {self.test}"
                yield name, golden.difference(name, got, want, about, self.since.get(name, ""))


_NO_DIFFERENCE = (Comparison.SAME, Comparison.NOT_COMPARED)


def run_test(source: Source, case: TestCase, setting: Setting) -> TestResult:
    """Run one test and compare its outputs. Same source, case and setting: same result, but for the seconds.

    Raises ``InputError`` if one of the test's files does not say what it should.
    """
    started = time.perf_counter()
    try:
        result = _as_stored(source, case, setting, _run(source, case, setting))
    except NoNamespace as reason:
        result = TestResult(case.name, setting, Verdict.SKIP, str(reason))
    return replace(result, seconds=time.perf_counter() - started)


def _as_stored(source: Source, case: TestCase, setting: Setting, result: TestResult) -> TestResult:
    """Run a test again as whoever stored its goldens, if only their names differ."""
    if not result.may_be_accepted() or setting.subject != MODEL:
        return result
    spelled, different = as_text(case.path.read_bytes()), dict(result.different())
    texts, goldens = (
        {name: text for name, text in all_of.items() if name in different}
        for all_of in (result.texts, result.goldens)
    )
    who = whose(texts, goldens, spelled, source.identity)
    theirs = None if who is None else source.stored_by(who)
    if who is None or theirs is None:
        return result
    again = _run(theirs, case, setting)
    if again.verdict not in (Verdict.PASS, Verdict.PASS_BUT_STDERR):
        return result
    return replace(again, reason=f"as {who.caller} on {who.hostname}, by whom its golden was stored")


_EVERYWHERE = {"/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n"}
"""Files that tests find on every machine; in a real program's namespace its accounts are there."""


def _run(source: Source, case: TestCase, setting: Setting, *, beside: bool = False) -> TestResult:
    """Run a test; ``beside`` a real program, whose queue runs take messages in an order by chance."""
    parsed = source.script(case)
    for requirement in source.requirements(case):
        if missing := requirements.lack(requirement, setting.profile, ipv6=False):
            verdict = Verdict.UNSUPPORTED if missing.unsupported else Verdict.SKIP
            return TestResult(case.name, setting, verdict, missing.reason)
    if "need_ipv6" in parsed.directives:
        return TestResult(case.name, setting, Verdict.SKIP, "needs IPv6")
    real = exim_path(setting.subject) is not None
    files = {**({} if real else _EVERYWHERE), **source.files(case)}
    peers = source.peers(case)
    host = _host(source, files, peers, setting.answers)
    with _subject(setting, source, source.zones(case), host) as (world, subject):
        mail = StoredFolder(int(source.identity.caller_uid), int(source.identity.caller_gid), 0o755)
        world.disk.folders[f"{source.identity.directory}/test-mail"] = mail
        for (address, port), server in peers.servers.items():
            world.listen(address, port, server)
        player = Player(parsed, case.name, subject, world, source.identity, source.era, files)
        player.profile = setting.profile
        result = _play(source, case, setting, parsed, player, beside=beside or real)
        return replace(result, questions=tuple(world.questions), handshakes=world.handshakes)


def _play(
    source: Source, case: TestCase, setting: Setting, parsed: Script, player: Player, *, beside: bool
) -> TestResult:
    """Run the script, then compare."""
    reason, goldens = "", source.goldens(case, setting.profile).texts
    try:
        try:
            if exim_path(setting.subject) is not None and not source.has_goldens(case, setting.profile):
                goldens = _modelled(source, case, setting)
            with within_bounds("a test"):
                player.play()
        except WrongStatus as wrong:
            reason = str(wrong)
        texts = _texts(player, parsed, goldens, source.era, beside=beside)
    except (Unsupported, UndefinedBehaviour) as lack:
        open_end = "Exim itself leaves open what happens: " if isinstance(lack, UndefinedBehaviour) else ""
        told, trace = f"{open_end}{lack}", player.subject.trace()
        return TestResult(case.name, setting, Verdict.UNSUPPORTED, told, trace=trace)
    wanted = {name: text for name, text in goldens.items() if is_compared(name, parsed)}
    if exim_path(setting.subject) is not None:
        texts, wanted = client_parts(texts), client_parts(wanted)
    outputs = golden.compare(texts, wanted)
    if player.debugged and outputs.get("stderr", Comparison.SAME) is not Comparison.SAME:
        outputs["stderr"] = Comparison.NOT_COMPARED
    completed = not reason
    different = [
        f"{name} {how.value}"
        for name, how in outputs.items()
        if how not in _NO_DIFFERENCE and counts(name, setting)
    ]
    lacking = ""
    if completed and different == [f"stdout {Comparison.MISSING.value}"] and "stdout" not in wanted:
        lacking = "standard output, over which runtest stops and asks"
    elif completed and different and setting.subject == MODEL and source.stored_by(source.identity):
        change = older_than(
            source.era, wanted, lambda era: _texts(player, parsed, goldens, era, beside=beside)
        )
        if change is not None:
            outputs_of_today = ", ".join(name for name in outputs if outputs[name] not in _NO_DIFFERENCE)
            lacking = f"{outputs_of_today} of its own runtest, which has had {change.since} since"
    if lacking:
        lacking = f"what the tree has no golden for: {lacking}"
        return TestResult(
            case.name, setting, Verdict.UNSUPPORTED, lacking, 0.0, outputs, texts, wanted,
            player.subject.trace(), completed,
        )  # fmt: skip
    reason = reason or ", ".join(different)
    verdict = Verdict.FAIL if reason else Verdict.PASS
    if not reason and Comparison.NOT_COMPARED in outputs.values():
        verdict = Verdict.PASS_BUT_STDERR
    return TestResult(
        case.name, setting, verdict, reason, 0.0, outputs, texts, wanted, player.subject.trace(), completed
    )


def _modelled(source: Source, case: TestCase, setting: Setting) -> Mapping[str, str]:
    """What the model writes in a real program's place, where nothing is stored for its release."""
    result = _run(source, case, replace(setting, world="memory", subject=MODEL), beside=True)
    if result.verdict is Verdict.UNSUPPORTED:
        raise Unsupported(result.reason.removeprefix("not modelled: "))
    return result.texts


def _texts(
    player: Player, parsed: Script, goldens: Mapping[str, str], era: Era, *, beside: bool
) -> dict[str, str]:
    written = player.subject.written()
    if beside:
        ordered = {
            path: in_order_of_arrival(text) if path.endswith("mainlog") else text
            for path, text in written.files.items()
        }
        written = replace(written, files=ordered)
    return munged(player.raw, written, parsed, player.identity, era, goldens)


def client_parts(texts: Mapping[str, str]) -> dict[str, str]:
    """The client's part of each output: a real server's is not what the goldens' patched one says."""
    return {name: text.partition(SERVER_HEADING)[0] for name, text in texts.items()}


def counts(output: str, setting: Setting) -> bool:
    """Whether an output decides about the verdict; a real program's trace names what it was built with."""
    return output != "stderr" or exim_path(setting.subject) is None


_SKIPPED_BY = {"stdout": "no_stdout_check", "stderr": "no_stderr_check", "mail": "no_message_check",
               "msglog": "no_msglog_check"}  # fmt: skip


def is_compared(name: str, parsed: Script) -> bool:
    """Whether a test's script wants an output compared."""
    return _SKIPPED_BY.get(name.partition("/")[0]) not in parsed.directives


def _host(source: Source, files: dict[str, bytes], peers: Peers, answers: Answers) -> Host:
    identity = source.identity
    return Host(
        addresses=("127.0.0.1", identity.ipv4),
        local_networks=peers.networks,
        files=files,
        folders=((identity.directory, source.root),),
        answers=answers,
        whole_dns=True,
    )


@contextmanager
def _subject(
    setting: Setting, source: Source, zones: Zones, host: Host
) -> Iterator[tuple[MemoryWorld | LoopbackWorld | EximWorld, Subject]]:
    """What runs the test, in its world."""
    identity = source.identity
    caller = User(identity.caller, int(identity.caller_uid), identity.caller_group, int(identity.caller_gid))
    path = exim_path(setting.subject)
    if path is not None:
        from eximsim.subjects.exim import Setup, real_exim  # the model does without it

        exim = User(identity.exim_user, int(identity.exim_uid), identity.exim_group, int(identity.exim_gid))
        setup = Setup(zones, host, identity.hostname, identity.directory, source.root, caller, exim)
        with real_exim(path, setup) as (surroundings, real):
            yield surroundings, real
        return
    with ExitStack() as stack:
        if setting.run_commands:
            from eximsim.subjects.commands import CommandRunner  # only where it is asked for

            entries = [one for one in source.root.absolute().iterdir() if one.name != "test-mail"]
            shown = {f"{identity.directory}/{one.name}": str(one) for one in entries}
            runner = stack.enter_context(CommandRunner(shown, _accounts_files(identity)))
            host = replace(host, runner=runner)
        world = stack.enter_context(_world(setting.world, zones, host, source.begins))
        yield world, _model(world, setting, source, caller)


def _accounts_files(identity: Identity) -> dict[str, str]:
    """The files of /etc with the test's users."""
    who = (
        ("root", "0", "0", "/root"),
        (identity.caller, identity.caller_uid, identity.caller_gid, identity.caller_home),
        (identity.exim_user, identity.exim_uid, identity.exim_gid, "/"),
    )
    passwd = "".join(f"{name}:x:{uid}:{gid}::{home}:/bin/sh\n" for name, uid, gid, home in who)
    return {"passwd": passwd, "group": "".join(f"{name}:x:{gid}:\n" for name, _, gid, _ in who)}


def _model(world: MemoryWorld | LoopbackWorld, setting: Setting, source: Source, caller: User) -> Subject:
    identity, program = source.identity, source.program(setting.profile)
    accounts = {
        caller.name: Account(caller.uid, caller.gid, f"/home/{caller.name}"),
        identity.exim_user: Account(int(identity.exim_uid), int(identity.exim_gid), "/"),
    }
    login, host = identity.exim_user, identity.hostname
    patched = (source.root / _PATCHER).exists()
    subject = ModelSubject(
        world,
        program,
        caller,
        login,
        host,
        seed=setting.seed,
        accounts=accounts,
        test_harness=patched,
    )
    subject.machine.directory = identity.directory
    subject.machine.redirected = {
        f"{identity.directory}/test-{stream}": stream for stream in ("stdout", "stderr")
    }
    world.programs.update(bench_programs(identity, subject))
    world.serve(f"{identity.directory}/bin/mtpscript", partial(_mtp_script, world, subject))
    return subject


def _mtp_script(world: World, subject: ModelSubject, partner: PipedCommand | str) -> MtpScript:
    """The test suite's LMTP server: its words are the script and the log file, with a plus before it."""
    assert isinstance(partner, PipedCommand)
    _, script, log = partner.words
    return MtpScript(from_octets(world.read_file(script)), partial(subject.log, log.removeprefix("+")))


_FRACTION = 0.25
"""A test begins in the middle of a second, so that names of files with fractions of it come in order."""

_PATCHER = "patchexim"
"""What a tree has whose goldens are those of a program that knows that it is tested."""


@contextmanager
def _world(name: str, zones: Zones, host: Host, begins: float) -> Iterator[MemoryWorld | LoopbackWorld]:
    if name == "memory":
        yield MemoryWorld(zones, host, start=begins + _FRACTION, side_by_side=True)
        return
    from eximsim.world.loopback import LoopbackWorld  # sockets and dnslib: not for the memory world

    with LoopbackWorld(zones, host, start=begins) as world:
        yield world
