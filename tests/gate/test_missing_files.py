"""A file that decides and that is not here is said by the gate: what it holds could change the outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.gate.compare import compare
from eximsim.gate.explore_policies import survey
from eximsim.profiles import profile
from eximsim.suite.config_files import Sources
from tests.gate.policies import CONF, policy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  driver = dnslookup\n", "  driver = dnslookup\n  domains = ! lsearch;/etc/relays\n"),
        ("OPTIONS\n", "  hosts_require_tls = lsearch;/etc/relays\n"),
    ],
)
def test_a_file_that_a_run_asks_for_and_that_is_not_here_is_a_gap(old: str, new: str) -> None:
    one = policy(conf=CONF.replace(old, new))
    two = replace(one, profile=profile("4.98"))
    assert "names /etc/relays: not below" in str(compare(one, two).gaps)
    given = Sources(given={"/etc/relays": b"other.example: 1\n"})
    assert "not below" not in str(compare(replace(one, sources=given), replace(two, sources=given)).gaps)


def test_a_file_that_only_one_side_names_is_told_with_the_place_of_that_side() -> None:
    conf = f"hostlist safe = lsearch;/etc/safe\n{CONF}"
    one = policy("  hosts_require_tls = lsearch;/etc/relays\n", path="old.conf")
    two = policy("  hosts_require_tls = +safe\n", path="new.conf", conf=conf)
    gaps = {gap.where: gap.what.split(":")[0] for gap in compare(one, two).gaps}
    assert gaps == {"old.conf:15": "names /etc/relays", "new.conf:1": "names /etc/safe"}


def test_a_loop_of_replies_is_a_gap_with_its_line() -> None:
    conf = (
        "begin routers\nall:\n  driver = accept\n  transport = back\n"
        "begin transports\nback:\n  driver = autoreply\n  to = x@example.org\n"
    )
    gaps = [str(gap) for gap in survey([policy(conf=conf)]).gaps]
    assert any(gap.startswith("exim.conf:6: not modelled: more than 40 automatic") for gap in gaps), gaps


@pytest.mark.parametrize("driver", ["pipe", "lmtp"])
def test_a_command_that_is_asked_is_told_with_its_line(driver: str) -> None:
    conf = (
        "begin routers\nall:\n  driver = accept\n  transport = given\nbegin transports\n"
        f"given:\n  driver = {driver}\n  command = /opt/taker ${{quote:$local_part_data}}\n"
    )
    gaps = [str(gap) for gap in survey([policy(conf=conf)]).gaps]
    assert any(gap.startswith(f"exim.conf:8: {driver} is asked") for gap in gaps), gaps


def test_a_mailbox_that_is_not_there_yet_is_no_gap() -> None:
    local = "begin routers\nlocal:\n  driver = accept\n  domains = here.example\n  transport = box\n"
    box = "begin transports\nbox:\n  driver = appendfile\n  file = /var/mail/all\n"
    conf = CONF.replace("begin routers\n", local).replace("begin transports\n", box)
    assert survey([policy(conf=conf)]).gaps == {}
