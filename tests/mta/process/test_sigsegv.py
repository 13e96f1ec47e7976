from __future__ import annotations

import pytest

from eximsim.mta.process.sigsegv import SIGSEGV, null_pointer
from tests.mta.scenario import NEW, NXDOMAIN, REFUSING, Mx, Site

SAID = {
    NEW: [],
    "4.94.1": [],
    "4.95": ["SIGSEGV (maybe attempt to write to immutable memory)"],
    "4.96": [
        "SIGSEGV (fault address: 0x8)",
        "SEGV_MAPERR",
        "SIGSEGV (null pointer indirection)",
        "SIGSEGV ({pid} sorting mail",
    ],
}
SAID["4.99"] = [*SAID["4.96"][:3], "SIGSEGV (fresh-exec: {pid} sorting mail"]


@pytest.mark.parametrize("release", SAID)
def test_a_process_says_of_its_death_what_its_release_says_in_both_logs(release: str) -> None:
    site = Site(release=release)
    process = site.process()
    assert null_pointer(process, "sorting mail").signal == SIGSEGV
    expected = [line.format(pid=process.pid) for line in SAID[release]]
    for log in (site.log, site.panic_log):
        assert [line for line in log if line != ")"][: len(expected)] == expected


@pytest.mark.parametrize(("release", "lines"), [(NEW, 0), ("4.95", 1)])
def test_the_lines_stand_before_those_of_the_parent(release: str, lines: int) -> None:
    site = Site([Mx(tlsa=NXDOMAIN), Mx(REFUSING)], release, transport={"hosts_require_dane": "10.9.1.1"})
    log = site.deliver()
    crash = [number for number, line in enumerate(log) if line.startswith("SIGSEGV")]
    parent = next(number for number, line in enumerate(log) if "terminated by signal 11" in line)
    assert len(crash) == lines
    assert all(number < parent for number in crash)


def test_since_4_99_a_process_says_what_it_was_made_for() -> None:
    site = Site(release="4.99")
    child = site.process().fork("transport")
    null_pointer(child, "delivering")
    assert f"SIGSEGV (transport: {child.pid} delivering" in site.panic_log
    child.run_anew()
    null_pointer(child, "delivering")
    assert f"SIGSEGV (fresh-exec: {child.pid} delivering" in site.panic_log
