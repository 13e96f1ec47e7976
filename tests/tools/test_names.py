"""The lists of names: the model's are Exim's, release by release."""

from __future__ import annotations

import pytest

from eximsim.mta.config.expansion_history import NAMES_HISTORY, lacking
from eximsim.mta.config.options import release
from tools.docs.names import DONE, lists

RELEASES = [changes.release for changes in NAMES_HISTORY]
BY_SWITCH = frozenset(("queue", "queue_only"))
"""One control with two names, of which the switch knows."""
NOT_MODELLED = {
    "ACL condition": {"atrn_domains", "dcc", "demime"},
    "ACL modifier": {"bmi_optin"},
    "control": {"bmi_run", "requiretls", "wellknown"},
    "variable": {"spf_used_domain"},
}
LACKS = {
    "item": "items",
    "operator": "operators",
    "condition": "conditions",
    "variable": "variables",
    "control": "controls",
    "verify": "verified",
}


def in_exim(group: str, at: str) -> set[str]:
    """The names of a group that a release has."""
    order = {name: place for place, name in enumerate(RELEASES)}
    order["4.99-dev-13835a3c1"] = order["4.99-dev"]
    return {
        name for name, (first, last) in lists()[group].items() if order[first] <= order[at] <= order[last]
    }


@pytest.mark.parametrize("group", list(DONE))
def test_nothing_but_what_the_limits_say_is_unknown(group: str) -> None:
    assert lists()[group].keys() - DONE[group] == NOT_MODELLED.get(group, set())
    assert DONE[group] <= lists()[group].keys()


@pytest.mark.parametrize("at", RELEASES)
@pytest.mark.parametrize("group", list(LACKS))
def test_each_release_knows_the_names_that_it_has(group: str, at: str) -> None:
    lacks: frozenset[str] = getattr(lacking(at), LACKS[group])
    left_out = BY_SWITCH | NOT_MODELLED.get(group, set())
    assert DONE[group] - lacks - left_out == in_exim(group, at) - left_out


@pytest.mark.parametrize("at", RELEASES)
@pytest.mark.parametrize("group", ["ACL condition", "ACL modifier"])
def test_each_release_reads_the_acl_names_that_it_has(group: str, at: str) -> None:
    absent = release(at, ()).absent
    wanted = in_exim(group, at)
    for name in lists()[group]:
        assert (f"acl.{name}" not in absent) is (name in wanted), name
