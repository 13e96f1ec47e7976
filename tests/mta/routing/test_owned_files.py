"""Whose a file is: redirection files, require_files, and files that a caller may not read."""

from __future__ import annotations

import pytest

from tests.mta.local import ACCEPT, LocalMachine

FILE = "driver = appendfile\nfile = /mail/a"
LIST = "r:\n driver = redirect\n allow_fail\n file = /etc/list\n"


def machine_with(routers: str, *, mode: int = 0o644, uid: int = 101, gid: int = 101) -> LocalMachine:
    machine = LocalMachine(FILE, routers=routers)
    machine.world.disk.write("/etc/list", b":fail: No\n", mode=mode, uid=uid, gid=gid, now=0)
    return machine


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", "No"),
        ("owners = root", "bad owner for /etc/list"),
        ("owners = root : 101", "No"),
        ("owngroups = 7", "bad group for /etc/list"),
        ("owngroups = 7 : 101", "No"),
        ("owners = root\n no_check_owner", "No"),
        ("check_owner", "bad owner for /etc/list"),
        ("modemask = 007", "bad mode (0100644) for /etc/list: 04 bit(s) unexpected"),
    ],
)
def test_a_redirection_file_has_to_be_somebodys(options: str, told: str) -> None:
    machine = machine_with(f"{LIST} {options}\n")
    machine.deliver("x@test.ex")
    assert any(told in line for line in machine.log if "x@test.ex" in line)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("/etc/list", "=> x"),
        ("101,101 : /etc/list", "=> x"),
        ("102,102 : /etc/list", "require_files: error for /etc/list: Permission denied"),
        ("102,102 : +/etc/list", "Unrouteable address"),
        ("102,102 : +!/etc/list", "=> x"),
        ("nobody-here : /etc/list", 'user "nobody-here" for require_files not found'),
        ("1 : /etc/list", "group missing after numerical uid 1 for require_files"),
        ("/etc/none", "Unrouteable address"),
    ],
)
def test_required_files_can_be_required_to_be_readable(item: str, told: str) -> None:
    machine = machine_with(f"{ACCEPT} require_files = {item}\n", mode=0o640)
    machine.deliver("x@test.ex")
    assert any(told in line for line in machine.log)


def test_who_tests_an_expansion_reads_files_as_himself() -> None:
    machine = machine_with(ACCEPT, mode=0o600)
    machine.machine.uid, machine.machine.gid = 1000, 1000
    assert machine.exim("-be", "${lookup{x}lsearch{/etc/list}}") == 0
    assert machine.said == (
        "Failed: failed to open /etc/list for linear search: Permission denied (euid=1000 egid=1000)\n"
    )
