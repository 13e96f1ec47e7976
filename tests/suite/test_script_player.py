from collections.abc import Mapping, Sequence

import pytest

from eximsim.errors import InputError, Unsupported
from eximsim.subjects.subject import Result, Written
from eximsim.suite import script
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import NEWEST, Era
from eximsim.suite.script_player import INPUT, Player, WrongStatus
from eximsim.trace import Trace
from eximsim.world.fakens import fakens_zones
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld

IDENTITY = Identity("/eximsim/test")
ZONES = fakens_zones({"db.test.ex": "a A 127.0.0.1\n"})


class Recorder:
    """A subject that does nothing but remember what it was asked, and answer as told."""

    def __init__(self, world: MemoryWorld, results: Sequence[Result] = ()) -> None:
        self.world = world
        self.calls: list[tuple[str, tuple[str, ...], bytes, str | None]] = []
        self.results = list(results)

    def exim(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        user: str | None = None,
        pause: float = 0,
    ) -> Result:
        self.calls.append(("exim", tuple(argv[3:]), stdin, user))
        if "-call" in argv:
            connection = self.world.connect("127.0.0.1", 1224, 5)
            connection.receive(5)
            connection.close()
        return self.results.pop(0) if self.results else Result(0, "out\n", "err\n")

    def start_daemon(self, argv: Sequence[str], env: Mapping[str, str]) -> Result:
        self.calls.append(("daemon", tuple(argv[3:]), b"", None))
        return Result(0, "d-out\n", "d-err\n")

    def kill_daemon(self) -> Result:
        self.calls.append(("kill", (), b"", None))
        return Result(0, "", "killed\n")

    def settle(self) -> None:
        pass

    def queue(self, name: str = "") -> Sequence[str]:
        return ["1aaaaa-000001-AA", "1aaaaa-000002-AA"]

    def remove(self, pattern: str) -> None:
        self.calls.append(("remove", (pattern,), b"", None))

    def dumped(self, database: str) -> str:
        return f"  T:b {database}\nx\n  T:a {database}\ny\n"

    def written(self) -> Written:
        return Written({"/eximsim/test/test-mail/x": "mail\n"}, {})

    def trace(self) -> Trace | None:
        return None


def player(*lines: str, era: Era = NEWEST, results: Sequence[Result] = ()) -> tuple[Player, Recorder]:
    files: dict[str, bytes] = {}
    world = MemoryWorld(ZONES, Host(files=files))
    subject = Recorder(world, results)
    parsed = script.parse("\n".join(("# t", *lines)) + "\n", "t/5840")
    return Player(parsed, "5840", subject, world, IDENTITY, era, files), subject


def played(*lines: str, era: Era = NEWEST, results: Sequence[Result] = ()) -> tuple[Player, Recorder]:
    ready, subject = player(*lines, era=era, results=results)
    ready.play()
    return ready, subject


def test_exim_gets_its_words_and_its_input_substituted() -> None:
    ready, subject = played("sudo exim -odq 'CALLER@x y' PORT_D", "From CALLER", ":noeol:end", "****")
    assert subject.calls == [("exim", ("-odq", "simcaller@x y", "1225"), b"From simcaller\nend", "root")]
    assert (ready.raw.stdout, ready.raw.stderr, ready.raw.server_stderr) == (["out\n"], ["err\n"], None)


def test_input_lines_can_be_escaped() -> None:
    _, subject = played("exim -bs", ":eval:a\\tb\\x41\\xC2\\x95", "no newline\\NONL\\", "****")
    assert subject.calls[0][2] == b"a\tbA\xc2\x95no newline"


def test_a_daemon_writes_to_the_servers_outputs() -> None:
    ready, subject = played("exim -DSERVER=server -bd -oX PORT_D", "****", "killdaemon")
    assert [call[0] for call in subject.calls] == ["daemon", "kill"]
    assert (ready.raw.stdout, ready.raw.server_stderr) == (["d-out\n", ""], ["d-err\n", "killed\n"])


def test_a_server_configuration_that_is_no_daemon_runs_to_its_end() -> None:
    ready, subject = played("exim -DSERVER=server -DNOTDAEMON -qf", "****")
    assert subject.calls[0][0] == "exim"
    assert (ready.raw.stderr, ready.raw.server_stderr) == ([""], ["err\n"])


def test_messages_on_the_queue_are_named_by_number() -> None:
    _, subject = played("exim -M $msg2 $msg1", "****")
    assert subject.calls[0][1] == ("-M", "1aaaaa-000002-AA", "1aaaaa-000001-AA")


def test_a_message_that_is_not_there_fails_the_test() -> None:
    with pytest.raises(WrongStatus, match="t/5840:2: no message 3 on the queue of 2"):
        played("exim -M $msg3", "****")


