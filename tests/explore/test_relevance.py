"""What a configuration can look at: what is left out of states only where nothing reads it."""

from __future__ import annotations

import pytest

from eximsim.explore.relevance import relevance
from tests.gate.policies import CONF, policy


def test_a_host_counts_where_a_lookup_can_ask_for_any_name() -> None:
    assert not relevance(policy("")).names("mx1.destination.example")
    assert relevance(policy("  helo_data = ${lookup dnsdb{a=$host}}\n")).names("mx1.destination.example")
    assert relevance(policy("  hosts_avoid_tls = mx1.destination.example\n")).names("mx1.destination.example")


@pytest.mark.parametrize("selector", ["+protocol_detail", "+all"])
def test_what_a_client_said_first_counts_where_it_is_logged(selector: str) -> None:
    assert not relevance(policy("")).sequence
    assert relevance(policy("", conf=f"log_selector = {selector}\n{CONF}")).sequence


def test_calling_again_counts_where_a_callout_asks_about_a_random_recipient() -> None:
    assert not relevance(policy("")).random
    assert relevance(policy("", conf=CONF.replace("recipient/callout", "recipient/callout=random"))).random
