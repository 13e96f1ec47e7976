"""What the gate says of the releases, one after the other, with the configuration of test 5840.

Each pair takes seconds, so these are no tests: ``python -m pytest benchmarks/test_gate_history.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eximsim.gate.compare import compare
from eximsim.gate.lattice import certificates
from eximsim.profiles import profile
from eximsim.suite.policy import Policy

CONF = Path(__file__).parents[1] / "testsuite" / "confs" / "5840"
MACROS = {"DIR": "/test", "PORT_D": "1225", "EXIM_PATH": "/exim", "CALLER_NAME": "C", "CALLOUT": ""}

CHANGED = {
    ("4.85", "4.86-dev-4cea764f3"): (
        "callout_tlsa_before_connect dane_outcome_in_address name_mismatch_blank_line option_release"
        " unusable_tlsa verify_error_names_peer"
    ),
    ("4.86-dev-4cea764f3", "4.86"): "tlsa_failure_ignored_if_requested tlsa_failure_logged",
    ("4.86", "4.87"): "dane_failure_overridden",
    ("4.87", "4.88-jh03"): "dane_failure_log tlsa_failure_ignored_if_requested tlsa_map unusable_tlsa",
    ("4.88-jh03", "4.88"): (
        "callout_forced_failure_ends callout_tls_failure_retries_in_clear dane_failure_log"
        " helo_loss_tells_ehlo_reply tls_library tlsa_map"
    ),
    ("4.88", "4.89"): "callout_uses_setup_conn name_mismatch_names_host setup_5xx_tries_next_host",
}
"""The switches that change an outcome, or its words, between two profiles."""


def policy(release: str) -> Policy:
    text = CONF.read_text(encoding="utf-8").replace("keep_environment =\n", "")
    return Policy("5840", text, profile(release), certificates(("mail.invalid",)), MACROS)


@pytest.mark.parametrize(("old", "new"), CHANGED, ids="-to-".join)
def test_the_switches_that_change_something_between_two_releases(old: str, new: str) -> None:
    report = compare(policy(old), policy(new))
    assert report.complete
    found = {cause.name for group in report.groups for cause in group.cause}
    assert " ".join(sorted(found)) == CHANGED[old, new]
