"""What is not shown of an expression that failed."""

from __future__ import annotations

import pytest

from eximsim.mta.expand.hiding import expand_hide_passwords
from tests.mta.local import ACCEPT, LocalMachine

HIDDEN = "Temporary internal error"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('failed to expand "${lookup mysql{x": y', HIDDEN),
        ("expansion of ldaps://x failed", HIDDEN),
        ("expansion of lsearch failed", "expansion of lsearch failed"),
        ("mysql is down", "mysql is down"),
    ],
)
def test_only_failed_expressions_of_databases_are_hidden(text: str, shown: str) -> None:
    assert expand_hide_passwords(text) == shown


def test_a_failure_shows_no_more_than_a_deferral() -> None:
    routers = ACCEPT.replace("driver = accept\n", "driver = accept\n set = r_x = ${lookup mysql{wrong\n", 1)
    machine = LocalMachine("driver = appendfile\nfile = /mail/a", routers=routers)
    machine.deliver("x@test.ex")
    assert any(f"** x@test.ex R=local : {HIDDEN}" in line for line in machine.log)
