"""Goldens of a tree that are for one kind of machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

from eximsim.profiles import NEWEST, profile
from eximsim.suite import flavour
from eximsim.suite.tree import EximTree
from tests.writing import write_files


def test_a_tree_without_a_word_on_openssl_asks_for_the_distribution(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('NAME="A system"\nID=debian\nVERSION_ID="12"\n')
    assert flavour.flavour(tmp_path, tmp_path) == "debian12"


def test_a_tree_that_tells_new_openssl_apart_asks_for_that_first(tmp_path: Path) -> None:
    (tmp_path / "lib/Exim").mkdir(parents=True)
    (tmp_path / "lib/Exim/Runtest.pm").write_text("openssl_1_1_1\n")
    found = [
        _with(tmp_path, text) for text in ("OpenSSL 3.0.2 15 Mar", "OpenSSL 1.1.1w  11 Sep", "OpenSSL 1.0.2")
    ]
    assert found == ["openssl_1_1_1", "openssl_1_1_1", ""]


def _with(tmp_path: Path, version: str) -> str:
    with mock.patch.object(flavour, "_openssl", return_value=version):
        return flavour.flavour(tmp_path, tmp_path)


def test_a_golden_of_the_machine_s_kind_is_taken_before_the_general_one(tmp_path: Path) -> None:
    files = {
        "runtest": "", "scripts/0000-Basic/0001": "# x\n", "log/0001": "general\n",
        "log/0001.openssl_1_1_1": "new\n", "stdout/0001": "same\n",
        "lib/Exim/Runtest.pm": "openssl_1_1_1\n", "confs/0001": "",
    }  # fmt: skip
    tree = EximTree(write_files(tmp_path, files))
    (case,) = tree.tests()
    with mock.patch.object(flavour, "_openssl", return_value="OpenSSL 3.0.2"):
        texts = tree.goldens_here(case, profile(NEWEST)).texts
    assert texts == {"log": "new\n", "stdout": "same\n"}
    assert tree.goldens(case, profile(NEWEST)).texts["log"] == "new\n"
    older = replace(profile(NEWEST), tls_library="openssl-1.0.2")
    assert tree.goldens(case, older).texts["log"] == "general\n"
