from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.testing.policies import CONFIG

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]

QUICK = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:cacheprovider")
"""Without plugins that have nothing to do with it."""

NO_DOWNGRADE = """
def test_no_downgrade(mta, zone, server):
    zone.add("mx.example.com", tlsa="servfail", secure=True)
    result = mta(config="exim.conf").deliver("a@example.com")
    result.should_defer(reason="tlsa lookup DEFER")
"""


@pytest.fixture
def project(
    whole_program: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A repository with a configuration and policy tests of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (pytester.path / "exim.conf").write_text(CONFIG)
    return pytester


def test_a_policy_test_passes(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=NO_DOWNGRADE)
    project.runpytest("-p", "eximsim.pytest_plugin").assert_outcomes(passed=1)


def test_a_policy_test_that_fails_tells_why(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=NO_DOWNGRADE)
    (project.path / "exim.conf").write_text(CONFIG.replace("hosts_try_dane = *", "hosts_try_dane ="))
    result = project.runpytest("-p", "eximsim.pytest_plugin")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       result.should_defer(reason=[\"']tlsa lookup DEFER[\"'])",
            "E  *a@example.com should be deferred for 'tlsa lookup DEFER', but was delivered to mx.*",
            "E  *decisions (4.99):",
            "E  *dane host policy: host=mx.example.com, dnssec=yes, option=not wanted -> *",
            "E  *log:",
            "E  *M1 => a@example.com *",
        ]
    )
    result.stdout.no_fnmatch_line("*_should*")


def test_a_mistake_in_a_configuration_is_told(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=NO_DOWNGRADE)
    (project.path / "exim.conf").write_text("hosts_try_dane = *\n")
    result = project.runpytest("-p", "eximsim.pytest_plugin")
    result.stdout.fnmatch_lines(["E  *InputError: *exim.conf:1: *hosts_try_dane*"])


SLIPS = """
def test_a_name(zone):
    zone.add("no name")

def test_a_server(server):
    server("mx.example.com").set(banner=3)

def test_a_file(mta):
    mta("nowhere.conf")

def test_a_wait(mta):
    mta("exim.conf").wait(-1)
"""


def test_a_slip_is_told_at_the_line_of_the_test(project: pytest.Pytester) -> None:
    project.makepyfile(SLIPS)
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=4)
    shown = "\n".join(result.outlines).partition("FAILURES")[2].partition("short test summary")[0]
    assert "eximsim/" not in shown
    assert shown.count("InputError") == 8


def test_the_release_of_all_tests_can_be_chosen(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=NO_DOWNGRADE)
    project.runpytest("-p", "eximsim.pytest_plugin", "--eximsim-profile", "4.87").assert_outcomes(failed=1)


def test_a_configuration_above_the_test_is_found(project: pytest.Pytester) -> None:
    project.mkdir("policies")
    (project.path / "policies" / "test_policy.py").write_text(NO_DOWNGRADE)
    project.makeini("[pytest]\n")
    project.runpytest("-p", "eximsim.pytest_plugin", "policies").assert_outcomes(passed=1)


def test_a_subject_that_there_is_none_of_is_told(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=NO_DOWNGRADE)
    result = project.runpytest("-p", "eximsim.pytest_plugin", "--eximsim-subject", "/usr/sbin/exim4")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: */usr/sbin/exim4*expected model or exim:PATH*"])


POLICY = """
def test_promises(policy):
    ours = policy()
    ours.always("example.com", outcome="delivered", when={"everything else": "well"})

def test_what_the_table_says(mta, zone):
    zone.add("mx.example.com", tlsa="servfail")
    result = mta().deliver("a@example.com").should_deliver(security="verified")
    assert result.profile == "4.87"
"""


def test_the_table_in_pyproject_says_what_is_meant(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=POLICY)
    project.makepyprojecttoml(
        '[tool.eximsim]\nconfig = "exim.conf"\nprofile = "4.87"\n[tool.pytest.ini_options]\n'
    )
    project.runpytest("-p", "eximsim.pytest_plugin").assert_outcomes(passed=2)
    result = project.runpytest("-p", "eximsim.pytest_plugin", "--eximsim-profile", "4.99", "-k", "table")
    result.assert_outcomes(failed=1, deselected=1)


def test_a_mistake_in_the_table_is_told_with_its_line(project: pytest.Pytester) -> None:
    project.makepyfile(test_policy=POLICY)
    project.makepyprojecttoml("[tool.eximsim]\nconfig = 3\n[tool.pytest.ini_options]\n")
    result = project.runpytest("-p", "eximsim.pytest_plugin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pyproject.toml:2: tool.eximsim.config: expected a text"])


def test_the_plugin_is_there_wherever_the_package_is_installed(project: pytest.Pytester) -> None:
    """Also where a conftest names it, and several processes run the tests."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ((name, value),) = settings["project"]["entry-points"]["pytest11"].items()
    assert EntryPoint(name, value, "pytest11").load().__name__ == "eximsim.pytest_plugin"
    installed = project.mkdir("eximsim-1.dist-info")
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: eximsim\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{name} = {value}\n")
    (installed / "RECORD").write_text("")
    project.makeconftest('pytest_plugins = ["eximsim.pytest_plugin"]')
    project.makepyfile(test_policy=NO_DOWNGRADE)
    result = project.runpytest_subprocess("-n", "1", *QUICK)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("options", "table", "told"),
    [
        (("--eximsim-profile=9.9",), "", "unknown profile '9.9'"),
        (("--eximsim-subject=exim",), "", "subject 'exim': expected model or exim:PATH"),
        (("--eximsim-subject=exim:/none",), "", "/none: expected an Exim program here"),
        (("--eximsim-world=mars",), "", "world 'mars': expected memory or loopback"),
        ((), 'profile = "9.9"', "unknown profile '9.9'"),
        ((), 'world = "mars"', "world 'mars': expected memory or loopback"),
        ((), 'profle = "4.99"', "tool.eximsim.profle: expected profile, config"),
    ],
)
def test_a_slip_in_what_pytest_is_told_is_told_once_and_first(
    project: pytest.Pytester, options: tuple[str, ...], table: str, told: str
) -> None:
    project.makepyprojecttoml(f"[tool.eximsim]\n{table}\n")
    project.makepyfile(test_policy=NO_DOWNGRADE)
    result = project.runpytest("-p", "eximsim.pytest_plugin", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{told}*"])