def test_an_unexpected_exit_fails_the_test() -> None:
    with pytest.raises(WrongStatus, match="t/5840:2: exim exited with 1, expected 0"):
        played("exim -qf", "****", results=[Result(1, "", "")])
    with pytest.raises(WrongStatus, match="was killed by signal 11, expected 0"):
        played("exim -qf", "****", results=[Result(-11, "", "")])
    with pytest.raises(WrongStatus, match="exited with 0, expected anything but 0"):
        played("~0", "exim -qf", "****")
    played("1", "exim -qf", "****", results=[Result(1, "", "")])


def test_notes_are_shown_in_all_outputs_since_the_runner_does_that() -> None:
    ready, _ = played("### about CALLER")
    assert ready.raw.stdout == ready.raw.stderr == ready.raw.server_stdout == ["### about simcaller\n"]
    ready, _ = played("### about CALLER", era=frozenset())
    assert (ready.raw.stdout, ready.raw.server_stdout) == ([], None)


def test_a_scripted_server_is_waited_for_after_exim() -> None:
    ready, _ = played("server PORT_S", "220 hi", "*eof", "****", "exim -call", "****")
    assert ready.raw.server_stdout == [
        "Listening on port 1224 ... \nConnection request from [127.0.0.1]\n220 hi\n"
        "Expected EOF read from client\nEnd of script\n"
    ]  # fmt: skip


def test_a_scripted_server_that_is_not_called_fails_the_test() -> None:
    with pytest.raises(WrongStatus, match="scripted server on port 1224 exited with 99"):
        played("server PORT_S", "220 hi", "****", "exim -qf", "****")


def test_a_scripted_server_that_another_replaces_is_waited_for_first() -> None:
    script = (
        "server PORT_S",
        "220 hi",
        "****",
        "server PORT_S",
        "220 you",
        "*eof",
        "****",
        "exim -call",
        "****",
    )
    ready, _ = played(*script)
    first, second = ready.raw.server_stdout or ("", "")
    assert first == "Listening on port 1224 ... \nServer timed out\n"
    assert "220 you" in second


def test_a_scripted_client_writes_to_stdout() -> None:
    ready, _ = player("85", "client 127.0.0.1 PORT_D", "??? 220", "****")
    ready.play()
    assert ready.raw.stdout == ["Connecting to 127.0.0.1 port 1225 ... connect failed: Connection refused\n"]


def test_files_are_written_and_shown() -> None:
    ready, _ = played("catwrite test-x 2x5=_b", "head", "++++", "tail", "****", "cat test-x test-mail/x")
    assert ready.files["/eximsim/test/test-x"] == b"head\n baa\n baa\ntail\n"
    shown = "head\n baa\n baa\ntail\n"
    assert "".join(ready.raw.stdout) == f"==========\n{shown}==========\n{shown}mail\n"


def test_files_are_removed_by_pattern() -> None:
    ready, subject = played("write test-x", "a", "****", "sudo rm -f spool/db/retry* test-?")
    assert [call[1] for call in subject.calls] == [
        ("/eximsim/test/spool/db/retry*",),
        ("/eximsim/test/test-?",),
    ]
    assert ready.files == {}


def test_sleeping_moves_the_worlds_clock() -> None:
    ready, _ = player("sleep 2", "millisleep 500")
    before = ready.world.now()
    ready.play()
    assert ready.world.now() - before == 2.5


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ("eximstats x", "script command 'eximstats'"),
        ("sudo chown x y", "script command sudo chown x y"),
        ("sudo rmdir spool/input/*", "script command sudo rmdir spool/input/*"),
        ("exim_exim -bV", "the program exim_exim"),
        ("exim -bs >x", "shell syntax '>'"),
    ],
)
def test_what_is_not_run_is_named_with_its_line(line: str, item: str) -> None:
    with pytest.raises(Unsupported) as caught:
        played(line)
    assert caught.value.item.startswith(item)
    assert (caught.value.path, caught.value.line) == ("t/5840", 2)


@pytest.mark.parametrize(
    ("program", "argv", "shown"),
    [
        ("system 'eximdir/exim -C x -D y -bV';", ("-bV",), "one\ntwo\n"),
        (
            "system(\"eximdir/exim -bP macros -d -C ./x | grep -E '^t|z$'\");",
            ("-C", "/eximsim/test/x"),
            "two\n",
        ),
        ("system ( 'eximdir/exim -C x -D y -bV' ) ;", ("-bV",), "one\ntwo\n"),
    ],
)
def test_perl_can_call_the_program_and_choose_lines(program: str, argv: tuple[str, ...], shown: str) -> None:
    ready, subject = played("perl", program, "****", results=[Result(0, "one\ntwo\n", "err\n")])
    assert subject.calls[0][1][-len(argv) :] == argv
    assert (ready.raw.stdout, ready.raw.stderr) == ([shown], ["err\n"])


