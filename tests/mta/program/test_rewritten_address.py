"""An address that is tested or verified is rewritten first, and that is told (asked of 4.96)."""

from __future__ import annotations

import pytest

from tests.mta.front import Front

RULES = "begin rewrite\n*@one.ex  $1@two.ex  {}\nbegin routers\nr:\n  driver = accept\n  transport = t\n{}"
TRANSPORT = "begin transports\nt:\n  driver = appendfile\n  file = /dev/null\n"


@pytest.mark.parametrize(
    ("option", "flags", "told"),
    [
        ("-bt", "", "Address rewritten as: a@two.ex\na@two.ex\n  router = r, transport = t\n"),
        ("-bt", "T", "Address rewritten as: a@two.ex\na@two.ex\n  router = r, transport = t\n"),
        ("-bt", "h", "a@one.ex\n  router = r, transport = t\n"),
        ("-bv", "T", "Address rewritten as: a@two.ex\na@two.ex verified\n"),
        ("-bvs", "T", "a@one.ex verified\n"),
        ("-bvs", "F", "Address rewritten as: a@two.ex\na@two.ex verified\n"),
    ],
)
def test_an_address_is_rewritten_before_it_is_routed(option: str, flags: str, told: str) -> None:
    front = Front(routers=RULES.format(flags, TRANSPORT))
    assert front.exim(option, "a@one.ex").stdout == told


def test_a_rule_that_makes_of_it_what_it_was_is_told_of_too() -> None:
    front = Front(routers=RULES.replace("$1@two.ex", "$0").format("T", TRANSPORT))
    told = "Address rewritten as: a@one.ex\na@one.ex verified\n"
    assert front.exim("-bv", "a@one.ex").stdout == told
