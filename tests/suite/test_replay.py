from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.profiles import profile
from eximsim.suite.recording import Situation
from eximsim.suite.replay import Normaliser, Replayed, configuration
from tests.suite.recorded import situations, stand

PLAIN = Situation(
    id="T001",
    group="T",
    params={},
    recipients=("a@test.ex",),
    zone=(
        {"name": "test.ex", "type": "MX", "ad": True, "data": [[10, "h1-t.test.ex"], [20, "h2-t.test.ex"]]},
        {"name": "h1-t.test.ex", "type": "A", "ad": True, "data": ["10.9.1.1"]},
        {"name": "h2-t.test.ex", "type": "A", "ad": True, "data": ["10.9.1.2"]},
    ),
    main={},
    router={"dnssec_request_domains": "*"},
    transport={},
    servers={"10.9.1.1": "ok", "10.9.1.2": "ok"},
)


def replay(kind: str = "delivery", release: str = "4.88-jh03", seed: int = 0, **changes: object) -> Replayed:
    situation = replace(PLAIN, **changes)  # type: ignore[arg-type]  # by name
    return stand().replay(situation, kind, profile(release), seed)


# ---- the configuration -----------------------------------------------------------------


def test_a_situations_own_settings_take_the_place_of_the_common_ones() -> None:
    own = replace(PLAIN, main={"dns_retry": "3"}, router={"driver": "manualroute"}, transport={"port": "26"})
    text = configuration(own)
    assert "\ndns_retry = 3\n" in text
    assert "\ndns_retry = 1\n" not in text
    assert "  driver = manualroute\n" in text
    assert "  port = 26\n" in text
    assert text.count("  port = ") == 1


# ---- what is gathered ------------------------------------------------------------------


def test_a_delivery_is_seen_in_log_servers_questions_and_queue() -> None:
    found = replay()
    assert found.outcome == "sent:yes@h1"
    assert [line.split(" ")[:2] for line in found.seen.log] == [
        ["M1", "<="],
        ["M1", "=>"],
        ["M1", "Completed"],
    ]
    (call,) = found.seen.servers
    assert (call.address, call.server, call.tls, call.sni) == ("10.9.1.1", "ok", "TLSv1.2", None)
    assert found.seen.dns == (
        "MX test.ex",
        "AAAA h1-t.test.ex",
        "A h1-t.test.ex",
        "AAAA h2-t.test.ex",
        "A h2-t.test.ex",
    )
    assert (found.seen.queued, found.seen.exit, found.seen.smtp) == (0, 0, ())
    assert len(found.trace) > 0


def test_a_callout_is_seen_in_the_replies_to_rcpt() -> None:
    found = replay("callout", recipients=("a@test.ex", "b@nowhere.ex"))
    assert found.seen.smtp == ("250 Accepted", "550 Unrouteable address")
    assert found.outcome == "250:tls,550:noconv"
    assert found.seen.queued is None


@pytest.mark.parametrize(
    ("servers", "outcome"),
    [
        ({"10.9.1.1": "nostarttls", "10.9.1.2": "ok"}, "sent:CLEAR@h1"),
        ({"10.9.1.1": "refused", "10.9.1.2": "ok"}, "sent:yes@h2"),
        ({"10.9.1.1": "refused", "10.9.1.2": "refused"}, "defer111"),
        ({"10.9.1.1": "rcpt550", "10.9.1.2": "ok"}, "FAIL"),
        ({"10.9.1.1": "refused"}, "defer111"),
    ],
)
def test_an_outcome_is_a_word_for_each_recipient(servers: dict[str, str], outcome: str) -> None:
    assert replay(servers=servers).outcome == outcome


def test_a_second_run_sees_only_its_own() -> None:
    found = replay(servers={"10.9.1.1": "refused", "10.9.1.2": "refused"}, queuerun="-qf")
    assert found.outcome == "defer111"
    assert found.queuerun is not None
    assert found.queuerun.log[0] == "Start queue run: pid=P -qf"
    assert all(" <= " not in line for line in found.queuerun.log)
    assert found.queuerun.queued == 1


