"""Every condition, modifier, control and verify item of ACLs: the model does what seven real programs did.

``where-NAME`` and ``mime-NAME`` have the name in each ACL in which it may stand or not, ``does-NAME`` has its
arguments: success, failure, deferral, forced failure, negation, wrong use. The lines in which 4.92 and 4.95
offer extensions that were experiments then, and built in, have been taken out of the recording. Left out are
sessions of 4.89 and 4.92 with several messages, whose ids may be the same; up to 4.98 those in which ETRN
runs its command (the child sends again what waits to be sent); names that a program was built without; and
the few that the limits tell of.
"""

from __future__ import annotations

from collections import Counter

import pytest

from eximsim.mta.acl.acl_controls import CONTROLS
from eximsim.mta.acl.acl_verify import ITEMS
from eximsim.mta.config.acl_read import CONDITIONS, MODIFIERS
from tests.suite.recorded_scenarios import differing, records_of, scenarios_of

RELEASES = ("4.89", "4.92", "4.95", "4.96-debian12", "4.98", "4.99", "4.99-dev-13835a3c1")
NOT_BUILT = {
    "condition": {"atrn_domains", "dcc", "dmarc_status", "spf", "spf_guess", "verify"},
    "modifier": {"bmi_optin", "control", "message"},
    "control": {"dmarc_disable_verify", "dmarc_enable_forensic"},
    "verify": set[str](),
}
"""What none of these programs has, or has sessions of its own: ``message``, ``control``, ``verify``."""


@pytest.mark.parametrize("release", RELEASES)
def test_the_model_does_what_the_program_did(release: str) -> None:
    mine = (record for record in records_of("acl") if record.release == release)
    assert differing("acl", mine) == {}


def test_every_scenario_was_recorded_and_every_program_did_most_of_them() -> None:
    counted = Counter(record.release for record in records_of("acl"))
    assert counted.keys() == set(RELEASES)
    assert {record.id for record in records_of("acl")} == scenarios_of("acl").keys()
    assert min(counted.values()) > 150


def test_every_name_has_its_sessions() -> None:
    known = {
        "condition": CONDITIONS,
        "modifier": MODIFIERS,
        "control": CONTROLS.keys(),
        "verify": ITEMS.keys(),
    }
    for group, names in known.items():
        assert {name for name in names if f"where-{group}-{name}" not in scenarios_of("acl")} == NOT_BUILT[
            group
        ]
