"""What the gate compares: files of all kinds, a revision, mail of one's own; and when it has not looked."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from eximsim.cli import eximsim
from eximsim.commands.gate_sides import Reading
from eximsim.commands.policies import Outside
from eximsim.errors import InputError
from eximsim.gate.explore_policies import survey
from tests.commands.test_gate import SMALL
from tests.gate.policies import policy

PLAIN = SMALL.replace("OPTIONS\n", "")
INCLUDING = SMALL.replace("OPTIONS\n", ".include strict.inc\n")
STRICT = "  hosts_require_tls = *\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(eximsim, ["gate", "--hosts", "1", *arguments])


def written(folder: Path, **files: str) -> Path:
    """The folder with these files in it; ``_`` stands for the dot of a name."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def causes(result: Result) -> set[tuple[str, str]]:
    report = json.loads(result.stdout)
    return {(cause["name"], cause["where"]) for group in report["groups"] for cause in group["cause"]}


def test_a_change_of_an_included_file_is_a_change_with_its_own_line(tmp_path: Path) -> None:
    old = written(tmp_path / "old", exim_conf=INCLUDING, strict_inc="# policy\n" + STRICT) / "exim.conf"
    new = written(tmp_path / "new", exim_conf=INCLUDING, strict_inc="# policy\n") / "exim.conf"
    found = run(str(old), str(new), "--json")
    assert found.exit_code == 1
    assert causes(found) == {("hosts_require_tls", f"{old.parent}/strict.inc:2")}


def test_a_change_of_a_lookup_file_is_a_change_with_its_own_line(tmp_path: Path) -> None:
    conf = SMALL.replace("OPTIONS\n", "  hosts_require_tls = lsearch;/etc/tls_hosts\n")
    sides = []
    for name, host in (("old", "mx.partner.example"), ("new", "mx.partnr.example")):
        folder = written(tmp_path / name, exim_conf=conf)
        written(folder / "etc", tls_hosts=f"# ours\n{host}: yes\n")
        (folder / "etc" / "tls.hosts").rename(folder / "etc" / "tls_hosts")
        sides.append(str(folder / "exim.conf"))
    found = run(*sides, "--json")
    assert found.exit_code == 1
    assert causes(found) == {("/etc/tls_hosts", "/etc/tls_hosts:2")}


def test_a_named_list_is_told_by_its_name_its_values_and_the_line_of_the_item(tmp_path: Path) -> None:
    conf = "hostlist strict = mx.a.example : \\\n  mx.partner.example\n" + SMALL.replace(
        "OPTIONS\n", "  hosts_require_tls = +strict\n"
    )
    written(tmp_path, old_conf=conf, new_conf=conf.replace("mx.partner", "mx.partnr"))
    found = run(str(tmp_path / "old.conf"), str(tmp_path / "new.conf"), "--json")
    assert found.exit_code == 1
    assert causes(found) == {("hostlist strict", f"{tmp_path}/new.conf:2")}
    assert "was 'mx.a.example : mx.partner.example' and is" in found.stdout


def test_a_macro_is_the_place_of_what_it_changes(tmp_path: Path) -> None:
    conf = "MODE = *\n" + SMALL.replace("OPTIONS\n", "  hosts_require_tls = MODE\n")
    written(tmp_path, old_conf=conf, new_conf=conf.replace("MODE = *", "MODE ="))
    found = run(str(tmp_path / "old.conf"), str(tmp_path / "new.conf"), "--json")
    assert found.exit_code == 1
    assert causes(found) == {("hosts_require_tls", f"{tmp_path}/new.conf:1")}


def test_a_decision_that_hangs_on_what_is_not_modelled_is_exit_code_3(tmp_path: Path) -> None:
    conf = PLAIN.replace("  driver = dnslookup\n", "  driver = dnslookup\n  domains = dsearch;/etc/domains\n")
    written(tmp_path, old_conf=conf, new_conf=conf)
    sides = (str(tmp_path / "old.conf"), str(tmp_path / "new.conf"))
    found = run(*sides, "--json")
    assert found.exit_code == 3
    report = json.loads(found.stdout)
    assert report["complete"] is False
    assert any("dsearch" in gap["what"] and gap["where"].endswith("old.conf:5") for gap in report["gaps"])
    allowed = run(*sides, "--allow-incomplete")
    assert allowed.exit_code == 0
    assert "dsearch" in allowed.stdout


def test_a_lock_is_not_written_while_something_could_not_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    conf = PLAIN.replace("transport = remote", "domains = dsearch;/x\n  transport = remote")
    written(tmp_path, exim_conf=conf)
    found = run(str(tmp_path / "exim.conf"), "--lock", str(tmp_path / "policy.lock"), "--accept")
    assert found.exit_code == 3
    assert "the lock is not written" in found.stdout
    assert not (tmp_path / "policy.lock").exists()


