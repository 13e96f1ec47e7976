"""``exigrep``: what is expected here is what that of the head after 4.99 printed for the same log."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.suite.utilities.exigrep import exigrep

FIRST = (
    "2024-01-01 10:00:00 1aaaaa-000000001AA-0001 <= a@b1 id=x\n"
    "2024-01-01 10:00:02 1aaaaa-000000001AA-0001 => c@d\n"
    "2024-01-01 10:00:10 1aaaaa-000000001AA-0001 Completed\n"
)
WITHOUT = "2024-01-01 10:00:01 no id b1 line\n"
REPLY = "2024-01-01 10:00:02 1aaaaa-000000001AA-0002 <= <> R=1aaaaa-000000001AA-0001\n"
REFUSED = "2024-01-01 10:00:11.123 [12] 1aaaaa-000000001AA-0003 rejected b1 x 1.2\n"
OPEN = "2024-01-01 10:00:11 +0100 [12] 1aaaaa-000000001AA-0004 foo B1 1x2\n"
SYSLOG = "2024-01-01 10:00:11 b1 syslog\n"
LINES = FIRST.splitlines(keepends=True)
BY_SYSLOG = f"Jan  2 host exim[3]: {SYSLOG}"
LOG = "".join((LINES[0], WITHOUT, LINES[1], LINES[2], REFUSED, OPEN, BY_SYSLOG, "b1\n"))
UNFINISHED = f"+++ 1aaaaa-000000001AA-0004 has not completed +++\n{OPEN}"


def found(*words: str, log: str = LOG) -> str:
    return exigrep([*words, "mainlog"], lambda name: log)


def shown(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


def test_all_lines_of_a_message_are_shown_if_one_fits_and_open_messages_last() -> None:
    assert found("b1") == shown(WITHOUT, FIRST, REFUSED, SYSLOG, UNFINISHED)
    assert found("zzz") == ""


@pytest.mark.parametrize("words", [("-I", "B1"), ("--sensitive", "foo B1")])
def test_case_counts_if_asked_for(words: tuple[str, ...]) -> None:
    assert found(*words) == shown(UNFINISHED)


def test_a_pattern_may_be_meant_literally() -> None:
    assert found("-l", "1.2") == shown(REFUSED)
    assert found("1.2") == shown(REFUSED, UNFINISHED)


def test_messages_that_do_not_fit_may_be_asked_for() -> None:
    assert found("-v", "zz") == shown(WITHOUT, FIRST, REFUSED, SYSLOG, UNFINISHED)


def test_messages_that_name_one_that_fits_are_found_too() -> None:
    log = "".join((LINES[0], REPLY, LINES[2]))
    assert found("-M", "a@b1", log=log) == shown(
        LINES[0] + LINES[2], f"+++ 1aaaaa-000000001AA-0002 has not completed +++\n{REPLY}"
    )
    assert found("a@b1", log=log) == shown(LINES[0] + LINES[2])


def test_messages_that_were_quick_may_be_left_out() -> None:
    assert found("-t", "9", "c@d") == shown(FIRST)
    assert found("-t", "10", "c@d") == ""


def test_what_perl_decides_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="the order in which"):
        found("a", log=REPLY + OPEN + "2024-01-01 10:00:11 1aaaaa-000000001AA-0005 a\n")
    with pytest.raises(Unsupported, match="of the pattern"):
        found("(")
    with pytest.raises(Unsupported, match="compressed"):
        exigrep(["a", "x.gz"], lambda name: "")
