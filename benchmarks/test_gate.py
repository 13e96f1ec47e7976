"""How fast the gate is: one host and two exhaustively, the start of the command; and how much it needs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from eximsim.gate.explore_policies import survey
from eximsim.gate.lattice import certificates
from eximsim.profiles import profile
from eximsim.suite.policy import Policy

CONF = """\
primary_hostname = relay.example.org
begin routers
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
  hosts_try_dane = *
"""
MEBIBYTE = 1024
"""Of ``ru_maxrss``, which counts in KiB."""


def best(rounds: int, work: Callable[[], object]) -> float:
    """The least processor time, in seconds, of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def explore(hosts: int) -> int:
    """Explore all there is; how many runs of the model that took."""
    plan = survey([Policy("exim.conf", CONF, profile("4.99"), certificates(("mail.invalid",)))], hosts)
    for view in plan.views:
        plan.diagram(plan.policies[0], view)
    assert plan.gaps == {}
    return plan.runs


def test_all_situations_of_one_host() -> None:
    assert best(3, lambda: explore(1)) <= 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= 300 * MEBIBYTE


def test_all_situations_of_two_hosts() -> None:
    runs: list[int] = []
    assert best(1, lambda: runs.append(explore(2))) <= 20.0
    assert runs[0] <= 2500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= 300 * MEBIBYTE


def test_the_start_of_the_command(tmp_path: Path) -> None:
    """Up to the point at which a mistake is found, with everything loaded and compiled before."""
    conf = tmp_path / "exim.conf"
    conf.write_text(CONF)
    command = [sys.executable, "-m", "eximsim.cli", "gate", str(conf), "--lock", str(tmp_path / "none")]
    compiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        assert subprocess.run(command, capture_output=True, check=False, env=compiled).returncode == 2
        seconds.append(time.perf_counter() - start)
    assert min(seconds) <= 0.4
