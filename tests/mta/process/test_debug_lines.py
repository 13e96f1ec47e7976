"""Lines of the host-check trace that are too long for Exim's buffer."""

from __future__ import annotations

from tests.mta.front import Front


def test_a_line_that_is_too_long_is_cut_off() -> None:
    process = Front().process()
    said: list[str] = []
    process.host_checking, process.err = True, said.append
    process.hdebug("x" * 2042)
    process.hdebug("y" * 2043)
    process.hdebug("z" * 5000, indented=True)
    cut = "**** debug string too long - truncated ****\n"
    assert said == [f">>> {'x' * 2042}\n", f">>> {'y' * 1997}\n", cut, f">>> {'z' * 1997}\n", cut]
