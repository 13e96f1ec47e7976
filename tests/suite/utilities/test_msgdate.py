"""``exim_msgdate``: what is expected here is what that of the head after 4.99 printed."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.suite.utilities.msgdate import msgdate


def said(words: str, config: str = "", **environment: str) -> tuple[int, str, str]:
    result = msgdate(["-C", "f", *words.split()], environment, lambda name: config, "P line 421")
    return result.code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("E1pAnS3-003fPj-Tw", "2022-12-29 07:35:43.928000 UTC\n"),
        ("1ptUlY-00000000PfG-46ri -z", "2023-05-01 14:44:36.979706\n"),
        ("000000 -u", "0.000000\n"),
        ("1pAnS3-003fPj-Tw -u --pid", "1672299343.928000\tpid 874183\n"),
        ("-base 36 -u ZZZZZZ-005XGK-RR", "2176782335.999000\n"),
        (
            "-l -u -z 1PANS3",
            "1288014663.000000\n2010-10-25 13:51:03.000000\n2010-10-25 13:51:03.000000 UTC\n",
        ),
    ],
)
def test_the_time_of_an_id_is_shown(words: str, shown: str) -> None:
    assert said(words) == (0, shown, "")


def test_local_time_is_that_of_the_zone_that_the_environment_names() -> None:
    assert said("1ptUlY-00000000PfG-46ri", TZ="GB")[1] == "2023-05-01 15:44:36.979706 BST\n"
    with pytest.raises(Unsupported, match="the time zone Nowhere"):
        said("000000", TZ="Nowhere")


def test_the_number_of_the_host_is_taken_from_the_fraction() -> None:
    assert said("-z --localhost_number 9 EZZZZZZ-003FPJ-WF")[1] == "3002-09-30 12:51:45.995000\n"
    other = said("-z 000000-005XGK-00", config=" localhost_number = 3\n")
    assert other[2] == "localhost 0 from message-id != given number 3 at P line 421.\n"
    assert said("-z --nolocalhost_number 000000-005XGK-00", config=" localhost_number = 3\n")[2] == ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--base 32 ZZZZZZ", "unknown base option 32\n"),
        ("--base36 zzzzzz", "zzzzzz is not base 36\n"),
        ("--base36 --base62 000000", "cannot be base36 and base62\n"),
        ("--localhost_number -1 000000", "localhost_number must be a number >=0\n"),
        ("--localhost_number 17 000000", "localhost_number > 16\n"),
        ("--localhost_number 11 --base 36 000000", "localhost_number > 10\n"),
        ("-u 1pAnS3-003fPj-zz", "bad microsecond count: 1921500\n"),
    ],
)
def test_what_cannot_be_told_ends_it(words: str, why: str) -> None:
    assert said(words) == (255, "", why)


def test_what_is_no_id_is_named() -> None:
    assert said("-u x1pAnS3-003fPj-Tw 000000") == (0, "0.000000\n", "x1pAnS3-003fPj-Tw not parsed\n")


@pytest.mark.parametrize("words", ["--help", "--nope 000000", "--base x 000000", "--debug 000000"])
def test_what_shows_its_own_text_is_not_modelled(words: str) -> None:
    with pytest.raises(Unsupported):
        said(words)
