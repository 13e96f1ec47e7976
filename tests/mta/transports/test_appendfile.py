"""Local delivery into mailbox files."""

from __future__ import annotations

import re

import pytest

from eximsim.disk import StoredFolder
from eximsim.errors import Unsupported
from tests.mta.local import ACCEPT, NEWEST, LocalMachine

FILE = "driver = appendfile\nfile = /mail/a"


def test_a_message_is_appended_between_its_affixes() -> None:
    machine = LocalMachine(f"{FILE}\nheaders_remove = *\nreturn_path_add\nenvelope_to_add")
    machine.deliver(text="Subject: one\n\nFrom here on.\nx\n")
    machine.deliver(text="Subject: two\n\nFrom there.\n")
    text = machine.mailbox()
    assert text.startswith("From s@test.ex ")
    assert "\nReturn-path: <s@test.ex>\nEnvelope-to: a@test.ex\n" in text
    assert "\n\n>From here on.\nx\n\nFrom s@test.ex " in text
    assert machine.log[-2:] == ["=> a <a@test.ex> R=local T=t", "Completed"]


def test_batched_smtp_has_its_envelope_and_its_dots() -> None:
    machine = LocalMachine(f"{FILE}\nuse_bsmtp\nuse_crlf\nbatch_max = 10\nheaders_remove = *")
    machine.deliver("a@test.ex", "b@test.ex", text="Subject: s\n\n.x\n")
    text = machine.mailbox()
    assert text.startswith("MAIL FROM:<s@test.ex>\r\nRCPT TO:<a@test.ex>\r\nRCPT TO:<b@test.ex>\r\nDATA\r\n")
    assert text.endswith("\r\n\r\n..x\r\n.\r\n")
    assert [line[:2] for line in machine.log[-3:]] == ["=>", "->", "Co"]


def test_a_mailbox_of_somebody_else_is_not_written_to() -> None:
    machine = LocalMachine(FILE)
    machine.world.disk.write("/mail/a", b"", mode=0o600, uid=7, gid=7, now=0.0)
    machine.deliver()
    assert "mailbox /mail/a has wrong uid (7 != 1000)" in machine.log[-1]
    assert machine.mailbox() == ""


@pytest.mark.parametrize(("mode", "taken"), [(0o600, True), (0o640, True), (0o400, False)])
def test_permissions_are_made_narrower_but_not_wider(mode: int, taken: bool) -> None:
    machine = LocalMachine(FILE)
    machine.world.disk.write("/mail/a", b"", mode=mode, uid=1000, gid=1000, now=0.0)
    machine.deliver()
    assert (machine.mailbox() != "") is taken
    assert machine.world.disk.files["/mail/a"].mode == (0o600 if taken else mode)


def test_a_full_mailbox_defers_and_keeps_what_it_has() -> None:
    machine = LocalMachine(f"{FILE}\nquota = 1K")
    machine.deliver()
    before = machine.mailbox()
    machine.deliver(text=f"Subject: s\n\n{'x' * 900}\n")
    assert (
        "defer (-22): mailbox is full (MTA-imposed quota exceeded while writing to /mail/a)"
        in machine.log[-1]
    )
    assert machine.mailbox() == before


def test_creation_outside_the_home_is_refused() -> None:
    machine = LocalMachine(f"{FILE}\ncreate_file = belowhome\nhome_directory = /home/a")
    machine.deliver()
    assert "creation outside the home directory is not permitted" in machine.log[-1]


def test_a_folder_that_the_user_may_not_write_to() -> None:
    machine = LocalMachine(FILE)
    machine.world.disk.folders["/mail"] = StoredFolder(7, 7, 0o755)
    machine.deliver()
    assert "defer (13): Permission denied: creating lock file hitching post /mail/a.lock." in machine.log[-1]


def test_a_folder_that_nobody_makes() -> None:
    machine = LocalMachine("driver = appendfile\nfile = /mail/b/a\nno_create_directory\nno_use_lockfile")
    machine.deliver()
    assert "defer (2): No such file or directory: while creating mailbox /mail/b/a" in machine.log[-1]


@pytest.mark.parametrize(
    ("release", "file", "refused"),
    [
        ("4.93", "/mail/$local_part", False),
        ("4.94.1", "/mail/$local_part", True),
        (NEWEST, "/mail/$local_part", True),
        (NEWEST, "/mail/${lookup{$local_part}lsearch{/users}}", False),
        (NEWEST, "/mail/${if eq{$local_part}{a}{a}{b}}", False),
        (NEWEST, "/mail/${lookup{$local_part}lsearch{/users}{$value}{$domain}}", False),
        (NEWEST, "/mail/${lookup{x}lsearch{/users}{$value}{$local_part}}", True),
        (NEWEST, "/mail/${uc:$local_part}", True),
        (NEWEST, "/mail/a${strlen:$local_part}", False),
        (NEWEST, "/mail/$address_data", True),
    ],
)
def test_a_name_from_outside_is_refused_since_4_94(release: str, file: str, refused: bool) -> None:
    routers = f"{ACCEPT} address_data = x$local_part\n"
    machine = LocalMachine(
        f"driver = appendfile\nfile = {file}", release, routers=routers, files={"/users": b"a: a\n"}
    )
    machine.deliver()
    assert bool(machine.world.disk.files) is not refused
    assert any("Tainted '/mail/" in line for line in machine.log) is refused


def test_whether_it_is_from_outside_may_be_unknown() -> None:
    routers = f"{ACCEPT} local_parts = ^(.*)\\$\n"
    with pytest.raises(Unsupported, match="tainted"):
        LocalMachine("driver = appendfile\nfile = /mail/$1", routers=routers).deliver()