@pytest.mark.parametrize(
    "text", ["", "\n", "a letter\n", "# none\nrelease 4.99\n", "release 4.99\nhosts x\n"]
)
def test_what_is_not_a_lock_is_not_replaced_by_one(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    written(tmp_path, exim_conf=PLAIN, policy_lock=text)
    lock = tmp_path / "policy.lock"
    words = ["gate", str(tmp_path / "exim.conf"), "--lock", str(lock), "--accept"]
    with pytest.raises(InputError, match=r"policy\.lock:1: expected the lines 'release' and 'hosts'"):
        CliRunner().invoke(eximsim, words, catch_exceptions=False)
    assert lock.read_text() == text


def test_a_fault_of_our_own_in_a_run_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("ipliteral")

    monkeypatch.setattr("eximsim.suite.policy.Policy.run", broken)
    written(tmp_path, old_conf=PLAIN, new_conf=PLAIN)
    found = run(str(tmp_path / "old.conf"), str(tmp_path / "new.conf"))
    assert found.exit_code == 3
    assert "broken: KeyError: 'ipliteral'; please report it" in found.stdout


def test_mail_of_ones_own_is_looked_at(tmp_path: Path) -> None:
    odd = SMALL.replace("OPTIONS\n", "  hosts_require_tls = ${if ={${strlen:$sender_address}}{15}{*}}\n")
    written(tmp_path, old_conf=PLAIN, new_conf=odd)
    sides = (str(tmp_path / "old.conf"), str(tmp_path / "new.conf"))
    assert run(*sides).exit_code == 3  # nobody whose address is so long is found
    found = run(*sides, "--sender", "xyz@own.example", "--recipient", "joe@there.example", "--json")
    assert found.exit_code == 1
    routes = {change["route"] for group in json.loads(found.stdout)["groups"] for change in group["changes"]}
    assert routes == {"delivery to joe@there.example from xyz@own.example by mx1.there.example"}
    with pytest.raises(InputError, match="--sender joe: expected an address"):
        CliRunner().invoke(eximsim, ["gate", *sides, "--sender", "joe"], catch_exceptions=False)


def test_a_configuration_in_latin_1_is_read(tmp_path: Path) -> None:
    text = "# caf\xe9\n" + SMALL.replace("OPTIONS\n", "  hosts_require_tls = ^caf\xe9\n")
    (tmp_path / "exim.conf").write_bytes(text.encode("latin-1"))
    assert run(str(tmp_path / "exim.conf"), str(tmp_path / "exim.conf")).exit_code in (0, 3)


# ---- a revision ------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a configuration, an included file, and a linked one."""
    folder = written(tmp_path / "repo", exim_conf=INCLUDING, real_inc=STRICT)
    (folder / "strict.inc").symlink_to("real.inc")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_working_tree_is_compared_with_a_revision_includes_and_all(repository: Path) -> None:
    conf = str(repository / "exim.conf")
    assert run(conf, "--git", "HEAD").exit_code == 0
    (repository / "real.inc").write_text("# nothing\n")
    found = run(conf, "--git", "HEAD", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["base"] == f"{conf} at HEAD"
    assert causes(found) == {("hosts_require_tls", f"{repository}/strict.inc:1")}


def test_the_configuration_of_the_folder_is_found(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    assert run("--git", "HEAD").exit_code == 0


def test_nothing_that_the_repository_says_is_obeyed(repository: Path) -> None:
    ran = repository.parent / "ran"
    git(repository, "config", "core.fsmonitor", f"touch {ran}")
    assert run(str(repository / "exim.conf"), "--git", "HEAD").exit_code == 0
    assert not ran.exists()


@pytest.mark.parametrize(
    ("revision", "message"), [("nowhere", "no revision nowhere"), ("HEAD~5", "no revision HEAD~5")]
)
def test_a_revision_that_is_none_is_bad_input(repository: Path, revision: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        CliRunner().invoke(
            eximsim, ["gate", str(repository / "exim.conf"), "--git", revision], catch_exceptions=False
        )


def test_what_is_in_no_repository_is_bad_input(tmp_path: Path) -> None:
    written(tmp_path, exim_conf=SMALL)
    with pytest.raises(InputError, match="in no git repository"):
        CliRunner().invoke(
            eximsim, ["gate", str(tmp_path / "exim.conf"), "--git", "HEAD"], catch_exceptions=False
        )


TWO_CALLOUTS = (
    PLAIN
    + """
begin acl
to_partners:
  accept verify = recipient/callout=30s
to_others:
  accept verify = recipient/callout=30s,defer_ok
"""
)


def test_a_change_of_the_second_callout_is_a_change(tmp_path: Path) -> None:
    written(tmp_path, old_conf=TWO_CALLOUTS, new_conf=TWO_CALLOUTS.replace(",defer_ok", ""))
    found = run(str(tmp_path / "old.conf"), str(tmp_path / "new.conf"), "--json")
    assert found.exit_code == 1
    groups = json.loads(found.stdout)["groups"]
    routes = [change["route"] for group in groups for change in group["changes"]]
    assert {route.partition(" to ")[0] for route in routes} == {"callout 2"}
    assert causes(found) == {("acl to_others", f"{tmp_path}/new.conf:18")}


def test_callouts_that_ask_alike_are_explored_once(tmp_path: Path) -> None:
    conf = TWO_CALLOUTS.replace(",defer_ok", "")
    views = survey([policy(conf=conf)]).views
    assert [view.name.partition(" to ")[0] for view in views] == ["delivery", "callout"]
    assert len(survey([policy(conf=TWO_CALLOUTS)]).views) == 3


@pytest.mark.parametrize("library", ["openssl", "gnutls"])
def test_both_releases_are_built_with_the_library_that_is_named(library: str) -> None:
    old, new = Reading({}, Outside(), "4.96-debian12", "4.97", library).releases
    assert old.tls_library.startswith(library)
    assert new.tls_library.startswith(library)
    plain, same = Reading({}, Outside(), None, None, library).releases
    assert plain == same
