"""Whatever a reader is given, what comes is a value or one of the project's own errors, soon."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from tests.attacks.readers import ROOT, attack, readers

SLOW = {"delivery": 8, "redirection": 20, "message": 4, "session": 4, "configuration": 3, "expansion": 3}
"""How many inputs of an ordinary reader one of these costs."""
IN_ALL = 1_000_000


@pytest.mark.parametrize("name", readers())
def test_a_reader_takes_anything_or_says_what_is_wrong(name: str, long: bool) -> None:
    if long:
        share = IN_ALL // len(readers())
        seed = random.SystemRandom().randrange(1 << 32)
        command = [
            sys.executable,
            "-m",
            "tests.attacks.readers",
            name,
            "--seed",
            str(seed),
            "--count",
            str(share),
        ]
        print(f"{name}: seed {seed}")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        print(done.stdout)
        return
    assert attack(name, seed=1, count=240 // SLOW.get(name, 1)).inputs > 0


@pytest.mark.parametrize("name", readers())
def test_a_reader_takes_what_the_mangled_inputs_are_made_of(name: str) -> None:
    reader = readers()[name]
    for seed in reader.seeds:
        reader.read(seed)
