"""Who calls the program on a bench."""

from __future__ import annotations

import pytest

from eximsim.suite.bench_accounts import account_files, caller_uid
from eximsim.suite.normalisation import Identity

_IDENTITY = Identity("/test", exim_uid="991")


@pytest.mark.parametrize(
    ("said", "uid"),
    [
        ("Exim version 4.99\n", "1000"),
        ("Configure owner: 0:0\n", "1000"),
        ("Configure owner: 1500:0\n", "1500"),
        ("Configure owner: 991:991\n", "1000"),
        ("Configure owner: 65534:0\n", "1000"),
        ("Configure owner: 8:8\n", "1000"),
    ],
)
def test_the_caller_is_who_owns_configurations_unless_that_is_somebody_else(said: str, uid: str) -> None:
    assert caller_uid(said, _IDENTITY) == uid


def test_the_caller_is_in_the_group_of_exim() -> None:
    files = account_files(_IDENTITY)
    assert f"{_IDENTITY.caller}:x:1000:1000:".encode() in files["/etc/passwd"]
    assert (
        f"{_IDENTITY.exim_group}:x:{_IDENTITY.exim_gid}:{_IDENTITY.caller}\n".encode() in files["/etc/group"]
    )
