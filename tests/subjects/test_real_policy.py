"""Policy tests on a real program: the same tests, and what comes out is what the model says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.subjects.exim import program_at
from eximsim.suite.real_policy import real_configuration
from eximsim.testing import Delivery, Mta, Server, Zone
from eximsim.testing.configurations import Configurations
from tests.testing.policies import CONFIG

A, B = "a@example.com", "b@example.com"
MX = "mx.example.com"


class Both:
    """The same world around the program and around the model."""

    def __init__(self, exim: Path, folder: Path) -> None:
        self.zone = Zone()
        self.server = Server(self.zone)
        release = program_at(exim).profile.name
        self.program, self.model = (
            Mta(self.zone, self.server, Configurations((folder,), release, program=program))
            for program in (exim, None)
        )

    def same(self, run: Callable[[Mta], Delivery]) -> Delivery:
        """What the program did, which is what the model does."""
        real, modelled = run(self.program), run(self.model)
        assert real.log == modelled.log
        assert [(one.address, one.result, one.host, one.cv) for one in real.recipients] == [
            (one.address, one.result, one.host, one.cv) for one in modelled.recipients
        ]
        return real


@pytest.fixture
def both(exim: Path, tmp_path: Path) -> Iterator[Both]:
    (tmp_path / "exim.conf").write_text(CONFIG)
    found = Both(exim, tmp_path)
    yield found
    found.program.close()


def test_a_delivery_under_dane(both: Both) -> None:
    both.zone.add(MX)
    both.same(lambda mta: mta("exim.conf").deliver(A, B)).should_deliver(host=MX, security="dane")


def test_a_refused_recipient_bounces_for_the_servers_reason(both: Both) -> None:
    both.zone.add(MX)
    both.server(MX).reply("rcpt", "550 no such user", to=B)
    found = both.same(lambda mta: mta("exim.conf").deliver(A, B, sender=""))
    found[A].should_deliver()
    found[B].should_bounce(reason="550 no such user")


def test_a_lookup_that_fails_defers(both: Both) -> None:
    both.zone.add(MX, tlsa="servfail")
    both.same(lambda mta: mta("exim.conf").deliver(A)).should_defer(reason="tlsa lookup DEFER")


def test_the_world_may_change_between_runs(both: Both) -> None:
    both.zone.add(MX)
    both.server(MX, listen=False)
    machine = both.program("exim.conf")
    machine.deliver(A).should_defer(reason="Connection refused")
    both.server(MX, listen=True)
    machine.queue_run("-qff").should_deliver(security="dane")


def test_what_is_routed_is_told_alike(both: Both) -> None:
    both.zone.add(MX).add("mx2.example.com", preference=20)
    real, modelled = (mta("exim.conf").route(A) for mta in (both.program, both.model))
    assert real.output == modelled.output
    real.should_route(router="remote", transport="out", hosts=[MX, "mx2.example.com"])


def test_what_only_the_model_can_do_is_told(both: Both) -> None:
    both.zone.add(MX)
    machine = both.program("exim.conf")
    with pytest.raises(InputError, match="callouts are run on the model only"):
        machine.callout(A)
    with pytest.raises(InputError, match="time passes on the model only"):
        machine.wait(1)


def test_what_the_program_makes_of_a_configuration_is_told(both: Both) -> None:
    both.zone.add(MX)
    text = CONFIG.replace("  driver = smtp\n", "  driver = smtp\n  port = ${nosuch\n")
    found = both.program(text=text).deliver(A)
    found.should_not_deliver()


def test_the_configuration_keeps_its_lines_but_for_spool_log_and_trust() -> None:
    text = (
        "SPOOL = /x\nspool_directory = SPOOL\nlog_file_path = syslog\nbegin transports\nt:\n  driver = smtp\n"
        "  tls_verify_certificates = system\n"
    )
    assert real_configuration(text, {"SPOOL": "/y"}).splitlines() == [
        "SPOOL = /y",
        "exim_path = /exim/exim",
        "spool_directory = /spool",
        "log_file_path = /spool/log/%slog",
        "",
        "",
        "",
        "begin transports",
        "t:",
        "  driver = smtp",
        "  tls_verify_certificates = /certs/root.pem",
        "",
    ]


def test_the_fixtures_run_the_program_that_the_option_names(exim: Path, tmp_path: Path) -> None:
    (tmp_path / "exim.conf").write_text(CONFIG)
    (tmp_path / "test_policy.py").write_text(
        "def test_it(mta, zone):\n    zone.add('mx.example.com')\n"
        "    result = mta('exim.conf').deliver('a@example.com')\n"
        "    result.should_deliver(security='dane')\n    assert result.decisions == ()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "eximsim.pytest_plugin", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*command, f"--eximsim-subject=exim:{exim}"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout
