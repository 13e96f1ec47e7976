"""Where the files come from that a configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.mta.config.readconf import read_config
from eximsim.ports import Told
from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import ConfigFiles, Sources
from eximsim.world.answers import Answers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration's folder, beside a file that is none of its business."""
    (tmp_path / "outside").write_text("outside")
    folder = tmp_path / "folder"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/list").write_text("below")
    (folder / "link").symlink_to("../outside")
    return folder


def test_files_are_found_below_the_folder_of_the_configuration(folder: Path) -> None:
    files = ConfigFiles("/etc/exim.conf", "text", Sources(folder))
    assert files["/etc/exim.conf"] == b"text"
    assert files.read_file("/etc/list") == b"below"
    assert "/etc/nowhere" not in files
    assert (files.found, files.missing) == (("/etc/list",), ("/etc/nowhere",))
    assert list(files) == ["/etc/exim.conf", "/etc/list"]
    assert len(files) == 2


def test_the_whole_path_of_a_file_below_the_folder_is_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ConfigFiles("c", "", Sources(folder))[str(folder / "etc/list")] == b"below"
    monkeypatch.chdir(folder.parent)
    assert ConfigFiles("c", "", Sources(Path("folder")))["folder/etc/list"] == b"below"


def test_a_file_that_is_there_comes_before_a_pattern_and_an_exact_answer_before_both(folder: Path) -> None:
    pattern = ("file", "*", Told("pattern"))
    files = ConfigFiles("c", "", Sources(folder, answers=Answers().with_more([pattern])))
    assert (files["/etc/list"], files["/etc/other"]) == (b"below", b"pattern")
    exact = ("file", "/etc/list", Told("exact"))
    files = ConfigFiles("c", "", Sources(folder, answers=Answers().with_more([pattern, exact])))
    assert files["/etc/list"] == b"exact"


@pytest.mark.parametrize("path", ["OUTSIDE", "../outside", "/etc/../../outside", "/link", "/etc/passwd"])
def test_nothing_else_of_the_machine_is_read(folder: Path, path: str) -> None:
    path = path.replace("OUTSIDE", str(folder.parent / "outside"))
    files = ConfigFiles("c", "", Sources(folder))
    with pytest.raises(FileNotFoundError, match=r"--file NAME=PATH or --read-system|leads out of the folder"):
        files.read_file(path)
    assert files.missing == (path,)


def test_a_file_that_is_given_comes_first(folder: Path) -> None:
    given = {"/etc/list": b"given", "/etc/passwd": b"given"}
    files = ConfigFiles("c", "", Sources(folder, given))
    assert (files["/etc/list"], files["/etc/passwd"]) == (b"given", b"given")


def test_the_machine_is_read_if_the_caller_says_so_and_it_is_noted(folder: Path) -> None:
    outside = str(folder.parent / "outside")
    sources = Sources(folder, system=True)
    files = ConfigFiles("c", "", sources)
    assert (files[outside], files["/etc/list"]) == (b"outside", b"below")
    assert list(sources.from_system) == [outside]


@pytest.mark.parametrize("path", ["/proc/self/environ", "/dev/zero", "/dev/stdin", "/sys/kernel/notes"])
def test_the_state_of_the_machine_is_no_file(folder: Path, path: str) -> None:
    link = folder.parent / "environ"
    link.symlink_to(path)
    files = ConfigFiles("c", "", Sources(folder, system=True))
    for name in (path, str(link)):
        assert name not in files
        assert files.why_missing(name) == "not a file that a configuration can mean"


def test_a_missing_file_that_a_run_asked_for_is_known(folder: Path) -> None:
    files = ConfigFiles("exim.conf", "", Sources(folder))
    with pytest.raises(FileNotFoundError):
        files.read_file("/etc/optional")
    assert "/etc/relays" not in files
    assert files.missed == ("/etc/relays",)
    assert files.why_missing("/etc/relays") == (
        "not below the configuration's folder; --file NAME=PATH or --read-system gives it"
    )
    assert files.missing == ("/etc/optional", "/etc/relays")


def test_all_included_files_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    text = ".include /etc/a\nDIR = /etc\nbegin acl\nc:\n  .include DIR/b\n  deny\n"
    files = ConfigFiles("exim.conf", text, Sources(tmp_path))
    with pytest.raises(InputError) as problem:
        read_config(files, "exim.conf", profile(NEWEST))
    assert str(problem.value) == (
        "exim.conf:1: failed to open included configuration file /etc/a: not below the configuration's"
        " folder; --file NAME=PATH or --read-system gives it; also missing: /etc/b"
    )


def test_what_stands_for_a_file_comes_before_the_file(folder: Path) -> None:
    files = ConfigFiles("c", "", Sources(folder), {"/etc/list": b"instead"})
    assert files["/etc/list"] == b"instead"


def test_without_a_folder_nothing_is_read(folder: Path) -> None:
    files = ConfigFiles("c", "", Sources())
    with pytest.raises(FileNotFoundError):
        files.read_file(str(folder / "etc/list"))
    assert files.missing == (str(folder / "etc/list"),)


def test_what_is_not_there_is_looked_for_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ConfigFiles("/etc/exim.conf", "text", Sources(folder))
    asked: list[str] = []
    find = ConfigFiles._content

    def noted(self: ConfigFiles, path: str) -> bytes | None:
        asked.append(path)
        return find(self, path)

    monkeypatch.setattr(ConfigFiles, "_content", noted)
    for _ in range(3):
        assert files.kind("/etc/nowhere") == ""
        assert files.content("/etc/nowhere") is None
    assert (asked, files.missing) == (["/etc/nowhere"], ())
    assert "/etc/nowhere" not in files
    assert (asked, files.missing) == (["/etc/nowhere"], ("/etc/nowhere",))
