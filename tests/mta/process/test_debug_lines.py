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
    process.host_checking, process.verbose = False, True
    process.hdebug("v" * 2046, with_v=True)
    process.hdebug("w" * 2047, with_v=True)
    assert said[-3:] == [f"{'v' * 2046}\n", f"{'w' * 2001}\n", cut]
    assert said[:-3] == [f">>> {'x' * 2042}\n", f">>> {'y' * 1997}\n", cut, f">>> {'z' * 1997}\n", cut]
