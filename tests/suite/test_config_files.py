from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.suite.config_files import ConfigFiles


def test_files_are_found_below_the_folder_then_at_their_own_path(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "list").write_text("below")
    outside = tmp_path / "outside"
    outside.write_text("outside")
    files = ConfigFiles("/etc/exim.conf", "text", tmp_path)
    assert files["/etc/exim.conf"] == b"text"
    assert files.read_file("/etc/list") == b"below"
    assert files[str(outside)] == b"outside"
    assert "/etc/nowhere" not in files
    assert (files.found, files.missing) == (("/etc/list", str(outside)), ("/etc/nowhere",))
    assert list(files) == ["/etc/exim.conf", "/etc/list", str(outside)]
    assert len(files) == 3


def test_what_stands_for_a_file_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("on disk")
    files = ConfigFiles("c", "", tmp_path, {"/key": b"instead"})
    assert files["/key"] == b"instead"


def test_without_a_folder_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    files = ConfigFiles("c", "", None)
    with pytest.raises(FileNotFoundError):
        files.read_file(str(tmp_path / "there"))
    assert files.missing == (str(tmp_path / "there"),)
