from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.reception.originator import full_name
from tests.mta.front import Front


def test_a_user_is_called_by_the_login_or_as_the_configuration_says() -> None:
    assert full_name(Front().process(), "me") == "me"
    assert full_name(Front(main="gecos_pattern =\ngecos_name = A. $primary_hostname").process(), "me") == (
        '"A. here.ex"'
    )


@pytest.mark.parametrize("main", ["gecos_pattern = ^x\ngecos_name = x", "gecos_pattern =\ngecos_name = ${x"])
def test_what_is_not_modelled_is_said(main: str) -> None:
    with pytest.raises(Unsupported):
        full_name(Front(main=main).process(), "me")
