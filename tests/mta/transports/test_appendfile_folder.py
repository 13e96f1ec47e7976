"""Local delivery into folders: each message in a file of its own."""

from __future__ import annotations

import re

import pytest

from eximsim.disk import StoredFolder
from eximsim.mta.transports.appendfile_quota import Limits
from tests.mta.local import LocalMachine

PLAIN = "driver = appendfile\ndirectory = /mail/d\nenvelope_to_add"


def names(machine: LocalMachine, folder: str = "/mail/d") -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in machine.world.disk.below(folder)]


def test_a_maildir_is_made_and_gets_a_file_with_a_tag() -> None:
    machine = LocalMachine(f"{PLAIN}\nmaildir_format\nmaildir_tag = S=$message_size/")
    machine.deliver()
    (name,) = names(machine)
    match = re.fullmatch(r"new/\d+\.M\d+P\d+\.mx\.test\.ex:S=(\d+)", name)
    assert match is not None
    assert len(machine.mailbox(f"/mail/d/{name}")) == int(match[1])
    assert machine.mailbox(f"/mail/d/{name}").startswith("Envelope-to: a@test.ex\n")
    assert {"/mail/d/tmp", "/mail/d/new", "/mail/d/cur"} <= set(machine.world.disk.folders)


def test_a_maildir_whose_name_ends_with_a_slash_is_the_one_without() -> None:
    machine = LocalMachine("driver = appendfile\ndirectory = /mail/d/\nmaildir_format")
    machine.deliver()
    (name,) = names(machine)
    assert name.startswith("new/")
    assert "/mail/d/new" in machine.world.disk.folders


def test_a_mailstore_has_two_files_for_a_message() -> None:
    machine = LocalMachine(f"{PLAIN}\nmailstore_format\nmailstore_prefix = one\nmailstore_suffix = two")
    machine.deliver()
    envelope, message = names(machine)
    assert (envelope[-4:], message[-4:]) == (".env", ".msg")
    assert machine.mailbox(f"/mail/d/{envelope}") == "one\ns@test.ex\na@test.ex\ntwo\n"


def test_a_file_gets_another_name_if_its_own_is_taken() -> None:
    machine = LocalMachine(f"{PLAIN}\ndirectory_file = x$tod_epoch")
    machine.deliver()
    machine.deliver()
    assert len(names(machine)) == 2
    fixed = LocalMachine(f"{PLAIN}\ndirectory_file = x")
    fixed.deliver()
    fixed.deliver()
    assert names(fixed) == ["x"]
    assert "defer (17): File exists: while renaming /mail/d/temp." in fixed.log[-1]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            "maildir_format\nno_create_directory",
            "defer (2): No such file or directory: stat() error for /mail/d:",
        ),
        ("no_create_directory", "defer (2): No such file or directory: while creating file /mail/d/temp."),
    ],
)
def test_a_folder_that_is_not_there(options: str, problem: str) -> None:
    machine = LocalMachine(f"{PLAIN}\n{options}")
    machine.deliver()
    assert problem in machine.log[-1]


def test_a_folder_of_somebody_else() -> None:
    machine = LocalMachine(f"{PLAIN}\nmaildir_format")
    machine.world.disk.folders["/mail/d"] = StoredFolder(7, 7, 0o700)
    machine.deliver()
    assert "defer (13): Permission denied: cannot create /mail/d/tmp" in machine.log[-1]


@pytest.mark.parametrize(
    ("options", "delivered"),
    [
        ("quota = 10K", 3),
        ("quota = 700", 2),
        ("quota = 700/no_check", 3),
        ("quota = 700\nno_quota_is_inclusive", 3),
        ("quota = 10K\nquota_filecount = 5", 2),
        ("quota = 10K\nquota_filecount = 5/no_check", 3),
        ("quota = 10K\nmailbox_size = 10K", 0),
        ("quota = 1M\nquota_size_regex = M(\\d+)P\nmailbox_filecount = 0", 3),
    ],
)
def test_quotas_of_folders(options: str, delivered: int) -> None:
    machine = LocalMachine(f"{PLAIN}\nmaildir_format\n{options}")
    for _ in range(3):
        machine.deliver()
        machine.world.sleep(1.0)
    assert len(names(machine)) == delivered


