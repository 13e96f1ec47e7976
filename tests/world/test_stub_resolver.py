"""The stub resolver's machine, step by step; and the same schedules with the real C library."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest

from eximsim.mta.lookup.dns import result_of
from eximsim.ports import DnsAnswer, DnsRecord
from eximsim.status import DnsResult
from eximsim.world import stub_resolver
from eximsim.world.clock import VirtualClock
from eximsim.world.messages import Edns, Message, Question, response, truncated
from eximsim.world.network import Network, Sent
from eximsim.world.stub_resolver import Ask, Done, Lookup, Practice, Settings, Wait
from tests.world.c_library import Answering, NoLibrary, res_nquery

QUESTION = Question("mx.test", "A")
FIRST, SECOND = (
    DnsAnswer("NOERROR", answers=(DnsRecord("mx.test", "A", a),)) for a in ("10.9.0.1", "10.9.0.2")
)
NOTHING = DnsAnswer("NOERROR")


def lookup(retry: int = 2, nscount: int = 1) -> Lookup:
    return Lookup(QUESTION, 7, Settings(5, retry, nscount=nscount))


def asked(step: object) -> Ask:
    assert isinstance(step, Ask)
    return step


def reply(answer: DnsAnswer = FIRST, **changes: Any) -> Message:
    return replace(response(lookup().query, answer), **changes)


# ---- the machine ----------------------------------------------------------------------------------------


def test_the_query_asks_for_security_with_edns() -> None:
    query = asked(lookup().start()).query
    assert (query.rd, query.ad, query.edns) == (True, True, Edns(1200, 0, True))


def test_no_try_longer_than_the_one_before() -> None:
    machine = lookup(3)
    steps = [asked(machine.start()), asked(machine.timed_out()), asked(machine.timed_out())]
    assert [step.seconds for step in steps] == [5, 5, 5]
    assert [step.fresh for step in steps] == [True, False, False]
    assert machine.timed_out() == Done(DnsAnswer("TIMEOUT"))


def test_later_servers_are_given_other_time() -> None:
    machine = lookup(1, nscount=3)
    steps = [asked(machine.start()), asked(machine.timed_out()), asked(machine.timed_out())]
    assert [(step.server, step.seconds) for step in steps] == [(0, 5), (1, 10 / 3), (2, 20 / 3)]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "NOTIMP", "REFUSED"])
def test_a_rejection_is_asked_about_again_at_once_on_a_new_socket(rcode: str) -> None:
    machine = lookup(2)
    machine.start()
    again = asked(machine.datagram(reply(DnsAnswer(rcode))))
    assert again.fresh
    assert machine.datagram(reply(DnsAnswer(rcode))) == Done(DnsAnswer(rcode))


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN", "FORMERR"])
def test_other_codes_end_the_lookup(rcode: str) -> None:
    machine = lookup()
    machine.start()
    assert machine.datagram(reply(DnsAnswer(rcode, ad=True))) == Done(DnsAnswer(rcode, ad=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 8},
        {"questions": (Question("other.test", "A"),)},
        {"questions": (Question("mx.test", "AAAA"),)},
        {"questions": ()},
        {"questions": (), "rcode": "FORMERR"},
        {"id": 8, "rcode": "SERVFAIL"},
    ],
)
def test_what_is_no_answer_to_this_question_is_waited_past(changes: Mapping[str, Any]) -> None:
    machine = lookup()
    machine.start()
    assert machine.datagram(reply(SECOND, **changes)) == Wait()
    assert machine.datagram(reply()) == Done(FIRST)


@pytest.mark.parametrize("changes", [{"questions": (Question("MX.Test", "A"),)}, {"response": False}])
def test_what_is_not_looked_at(changes: Mapping[str, Any]) -> None:
    machine = lookup()
    machine.start()
    assert machine.datagram(reply(**changes)) == Done(FIRST)


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    machine = lookup()
    machine.start()
    step = asked(machine.datagram(truncated(reply())))
    assert step.tcp
    assert machine.stream(reply(id=8)) == Wait()
    assert machine.stream(reply()) == Done(FIRST)


def test_what_fails_over_tcp_is_not_tried_again() -> None:
    machine = lookup(5)
    machine.start()
    machine.datagram(truncated(reply()))
    assert machine.stream(None) == Done(DnsAnswer("TIMEOUT"))


def test_a_referral_is_passed_over() -> None:
    machine = lookup()
    machine.start()
    assert asked(machine.datagram(reply(NOTHING, ra=False, edns=None))).fresh
    assert machine.datagram(reply(NOTHING, ra=False)) == Done(NOTHING)


def test_without_tries_nothing_is_asked() -> None:
    assert lookup(0).start() == Done(DnsAnswer("TIMEOUT"))


def test_other_practice_is_for_lookups_that_begin_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(stub_resolver, "PRACTICE", Practice(matches=False, asks_again=False))
        careless = lookup()
        assert not asked(careless.start()).fresh
    careful = lookup()
    careful.start()
    assert careless.datagram(truncated(reply(SECOND, id=8))) == Done(DnsAnswer("NOERROR"))
    assert careful.datagram(reply(SECOND, id=8)) == Wait()


# ---- the machine in its network, and the C library on sockets ------------------------------------------


@dataclass
class Script:
    """What a name server does: for each query over UDP, datagrams; for TCP, a message, None for a hang-up."""

    udp_answers: tuple[tuple[tuple[float, DnsAnswer, Mapping[str, Any]], ...], ...]
    tcp_answer: DnsAnswer | None = None
    listens: bool = False
    retrans: int = 1
    retry: int = 2
    servers: int = 1
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def udp(self, query: Message, socket: int) -> Iterable[Sent]:
        with self._lock:
            number, self._next = self._next, self._next + 1
        answers = self.udp_answers[number] if number < len(self.udp_answers) else ()
        for delay, answer, changes in answers:
            message = response(query, answer)
            put = {"id": message.id ^ 1} if changes.get("id") else {}
            yield Sent(delay, replace(message, **{**changes, **put}), socket)

    def tcp(self, query: Message) -> tuple[float, Message | None]:
        return 0, None if self.tcp_answer is None else response(query, self.tcp_answer)


def now(answer: DnsAnswer = FIRST, **changes: Any) -> tuple[tuple[float, DnsAnswer, Mapping[str, Any]], ...]:
    return late(0, answer, **changes)


def late(
    seconds: float, answer: DnsAnswer = FIRST, **changes: Any
) -> tuple[tuple[float, DnsAnswer, Mapping[str, Any]], ...]:
    return ((seconds, answer, changes),)


SERVFAIL, REFUSED, NOTIMP, FORMERR, NXDOMAIN = (
    DnsAnswer(rcode) for rcode in ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR", "NXDOMAIN")
)
OTHER = (Question("other.test", "A"),)

SCRIPTS = {
    "answered": (now(),),
    "secure": (now(replace(FIRST, ad=True)),),
    "never": (),
    "late": (late(1), now(SECOND)),
    "late-for-the-first-try": (late(3), late(1.8, SECOND)),
    "twice": (now() + now(SECOND),),
    "servfail-then-answered": (now(SERVFAIL), now()),
    "servfail-twice": (now(SERVFAIL), now(SERVFAIL)),
    "servfail-then-never": (now(SERVFAIL),),
    "refused-then-answered": (now(REFUSED), now()),
    "notimp-then-answered": (now(NOTIMP), now()),
    "servfail-without-question": (now(SERVFAIL, questions=()), now()),
    "formerr": (now(FORMERR), now()),
    "formerr-without-question": (now(FORMERR, questions=()), now()),
    "nxdomain": (now(NXDOMAIN),),
    "no-data": (now(NOTHING),),
    "referral-then-answered": (now(NOTHING, ra=False, edns=None), now()),
    "wrong-id-then-right": (now(SECOND, id=1) + late(0.3),),
    "wrong-id": (now(SECOND, id=1),),
    "wrong-name-then-right": (now(SECOND, questions=OTHER) + late(0.3),),
    "no-question-then-right": (now(SECOND, questions=()) + late(0.3),),
    "other-case": (now(questions=(Question("MX.TEST", "A"),)),),
    "not-a-response": (now(response=False) + now(SECOND),),
}
SLOW = {"late", "late-for-the-first-try"}
CASES = {
    **{name: Script(answers, retrans=2 if name in SLOW else 1) for name, answers in SCRIPTS.items()},
    "truncated": Script((now(SECOND, tc=True),), FIRST, listens=True),
    "truncated-servfail": Script((now(SERVFAIL, tc=True), now()), SECOND, listens=True),
    "truncated-servfail-over-tcp": Script((now(SECOND, tc=True), now()), SERVFAIL, listens=True),
    "truncated-hang-up": Script((now(SECOND, tc=True), now()), None, listens=True),
    "truncated-no-tcp": Script((now(SECOND, tc=True), now())),
    "three-tries": Script((), retry=3),
    "two-servers": Script((), retry=2, servers=2),
    "second-server": Script((now(SERVFAIL), now()), retry=1, servers=2),
}  # fmt: skip

Outcome = tuple[object, int, int]


def verdict(answer: DnsAnswer | Message | str) -> object:
    """What Exim makes of it; the records' data and AD if there are some."""
    if isinstance(answer, str):
        return H_ERRNO[answer]
    if isinstance(answer, DnsAnswer) and (result := result_of(answer)) is not DnsResult.SUCCEED:
        return result
    return [record.data for record in answer.answers], answer.ad


