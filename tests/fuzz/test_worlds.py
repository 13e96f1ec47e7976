"""The one generator of random situations."""

import json
from collections import Counter
from functools import cache

from hypothesis import given, settings

from eximsim.fuzz.examples import examples
from eximsim.fuzz.servers import CHAINS, REPLIES, chain_of
from eximsim.fuzz.worlds import situations
from eximsim.profiles import profile
from eximsim.suite.recording import Situation, situation_of
from eximsim.suite.replay import Stand
from eximsim.world.smtp_behaviour import EVIDENCE_BEHAVIOURS
from tests.suite.recorded import stand

MANY = 600


@cache
def many() -> tuple[Situation, ...]:
    return tuple(found.value for found in examples(situations(), MANY, 1))


@settings(max_examples=60, deadline=None)
@given(situations())
def test_a_situation_survives_a_scenario_file_and_runs_on_the_model(situation: Situation) -> None:
    read = situation_of(json.loads(json.dumps(situation.as_json())))
    (kind,) = situation.kinds
    here: Stand = stand()
    replayed = here.replay(read, kind, profile("4.96-debian12"))
    assert replayed == here.replay(situation, kind, profile("4.96-debian12"))
    assert (replayed.queuerun is None) is (situation.queuerun is None)


def test_a_quarter_are_callouts_and_a_quarter_have_a_queue_run() -> None:
    callouts = sum(situation.kinds == ("callout",) for situation in many())
    queue_runs = sum(situation.queuerun is not None for situation in many())
    assert MANY / 4 <= callouts <= MANY / 2
    assert MANY / 4 <= queue_runs <= MANY / 2


def test_nothing_that_may_happen_is_left_out() -> None:
    servers = [server for situation in many() for server in situation.servers.values()]
    assert {server for server in servers if isinstance(server, str)} == set(EVIDENCE_BEHAVIOURS)
    scripts = [server for server in servers if not isinstance(server, str)]
    assert {part for script in scripts for part in script} >= {*REPLIES, "chain", "extensions", "recipients"}
    assert {chain_of(server) for server in servers} == set(CHAINS)
    assert {len(situation.servers) for situation in many()} >= {1, 2, 3}


def test_every_answer_to_tlsa_comes() -> None:
    answers = Counter(
        (rrset["rcode"], rrset["ad"], bool(rrset["data"]))
        for situation in many()
        for rrset in situation.zone
        if rrset["type"] == "TLSA"
    )
    failures = {(rcode, False, False) for rcode in ("SERVFAIL", "REFUSED", "FORMERR", "NOTIMP")}
    negative = {(rcode, ad, False) for rcode in ("NOERROR", "NXDOMAIN") for ad in (True, False)}
    assert answers.keys() == {*failures, *negative, ("NOERROR", True, True), ("NOERROR", False, True)}
    lost = [rrset for situation in many() for rrset in situation.zone if "drop" in rrset or "tc" in rrset]
    assert {key for rrset in lost for key in ("drop", "tc") if key in rrset} == {"drop", "tc"}


def test_the_plainest_situation_is_a_delivery_to_one_sound_host() -> None:
    plainest = many()[0]
    assert plainest.kinds == ("delivery",)
    assert plainest.servers == {"10.9.1.1": "ok"}
    assert plainest.transport == {}
