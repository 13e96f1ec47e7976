import os
import subprocess
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.suite.git import Entry, opened, repository_around


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(("git", *who, *words), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with two commits, a branch and a tag."""
    top = tmp_path / "repository"
    (top / "conf").mkdir(parents=True)
    git(top, "init", "--quiet", "--initial-branch=trunk")
    for number in (1, 2):
        (top / "conf/exim.conf").write_text(f"# {number}\n")
        (top / "conf/é").write_bytes(b"\xff\n\0")
        git(top, "add", ".")
        git(top, "commit", "--quiet", "-m", f"number {number}")
    git(top, "branch", "side", "HEAD~1")
    git(top, "tag", "-a", "-m", "one", "v1", "HEAD~1")
    return top


def test_revisions_and_their_files_are_told(top: Path) -> None:
    for pack in (False, True):
        if pack:
            git(top, "gc", "--quiet")
        with opened(top) as repository:
            assert repository is not None
            head, before = git(top, "rev-parse", "HEAD"), git(top, "rev-parse", "HEAD~1")
            assert repository.commit("HEAD") == repository.commit("trunk") == head
            assert (
                repository.commit("side") == repository.commit("v1") == repository.commit("HEAD~1") == before
            )
            assert repository.ancestors(head) == {head, before}
            entries = repository.entries(before, "conf")
            assert repository.contents(entries.values()) == {"exim.conf": b"# 1\n", "é": b"\xff\n\0"}


@pytest.mark.parametrize("revision", ["none", "--all", "-h", "HEAD:conf", "", "HEAD\nHEAD"])
def test_what_names_no_commit_is_none(top: Path, revision: str) -> None:
    with opened(top) as repository:
        assert repository is not None
        assert repository.commit(revision) is None


def test_an_object_that_is_not_there_is_told(top: Path) -> None:
    with opened(top) as repository:
        assert repository is not None
        with pytest.raises(InputError, match="not among the objects"):
            repository.contents([Entry("x", "100644", "1" * 40)])


def bomb(folder: Path) -> tuple[Path, Path]:
    """A program that leaves a trace when it is run, and the trace."""
    program, trace = folder / "program", folder / "trace"
    program.write_text(f"#!/bin/sh\ntouch {trace}\n")
    program.chmod(0o755)
    return program, trace


@pytest.mark.parametrize(
    "setting",
    ["core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "diff.external", "filter.x.smudge",
     "filter.x.clean", "filter.x.process", "uploadpack.packObjectsHook", "gpg.program", "core.askPass"],
)  # fmt: skip
def test_the_configuration_of_the_repository_runs_nothing(top: Path, tmp_path: Path, setting: str) -> None:
    program, trace = bomb(tmp_path)
    (top / ".gitattributes").write_text("* filter=x diff=x\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "attributes")
    git(top, "config", setting, str(program))
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (top / ".git/hooks" / hook).write_bytes(program.read_bytes())
        (top / ".git/hooks" / hook).chmod(0o755)
    with opened(top) as repository:
        assert repository is not None
        head = repository.commit("HEAD")
        assert head is not None
        assert len(repository.ancestors(head)) == 3
        assert repository.contents(repository.entries(head).values())
    assert not trace.exists()


def test_the_environment_of_the_caller_does_not_reach_git(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "alias.rev-parse")
    with opened(top) as repository:
        assert repository is not None
        assert repository.commit("HEAD")


@pytest.mark.parametrize("what", ["shallow", "borrowed", "linked", "linked inside", "no repository"])
def test_a_repository_that_is_not_whole_by_itself_is_not_opened(top: Path, tmp_path: Path, what: str) -> None:
    objects = top / ".git/objects"
    match what:
        case "shallow":
            (top / ".git/shallow").write_text(git(top, "rev-parse", "HEAD") + "\n")
        case "borrowed":
            (objects / "info/alternates").write_text("/elsewhere\n")
        case "linked":
            objects.rename(tmp_path / "objects")
            objects.symlink_to(tmp_path / "objects")
        case "linked inside":
            (objects / "pack/pack-1.pack").symlink_to("/etc/passwd")
        case _:
            (top / ".git/HEAD").unlink()
    with opened(top) as repository:
        assert repository is None


def test_a_reference_that_leads_out_is_not_read(top: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(git(top, "rev-parse", "HEAD") + "\n")
    (top / ".git/refs/heads/stolen").symlink_to(tmp_path / "secret")
    (top / ".git/refs/heads/odd").write_text("ref: ../../secret\n")
    with opened(top) as repository:
        assert repository is not None
        assert repository.commit("stolen") is None
        assert repository.commit("odd") is None


def test_the_repository_around_a_folder_is_a_folder_itself(top: Path, tmp_path: Path) -> None:
    assert repository_around(top / "conf") == Path(os.path.realpath(top)) == repository_around(top)
    (top / "conf/.git").write_text(f"gitdir: {top}/.git\n")
    assert repository_around(top / "conf") is None
    (top / "conf/.git").unlink()
    (top / "conf/.git").symlink_to(top / ".git")
    assert repository_around(top / "conf") is None
    for name in ("HEAD", "config"):  # a bare repository that stands in a tree as a folder of it
        (top / "conf" / name).write_text("ref: refs/heads/trunk\n")
    assert repository_around(top / "conf") is None
    (top / "conf/.git").unlink()
    assert repository_around(top / "conf") == Path(os.path.realpath(top))