def test_below_a_safe_folder_any_name_will_do_since_4_95() -> None:
    for release, taken in (("4.94.1", False), ("4.95", True)):
        machine = LocalMachine("driver = appendfile\nfile = /mail/$local_part\ncreate_file = /mail", release)
        machine.deliver()
        assert ("/mail/a" in machine.world.disk.files) is taken


def test_nothing_is_delivered_as_root() -> None:
    machine = LocalMachine(f"{FILE}\nuser = root")
    machine.deliver()
    assert "User 0 set for t transport is on the fixed_never_users list" in machine.log[-1]


def test_a_failed_delivery_is_tried_again_when_its_time_has_come() -> None:
    machine = LocalMachine(f"{FILE}\nfile_must_exist")
    machine.deliver()
    machine.world.disk.write("/mail/a", b"", mode=0o600, uid=1000, gid=1000, now=0.0)
    machine.exim("-q")
    assert machine.mailbox() == ""
    machine.world.sleep(700)
    machine.exim("-q")
    assert machine.log[-2] == "=> a <a@test.ex> R=local T=t"


def test_files_and_duplicates_of_a_redirection() -> None:
    routers = (
        "r:\n driver = redirect\n data = ${if eq{$local_part}{a}{/mail/x, /mail/x, /dev/null}{a@test.ex}}\n"
        " file_transport = t\n user = CALLER\n"
    )
    machine = LocalMachine("driver = appendfile\nenvelope_to_add", routers=routers)
    machine.deliver("b@test.ex")
    assert "=> /mail/x (a@test.ex) <b@test.ex> R=r T=t" in machine.log
    assert "=> /dev/null (a@test.ex) <b@test.ex> R=r T=**bypassed**" in machine.log
    assert machine.mailbox("/mail/x").count("From s@test.ex") == 1
    assert "Envelope-to: b@test.ex\n" in machine.mailbox("/mail/x")


def test_envelope_to_names_a_recipient_as_often_as_it_was_given() -> None:
    routers = "r:\n driver = redirect\n data = ${if eq{$local_part}{b}{a@test.ex}}\n" + (
        "l:\n driver = accept\n transport = t\n"
    )
    machine = LocalMachine(
        "driver = appendfile\nfile = /mail/x\nuser = CALLER\nenvelope_to_add", routers=routers
    )
    machine.deliver("a@test.ex", "a@test.ex", "b@test.ex", "b@test.ex")
    head = machine.mailbox("/mail/x").partition("Received:")[0]
    assert sorted(word.rstrip(",") for word in head.partition("Envelope-to:")[2].split()) == [
        *["a@test.ex"] * 2,
        *["b@test.ex"] * 2,
    ]


MBX = "driver = appendfile\nfile = /mail/a\nmbx_format\nmessage_prefix =\nmessage_suffix ="


def test_a_mailbox_of_the_c_client_library_has_a_header_and_the_size_before_each_message() -> None:
    machine = LocalMachine(MBX)
    machine.deliver()
    now = machine.world.now()
    machine.deliver(text="Subject: t\n\nSecond.\n")
    box = machine.mailbox()
    head = f"*mbx*\r\n{int(now):08x}00000000\r\n" + "\r\n" * 30
    assert box[:2048] == head.ljust(2048, "\0")
    first, _, rest = box[2048:].partition("\r\n")
    stamp, _, size = first.partition(",")
    assert re.fullmatch(r"\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d \+0000", stamp)
    length, _, flags = size.partition(";")
    assert flags == "000000000000-00000000"
    message, second = rest[: int(length)], rest[int(length) :]
    assert message.endswith("\r\n\r\nHello.\r\n")
    assert re.fullmatch(r"[^,]+,\d+;000000000000-00000000", second.partition("\r\n")[0])
    assert second.endswith("\r\n\r\nSecond.\r\n")


@pytest.mark.parametrize(
    ("options", "locked"),
    [
        ("", False),
        ("use_lockfile", True),
        ("use_mbx_lock", False),
        ("use_mbx_lock\nuse_lockfile", True),
        ("use_fcntl_lock", True),
        ("use_flock_lock", True),
    ],
)
def test_such_a_mailbox_has_a_lock_file_only_if_options_say_so(options: str, locked: bool) -> None:
    machine = LocalMachine(f"{MBX}\n{options}", files={"/mail/a.lock": b""})
    machine.deliver()
    assert machine.log[-1].endswith("failed to lock mailbox /mail/a (lock file)") is locked


def test_such_a_format_for_a_folder_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="mbx_format with a folder") as found:
        LocalMachine("driver = appendfile\ndirectory = /mail\nmbx_format").deliver()
    assert found.value.line is not None


@pytest.mark.parametrize(
    ("file", "options", "why"),
    [
        ("/dev/stdout", "", "(-6): mailbox /dev/stdout (symlink) has wrong uid (0 != "),
        ("/dev/stdout", "\nno_check_owner", "(-4): mailbox /dev/stdout is not a regular file"),
        (
            "/dev/full",
            "\nno_check_owner\nallow_fifo",
            "(-4): mailbox /dev/full is not a regular file or named pipe",
        ),
    ],
)
def test_a_device_takes_no_mail(file: str, options: str, why: str) -> None:
    machine = LocalMachine(f"driver = appendfile\nfile = {file}\nno_use_lockfile{options}")
    machine.deliver()
    assert why in machine.log[-1]


@pytest.mark.parametrize("file", ["/box", "/dev/stdout"])
def test_a_mailbox_in_a_folder_that_is_roots_everywhere_may_not_be_locked(file: str) -> None:
    machine = LocalMachine(f"driver = appendfile\nfile = {file}\ncreate_directory")
    machine.deliver()
    assert (
        f"(13): Permission denied: creating lock file hitching post {file}.lock.mx.test.ex" in machine.log[-1]
    )
