"""A real program and the model in sequences made at random."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.invoking import invoke


def test_a_program_is_compared_and_what_differs_can_be_compared_again(exim: Path, tmp_path: Path) -> None:
    done = invoke(
        "compare", "--exim", str(exim), "--sequences", "2", "--seed", "5", "--keep", str(tmp_path), "--json"
    )
    assert done.exit_code in (0, 1)
    assert done.stderr.startswith("seed 5\n")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["id"] for one in told] == ["s5-0000", "s5-0001"]
    assert (done.exit_code == 1) is any(one["result"] == "differ" for one in told)
