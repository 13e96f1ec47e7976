"""A situation as files that replay it."""

import json
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.profiles import profile
from eximsim.suite.project import ProjectSuite
from eximsim.suite.recording import Situation, read_situations
from eximsim.suite.replay_folder import write_artefact
from eximsim.suite.runner import Setting, TestResult, Verdict, run_test
from eximsim.world.certificates import save_chains, standard_chains


def rrset(name: str, type: str, *data: object) -> dict[str, object]:
    return {"name": name, "type": type, "rcode": "NOERROR", "ad": True, "data": list(data)}


ZONE = (
    rrset("one.test.ex", "MX", [10, "h1-a.test.ex"]),
    rrset("h1-a.test.ex", "A", "10.9.1.1"),
    rrset("h1-a.test.ex", "AAAA"),
    rrset("_1225._tcp.h1-a.test.ex", "TLSA", "3 1 1 @cert:good"),
)
DELIVERY = Situation(
    "a", "a", {}, ("a@one.test.ex",), ZONE, {}, {"dnssec_request_domains": "*"},
    {"hosts_try_dane": "*", "tls_verify_certificates": "certs/root.pem"},
    {"10.9.1.1": {"mail": "450 later"}}, ("delivery",), "-qf",
)  # fmt: skip
CALLOUT = Situation(
    "b", "b", {}, ("a@one.test.ex", "b@one.test.ex"), ZONE, {}, {"dnssec_request_domains": "*"}, {},
    {"10.9.1.1": {"recipients": {"b@one.test.ex": "550 no"}}}, ("callout",),
)  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certs")
    save_chains(standard_chains(), folder)
    return folder


def replayed(folder: Path, release: str, world: str = "memory") -> TestResult:
    source = ProjectSuite(folder)
    (case,) = source.tests()
    return run_test(source, case, Setting(profile(release), world))


def accept(folder: Path, release: str) -> None:
    source = ProjectSuite(folder)
    (case,) = source.tests()
    source.store(case, profile("4.96"), replayed(folder, release).texts)


def test_octets_of_a_log_that_are_no_text_are_escaped(tmp_path: Path, certificates: Path) -> None:
    write_artefact(DELIVERY, tmp_path, certificates, "4.96", ["log: \udc83"])
    assert "\\udc83" in (tmp_path / "scripts/0001").read_text("utf-8")


@pytest.mark.parametrize("world", ["memory", "loopback"])
@pytest.mark.parametrize("situation", [DELIVERY, CALLOUT], ids=["delivery", "callout"])
def test_the_folder_replays_what_was_kept(
    tmp_path: Path, certificates: Path, situation: Situation, world: str
) -> None:
    write_artefact(situation, tmp_path, certificates, "4.96", ["A difference", "line one"])
    accept(tmp_path, "4.96")
    assert replayed(tmp_path, "4.96", world).verdict is Verdict.PASS


def test_another_release_shows_the_difference(tmp_path: Path, certificates: Path) -> None:
    write_artefact(DELIVERY, tmp_path, certificates, "4.96", ["A difference"])
    accept(tmp_path, "4.96")
    result = replayed(tmp_path, "4.89")
    assert result.verdict is Verdict.FAIL
    assert "-1999-03-02 09:44:33 10HmaX-0005vi-00 H=h1-a.test.ex [" in result.differences()


def test_the_line_is_the_situation(tmp_path: Path, certificates: Path) -> None:
    write_artefact(DELIVERY, tmp_path, certificates, "4.96", ["A difference"])
    path = tmp_path / "scenario.jsonl"
    assert len(path.read_text().splitlines()) == 1
    (read,) = read_situations(path).values()
    assert json.dumps(read.as_json()) == json.dumps(DELIVERY.as_json())


def test_the_script_says_what_it_shows(tmp_path: Path, certificates: Path) -> None:
    write_artefact(CALLOUT, tmp_path, certificates, "4.96", ["A difference", "line one"])
    lines = (tmp_path / "scripts" / "0001").read_text().splitlines()
    assert lines[0] == "# A difference"
    assert "# line one" in lines
    assert "#@ profiles 4.96" in lines


def test_octets_that_are_no_text_are_shown_as_such(tmp_path: Path, certificates: Path) -> None:
    write_artefact(CALLOUT, tmp_path, certificates, "4.92", ["A difference", "log program: \udc83"])
    assert "# log program: \\x83\n" in (tmp_path / "scripts/0001").read_text(encoding="utf-8")


def test_keys_stay_private(tmp_path: Path, certificates: Path) -> None:
    write_artefact(DELIVERY, tmp_path, certificates, "4.96", ["A difference"])
    keys = list((tmp_path / "certs").glob("*.key.pem"))
    assert keys
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_a_folder_that_cannot_be_written(tmp_path: Path, certificates: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a place to write to"):
        write_artefact(DELIVERY, tmp_path / "file", certificates, "4.96", ["A difference"])
