"""A program that is killed at some moment, and whether all that it ever started ends with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

_SECONDS = 30
_SUBREAPER = 36

_WATCHER = f"""
import ctypes, os, signal, subprocess, sys, time
if ctypes.CDLL(None).prctl({_SUBREAPER}, 1, 0, 0, 0):
    sys.exit("no subreaper")
user = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
first = user.stdout.readline()
time.sleep(float(sys.argv[1]))
ended = user.poll()
user.kill()
signal.alarm({_SECONDS})
while True:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        break
if ended is not None:
    sys.exit(f"it ended by itself: {{(first + user.stdout.read()).decode()}}")
"""
"""Orphans become children of this process, so that the last of them has ended when it has no child left.

What was started inside a process namespace has ended when that namespace's first process has.
"""


def all_end_after_kill(command: Sequence[str], seconds: float) -> bool:
    """Kill a program so long after it has written its first line; whether nothing goes on for long then."""
    watched = [sys.executable, "-c", _WATCHER, str(seconds), *command]
    done = subprocess.run(watched, capture_output=True, text=True, check=False)
    assert done.stderr == "", done.stderr
    return done.returncode == 0
