"""seen: whether somebody has been seen before, and how long ago."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.process.sigsegv import SIGSEGV
from tests.mta.front import PANIC, Front


def front(argument: str, *, known: bool = True) -> Front:
    made = Front("acl_smtp_rcpt = c", f"c:\n  accept seen = {argument}")
    made.machine.hints_known = known
    return made


def code(stand: Front) -> str:
    return stand.smtp("HELO x", "MAIL FROM:<s@b.ex>", "RCPT TO:<r@d.ex>")[2][:3]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("10s / key=k", ["550", "250", "550", "250"]),
        ("-10s / key=k", ["550", "550", "250", "250"]),
        ("10s / key=k / readonly", ["550", "550", "550", "550"]),
        ("-10s / key=k / write", ["550", "550", "250", "550"]),
    ],
)
def test_the_age_of_the_record_decides(argument: str, expected: list[str]) -> None:
    stand = front(argument)
    found = []
    for pause in (0, 1, 10, 1):
        stand.world.sleep(pause)
        found.append(code(stand))
    assert found == expected


WRONG = [("x", "failed to parse 'x'"), ("1s/odd", "unrecognised option 'odd'")]


@pytest.mark.parametrize(("argument", "why"), WRONG)
def test_what_makes_no_sense_is_an_error(argument: str, why: str) -> None:
    stand = front(argument)
    assert code(stand) == "451"
    assert any(why in line for line in stand.log())


def test_where_the_hints_are_not_known_it_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="what the hints hold is not known"):
        code(front("1s", known=False))


@pytest.mark.parametrize("release", ["4.96", "4.99"])
def test_without_a_key_nobody_can_have_been_seen_and_the_process_dies(release: str) -> None:
    made = Front("acl_not_smtp = c", "c:\n  accept seen = 1h", release=release)
    made.machine.hints_known = True
    status = made.exim("-f", "s@here.ex", "r@d.ex", stdin="Subject: x\n")
    assert status.code == -SIGSEGV
    told = made.log(PANIC)
    assert len(told) == 5
    assert "accepting a local non-SMTP message from <" in told[-2]
