"""Finding out what form zones have."""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.world.zones import load_zones


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("db.test", "a A 192.0.2.1"),
        ("test.zone", "a.test. 5 A 192.0.2.1"),
        ("zone", "$ORIGIN test.\na 5 A 192.0.2.1"),
        ("list.json", '[{"name": "a.test", "type": "A", "data": ["192.0.2.1"]}]'),
        ("scenario.json", '{"zone": [{"name": "a.test", "type": "A", "data": ["192.0.2.1"]}]}'),
    ],
)
def test_file_is_read_by_its_name(tmp_path: Path, name: str, text: str) -> None:
    zones = load_zones(write(tmp_path, name, text))
    assert [record.data for record in zones.answer("a.test", "A").answer.answers] == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("name", "text"), [("db.test", "a A 192.0.2.1"), ("t.zone", "a.test. 5 A 192.0.2.1")]
)
def test_folder_is_read_by_the_names_of_its_files(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, name, text)
    assert load_zones(tmp_path).answer("a.test", "A").answer.answers


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.json", "[", "expected JSON"),
        ("a.json", "[" * 100_000, "nested more than 64 deep"),
        ("a.json", "1" * 5000, "expected JSON"),
        ("a.json", "{}", "no list of RRsets"),
        ("a.json", '[{"name": 1}]', "RRset 1: name is 1"),
        ("a.zone", "x", "relative name"),
        ("db.a", "x", "no record type"),
    ],
)
def test_bad_file_is_named(tmp_path: Path, name: str, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        load_zones(write(tmp_path, name, text))
    assert str(caught.value.path).endswith(name)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory; expected a zone file"):
        load_zones(tmp_path / "missing")


def test_a_folder_without_zones_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no zones here; expected files ZONE\.zone .*, or db\.ZONE"):
        load_zones(tmp_path)
