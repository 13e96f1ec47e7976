import contextlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.files import Folder, read_named, read_named_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file and a folder, links inside, and links that lead out, beside a secret."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside/file").write_text("secret")
    root = tmp_path / "root"
    (root / "folder/deep").mkdir(parents=True)
    (root / "file").write_text("file")
    (root / "folder/deep/file").write_text("deep")
    (root / "inside").symlink_to("folder/deep/file")
    (root / "up").symlink_to("folder/../file")
    (root / "out").symlink_to("../secret")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "beside").symlink_to("../root-beside")
    (root / "parent").symlink_to("..")
    (root / "chain").symlink_to("out")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nothing")
    os.mkfifo(root / "fifo")
    return root


def test_files_below_the_folder_are_read_by_any_name_that_means_them(root: Path) -> None:
    folder = Folder(root)
    for name in ("file", "/file", "./file", "folder/../file", "/../../file", "up"):
        assert folder.read(name) == b"file"
    assert folder.read("inside") == folder.read("/folder//deep/file") == b"deep"
    assert Folder(root / "folder/..").read("file") == b"file"


@pytest.mark.parametrize(
    "name", ["out", "absolute", "beside/file", "parent/secret", "parent/root-beside/file", "chain"]
)
def test_a_link_that_leads_out_is_not_followed(root: Path, name: str) -> None:
    folder = Folder(root)
    with pytest.raises(OSError, match="leads out of the folder"):
        folder.read(name)
    assert not folder.is_file(name)


@pytest.mark.parametrize(
    "name", ["../secret", "folder/../../secret", "loop", "dangling", "no\0ne", "x" * 5000]
)
def test_what_is_not_there_is_not_there(root: Path, name: str) -> None:
    with pytest.raises(OSError):
        Folder(root).read(name)
    assert not Folder(root).is_file(name)
    assert not Folder(root).is_folder(name)


def test_only_regular_files_are_read_and_nothing_is_waited_for(root: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        Folder(root).read("fifo")
    with pytest.raises(IsADirectoryError):
        Folder(root).read("folder")
    for path in (root / "fifo", "/dev/zero", root):
        with pytest.raises(InputError, match=r"; expected a thing$"):
            read_named(path, "a thing")


def test_a_file_has_a_largest_size(root: Path) -> None:
    assert Folder(root, largest=4).read("file") == b"file"
    with pytest.raises(OSError, match="larger than"):
        Folder(root, largest=3).read("file")
    with pytest.raises(InputError, match="larger than 0 MB; expected a thing"):
        read_named(root / "file", "a thing", largest=3)


def test_a_pipe_of_the_callers_shell_is_read_to_its_end() -> None:
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, b"text")
        os.close(writing)

    thread = threading.Timer(0.05, write)
    thread.start()
    assert read_named(f"/dev/fd/{reading}", "a thing") == b"text"
    thread.join()


def test_a_named_file_may_be_a_link_in_its_folder(root: Path) -> None:
    assert read_named(root / "inside", "a thing") == b"deep"
    for name in ("out", "absolute", "chain"):
        with pytest.raises(InputError, match=r"leads out of the folder .*; expected a thing"):
            read_named(root / name, "a thing")


def test_a_named_file_that_is_no_text_is_told(root: Path) -> None:
    (root / "octets").write_bytes(b"\xff")
    with pytest.raises(InputError, match="octets: expected a thing, as text in UTF-8"):
        read_named_text(root / "octets", "a thing")
    with pytest.raises(InputError, match="none: No such file or directory; expected a thing"):
        read_named_text(root / "none", "a thing")


def test_a_folder_tells_what_is_in_it(root: Path) -> None:
    folder = Folder(root)
    assert folder.names("folder") == ["deep"]
    assert folder.names("none") == folder.names("parent") == []
    assert list(folder.files()) == ["file", "folder/deep/file", "inside", "up"]
    assert folder.is_folder()
    assert folder.is_folder("folder")
    assert not folder.is_folder("parent")


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(["..", ".", "folder", "deep", "file", "parent", "beside", "out", ""]), max_size=8
    )
)
def test_no_name_shows_what_is_outside(parts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        top = Path(made)
        (top / "file").write_text("secret")
        (top / "root/folder/deep").mkdir(parents=True)
        (top / "root/file").write_text("file")
        (top / "root/folder/deep/out").symlink_to("../../../file")
        (top / "root/folder/parent").symlink_to("../..")
        (top / "root/beside").symlink_to(top)
        with contextlib.suppress(OSError):
            assert Folder(top / "root").read("/".join(parts)) == b"file"
