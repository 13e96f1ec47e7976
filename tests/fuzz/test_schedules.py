"""Schedules: their names, what they do to the answers, and what must hold under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.fuzz.schedule import Schedule, bare, schedule
from eximsim.fuzz.schedules import (
    CHANGED,
    FAULTS,
    LASTING,
    MISTAKES,
    RECOVERED,
    RECOVERED_BY_TRIES,
    ScheduledWorld,
    pairs,
    replay,
    schedules,
    singles,
    targets,
)
from eximsim.fuzz.worlds import situations
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.ports import DnsAnswer
from eximsim.profiles import NEWEST, profile
from eximsim.suite.recording import Situation
from eximsim.suite.replay import Replayed
from eximsim.world.messages import Question
from eximsim.world.rrsets import rrset_zones
from tests.fuzz.scheduled import TRIES, protections, situation, weakened, without_questions
from tests.suite.recorded import stand

NOW = Schedule()


def run(one: Situation, plan: Schedule | str, release: str = NEWEST, kind: str = "delivery") -> Replayed:
    return replay(stand(), one, kind, profile(release), schedule(plan) if isinstance(plan, str) else plan)


def run_if_defined(one: Situation, plan: Schedule) -> Replayed:
    """A run of the only kind that a random situation has."""
    try:
        return run(one, plan, kind=one.kinds[0])
    except UndefinedBehaviour:
        reject()


# ---- names ----------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_schedule_is_what_its_name_says(data: st.DataObject) -> None:
    plan = data.draw(schedules(situation()))
    assert schedule(str(plan)) == plan
    assert str(schedule(str(plan))) == str(plan)


@pytest.mark.parametrize(
    "name",
    [
        "now",
        "mx:now tlsa@h1:servfail,now a@h1:late2",
        "*:late0.25*",
        "tlsa@h1-a.test.ex:id+name+now,tc2,tcreset,perm119|noad*|nodata",
        "type257:formerr",
    ],
)
def test_the_name_of_a_schedule_that_was_read_is_the_name_read(name: str) -> None:
    assert str(schedule(name)) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "an empty schedule"),
        ("mx", "is no rule"),
        ("mx@:now", "is no rule"),
        ("mx:", "'' is no answer"),
        ("mx:soon", "'soon' is no answer"),
        ("mx:late", "'late' is no answer"),
        ("mx:late0", "'late0' is no answer"),
        ("mx:late1.50", "'late1.50' is no answer"),
        ("mx:now3", "'now3' is no answer"),
        ("mx:perm1.5", "'perm1.5' is no answer"),
        ("mx:tc0", "is written tc"),
        ("mx:never+now", "never stands alone"),
        ("mx:now now:now:", "'now:' is no answer"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_reason(name: str, words: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as error:
        schedule(name)
    assert words in str(error.value)


def test_rules_fit_types_and_the_first_labels_of_names() -> None:
    plan = schedule("tlsa@h1:never a@h1:late1 *@h2.test:tc mx:servfail")
    fits = {
        ("_25._tcp.H1.test", "TLSA"): "tlsa@h1",
        ("h1.test", "A"): "a@h1",
        ("h1.test", "AAAA"): None,
        ("h11.test", "A"): None,
        ("h2.test", "AAAA"): "*@h2.test",
        ("any.test", "MX"): "mx",
    }
    for (name, type), target in fits.items():
        rule = plan.rule_for(Question(name, type))
        assert (rule and rule.target) == target
    assert bare("_25._tcp.Mx.Test") == "mx.test"
    assert bare("_25") == "_25"


# ---- the server -----------------------------------------------------------------------------------------

ADDRESSES = ["10.9.0.1", "10.9.0.2", "10.9.0.3"]


def ask(plan: str, *, tries: int = 3, runs: int = 1) -> list[tuple[DnsAnswer, int, float]]:
    """What a question for three secure addresses brings in each run: answer, number of queries, seconds."""
    zones = rrset_zones([{"name": "mx.test", "type": "A", "ad": True, "data": ADDRESSES}])
    world = ScheduledWorld(zones, plan=schedule(plan))
    found = []
    for _ in range(runs):
        before, asked = world.now(), len(world.questions)
        answer = world.lookup("mx.test", "A", timeout=1, tries=tries, dnssec=True)
        found.append((answer, len(world.questions) - asked, world.now() - before))
        world.hang_up()
    return found


def addresses(answer: DnsAnswer) -> list[object]:
    return [record.data for record in answer.answers]


@pytest.mark.parametrize(
    ("plan", "queries", "seconds"),
    [
        ("now", 1, 0), ("twice", 1, 0), ("late0.5", 1, 0.5), ("late1.5", 2, 1), ("never", 2, 1),
        ("never,never", 3, 2), ("after", 2, 1), ("tc", 2, 0), ("tc1", 2, 0), ("servfail", 2, 0),
        ("refused,notimp", 3, 0), ("id", 2, 1), ("name", 2, 1), ("id+name+late0.5", 1, 0.5),
        ("late1,late7", 2, 1), ("late1.5,never", 2, 1.5),
    ],
)  # fmt: skip
def test_what_the_resolver_overcomes(plan: str, queries: int, seconds: float) -> None:
    ((answer, asked, took),) = ask(f"a:{plan}")
    assert (addresses(answer), answer.ad) == (ADDRESSES, True)
    assert (asked, took) == (queries, seconds)


@pytest.mark.parametrize(
    ("plan", "rcode", "queries", "seconds"),
    [
        ("never*", "TIMEOUT", 3, 3), ("servfail*", "SERVFAIL", 3, 0), ("tcreset", "TIMEOUT", 2, 0),
        ("late7*", "TIMEOUT", 3, 3), ("never,servfail,never", "SERVFAIL", 3, 2), ("formerr", "FORMERR", 1, 0),
        ("nxdomain", "NXDOMAIN", 1, 0), ("nodata", "NOERROR", 1, 0), ("id*", "TIMEOUT", 3, 3),
    ],
)  # fmt: skip
def test_what_leaves_it_without_records(plan: str, rcode: str, queries: int, seconds: float) -> None:
    ((answer, asked, took),) = ask(f"a:{plan}")
    assert (answer.rcode, answer.answers) == (rcode, ())
    assert (asked, took) == (queries, seconds)


def test_the_order_and_the_flag_can_be_changed() -> None:
    one, two, three = ADDRESSES
    orders = [addresses(ask(f"a:perm{number}")[0][0]) for number in range(1, 7)]
    assert orders[0] == [one, three, two]
    assert orders[4] == [three, two, one]
    assert orders[5] == ADDRESSES
    assert len({tuple(map(str, order)) for order in orders}) == 6
    ((answer, _, _),) = ask("a:noad")
    assert (addresses(answer), answer.ad) == (ADDRESSES, False)


def test_answers_change_between_attempts_of_the_queue() -> None:
    rcodes = [[answer.rcode for answer, _, _ in ask(plan, runs=4)] for plan in ("a:nxdomain|formerr*|now",)]
    assert rcodes == [["NXDOMAIN", "FORMERR", "NOERROR", "NOERROR"]]
    assert [answer.rcode for answer, _, _ in ask("a:nxdomain,formerr", runs=3)] == [
        "NXDOMAIN", "FORMERR", "NOERROR",
    ]  # fmt: skip


# ---- what must hold -------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(situations())
def test_without_rules_all_is_as_without_a_schedule(one: Situation) -> None:
    assert run_if_defined(one, NOW) == stand().replay(one, one.kinds[0], profile(NEWEST))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_same_schedule_does_the_same(data: st.DataObject) -> None:
    one = data.draw(situations())
    plan = data.draw(schedules(one))
    assert run_if_defined(one, plan) == run_if_defined(one, schedule(str(plan)))


SOME_RECOVERED = ("tc", "id+now", "late1.5,never", "after", "servfail", "never,twice")
SOME = ("tc", "id+now", "late1.5,never", "after", "servfail*", "tcreset*")

TWO, ONE = situation(), situation(1)
CALLOUT = situation(1, queuerun=None)


@pytest.mark.parametrize("fault", [*RECOVERED, *RECOVERED_BY_TRIES])
def test_a_fault_that_the_resolver_overcomes_changes_nothing(fault: str) -> None:
    for one, kind in ((TWO, "delivery"), (CALLOUT, "callout")):
        plain = without_questions(run(one, NOW, kind=kind))
        for plan in singles(one, [fault]):
            assert replace(without_questions(run(one, plan, kind=kind)), trace=plain.trace) == plain, plan


def test_any_two_faults_that_the_resolver_overcomes_change_nothing() -> None:
    plain = without_questions(run(ONE, NOW))
    for plan in pairs(ONE, SOME_RECOVERED):
        assert replace(without_questions(run(ONE, plan)), trace=plain.trace) == plain, plan


RECOVERABLE = st.sampled_from([*RECOVERED, *RECOVERED_BY_TRIES]).filter(lambda fault: fault != "perm1")


@settings(max_examples=60, deadline=None)
@given(situations(), st.data())
def test_what_is_overcome_changes_nothing_in_any_situation(one: Situation, data: st.DataObject) -> None:
    one = replace(one, main={**one.main, **TRIES})
    plan = schedule(f"{data.draw(st.sampled_from(targets(one)))}:{data.draw(RECOVERABLE)}")
    plain = without_questions(run_if_defined(one, NOW))
    assert replace(without_questions(run_if_defined(one, plan)), trace=plain.trace) == plain


@settings(max_examples=60, deadline=None)
@given(situations(), st.data())
def test_an_answer_without_the_flag_never_makes_a_stronger_result(
    one: Situation, data: st.DataObject
) -> None:
    plan = schedule(f"{data.draw(st.sampled_from(targets(one)))}:noad*")
    before, after = (protections(run_if_defined(one, each)) for each in (NOW, plan))
    assert all(after[host] <= before[host] for host in before.keys() & after.keys())


NETWORK_FAULTS = [*RECOVERED, *RECOVERED_BY_TRIES, *LASTING]


def found(plans: Iterable[Schedule], one: Situation, release: str = NEWEST) -> tuple[int, Schedule] | None:
    """The first schedule under which a host is used with less protection, and its number."""
    plain = run(one, NOW, release)
    assert 3 in protections(plain).values()
    for number, plan in enumerate(plans, 1):
        if weakened(plain, run(one, plan, release)):
            return number, plan
    return None


@pytest.mark.parametrize(("plans", "faults"), [(singles, NETWORK_FAULTS), (pairs, SOME)])
def test_no_fault_of_the_network_weakens_the_newest_release(
    plans: Callable[[Situation, Iterable[str]], Iterable[Schedule]], faults: Iterable[str]
) -> None:
    assert found(plans(ONE, faults), ONE) is None


def test_the_release_that_fell_back_to_no_dane_is_found() -> None:
    number, plan = found(singles(ONE, NETWORK_FAULTS), ONE, "4.87") or (0, NOW)
    assert number < 100
    assert str(plan) == "tlsa@h1-a:never*"


@pytest.mark.parametrize(("mistake", "smallest"), [("M14", "id+now"), ("M15", "tc")])
def test_a_careless_resolver_is_found(mistake: str, smallest: str) -> None:
    with MISTAKES[mistake].applied():
        plans = [plan for plan in singles(ONE, NETWORK_FAULTS) if plan.rules[0].type == "tlsa"]
        caught = found(plans, ONE)
    assert caught is not None
    assert str(caught[1]) == f"tlsa@h1-a:{smallest}"
    assert not weakened(run(ONE, NOW), run(ONE, caught[1]))


def test_an_old_answer_is_only_taken_by_a_careless_resolver() -> None:
    """The A question is given up; its answer comes when the TLSA question is asked."""
    plan = schedule("aaaa@h1-a:late2 a@h1-a:now tlsa@h1-a:late1.5*")
    one = situation(1, main={})
    with MISTAKES["M14"].applied():
        careless = run(one, plan)
    assert careless != run(one, plan)


# ---- all of them ----------------------------------------------------------------------------------------


def test_every_fault_of_every_question_is_enumerated() -> None:
    questions = targets(TWO)
    assert questions == (
        "mx@one", "a@h1-a", "aaaa@h1-a", "tlsa@h1-a", "a@h2-a", "aaaa@h2-a", "tlsa@h2-a",
    )  # fmt: skip
    alone, two = list(singles(TWO)), list(pairs(TWO, SOME))
    assert len(set(map(str, alone))) == len(alone) == len(questions) * len(FAULTS)
    assert len(set(map(str, two))) == len(two) == 21 * len(SOME) ** 2
    assert {*RECOVERED, *RECOVERED_BY_TRIES, *LASTING, *CHANGED} == set(FAULTS)
    assert all(schedule(str(plan)) == plan for plan in alone)
