"""The users of a namespace that somebody made who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from eximsim.subjects import isolation
from eximsim.subjects.namespace import Namespace
from eximsim.subjects.subject import NoNamespace
from eximsim.suite import bench

ROOT = Path(__file__).parents[2]
LEAVE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from eximsim.subjects import isolation
print(isolation.leave_host(), os.getuid(), os.getgid(), os.getgroups())
print(open("/proc/self/uid_map").read().split(), open("/proc/self/gid_map").read().split())
"""


def _mapping(tmp_path: Path, table: str) -> list[str]:
    path = tmp_path / "subuid"
    path.write_text(table)
    return isolation._mapping("true", 1234, str(path))


@pytest.mark.parametrize("who", ["name", "number"])
def test_root_is_oneself_and_the_others_are_the_numbers_that_one_may_use(tmp_path: Path, who: str) -> None:
    me = str(os.getuid()) if who == "number" else pwd.getpwuid(os.getuid()).pw_name
    call = _mapping(tmp_path, f"somebody:1:65536\n{me}:100000:10\n{me}:300000:65536\n")
    assert call[1:] == [str(os.getpid()), "0", "1234", "1", "1", "300000", "65535"]


@pytest.mark.parametrize(
    "table", ["", "somebody:1:65536\n", f"{os.getuid()}:100000:65534\n", "nonsense\n:::\n"]
)
def test_without_numbers_enough_there_are_no_others(tmp_path: Path, table: str) -> None:
    assert _mapping(tmp_path, table) == []


def test_without_the_program_or_the_table_there_are_no_others(tmp_path: Path) -> None:
    assert isolation._mapping("no-such-program", 1234, "/etc/subuid") == []
    assert isolation._mapping("true", 1234, str(tmp_path / "none")) == []


def _ordinary() -> str:
    """An account of this machine that has numbers of its own; the test is skipped if there is none."""
    table = Path("/etc/subuid")
    if os.getuid() or not shutil.which("newuidmap") or not table.exists():
        pytest.skip("needs root, newuidmap and an account in /etc/subuid")
    names = [line.split(":")[0] for line in table.read_text().splitlines()]
    known = {account.pw_name for account in pwd.getpwall() if account.pw_uid}
    if not (found := [name for name in names if name in known]):
        pytest.skip("no account in /etc/subuid")
    return found[0]


def test_an_ordinary_user_is_root_inside_and_among_others() -> None:
    name = _ordinary()
    account = pwd.getpwnam(name)
    ran = subprocess.run(
        ["/usr/bin/python3", "-ISc", LEAVE, str(ROOT)], user=account.pw_uid, group=account.pw_gid, cwd="/",
        extra_groups=[], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.stderr == ""
    first, second = ran.stdout.splitlines()
    assert first == "True 0 0 []"
    assert second.startswith(f"['0', '{account.pw_uid}', '1', '1',")


def test_the_root_of_a_namespace_of_one_user_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"0 1000 1\n": True, "0 1000 1\n1 100000 65535\n": False, "0 0 4294967295\n": False}
    for table, alone in said.items():
        monkeypatch.setattr(Path, "read_text", lambda path, table=table: table)
        assert isolation._is_alone() is alone


def test_where_there_is_one_user_the_bench_says_what_more_it_needs(
    namespaces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = Namespace.__enter__

    def alone(self: Namespace) -> Namespace:
        found = enter(self)
        found.privileged = False
        return found

    monkeypatch.setattr(Namespace, "__enter__", alone)
    bench._no_users.cache_clear()
    assert bench.why_not(Path("/bin/true")).startswith("needs root, or newuidmap (uidmap) and 65535 numbers")
    bench._no_users.cache_clear()


def test_where_no_namespace_is_to_be_had_the_bench_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(self: Namespace) -> Namespace:
        raise NoNamespace("no private namespace here: neither root nor ...")

    monkeypatch.setattr(Namespace, "__enter__", refused)
    bench._no_users.cache_clear()
    assert bench.why_not(Path("/bin/true")) == "no private namespace here: neither root nor ..."
    bench._no_users.cache_clear()