@pytest.mark.parametrize(
    ("program", "item"),
    [
        ("print 'x';", "script command 'perl'"),
        ("system 'rm x'; print;", "script command 'perl'"),
        ("system 'rm x';", "Perl's system 'rm'"),
    ],
)
def test_other_perl_is_named(program: str, item: str) -> None:
    with pytest.raises(Unsupported) as caught:
        played("perl", program, "****")
    assert caught.value.item.startswith(item)


def test_a_file_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(InputError, match="t/5840:2: none: No such file"):
        played("cat none")


def test_commands_that_only_prepare_leave_no_output() -> None:
    ready, subject = played("echo hello", "munge dnssec", "mkdir -p spool")
    assert (subject.calls, "".join(ready.raw.stdout), ready.raw.extra_munge) == ([], "", "dnssec")


@pytest.mark.parametrize(
    ("arguments", "file"),
    [("-odi x </dev/null", "/dev/null"), ("-odi x < DIR/f ", "DIR/f"), ("-bt 'a <b@c>'", None)],
)
def test_only_a_file_outside_quotes_is_standard_input(arguments: str, file: str | None) -> None:
    given = INPUT.search(arguments)
    assert (None if given is None else given["file"]) == file


def test_the_port_of_a_retry_record_is_sorted_by_its_name_where_the_tree_does_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = ("  T:a:127.0.0.1\nx\n", f"  T:a:{IDENTITY.port_n}\ny\n")
    monkeypatch.setattr(Recorder, "dumped", lambda *_: "".join(records))
    newest, _ = played("dump retry")
    older, _ = played("dump retry", era=NEWEST - {"ports_sorted_by_name"})
    assert newest.raw.stdout[-1] == "".join(records)
    assert older.raw.stdout[-1] == "".join(reversed(records))


def test_records_of_the_retry_database_are_sorted_and_others_left_as_they_are() -> None:
    ready, _ = played("dump retry", "dump wait-t")
    line = "+" * 27 + "\n"
    unsorted = "  T:b wait-t\nx\n  T:a wait-t\ny\n"
    assert "".join(ready.raw.stdout) == f"{line}  T:a retry\ny\n  T:b retry\nx\n{line}{unsorted}"


def test_files_are_made_and_copied() -> None:
    playing, _ = played("touch empty", "write a", "one", "****", "cp a b", "cat a b empty")
    assert "".join(playing.raw.stdout) == "one\none\n"


def test_files_have_owners_and_permissions_once_a_script_says_so() -> None:
    playing, _ = played(
        "write a", "one", "****", "sudo chown simexim:simexim DIR/a", "sudo chmod 0640 a",
        "touch -a -t 0205100000 a", "ls -lu DIR/a", "mkfifo -m 0600 f", "ln -s ../x test-mail/l",
        "mkdir -p DIR/d", "sudo chmod 777 d", "ls -ld DIR/d | cut -f 1 -d ' '",
    )  # fmt: skip
    disk = playing.world.disk
    assert "".join(playing.raw.stdout) == (
        "-rw-r----- 1 simexim simexim 4 May 10 2002 /eximsim/test/a\ndrwxrwxrwx\n"
    )
    assert disk.files["/eximsim/test/f"].is_fifo
    assert disk.real_path("/eximsim/test/test-mail/l/y") == "/eximsim/test/x/y"


def test_a_command_that_is_to_fail_may_name_a_file_that_is_not_there() -> None:
    playing, _ = played("1", "cat none", "write a", "one", "****", "cat2 a")
    assert playing.raw.stderr == ["cat: none: No such file or directory\n", "one\n"]


def test_a_utility_of_exims_shows_its_exit_code() -> None:
    ready, _ = player("exigrep user")
    log = "2024-01-01 10:00:01 1aaaaa-000000001AA-0001 <= user@x\n"
    ready.files["/eximsim/test/spool/log/mainlog"] = f"{log}2024-01-01 10:00:01 else\n".encode()
    ready.play()
    told = "+++ 1aaaaa-000000001AA-0001 has not completed +++\n"
    assert ready.raw.stdout == [f"{told}{log}\nexigrep exit code = 0\n"]


def test_the_time_of_a_message_id_is_shown_by_a_utility_that_is_called_as_exim_is() -> None:
    ready, _ = player("exim_msgdate -u E1pAnS3-003fPj-Tw", "****")
    ready.files["/eximsim/test/test-config"] = b""
    ready.play()
    assert ready.raw.stdout == ["1672299343.928000\n"]


def test_a_pause_before_a_session_over_standard_input_is_the_subjects() -> None:
    with pytest.raises(Unsupported, match="a pause in the middle of standard input"):
        played("exim -bs", ":sleep:3", "QUIT", "****")