def test_a_process_that_dies_is_an_outcome() -> None:
    tlsa = {"name": "_1225._tcp.h1-t.test.ex", "type": "TLSA", "rcode": "NXDOMAIN", "ad": True}
    found = replay(
        zone=(*PLAIN.zone, tlsa),
        transport={"hosts_require_dane": "10.9.1.1"},
        servers={"10.9.1.1": "ok", "10.9.1.2": "refused"},
    )
    assert found.outcome == "defer-1!crash"


def test_a_callout_that_dies_has_no_answer() -> None:
    tlsa = {"name": "_1225._tcp.h1-t.test.ex", "type": "TLSA", "rcode": "SERVFAIL"}
    found = replay("callout", "4.95", zone=(*PLAIN.zone, tlsa), transport={"hosts_try_dane": "*"})
    assert found.outcome == "?:noconv!signal 11!crash"
    assert found.seen.exit == "signal 11"


def test_what_is_not_modelled_is_said() -> None:
    with pytest.raises(Unsupported):
        replay(release="4.87", transport={"gnutls_require_mac": "SHA1"})


# ---- determinism -----------------------------------------------------------------------


def test_the_same_situation_gives_the_same_run() -> None:
    for one in list(situations().values())[::60]:
        first, second = (stand().replay(one, "delivery", profile("4.88-jh03")) for _ in range(2))
        assert (first.seen, first.outcome, first.queuerun) == (second.seen, second.outcome, second.queuerun)
        assert list(map(str, first.trace)) == list(map(str, second.trace))


def test_the_seed_decides_where_exim_chooses_by_chance() -> None:
    equal = {
        "name": "test.ex",
        "type": "MX",
        "ad": True,
        "data": [[10, "h1-t.test.ex"], [10, "h2-t.test.ex"]],
    }
    zone = (equal, *PLAIN.zone[1:])
    outcomes = [replay(zone=zone, seed=seed).outcome for seed in range(12)]
    assert set(outcomes) == {"sent:yes@h1", "sent:yes@h2"}
    assert outcomes == [replay(zone=zone, seed=seed).outcome for seed in range(12)]


# ---- normalising -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2027-01-01 00:00:00 1xjQ3s-0002bJ-00 Completed", "M1 Completed"),
        ("2027-01-01 00:00:00 1xjQ3s-000000002bJ-0000 Completed", "M1 Completed"),
        ("2027-01-01 00:00:00 End queue run: pid=4711", "End queue run: pid=P"),
        ("x X=TLSv1.2:A:256 CV=yes", "x X=TLS CV=yes"),
        ("x S=1234 y", "x S=N y"),
        ("from transport process 4711 for", "from transport process P for"),
        ("SIGSEGV (fault address: 0x8)", "SIGSEGV (fault address: A)"),
        ("post /a.lock.h.6b0db826.00000015 (euid=991 egid=93)", "post /a.lock.h.T.P (euid=U egid=G)"),
        ("SIGSEGV (4711 delivering)", "SIGSEGV (P delivering)"),
        ("\x16\x03\x01\x02\n\x16\x03", "<BINARY>\n<BINARY>"),
        ("\x16\x032027-01-01 00:00:00 x", "<BINARY> x"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_a_line_loses_what_no_two_runs_have_in_common(line: str, expected: str) -> None:
    assert Normaliser()(line) == expected


def test_message_ids_are_numbered_in_the_order_in_which_they_come() -> None:
    normalise = Normaliser()
    lines = ["1xjQ3s-0002bJ-00 a", "1xjQ3t-0002bJ-00 b R=1xjQ3s-0002bJ-00", "1xjQ3s-0002bJ-00 c"]
    assert [normalise(line) for line in lines] == ["M1 a", "M2 b R=M1", "M1 c"]


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(line: str) -> None:
    normalise = Normaliser()
    once = normalise(line)
    assert normalise(once) == once
