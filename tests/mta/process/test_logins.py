"""The names of users: whom a message is from that Exim writes itself."""

from __future__ import annotations

import pytest

from tests.mta.front import Front


@pytest.mark.parametrize(
    ("setting", "login"),
    [
        ("", "Debian-exim"),
        ("exim_user = mail", "mail"),
        ("exim_user = 0", "root"),
        ("exim_user = root", "root"),
    ],
)
def test_a_bounce_comes_from_the_user_as_whom_exim_runs(setting: str, login: str) -> None:
    front = Front(setting, release="4.96-debian12")
    front.exim("-odf", "nobody@here.ex", stdin="Subject: x\n\nx\n")
    assert f"U={login} P=local" in next(line for line in front.log() if "<= <>" in line)
