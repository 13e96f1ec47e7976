"""What plays a script inside the namespace."""

from __future__ import annotations

import subprocess
import sys

import pytest

_AHEAD = """
import os, subprocess, sys
from eximsim.subjects import scripted
try:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
except OSError:
    sys.exit("not allowed here")
scripted._go_ahead()
asked = "import os; os.setsid(); print(os.sched_getscheduler(0) == os.SCHED_RR)"
subprocess.run([sys.executable, "-c", asked], check=True)
"""


def test_what_goes_ahead_does_so_with_its_daemons_too() -> None:
    ran = subprocess.run([sys.executable, "-c", _AHEAD], capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(ran.stderr)
    assert ran.stdout == "True\n"
