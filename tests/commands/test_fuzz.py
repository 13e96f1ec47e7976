"""``eximsim fuzz``: what it finds, how it tells it, and that any find comes back from one line."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from eximsim.fuzz.scenario import TAG, scenario_of
from tests.commands.invoking import Done, invoke
from tests.testing.policies import CONFIG

X3 = ("--profile", "4.88-jh03", "--law", "reachable-without-tlsa", "--seed", "1", "--max", "400")
MENDED = ("--law", "reachable-without-tlsa", "--seed", "1", "--max", "30")


def fuzz(*arguments: str, database: Path | str = "") -> Done:
    return invoke("fuzz", "--database", str(database), *arguments)


@pytest.fixture(scope="module")
def found() -> Done:
    """A search that finds X3."""
    return fuzz(*X3)


@pytest.fixture(scope="module")
def line(found: Done) -> str:
    """The line that its story ends with."""
    (last,) = (line for line in found.stdout.splitlines() if TAG in line)
    return last.split()[-1]


def test_a_broken_law_is_told_and_the_exit_code_says_so(found: Done) -> None:
    assert found.exit_code == 1
    assert "broken: reachable-without-tlsa" in found.stdout
    for part in ("the DNS says", "the servers", "what happened: ", "what was decided", "Exim has it in"):
        assert part in found.stdout
    marked = [line for line in found.stdout.splitlines() if line.startswith(" >>")]
    assert marked
    assert "tlsa" in marked[0]


def test_the_story_is_short(line: str) -> None:
    situation = scenario_of(line).situation
    assert len(situation.recipients) == len(situation.servers) == 1
    assert len(situation.zone) <= 3


def test_what_was_found_is_found_again_from_the_line(line: str) -> None:
    replayed = fuzz("--replay", line)
    assert replayed.exit_code == 1
    assert "broken: reachable-without-tlsa" in replayed.stdout
    assert line in replayed.stdout


def test_the_same_seed_finds_the_same(found: Done) -> None:
    def story(done: Done) -> list[str]:
        return [text for text in done.stdout.splitlines() if " scenarios in " not in text]

    assert story(fuzz(*X3)) == story(found)


def test_a_release_without_the_mistake_breaks_nothing() -> None:
    done = fuzz(*MENDED)
    assert done.exit_code == 0
    assert "broken: none" in done.stdout


def test_a_pipe_sees_no_progress(found: Done) -> None:
    assert found.stderr == "seed 1\n"


def test_machines_get_an_object_for_each_counterexample() -> None:
    done = fuzz(*X3, "--json")
    (told,) = map(json.loads, done.stdout.splitlines())
    assert done.exit_code == 1
    assert told["law"] == "reachable-without-tlsa"
    assert told["situation"] == json.loads(json.dumps(told["situation"]))
    assert scenario_of(told["replay"]).profile.name == "4.88-jh03"
    assert "tlsa" in told["decision"]


def test_a_counterexample_is_saved_as_a_test_that_passes(line: str, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    saved = fuzz("--replay", line, "--save", str(folder))
    assert "written to" in saved.stdout
    assert "# broken: reachable-without-tlsa" in (folder / "scripts" / "0001").read_text()
    ran = invoke("run", "--suite", str(folder))
    assert ran.exit_code == 0, ran.stdout


def test_a_mistake_cannot_be_saved_as_a_test_of_a_release(tmp_path: Path) -> None:
    done = fuzz("--mutant", "M1", "--law", "no-downgrade", "--seed", "1", "--save", str(tmp_path / "saved"))
    assert done.exit_code == 2
    assert "--save" in done.stderr


def test_what_was_found_is_known_the_next_time(tmp_path: Path) -> None:
    assert fuzz(*X3, database=tmp_path).exit_code == 1
    again = fuzz(*X3, database=tmp_path)
    assert again.exit_code == 1
    assert "(known from the database)" in again.stdout
    assert "0 scenarios" in again.stdout


def test_a_shared_database_helps_another_machine(line: str, tmp_path: Path) -> None:
    fuzz(*X3, database=tmp_path / "theirs")
    other = fuzz(*X3, "--shared", str(tmp_path / "theirs"))
    assert "(known from the database)" in other.stdout


def test_two_processes_find_what_one_does(found: Done) -> None:
    def told(done: Done) -> list[str]:
        return [text for text in done.stdout.splitlines() if TAG in text or "found after" in text]

    assert told(fuzz(*X3, "--jobs", "2")) == told(found)


def test_a_dask_cluster_finds_what_one_process_does(found: Done, cluster: str) -> None:
    def told(done: Done) -> list[str]:
        return [text for text in done.stdout.splitlines() if TAG in text or "found after" in text]

    assert told(fuzz(*X3, "--scheduler", cluster)) == told(found)


CONFIGURATION = """
hostlist strict = 10.9.0.0/16
begin routers
out:
  driver = dnslookup
  dnssec_request_domains = *
  transport = remote
begin transports
remote:
  driver = smtp
  hosts_try_dane = *
