from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.files import Folder
from eximsim.suite.normalisation import Identity
from eximsim.suite.source import TestCase, as_bytes, choose, named_files, read_text, substitute

IDENTITY = Identity("/eximsim/test")
CASES = [
    TestCase(name, group, Path(group) / name)
    for group, names in (("0000-Basic", ("0001", "0002")), ("5840-DANE", ("5840", "5841.1")))
    for name in names
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CALLER CALLER_UID CALLERS", "simcaller 1000 CALLERS"),
        ("CALLER_NAME", "CALLER_NAME"),
        ("DIR/spool DIRS/x", "/eximsim/test/spool DIRS/x"),
        ("PORT_D PORT_D2 X_PORT_D", "1225 1226 X_1225"),
        ("V4NET.0.0.1 db.ip4.V4NET db_V4NET_x", "224.0.0.1 db.ip4.224 db_224_x"),
        ("V6NET:0:1 V6NET", "ff00:0:1 ff00:"),
        ("TESTNUM HOSTIPV4 HOSTNAME", "5840 198.51.100.25 the.local.host.name"),
    ],
)
def test_words_of_the_test_environment_are_substituted(text: str, expected: str) -> None:
    assert substitute(text, IDENTITY, "5840") == expected


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        ((), ["0001", "0002", "5840", "5841.1"]),
        (("5840",), ["5840"]),
        (("5840", "0002"), ["0002", "5840"]),
        (("0002-5840",), ["0002", "5840"]),
        (("5840-DANE",), ["5840", "5841.1"]),
        (("Basic",), ["0001", "0002"]),
    ],
)
def test_tests_are_chosen_by_number_range_and_group(selectors: tuple[str, ...], names: list[str]) -> None:
    assert [case.name for case in choose(CASES, selectors, Path("scripts"))] == names


def test_a_test_that_is_not_there_has_a_neighbour_named() -> None:
    with pytest.raises(InputError, match="scripts: no test '584O' here; did you mean 5840"):
        choose(CASES, ["584O"], Path("scripts"))
    with pytest.raises(InputError, match="expected the number of a test, FIRST-LAST, or a group"):
        choose(CASES, ["?"], Path("scripts"))


def test_octets_that_are_not_utf8_survive_reading_and_writing(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\xe9\xc3\xa9\n")
    assert as_bytes(read_text(Folder(tmp_path), "f")) == b"\xe9\xc3\xa9\n"
    with pytest.raises(InputError, match="expected a readable file"):
        read_text(Folder(tmp_path), "none")


def test_files_of_a_test_may_be_in_folders(tmp_path: Path) -> None:
    (tmp_path / "mail/75.sub").mkdir(parents=True)
    for name in ("75.userx", "75.sub/usery", "751.other"):
        (tmp_path / "mail" / name).write_text(name)
    assert named_files(Folder(tmp_path), "mail", "75") == {
        "sub/usery": "mail/75.sub/usery",
        "userx": "mail/75.userx",
    }
