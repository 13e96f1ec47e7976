"""What the process of a user's filter can log."""

from __future__ import annotations

import pytest

from tests.mta.local import LocalMachine

ROUTER = (
    "r:\n driver = redirect\n allow_filter\n file_transport = t\n"
    ' data = "# Exim filter\\nif personal then save /mail/a endif\\n"\n group = 77\n user = '
)
RULE = 'begin rewrite\n*@test.ex "${lookup{a}lsearch{/etc/none}{$value}fail}" f\n'
TOLD = "failed while rewriting: failed to open /etc/none"


@pytest.mark.parametrize(
    ("user", "submitted", "main", "panic"),
    [
        ("77", "-odq", False, False),
        ("exim", "-odq", True, True),
    ],
)
def test_a_users_process_has_only_the_logs_that_were_open(
    user: str,
    submitted: str,
    main: bool,
    panic: bool,
) -> None:
    machine = LocalMachine(
        "driver = appendfile\nfile = /mail/b", routers=f"{ROUTER}{user}\n", transports=RULE
    )
    machine.exim(submitted, "-f", "s@other.ex", "a@test.ex", stdin="To: a@test.ex\n\nx\n")
    if submitted == "-odq":
        machine.exim("-q")
    logs = [machine.machine.files.get(f"/spool/log/{name}log", []) for name in ("main", "panic")]
    assert [any(TOLD in line for line in lines) for lines in logs] == [main, panic]
    assert (TOLD in machine.complained) is not main or panic
