"""Test scripts on the reference program."""

import os
import subprocess
import sys
from pathlib import Path

from eximsim.subjects.exim import program_at
from eximsim.suite.munge import SERVER_HEADING
from eximsim.suite.project import ProjectSuite
from eximsim.suite.queue_order import in_order_of_arrival
from eximsim.suite.runner import Setting, TestResult, Verdict, run_test, subject_profile

_CONF = """
SERVER =
primary_hostname = relay.test.ex
exim_path = EXIM_PATH
spool_directory = DIR/spool
log_file_path = DIR/spool/log/SERVER%slog
keep_environment =
host_lookup_order = bydns
acl_smtp_rcpt = accept
tls_advertise_hosts =
chunking_advertise_hosts =
begin routers
out:
  driver = dnslookup
  condition = ${if eq{SERVER}{}}
  self = send
  errors_to = ""
  transport = remote
in:
  driver = redirect
  data = :blackhole:
begin transports
remote:
  driver = smtp
  port = PORT
  allow_localhost
begin retry
* * F,1d,1h
"""
_ZONE = "a MX 1 hosta.test.ex.\nhosta A 127.0.0.1\nlost MX 1 hostl.test.ex.\n"


def suite(folder: Path, script: str, port: str = "PORT_S") -> ProjectSuite:
    for name in ("scripts", "confs", "dnszones"):
        (folder / name).mkdir()
    (folder / "confs/0001").write_text(_CONF.replace("PORT\n", f"{port}\n"))
    (folder / "dnszones/db.test.ex").write_text(_ZONE)
    (folder / "scripts/0001").write_text(script)
    return ProjectSuite(folder)


def run(source: ProjectSuite, exim: Path) -> tuple[TestResult, TestResult]:
    """The test on the model and on the program."""
    profile = program_at(exim).profile
    return tuple(run_test(source, source.tests()[0], Setting(profile, subject=subject))
                 for subject in ("model", f"exim:{exim}"))  # type: ignore[return-value]  # fmt: skip


def test_a_scripted_server_sees_the_same_of_model_and_program(tmp_path: Path, exim: Path) -> None:
    script = """# t
server PORT_S
220 ESMTP
EHLO
250 OK
MAIL FROM
250 OK
RCPT TO
450 later
QUIT
221 OK
****
exim -odi x@a.test.ex
Body
****
exim -odi x@lost.test.ex
****
exim -Mrm $msg1
****
exim -bp
****
"""
    model, program = run(suite(tmp_path, script), exim)
    assert program.texts["log"].count("\n") >= 6
    assert program.completed
    for output in ("log", "stdout"):
        assert program.texts[output] == model.texts[output].partition(SERVER_HEADING)[0]


def test_a_daemon_of_the_program_takes_its_own_messages(tmp_path: Path, exim: Path) -> None:
    script = """# t
exim -DSERVER=server -bd -oX PORT_D
****
exim -odq x@a.test.ex
Body
****
exim -qf
****
killdaemon
"""
    source = suite(tmp_path, script, "PORT_D")
    model, program = run(source, exim)
    assert "=> x@a.test.ex R=out T=remote H=hosta.test.ex [127.0.0.1]" in program.texts["log"]
    assert program.texts["log"] == model.texts["log"].partition(SERVER_HEADING)[0]


def test_the_order_in_which_a_queue_run_takes_messages_is_no_difference(tmp_path: Path, exim: Path) -> None:
    script = "# t\n" + "".join(f"exim -odq {name}@lost.test.ex\nBody\n****\n" for name in "abcdef")
    model, program = run(suite(tmp_path, script + "exim -qf\n****\n"), exim)
    assert program.texts["log"].count(" Completed") == 6
    assert program.texts["log"] == in_order_of_arrival(model.texts["log"])


OWN = ProjectSuite(Path(__file__).parents[2] / "testsuite")


def test_the_project_s_own_test_goes_the_same_way_on_the_program(exim: Path) -> None:
    (case,) = (case for case in OWN.tests() if case.name == "5840")
    profile = subject_profile(f"exim:{exim}")
    assert profile is not None
    result = run_test(OWN, case, Setting(profile, subject=f"exim:{exim}"))
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    assert result.goldens["log"].count(" CV=dane ") == 3, "what the model does under the program's release"
    assert result.texts["log"] == result.goldens["log"]


def test_a_scripted_client_is_not_run_on_a_real_program(tmp_path: Path, exim: Path) -> None:
    script = "# t\nclient 127.0.0.1 PORT_D\n??? 220\n****\n"
    _, program = run(suite(tmp_path, script), exim)
    assert program.verdict is Verdict.UNSUPPORTED
    assert "a scripted client of a real program" in program.reason


def test_a_test_that_needs_another_library_is_skipped(tmp_path: Path, exim: Path) -> None:
    source = suite(tmp_path, "# t\nexim -bV\n****\n")
    profile = program_at(exim).profile
    needed, had = ("OpenSSL", "gnutls") if profile.tls_library == "gnutls" else ("GnuTLS", "openssl")
    (tmp_path / "scripts/REQUIRES").write_text(f"support {needed}\n")
    _, program = run(source, exim)
    assert (program.verdict, program.reason.rstrip("-0123")) == (
        Verdict.SKIP, f"needs {needed}, the profile has {had}"
    )  # fmt: skip


def test_a_user_s_own_tests_run_on_the_program(tmp_path: Path, exim: Path) -> None:
    suite(tmp_path, "# t\nexim -bV\n****\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\neximsim_testsuite = .\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "eximsim.pytest_plugin"]
    command.append(f"--eximsim-subject=exim:{exim}")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*command, "scripts/0001"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "+Exim version x.yz" in done.stdout, "the golden is missing, and what the program said is shown"
    (tmp_path / "scripts/0001").write_text("# t\nno_stdout_check\nexim -bV\n****\n")
    done = subprocess.run(
        [*command, "scripts/0001"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
