from pathlib import Path

import pytest

from eximsim.profiles import profile
from eximsim.suite.goldens_of_others import older_than, whose
from eximsim.suite.normalisation import Identity
from eximsim.suite.runner import Setting, TestResult, Verdict, run_test
from eximsim.suite.runtest_versions import NEWEST
from eximsim.suite.tree import EximTree
from tests.writing import write_files

HERE = Identity("/eximsim/test")
NEWEST_RUNNER = """
s/x/ke-RSA-AES256-SHAnnn:xxx/; print; new_value($1, '10Hm%s-000000005vi-0000')
next if /^_OPT_TRANSPORT_SMTP_DANE_REQUIRE_TLS_CIPHERS=y/;
"""


def run(root: Path, golden: str, script: str) -> TestResult:
    write_files(
        root,
        {
            "runtest": NEWEST_RUNNER,
            "scripts/0000-Basic/0001": script,
            "confs/0001": "primary_hostname = test.ex\n",
            "log/README": "",
            "stdout/0001": golden,
        },
    )
    (root / "dnszones-src").mkdir()
    (root / "aux-var-src").mkdir()
    tree = EximTree(root)
    return run_test(tree, tree.tests()[0], Setting(profile("4.99")))


SPELLED = "# t\nexim -be\nbox.at.home of jane\n****\n"


def test_a_golden_with_names_that_the_script_spells_is_that_of_whoever_has_them(tmp_path: Path) -> None:
    result = run(tmp_path, "> the.local.host.name of CALLER\n> \n", SPELLED)
    assert (result.verdict, result.reason) == (
        Verdict.PASS,
        "as jane on box.at.home, by whom its golden was stored",
    )


@pytest.mark.parametrize(
    "golden", ["> the.local.host.name of CALLER\n", "> other of CALLER\n> \n", "> CALLER of CALLER\n> \n"]
)
def test_if_more_differs_than_such_names_it_is_a_failure(golden: str, tmp_path: Path) -> None:
    assert run(tmp_path, golden, SPELLED).verdict is Verdict.FAIL


def test_a_name_that_no_script_spells_is_the_programs() -> None:
    texts, goldens = {"log": "H=box\n"}, {"log": "H=the.local.host.name\n"}
    assert whose(texts, goldens, "exim -qf\n", HERE) is None
    who = whose(texts, goldens, "H=box", HERE)
    assert who is not None
    assert (who.hostname, who.caller, who.caller_home) == ("box", HERE.caller, HERE.caller_home)


def test_a_golden_that_shows_what_its_runner_leaves_out_is_no_golden_of_that_runner(tmp_path: Path) -> None:
    macro = "_OPT_TRANSPORT_SMTP_DANE_REQUIRE_TLS_CIPHERS=y\n"

    def stdout(era: frozenset[str]) -> dict[str, str]:
        return {"stdout": "" if "option_macros_dropped" in era else macro}

    change = older_than(NEWEST, {"stdout": macro}, stdout)
    assert change is not None
    assert change.since == "afd61b0c0"
    assert older_than(NEWEST, {"stdout": macro + macro}, stdout) is None
    assert older_than(NEWEST - {"option_macros_dropped"}, {"stdout": ""}, stdout) is None
