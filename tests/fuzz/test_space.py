from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.explore import vocabulary as words
from eximsim.explore.choices import Choices, Leaf, explore, size
from eximsim.fuzz.lazy_world import Stage, play
from eximsim.fuzz.space import DETAILS, OPTIONS, SERVER_STEPS, Space
from eximsim.mta.base.tables import shown
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.transports.smtp_out import Answer
from eximsim.profiles import profile
from eximsim.suite.many_runs import many_runs
from eximsim.suite.replay import Replayed, Stand
from tests.suite.recorded import FOLDER

LATEST = profile("4.99")


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand(FOLDER / "certs")


def _leaves(stand: Stand, space: Space) -> list[Leaf[Replayed | str]]:
    stage = Stage(space, stand.chains)

    def run(choices: Choices) -> Replayed | str:
        try:
            return play(stage, stand, choices, LATEST)
        except UndefinedBehaviour as reason:
            return str(reason)

    with many_runs():
        return list(explore(run, space))


def _without_names(replayed: Replayed) -> object:
    """What was seen, without what a recording calls the servers."""
    servers = tuple(replace(connection, server="") for connection in replayed.seen.servers)
    return replace(replayed.seen, servers=servers), replayed.outcome


SPACES = {
    "one host": Space(options=("hosts_require_dane",)),
    "a callout": Space(kind="callout", options=("hosts_require_dane",)),
    "two hosts": Space(
        hosts=2,
        values={
            "TLSA": ("match", "SERVFAIL"),
            "certificate": ("good",),
            "handshake": ("completes",),
            "STARTTLS": ("2xx",),
        },
    ),
    "two equal hosts": Space(
        hosts=2,
        equal=True,
        values={
            "A": ("secure",),
            "TLSA": ("match",),
            "certificate": ("good",),
            "STARTTLS": ("2xx",),
            "handshake": ("completes",),
        },
    ),
    "all details": Space(
        detail="full", values={"TLSA": ("match",), "MX": ("secure",), "A": ("secure",), "AAAA": ("no data",)}
    ),
    "failing addresses": Space(
        detail="full", values={"TLSA": ("match",), "connection": ("refused",), "RCPT": ("2xx",)}
    ),
}


@pytest.mark.parametrize("name", SPACES)
def test_a_space_is_complete_and_its_leaves_are_what_their_situations_do(stand: Stand, name: str) -> None:
    space = SPACES[name]
    leaves = _leaves(stand, space)
    assert sum(leaf.size for leaf in leaves) == size(space)
    assert len({tuple(leaf.path.items()) for leaf in leaves}) == len(leaves) > 10
    for leaf in leaves[::7]:
        try:
            again: object = _without_names(stand.replay(leaf.situation(), space.kind, LATEST))
        except UndefinedBehaviour as reason:
            again = str(reason)
        lazily = leaf.result if isinstance(leaf.result, str) else _without_names(leaf.result)
        assert lazily == again, leaf.path


def test_a_host_that_is_not_called_is_not_chosen(stand: Stand) -> None:
    first, *_ = _leaves(stand, SPACES["two hosts"])
    assert not any(name.startswith("h2") and name not in ("A of h2", "AAAA of h2") for name in first.path)
    assert first.size > 1


def test_both_orders_of_equal_hosts_are_tried(stand: Stand) -> None:
    leaves = _leaves(stand, SPACES["two equal hosts"])
    first_called = {
        leaf.result.seen.servers[0].address
        for leaf in leaves
        if isinstance(leaf.result, Replayed) and leaf.result.seen.servers
    }
    assert first_called == {"10.9.1.1", "10.9.2.1"}


def test_the_short_form_is_a_part_of_the_full_form() -> None:
    short, full = DETAILS["short"], DETAILS["full"]
    assert short.keys() == full.keys()
    for kind, values in short.items():
        assert set(values) <= set(full[kind])
        assert values[0] == full[kind][0]


def test_a_space_says_all_things_in_the_words_of_the_gate() -> None:
    axes = {axis.name: {*axis.values} for axis in (words.MX, *words.OF_A_HOST)}
    replies = set(map(shown, Answer))
    for step, values in SERVER_STEPS.items():
        assert values.keys() <= axes[step] | replies, step
    for kind in ("MX", "A", "AAAA", "TLSA"):
        assert set(DETAILS["full"][kind]) <= axes["TLSA"] | words.TLSA_RECORDS.keys(), kind


def test_settings_of_a_situation_are_those_of_its_options() -> None:
    space = Space(options=tuple(OPTIONS))
    plain = space.situation({}).transport
    assert plain["hosts_try_dane"] == "*"
    assert "tls_verify_hosts" not in plain
    assert space.situation({"tls_verify_hosts": "nobody"}).transport["tls_verify_hosts"] == ""
