"""What the gate says of the releases, one after the other, with the configuration of test 5840.

Each pair takes seconds, so these are no tests: ``python -m pytest benchmarks/test_gate_history.py``.
"""

from __future__ import annotations

from dataclasses import replace
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
        "callout_tlsa_before_connect dane_outcome_in_address hosts_try_prdr hosts_verify_avoid_tls"
        " name_mismatch_blank_line unusable_tlsa verify_error_names_peer"
    ),
    ("4.86-dev-4cea764f3", "4.86"): "tlsa_failure_ignored_if_requested tlsa_failure_logged",
    ("4.86", "4.87"): "dane_failure_overridden",
    ("4.87", "4.88-jh03"): "dane_failure_log tlsa_failure_ignored_if_requested tlsa_map unusable_tlsa",
    ("4.88-jh03", "4.88"): (
        "callout_forced_failure_ends callout_tls_failure_retries_in_clear dane_failure_log"
        " helo_loss_tells_ehlo_reply tlsa_map"
    ),
    ("4.88", "4.89"): "callout_uses_setup_conn name_mismatch_names_host setup_5xx_tries_next_host",
    ("4.89", "4.90-dev-5d6bdf01a"): (
        "dane_failure_log setup_5xx_tries_next_host tls_error_logged tlsa_before_connect tlsa_map"
    ),
    ("4.90-dev-5d6bdf01a", "4.90"): (
        "message_error_names_host setup_5xx_tries_next_host tlsa_map verify_error_names_callout"
    ),
    ("4.90", "4.91"): "tlsa_insecure_log_names_host tlsa_map",
    ("4.91", "4.92"): "callout_dane_failure second_hello_may_be_refused short_tlsa_skipped",
    ("4.92", "4.93"): "callout_connect_failure_worded",
    ("4.93", "4.94.1"): "unusable_tlsa",
    ("4.94.1", "4.95"): "crash_log unusable_tlsa",
    ("4.95", "4.96"): "callout_dane_failure unusable_tlsa",
    ("4.96", "4.97"): "",
    ("4.97", "4.98"): "callout_dane_failure limits_heeded",
    ("4.98", "4.99"): "failed_address_colon_spaced",
}
"""The switches that change an outcome, or its words, between two profiles: with one host, in one library."""


def policy(release: str) -> Policy:
    """Test 5840's configuration for a release that is built with OpenSSL 3, whichever it is measured with."""
    text = CONF.read_text(encoding="utf-8").replace("keep_environment =\n", "")
    built = replace(profile(release), tls_library="openssl-3")
    return Policy("5840", text, built, certificates(("mail.invalid",)), MACROS)


@pytest.mark.parametrize(("old", "new"), CHANGED, ids=[f"{old}-to-{new}" for old, new in CHANGED])
def test_the_switches_that_change_something_between_two_releases(old: str, new: str) -> None:
    report = compare(policy(old), policy(new))
    assert report.complete
    found = {cause.name for group in report.groups for cause in group.cause}
    assert " ".join(sorted(found)) == CHANGED[old, new]