H_ERRNO = {
    "HOST_NOT_FOUND": DnsResult.NOMATCH,
    "TRY_AGAIN": DnsResult.AGAIN,
    "NO_RECOVERY": DnsResult.FAIL,
    "NO_DATA": DnsResult.NODATA,
}


@cache
def in_the_c_library() -> Mapping[str, Outcome | NoLibrary]:
    """What the C library comes to in each case; they are run at the same time, because it waits a lot."""
    found: dict[str, Outcome | NoLibrary] = {}

    def run(name: str, script: Script) -> None:
        servers = [Answering(script, listens=script.listens) for _ in range(script.servers)]
        try:
            ports = [server.port for server in servers]
            answer = res_nquery("mx.test", 1, ports, script.retrans, script.retry)
        except NoLibrary as reason:
            found[name] = reason
            return
        finally:
            for server in servers:
                server.close()
        udp, tcp = (sum(server.asked[kind] for server in servers) for kind in ("udp", "tcp"))
        found[name] = (verdict(answer), udp, tcp)

    threads = [threading.Thread(target=run, args=(name, replace(one))) for name, one in CASES.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


class Simulated:
    """The servers of a script in the simulated network, which has one: tries of all come to it in turn."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[str] = []

    def udp(self, query: Message, socket: int) -> Iterable[Sent]:
        self.asked.append("udp")
        return self.script.udp(query, socket)

    def tcp(self, query: Message) -> tuple[float, Message | None]:
        if self.script.listens:
            self.asked.append("tcp")
        return self.script.tcp(query)


@pytest.mark.parametrize("name", CASES)
def test_the_machine_does_what_the_c_library_does(name: str) -> None:
    real = in_the_c_library()[name]
    if isinstance(real, NoLibrary):
        pytest.skip(str(real))
    script = replace(CASES[name])
    server = Simulated(script)
    network = Network(VirtualClock(), server, lambda question: None)
    answer = network.lookup(QUESTION, Settings(script.retrans, script.retry, nscount=script.servers))
    assert (verdict(answer), server.asked.count("udp"), server.asked.count("tcp")) == real


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("answered", 0), ("never", 2), ("three-tries", 3), ("late", 1), ("late-for-the-first-try", 3),
        ("servfail-twice", 0), ("servfail-then-never", 1), ("wrong-id", 2), ("wrong-id-then-right", 0.3),
        ("two-servers", 4),
    ],
)  # fmt: skip
def test_the_time_that_it_takes(name: str, seconds: float) -> None:
    script = replace(CASES[name])
    clock = VirtualClock(0)
    network = Network(clock, Simulated(script), lambda question: None)
    network.lookup(QUESTION, Settings(script.retrans, script.retry, nscount=script.servers))
    assert clock.time == pytest.approx(seconds)