def test_the_owner_is_warned_once_his_mailbox_passes_the_threshold() -> None:
    routers = (
        "back:\n driver = accept\n local_parts = owner\n transport = box\n user = CALLER\n"
        "local:\n driver = accept\n transport = t\n user = CALLER\n"
    )
    box = "box:\n driver = appendfile\n file = /mail/owner\n"
    text = 'quota_warn_message = "To: owner@test.ex\\nSubject: Full\\n\\nx\\n"'
    machine = LocalMachine(f"{PLAIN}\nquota_warn_threshold = 500\n{text}", routers=routers, transports=box)
    for _ in range(4):
        machine.deliver()
    assert machine.mailbox("/mail/owner").count("\nSubject: Full\n") == 1
    assert "From: Mail Delivery System <Mailer-Daemon@mx.test.ex>" in machine.mailbox("/mail/owner")


def test_a_value_that_is_no_size_is_told() -> None:
    machine = LocalMachine(f"{PLAIN}\nquota = 10X")
    machine.deliver()
    assert 'Malformed value "10X" (expansion of "10X") in t transport' in machine.log[-1]
    assert Limits().need_size is False


SIZED = f"{PLAIN}\nmaildir_format\nmaildir_use_size_file\nquota = 2K"


def size_file(machine: LocalMachine) -> list[str]:
    return machine.mailbox("/mail/d/maildirsize").splitlines()


def test_maildirsize_counts_and_is_made_anew_where_it_is_not_to_be_trusted() -> None:
    machine = LocalMachine(SIZED)
    machine.deliver()
    first, start, added = size_file(machine)
    assert (first, start) == ("2048S,0C", "0 0")
    assert re.fullmatch(r"\d+ 1", added)
    machine.world.disk.files["/mail/d/maildirsize"].content = b"1S,0C\n5 5\n"
    machine.deliver()
    assert size_file(machine)[1] == added
    machine.world.disk.files["/mail/d/maildirsize"].content = b"rubbish\n"
    machine.deliver()
    assert size_file(machine)[1].endswith(" 2")


def test_what_maildirsize_says_counts_as_long_as_it_is_new() -> None:
    machine = LocalMachine(SIZED)
    machine.deliver()
    machine.world.disk.files["/mail/d/maildirsize"].content = b"2048S,0C\n2048 1\n"
    machine.deliver()
    assert "mailbox is full" in machine.log[-1]
    machine.world.sleep(1000)
    machine.exim("-qf")
    assert machine.log[-1] == "Completed"


def test_maildirsize_needs_the_folder_for_temporary_files() -> None:
    machine = LocalMachine(SIZED.replace("/mail/d", "/mail/d/.Spam") + "\nquota_directory = /mail/d")
    machine.deliver()
    end = "(2): No such file or directory: while opening or reading /mail/d/maildirsize"
    assert machine.log[-1].endswith(end)
    machine.world.disk.know_folder("/mail/d/tmp", uid=1, gid=1, mode=0o755)
    machine.exim("-qf")
    assert machine.log[-1].endswith("(13): Permission denied: while opening or reading /mail/d/maildirsize")


def test_a_folder_that_does_not_count_has_no_quota() -> None:
    routers = "local:\n driver = accept\n transport = t\n user = CALLER\n"
    options = (
        "driver = appendfile\ndirectory = /mail/d/.Trash\nmaildir_format\nmaildir_use_size_file\nquota = 1\n"
        "maildir_quota_directory_regex = ^(?:cur|new|\\.(?!Trash).*)$\n"
        "maildirfolder_create_regex = /\\.[^/]+$"
    )
    machine = LocalMachine(options, routers=routers)
    machine.deliver()
    assert machine.log[-1] == "Completed"
    assert "/mail/d/.Trash/maildirfolder" in machine.world.disk.files
