from __future__ import annotations

import pytest

from eximsim.mta.reception.originator import full_name
from tests.mta.front import Front


def test_a_user_is_called_by_the_login_or_as_the_configuration_says() -> None:
    assert full_name(Front().process(), "me") == "me"
    assert full_name(Front(main="gecos_pattern =\ngecos_name = A. $primary_hostname").process(), "me") == (
        '"A. here.ex"'
    )


@pytest.mark.parametrize(
    ("main", "name"),
    [
        (r"gecos_pattern = ^(.)(.*)\ngecos_name = $2$1", "em"),
        (r"gecos_pattern = ^([^,:]*)\ngecos_name = $1", "me"),
        (r"gecos_pattern = ^x\ngecos_name = x", "me"),
        (r"gecos_pattern =\ngecos_name = ${x", "me"),
    ],
)
def test_the_name_is_made_of_what_the_pattern_captures(main: str, name: str) -> None:
    process = Front(main=main.replace(r"\n", "\n")).process()
    assert full_name(process, "me") == name
    assert process.numeric == ()