"""


def test_a_configuration_is_searched_with_its_own_settings(tmp_path: Path) -> None:
    path = tmp_path / "my.conf"
    path.write_text(CONFIGURATION)
    done = fuzz("--config", str(path), *X3)
    assert done.exit_code == 1
    assert "hosts_try_dane = *" in done.stdout
    assert fuzz("--config", str(path), *MENDED).exit_code == 0


@pytest.mark.parametrize("setting", ["+trusted", "net-lsearch;/etc/trusted", "/etc/trusted : 192.0.2.1"])
def test_a_file_that_a_setting_looks_into_leaves_the_laws_unsettled(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "exim.conf"
    lists = "hostlist trusted = /etc/trusted\n" if setting == "+trusted" else ""
    path.write_text(f"{lists}{CONFIGURATION}  hosts_require_tls = {setting}\n")
    line = 1 if lists else path.read_text().count("\n")
    done = fuzz("--config", str(path), *MENDED)
    assert done.exit_code == 3
    assert f"could not look: {path}:{line}: " in done.stdout
    assert " looks into /etc/trusted" in done.stdout


def test_a_configuration_that_sends_no_mail_out_was_not_searched(tmp_path: Path) -> None:
    path = tmp_path / "my.conf"
    path.write_text(CONFIGURATION.replace("smtp\n  hosts_try_dane = *", "pipe\n  command = /x"))
    done = fuzz("--config", str(path), *X3)
    assert (done.exit_code, "my.conf: nothing was searched" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--law", "no-such"), "unknown law"),
        (("--mutant", "M99"), "unknown mistake"),
        (("--mutant", "M1", "--profile", "4.87"), "brings its own release"),
        (("--profile", "3.36"), "unknown profile"),
        (("--replay", "eximsim1:xxxx"), "damaged"),
        (
            ("--config", "/no/such/file"),
            "/no/such/file: No such file or directory; expected an Exim configuration",
        ),
        (("--shared", "/no/such/folder"), "no such folder"),
        pytest.param(
            ("--scheduler", "nowhere"),
            "no Dask scheduler",
            marks=pytest.mark.skipif(
                find_spec("distributed") is None, reason="the extra farm is not installed"
            ),
        ),
    ],
)
def test_bad_input_is_one_clear_line(arguments: tuple[str, ...], said: str) -> None:
    done = fuzz(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_place_where_nothing_can_be_saved_is_told_before_the_search() -> None:
    done = fuzz("--save", "/dev/null", *MENDED)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("eximsim: /dev/null: Not a directory")


# ---- one's own configuration ------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "exim.conf"
    path.write_text(CONFIG)
    return str(path)


def test_promises_are_searched_around_the_configuration_itself(own: str) -> None:
    done = fuzz("--config", own, "--preset", "tls-required", "--seed", "1", "--max", "60")
    assert done.exit_code == 1
    assert "broken: tls-required" in done.stdout
    assert f'mta("{own}").deliver(' in done.stdout


def test_a_baseline_holds_what_is_known_of_promises(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    known = str(tmp_path / "known.toml")
    arguments = (
        "--config",
        own,
        "--preset",
        "tls-required",
        "--seed",
        "1",
        "--max",
        "20",
        "--baseline",
        known,
    )
    while fuzz(*arguments).exit_code == 1:
        assert fuzz(*arguments, "--accept").exit_code == 0
    assert fuzz(*arguments).exit_code == 0


def test_a_baseline_holds_what_is_known_of_laws(
    tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    known = str(tmp_path / "known.toml")
    law = ("--profile", "4.87", "--law", "no-downgrade", "--seed", "1", "--max", "300")
    arguments = ("--config", own, "--baseline", known, *law)
    assert fuzz(*arguments).exit_code == 1
    assert fuzz(*arguments, "--accept").exit_code == 0
    again = fuzz(*arguments)
    first = Path(known).read_text()
    assert "[[known]]" in first
    assert "test.ex" not in first
    if again.exit_code == 1:  # another way to break it
        assert fuzz(*arguments, "--accept").exit_code == 0
        assert Path(known).read_text() != first


def test_what_could_not_be_judged_is_exit_3_unless_it_may_be(own: str) -> None:
    Path(own).write_text(
        CONFIG.replace("  driver = dnslookup\n", "  driver = dnslookup\n  condition = ${run{/opt/judge}}\n")
    )
    arguments = ("--config", own, "--preset", "tls-required", "--seed", "1", "--max", "5")
    assert fuzz(*arguments).exit_code == 3
    assert fuzz(*arguments, "--allow-incomplete").exit_code == 0


def test_a_configuration_is_read_with_its_macros_and_files(tmp_path: Path) -> None:
    path, more = tmp_path / "my.conf", tmp_path / "more"
    path.write_text(".include /etc/more\n" + CONFIGURATION.replace("= *", "= LIST"))
    more.write_text("dns_ipv4_lookup = *\n")
    given = ("--config", str(path), "--file", f"/etc/more={more}", "-D", "LIST = *")
    done = fuzz(*given, *X3)
    assert done.exit_code == 1
    assert "hosts_try_dane = *" in done.stdout
    done = fuzz(*given, "--preset", "tls-required", "--seed", "1", "--max", "20")
    assert (done.exit_code, done.stderr) == (1, "")


def test_promises_are_searched_with_the_answers_that_are_given(own: str) -> None:
    path = Path(own)
    path.write_text(path.read_text().replace("driver = smtp", "driver = smtp\n  helo_data = ${env{HELO}}"))
    search = ("--config", own, "--preset", "tls-required", "--seed", "1", "--max", "5", "--env", "HELO=a.b")
    done = fuzz(*search)
    assert "not modelled" not in done.stdout
    done = fuzz("--config", own, "--env", "HELO=a.b")
    assert (done.exit_code, "laws ask nobody" in done.stderr) == (2, True)


@pytest.mark.parametrize("option", ["--promises", "--preset", "--baseline", "-D", "--file", "--answers"])
def test_promises_need_a_configuration(option: str) -> None:
    done = fuzz(option, "x")
    assert done.exit_code == 2
    assert "need --config" in done.stderr


def test_machines_get_an_object_for_each_broken_promise(own: str) -> None:
    done = fuzz("--config", own, "--preset", "tls-required", "--seed", "1", "--max", "60", "--json")
    (told,) = map(json.loads, done.stdout.splitlines())
    assert told["promise"] == "tls-required"
    assert told["world"][-1].startswith("mta(")
