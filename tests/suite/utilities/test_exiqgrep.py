"""``exiqgrep``: what is expected here is what that of the head after 4.99 printed for the same listing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eximsim.errors import Unsupported
from eximsim.subjects.subject import Result
from eximsim.suite.utilities.exiqgrep import exiqgrep

OLD, NEW = "1rAAAA-0000000000A-0001", "1rBBBB-0000000000A-0001"
LISTING = (
    f" 3h  1.2K {OLD} <a@b>\n          x@y\n        D z@y\n\n"
    f" 2d   300 {NEW} <> *** frozen ***\n          q@y\n\n"
)
LONG_OLD = f" 3h  1.2K {OLD} <a@b>\n\t  x@y\n\t  D z@y\n\n"
LONG_NEW = f" 2d   300 {NEW} <> *** frozen ***\n\t  q@y\n\n"
NOW = 1.8e9


def found(*words: str, listing: str = LISTING) -> str:
    return exiqgrep(words, lambda arguments: Result(0, listing, ""), NOW).stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("-c", "-r", "x@"), "1 matches out of 2 messages\n"),
        (("-f", "a@b"), LONG_OLD),
        (("-z",), LONG_NEW),
        (("-x", "-i"), f"{OLD}\n"),
        (("-R", "-s", "^3|1"), LONG_NEW + LONG_OLD),
        (("-bo1",), f"{OLD} From: <a@b> To: x@y;D z@y\n{NEW} From: <> To: q@y\n"),
        (("-r", "."), LONG_OLD + LONG_NEW),
        (("-i", "-y", "10"), ""),
    ],
)
def test_messages_are_chosen_and_shown(words: tuple[str, ...], shown: str) -> None:
    assert found(*words) == shown


def test_the_listing_is_that_of_the_queue_that_is_meant() -> None:
    asked: list[Sequence[str]] = []

    def exim(arguments: Sequence[str]) -> Result:
        asked.append(arguments)
        return Result(0, "", "")

    exiqgrep(("-c", "-G", "slow", "-C", "conf"), exim, NOW)
    exiqgrep(("-ca",), exim, NOW)
    assert asked == [["-bpu", "-C", "conf", "-qGslow"], ["-bp"]]


def test_a_line_that_is_no_message_ends_it() -> None:
    result = exiqgrep(("-c",), lambda arguments: Result(0, "what\n", ""), NOW)
    assert (result.code, result.stderr) == (1, "Line mismatch: what\n")


@pytest.mark.parametrize("words", [("-h",), (), ("-q",), ("-c", "more"), ("-r", "(")])
def test_what_shows_its_own_text_or_perls_is_not_modelled(words: tuple[str, ...]) -> None:
    with pytest.raises(Unsupported):
        found(*words)


def test_messages_of_one_second_come_in_an_order_by_chance() -> None:
    with pytest.raises(Unsupported, match="of the same second"):
        found("-x", listing=LISTING.replace(NEW, OLD).replace(" *** frozen ***", ""))
