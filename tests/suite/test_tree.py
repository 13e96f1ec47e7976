from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509.ocsp import OCSPCertStatus

from eximsim.errors import InputError
from eximsim.profiles import NEWEST, profile
from eximsim.suite.tree import EximTree
from eximsim.world.certificates import self_signed
from eximsim.world.clock import START
from tests.mta.reception.test_smtp_in_policy import response
from tests.writing import write_files

PROFILE = profile(NEWEST)
FILES = {
    "runtest": "print; new_value($1, '10Hm%s-000000005vi-0000')\n",
    "scripts/0000-Basic/0001": "# first\n",
    "scripts/0000-Basic/notes": "no test\n",
    "scripts/5840-DANE/REQUIRES": "support DANE\n\nrunning IPv4\n",
    "scripts/5840-DANE/5840": "# DANE\nexim -qf\n****\n",
    "scripts/5840-DANE/5840.1": "# DANE\n",
    "confs/5840": "port = PORT_D\nspool_directory = DIR/spool\n",
    "log/5840": "golden\n",
    "mail/5840.userx": "mail\n",
    "aux-var-src/0001.x": "V4NET.0.0.1\n",
    "dnszones-src/db.test.ex": "a A HOSTIPV4\n",
    "dnszones-src/db.ip4.V4NET": "1.0.0 PTR a.test.ex.\n",
    "dnszones-src/db.ip6.V6NET": "x PTR a.test.ex.\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def test_tests_are_found_in_their_groups(root: Path) -> None:
    assert [(case.group, case.name) for case in EximTree(root).tests()] == [
        ("0000-Basic", "0001"), ("5840-DANE", "5840"), ("5840-DANE", "5840.1")
    ]  # fmt: skip


def test_the_era_is_read_off_the_runner(root: Path) -> None:
    assert EximTree(root).era == {"long_ids"}
    (root / "runtest").unlink()
    with pytest.raises(InputError, match="no runtest here"):
        EximTree(root)


def test_a_tree_is_run_with_the_openssl_of_its_day(root: Path) -> None:
    newest = profile("4.99")
    assert EximTree(root).program(newest) == replace(newest, tls_library="openssl-1.0.2", i18n=True)
    (root / "runtest").write_text("s/x/ke-RSA-AES256-SHAnnn:xxx/;\n")
    assert EximTree(root).program(newest) == replace(newest, i18n=True)


def test_a_change_of_the_program_that_is_younger_than_the_tree_is_undone(root: Path) -> None:
    script = root / "scripts/2100-OpenSSL/2112"
    script.parent.mkdir(parents=True)
    script.write_text("exim -odf a@test.ex\n")
    assert EximTree(root).program(profile("4.87")).dane_failure_overridden
    script.write_text("# fail the crypt requirement\n")
    assert not EximTree(root).program(profile("4.87")).dane_failure_overridden


def test_the_caller_is_who_the_goldens_were_signed_for(root: Path) -> None:
    assert EximTree(root).identity.caller == "jgh"


def test_configuration_and_variable_files_are_substituted(root: Path) -> None:
    tree = EximTree(root)
    files = tree.files(tree.tests()[1])
    assert files["/eximsim/test/test-config"] == b"port = 1225\nspool_directory = /eximsim/test/spool\n"
    assert files["/eximsim/test/aux-var/0001.x"] == b"224.0.0.1\n"


def test_zones_are_substituted_and_know_the_host_itself(root: Path) -> None:
    tree = EximTree(root)
    zones = tree.zones(tree.tests()[0])
    for name, type, data in (
        ("a.test.ex", "A", "198.51.100.25"),
        ("1.0.0.224.in-addr.arpa", "PTR", "a.test.ex"),
        ("x.0.0.f.f.ip6.arpa", "PTR", "a.test.ex"),
        ("the.local.host.name", "A", "198.51.100.25"),
        ("25.100.51.198.in-addr.arpa", "PTR", "the.local.host.name"),
    ):
        assert [record.data for record in zones.answer(name, type).answer.answers] == [data]


def test_requirements_and_goldens_belong_to_the_test(root: Path) -> None:
    tree = EximTree(root)
    first, dane, _ = tree.tests()
    assert tree.requirements(dane) == ["support DANE", "running IPv4"]
    assert tree.requirements(first) == []
    assert tree.goldens(dane, PROFILE).texts == {"log": "golden\n", "mail/userx": "mail\n"}


def test_goldens_of_a_tree_are_not_changed(root: Path) -> None:
    tree = EximTree(root)
    with pytest.raises(InputError, match="are not changed"):
        tree.store(tree.tests()[0], PROFILE, {"log": "x"})


def test_a_folder_that_is_no_tree_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder scripts/ here"):
        EximTree(tmp_path)


def test_the_clock_of_a_tree_begins_while_its_ocsp_responses_are_good(root: Path) -> None:
    assert EximTree(root).begins == START
    proof = root / "aux-fixed/exim-ca/example.com/server1.example.com/server1.example.com.ocsp.good.resp"
    proof.parent.mkdir(parents=True)
    for until, begins in ((2026, datetime(2025, 12, 2, tzinfo=UTC).timestamp()), (2029, START)):
        proof.write_bytes(response(self_signed("/CN=a.ex"), OCSPCertStatus.GOOD, until=until))
        assert EximTree(root).begins == begins
