"""gate and check on what a stranger proposes: they end, with a verdict or a line, and tell no secret."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from eximsim.errors import ExitCode
from tests.attacks.test_without_end import CONF, SECONDS, WITHOUT_END
from tests.commands.invoking import invoke

SECRET = "token-of-the-job"
PROPOSED = {
    "the environment": {"transport": "helo_data = ${readfile{/proc/self/environ}}"},
    "a file of the machine": {"main": ".include /etc/passwd"},
    "a device": {"transport": "helo_data = ${readfile{/dev/zero}}"},
    "a lookup in a file of the machine": {"transport": "helo_data = ${lookup{root}lsearch{/etc/passwd}}"},
    "a command": {"transport": "helo_data = ${run{/usr/bin/env}}"},
    "an address that backtracks": {"router": r"local_parts = ^(([a-z])+)+\$"},
    "a list of itself": {"main": "domainlist a = +a", "router": "domains = +a"},
    **{name: {"transport": f"helo_data = {expansion}"} for name, expansion in WITHOUT_END.items()},
}
SHORT = ("the environment", "a file of the machine", "an address that backtracks")
VERDICTS = (ExitCode.AS_IT_SHOULD_BE, ExitCode.DIFFERENCE, ExitCode.BAD_INPUT, ExitCode.COULD_NOT_LOOK)


def written(path: Path, lines: dict[str, str]) -> str:
    text = CONF
    for word in ("MAIN", "FIRST", "ROUTER", "TRANSPORT"):
        text = text.replace(word, lines.get(word.lower(), ""))
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", PROPOSED)
def test_a_proposal_is_judged_or_refused_and_tells_no_secret(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    if name not in SHORT and not long:
        pytest.skip("some seconds each: --long")
    monkeypatch.setenv("CI_TOKEN", SECRET)
    old, new = written(tmp_path / "old.conf", {}), written(tmp_path / "new.conf", PROPOSED[name])
    for words in (
        ("gate", "--hosts", "1", old, new),
        ("check", "--hosts", "1", "--preset", "no-downgrade", new),
    ):
        began = time.process_time()
        done = invoke(*words)
        assert time.process_time() - began < 6 * SECONDS  # of all the situations that there are
        assert done.exit_code in VERDICTS, done.stderr
        assert SECRET not in done.stdout + done.stderr
        assert "root:" not in done.stdout + done.stderr
        assert done.exit_code != ExitCode.BAD_INPUT or done.stderr.count("\n") == 1
