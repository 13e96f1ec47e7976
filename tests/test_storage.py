import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.storage import check_place, remove_below, store, store_below, store_text, whole_folder

OLD, NEW = b"old\n" * 1000, b"new\n" * 300_000


def test_a_file_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    store_below(tmp_path, "c/d/file", NEW)
    assert (tmp_path / "c/d/file").read_bytes() == NEW
    assert os.listdir(tmp_path / "c/d") == ["file"]


def test_a_folder_that_the_caller_named_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory; expected a place to write to"):
        store(tmp_path / "a/file", NEW)


def test_a_place_that_is_not_there_is_told_before_the_work(tmp_path: Path) -> None:
    check_place(tmp_path / "report")
    check_place(Path("-"))
    with pytest.raises(InputError, match="No such file or directory; expected a place to write to"):
        check_place(tmp_path / "not-there" / "report")


def test_text_is_utf8_and_loses_nothing(tmp_path: Path) -> None:
    store_text(tmp_path / "page", "é\udc80\n")
    assert (tmp_path / "page").read_bytes() == "é\\udc80\n".encode()


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    path.chmod(0o640)
    store(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    store_below(tmp_path, "key", NEW, mode=0o600)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("fault", ["write", "fsync", "rename"])
def test_a_fault_leaves_the_old_file(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if fault == "write":
        monkeypatch.setattr(os, "fdopen", full)
    else:
        monkeypatch.setattr(os, fault, full)
    with pytest.raises(InputError, match="No space left"):
        store(path, NEW)
    monkeypatch.undo()
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_somebody_else_has_written_since_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    store(path, OLD, was=None)
    store(path, NEW, was=OLD)
    for was in (OLD, None):
        with pytest.raises(InputError, match="changed by somebody else"):
            store(path, b"mine", was=was)
    assert path.read_bytes() == NEW


def test_of_many_writers_at_once_none_is_lost_unsaid(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    refused = []

    def add(number: int) -> None:
        for _ in range(20):
            was = path.read_bytes()
            try:
                store(path, was + b"%d\n" % number, was=was)
            except InputError:
                refused.append(number)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_bytes().splitlines()) + len(refused) == 80


# ---- links ----------------------------------------------------------------------------------------------


def test_nothing_below_a_folder_is_written_through_a_link(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "file").write_bytes(OLD)
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    (root / "new").symlink_to(outside / "new")
    for name in ("folder/file", "folder/new", "folder/deep/new", "file", "new"):
        with pytest.raises(InputError, match=r"link|not a regular file"):
            store_below(root, name, NEW)
    with pytest.raises(InputError, match="link"):
        remove_below(root, "folder/file")
    assert (outside / "file").read_bytes() == OLD
    assert os.listdir(outside) == ["file"]


@pytest.mark.parametrize("name", ["../file", "a/../../file", "/file", "", "a/", "."])
def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(InputError, match="expected a place to write to"):
        store_below(tmp_path / "root", name, NEW)
    assert not (tmp_path / "file").exists()


def test_a_link_that_is_removed_leaves_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to("target")
    assert remove_below(tmp_path, "link")
    assert not remove_below(tmp_path, "link")
    assert (tmp_path / "target").read_bytes() == OLD


def test_a_link_that_the_caller_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    store(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == NEW


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    store(Path(f"/dev/fd/{writing}"), b"text")
    assert os.read(reading, 10) == b"text"
    with pytest.raises(InputError, match="No space left"):
        store(Path("/dev/full"), b"text")
    with pytest.raises(InputError, match="Is a directory"):
        store(tmp_path, b"text")


# ---- folders --------------------------------------------------------------------------------------------


def _written(path: Path, *names: str) -> None:
    with whole_folder(path) as new:
        for name in names:
            store_below(new, name, NEW)


def test_a_folder_has_its_name_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "above/folder"
    with whole_folder(path) as new:
        store_below(new, "a", NEW)
        assert not path.exists()
    assert os.listdir(path) == ["a"]
    assert os.listdir(path.parent) == ["folder"]


def test_a_folder_that_is_not_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    _written(tmp_path / "folder", "a")
    with pytest.raises(InputError, match="expected a place"):
        _written(tmp_path / "folder", "b", "b/c")
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder") == ["a"]


def test_a_folder_is_replaced_if_that_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    _written(path, "a", "c/d")
    store_below(path, "a", OLD)
    _written(path, "a", "b", "c/d")
    assert (path / "a").read_bytes() == NEW
    assert sorted(os.listdir(path)) == ["a", "b", "c"]
    with pytest.raises(InputError, match="folder: b would be lost; expected a new name"):
        _written(path, "a", "c/d")
    assert (path / "b").read_bytes() == NEW
    with pytest.raises(InputError, match=r"a: \. would be lost"):
        _written(path / "a", "a")
    assert os.listdir(tmp_path) == ["folder"]


def test_what_a_killed_writer_of_a_folder_has_left_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    left = tmp_path / ".folder.0000.eximsim-new"
    store_below(left, "a", OLD)
    with whole_folder(tmp_path / "folder") as new:
        assert not left.exists()
        _written(tmp_path / "folder", "a")
        store_below(new, "a", OLD)
    assert (tmp_path / "folder/a").read_bytes() == OLD


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    store(tmp_path / "file", NEW)
    with pytest.raises(InputError, match="expected a place to write to"):
        _written(tmp_path / "file/folder", "a")


# ---- killed ---------------------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from eximsim.storage import store
print(flush=True)
store(Path(sys.argv[1]), b"new\\n" * 300_000)
"""


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path: Path, long: bool) -> None:
    path = tmp_path / "file"
    seen = set()
    for moment in range(200 if long else 12):
        path.write_bytes(OLD)
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(moment * 0.0004)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        seen.add(path.read_bytes())
    assert seen <= {OLD, NEW}
    store(path, OLD)
    assert os.listdir(tmp_path) == ["file"]  # what the killed ones have left is gone


def test_a_link_that_the_caller_names_is_followed_only_within_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "target").write_text("old")
    (folder / "inside").symlink_to("target")
    (folder / "outside").symlink_to(tmp_path / "new")
    store(folder / "inside", b"new")
    assert (folder / "target").read_text() == "new"
    with pytest.raises(InputError, match="leads out of its folder by a link"):
        store(folder / "outside", b"new")
    assert not (tmp_path / "new").exists()


def test_a_fifo_that_nobody_reads_does_not_hold_the_writer(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(InputError, match="No such device or address"):
        store(fifo, b"x")


def test_a_fifo_that_somebody_reads_is_written_to(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        store(fifo, b"report")
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)
