import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.suite.shell import words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-odq a@b", ["-odq", "a@b"]),
        ("-be '${if eq{a}{b}}' \"x y\"", ["-be", "${if eq{a}{b}}", "x y"]),
        ("-f '' a\\ b", ["-f", "", "a b"]),
        ("-bt *@x", ["-bt", "*@x"]),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, expected: list[str]) -> None:
    assert words(line, "p", 1) == expected


@pytest.mark.parametrize("line", ["-bs <file", "a | b", "a; b", "$HOME", '"$HOME"', "`date`", "a && b"])
def test_what_only_a_shell_can_do_is_not_supported(line: str) -> None:
    with pytest.raises(Unsupported, match="shell syntax"):
        words(line, "p", 1)


def test_an_open_quote_is_bad_input() -> None:
    with pytest.raises(InputError, match="expected closed quotes"):
        words("exim 'a", "p", 7)


@given(st.text(max_size=30))
def test_any_line_is_split_or_refused(line: str) -> None:
    try:
        found: list[str] | int | None = words(line, "p", 1)
    except (InputError, Unsupported) as refused:
        found = refused.line
    assert found == 1 or isinstance(found, list)
