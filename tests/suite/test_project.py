from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.profiles import NEWEST, profile
from eximsim.suite.project import ProjectSuite
from eximsim.world.certificates import self_signed
from tests.writing import write_files

OLD, NEW = profile("4.88-jh03"), profile("4.99")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "scripts/5840-DANE/5840": "# t\n#@ profiles 4.88-jh03 4.99\n",
        "scripts/0001": "# plain\n",
        "scripts/5840-DANE/REQUIRES": "support DANE\n",
        "confs/5840": "port = PORT_D\n",
        "dnszones/db.example.org": "a A HOSTIPV4\n_25._tcp.a TLSA 3 0 0 @cert:mine\n",
        "logs/5840": "common\n",
        "logs/5840@4.99": "new\n",
    }
    write_files(tmp_path, files)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/mine.pem").write_bytes(self_signed("/CN=mine").chain)
    return tmp_path


def test_scripts_may_be_in_groups_or_not(root: Path) -> None:
    suite = ProjectSuite(root)
    assert [(case.name, case.group) for case in suite.tests()] == [("0001", ""), ("5840", "5840-DANE")]
    assert suite.case_at(root / "scripts/0001") == suite.tests()[0]
    assert suite.case_at(root / "scripts/5840-DANE/REQUIRES") is None


def test_a_script_says_under_which_profiles_it_runs(root: Path) -> None:
    suite = ProjectSuite(root)
    assert [tuple(suite.profiles(case)) for case in suite.tests()] == [(NEWEST,), ("4.88-jh03", "4.99")]


def test_zones_refer_to_certificates_by_name(root: Path) -> None:
    suite = ProjectSuite(root)
    (record,) = suite.zones(suite.tests()[1]).answer("_25._tcp.a.example.org", "TLSA").answer.answers
    assert isinstance(record.data, bytes)
    assert record.data.startswith(b"\x03\x00\x00\x30\x82")


def test_a_reference_to_no_certificate_is_bad_input(root: Path) -> None:
    (root / "certs/mine.pem").unlink()
    suite = ProjectSuite(root)
    with pytest.raises(InputError, match="there is no certificate 'mine'"):
        suite.zones(suite.tests()[1])


def test_a_profile_has_its_own_golden_or_the_common_one(root: Path) -> None:
    suite = ProjectSuite(root)
    case = suite.tests()[1]
    assert suite.goldens(case, OLD).texts == {"log": "common\n"}
    assert suite.goldens(case, NEW).texts == {"log": "new\n"}


def test_goldens_are_stored_once_for_all_profiles_that_agree(root: Path) -> None:
    suite = ProjectSuite(root)
    case = suite.tests()[1]
    assert suite.store(case, OLD, {"log": "better\n", "stderr": "", "mail/userx": "m\n"}) == [
        root / "logs/5840", root / "mail/5840.userx"
    ]  # fmt: skip
    assert suite.store(case, NEW, {"log": "better\n"}) == []
    assert not (root / "logs/5840@4.99").exists()
    assert suite.store(case, NEW, {"log": "other\n"}) == [root / "logs/5840@4.99"]
    assert suite.goldens(case, OLD).texts == {"log": "better\n", "mail/userx": "m\n"}


def test_an_output_that_is_empty_now_loses_its_golden(root: Path) -> None:
    suite = ProjectSuite(root)
    assert suite.store(suite.tests()[1], OLD, {"log": ""}) == [root / "logs/5840"]
    assert not (root / "logs/5840").exists()


def test_a_folder_that_is_no_suite_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder scripts/ here"):
        ProjectSuite(tmp_path)
