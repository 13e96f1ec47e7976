import pytest

from eximsim.bounds import within_bounds
from eximsim.errors import Unsupported


def deep(number: int) -> int:
    return deep(number + 1)


def test_what_python_gives_up_at_is_not_modelled() -> None:
    with (
        pytest.raises(Unsupported, match="a thing nested this deeply"),
        within_bounds("a thing"),
    ):
        deep(0)
    with pytest.raises(Unsupported, match="a number of more than 4,300 digits"), within_bounds("a thing"):
        int("9" * 5000)
    with pytest.raises(Unsupported, match="that needs more memory"), within_bounds("a thing"):
        bytes(1 << 62)


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(ValueError, match="invalid literal"), within_bounds("a thing"):
        int("x")
