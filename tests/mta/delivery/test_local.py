"""What a delivery does besides: one_time, skipped errors, shadows, copies of bounces, loops."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from tests.mta.front import Front
from tests.mta.local import LocalMachine

LISTS = "r:\n driver = redirect\n local_parts = list\n data = a@test.ex, b@test.ex\n one_time\n"
LOCAL = "local:\n driver = accept\n transport = t\n user = CALLER\n"
BUSY = "busy:\n driver = redirect\n local_parts = b\n allow_defer\n data = :defer: later\n"
FILE = "driver = appendfile\nfile = /mail/a"


def test_who_waits_takes_the_place_of_the_list() -> None:
    machine = LocalMachine(FILE, routers=LISTS + BUSY + LOCAL)
    machine.deliver("list@test.ex")
    (message,) = machine.machine.spool.messages.values()
    assert [(one.address, one.parent) for one in message.recipients] == [
        ("list@test.ex", None),
        ("b@test.ex", "list@test.ex"),
    ]
    assert "list@test.ex" in message.nonrecipients
    assert "== b@test.ex <list@test.ex> R=busy defer (-1): later" in machine.log
    machine.exim("-qf")
    assert machine.log[-1] == "== b@test.ex <list@test.ex> R=busy defer (-1): later"


def test_a_list_that_is_read_each_time_stays() -> None:
    machine = LocalMachine(FILE, routers=LISTS.replace(" one_time\n", "") + BUSY + LOCAL)
    machine.deliver("list@test.ex")
    (message,) = machine.machine.spool.messages.values()
    assert message.addresses() == ["list@test.ex"]


@pytest.mark.parametrize("option", ["unseen", "headers_add = X: y"])
def test_what_cannot_be_done_once(option: str) -> None:
    with pytest.raises(InputError, match="one_time"):
        LocalMachine(FILE, routers=f"{LISTS} {option}\n{LOCAL}").deliver("list@test.ex")


def test_errors_that_are_skipped_are_told() -> None:
    routers = (
        "r:\n driver = redirect\n local_parts = list\n data = a@test.ex, c@test.ex, <b@\n"
        " skip_syntax_errors\n syntax_errors_to = owner@test.ex\n syntax_errors_text = Mind $local_part.\n"
    )
    machine = LocalMachine("driver = appendfile\nfile = /mail/${lc:a}", routers=routers + LOCAL)
    machine.deliver("list@test.ex")
    text = machine.mailbox()
    assert "To: owner@test.ex\nSubject: error(s) in forwarding or filtering\n" in text
    assert "\nMind list.\n\nThe r router encountered the following error(s):\n" in text
    assert "Other addresses were processed normally.\n" in text
    assert text.count("\nSubject: s\n") == 2


def test_too_many_received_lines_are_a_loop() -> None:
    machine = LocalMachine(FILE, main="received_headers_max = 2")
    machine.deliver(text="Received: a\nReceived: b\nSubject: s\n\nx\n")
    assert '** a@test.ex : Too many "Received" headers - suspected mail loop' in machine.log


@pytest.mark.parametrize(
    ("shadow", "told"),
    [
        ("file = /mail/copy", " ST=copy"),
        ("file = relative", ' ST=copy (appendfile: file or directory name "relative" is not absolute)'),
    ],
)
def test_a_shadow_gets_a_copy_and_its_fate_is_logged(shadow: str, told: str) -> None:
    copy = f"copy:\n driver = appendfile\n {shadow}\n"
    machine = LocalMachine(f"{FILE}\nshadow_transport = copy", transports=copy)
    machine.deliver()
    assert f"=> a <a@test.ex> R=local T=t{told}" in machine.log
    assert ("/mail/copy" in machine.world.disk.files) is (told == " ST=copy")


def test_a_shadow_may_have_a_condition() -> None:
    options = f"{FILE}\nshadow_transport = copy\nshadow_condition = ${{if eq{{$local_part}}{{b}}}}"
    machine = LocalMachine(options, transports="copy:\n driver = appendfile\n file = /mail/copy\n")
    machine.deliver()
    assert "=> a <a@test.ex> R=local T=t" in machine.log


def test_somebody_else_gets_bounces_too() -> None:
    routers = (
        "no:\n driver = redirect\n allow_fail\n local_parts = b\n data = :fail: no such person\n" + LOCAL
    )
    main = "errors_copy = nobody@* nobody@test.ex : s@* copy-$local_part@test.ex"
    machine = LocalMachine("driver = appendfile\nfile = /mail/a\nenvelope_to_add", routers=routers, main=main)
    machine.deliver("b@test.ex")
    text = machine.mailbox()
    assert "Envelope-to: copy-s@test.ex\n" in text
    assert "Envelope-to: s@test.ex\n" in text
    assert "Bcc:" not in text
    assert "\n  b@test.ex\n    no such person\n" in text


# ---- where and as whom -----------------------------------------------------------------------------------


def test_a_transports_home_is_in_its_options() -> None:
    machine = LocalMachine("driver = appendfile\nhome_directory = /mail\nfile = $home/a")
    machine.deliver()
    assert machine.mailbox().startswith("From s@test.ex ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("home_directory = x", 'home directory path "x" is not absolute for t transport'),
        ("current_directory = x", 'current directory path "x" is not absolute for t transport'),
    ],
)
def test_a_transport_that_cannot_be_set_up_defers(options: str, told: str) -> None:
    machine = LocalMachine(f"{FILE}\n{options}")
    machine.deliver()
    (line,) = (line for line in machine.log if line.startswith("== "))
    assert line.endswith(told)


def test_a_group_of_the_transport_is_enough_for_a_user_without_one() -> None:
    machine = LocalMachine(f"{FILE}\nuser = 1000\ngroup = 1000")
    machine.deliver()
    assert "=> a <a@test.ex> R=local T=t" in machine.log


@pytest.mark.parametrize(("by_local_part", "key"), [("true", "T:a@test.ex"), ("false", "T:test.ex")])
def test_retry_times_are_kept_by_address_or_by_domain(by_local_part: str, key: str) -> None:
    machine = LocalMachine(f"driver = appendfile\nfile = relative\nretry_use_local_part = {by_local_part}")
    machine.deliver()
    assert list(machine.machine.hints.retry) == [key]


@pytest.mark.parametrize(("release", "named"), [("4.92", "/nowhere"), ("4.96", "/nowhere/box")])
def test_where_folders_cannot_be_made_the_folder_or_the_mailbox_is_named(release: str, named: str) -> None:
    routers = "begin routers\nr:\n  driver = accept\n  transport = t\n"
    transports = "begin transports\nt:\n  driver = appendfile\n  file = /nowhere/box\n  user = caller\n"
    front = Front(release=release, routers=routers + transports)
    front.exim("-odi", "r@d.ex", stdin="Subject: x\n\n")
    assert f"failed to create directories for {named}: Permission denied" in front.log()[1]
