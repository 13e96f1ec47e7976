from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.profiles import PROFILES, Profile, profile, recorded_profile
from eximsim.suite.compare import (
    CHANCE,
    FIELDS,
    Comparison,
    alike,
    choices,
    compare_one,
    differences,
    shown_log,
)
from eximsim.suite.recording import Record, Seen, Situation
from eximsim.suite.replay import Replayed
from eximsim.trace import Trace
from tests.suite.recorded import record, records, situations, stand

DELIVERY = record("A001", "4.88-jh03")
CALLOUT = record("A001", "4.88-jh03", "callout")


def compared(one: Record, release: str | None = None) -> Comparison:
    chosen = profile(release) if release else recorded_profile(one.release, one.tls)
    return compare_one(one, situations()[one.id], stand(), chosen)


def seen(one: Record, **changes: object) -> Record:
    return replace(one, seen=replace(one.seen, **changes))  # type: ignore[arg-type]  # by name


# ---- agreement and its opposite --------------------------------------------------------


def test_a_record_that_the_model_repeats_agrees_in_every_field() -> None:
    found = compared(DELIVERY)
    assert (found.result, found.rule) == ("agree", "")
    assert found.fields == dict.fromkeys(FIELDS, True)


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (replace(DELIVERY, outcome="sent:dane"), "outcome"),
        (seen(DELIVERY, log=(*DELIVERY.seen.log, "one line more")), "log"),
        (seen(DELIVERY, log=DELIVERY.seen.log[::-1]), "log"),
        (seen(CALLOUT, smtp=("550 Unrouteable address",)), "smtp"),
        (seen(DELIVERY, servers=()), "servers"),
        (seen(DELIVERY, servers=(replace(DELIVERY.seen.servers[0], sni="x"),)), "servers"),
        (seen(DELIVERY, dns=DELIVERY.seen.dns[::-1]), "dns"),
        (seen(DELIVERY, queued=1), "queued"),
        (replace(DELIVERY, queuerun=DELIVERY.seen), "log"),
    ],
)
def test_a_difference_in_one_field_is_found_there_and_nowhere_else(one: Record, field: str) -> None:
    found = compared(one)
    assert found.result == "differ"
    assert [name for name, same in found.fields.items() if not same] == [field]


def test_two_runs_of_a_program_are_alike_if_they_leave_as_many_messages_queued() -> None:
    assert alike(DELIVERY, DELIVERY)
    assert not alike(DELIVERY, seen(DELIVERY, queued=1))


def test_a_difference_in_the_queue_run_counts() -> None:
    one = next(r for r in records() if r.queuerun is not None and r.release == "4.88-jh03")
    assert one.queuerun is not None
    assert compared(one).result == "agree"
    other = replace(one, queuerun=replace(one.queuerun, queued=99))
    assert [name for name, same in compared(other).fields.items() if not same] == ["queued"]


def test_a_wrong_profile_is_noticed() -> None:
    """Each release's records of one group under the profile of every other release: none fits all."""
    wanted = [r for r in records() if r.group == "A" and r.release == "4.88-jh03"][::3]
    fits = {
        name
        for name in PROFILES
        if name != "4.85" and all(compared(r, name).result == "agree" for r in wanted)
    }
    assert fits == {"4.88-jh03"}


def test_the_change_shows_in_outcome_log_and_servers() -> None:
    failed = {"option": "try", "tlsa": "refused", "server": "ok"}
    one = next(
        r
        for r in records()
        if (r.release, r.group, r.kind) == ("4.88-jh03", "A", "delivery") and r.params == failed
    )
    found = compared(one, "4.87")
    assert found.result == "differ"
    assert not found.fields["outcome"]
    assert not found.fields["log"]
    assert found.fields["dns"]


# ---- neither ---------------------------------------------------------------------------


class Raising:
    """In the place of a stand: every run ends in an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def replay(
        self, situation: Situation, kind: str, profile: Profile, seed: int = 0, later: int | None = None
    ) -> Replayed:
        raise self.error


def test_what_is_not_modelled_is_unsupported_and_never_agrees() -> None:
    raising = Raising(Unsupported("hosts_require_auth"))
    found = compare_one(DELIVERY, situations()["A001"], raising, profile("4.88-jh03"))
    assert (found.result, found.rule) == ("unsupported", "hosts_require_auth")
    assert found.as_json()["fields"] == {}


def test_undefined_behaviour_is_explained_and_not_agreement() -> None:
    raising = Raising(UndefinedBehaviour("memory is read that was never set"))
    found = compare_one(DELIVERY, situations()["A001"], raising, profile("4.88-jh03"))
    assert (found.result, found.rule) == ("explained", "undefined: memory is read that was never set")


def test_any_other_error_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        compare_one(DELIVERY, situations()["A001"], Raising(ZeroDivisionError()), profile("4.87"))


# ---- chance ----------------------------------------------------------------------------


def by_chance() -> list[Comparison]:
    chosen = [r for r in records() if choices(situations()[r.id]) > 1 and r.release == "4.88-jh03"]
    return [compared(r) for r in chosen]


def test_another_order_of_equal_hosts_is_explained_by_the_seed_that_gives_it() -> None:
    found = by_chance()
    assert found
    explained = [one for one in found if one.result == "explained"]
    assert all(one.rule.startswith(f"{CHANCE} (seed ") for one in explained)
    assert {one.result for one in found} <= {"agree", "explained"}


class Undefined:
    """A stand where only the first order of hosts has a defined end."""

    def replay(
        self, situation: Situation, kind: str, profile: Profile, seed: int = 0, later: int | None = None
    ) -> Replayed:
        if seed:
            raise UndefinedBehaviour("nobody knows")
        return Replayed(Seen(), "?", None, Trace())


def test_what_another_order_leaves_undefined_may_be_what_was_recorded() -> None:
    one = next(r for r in records() if choices(situations()[r.id]) > 1)
    found = compare_one(one, situations()[one.id], Undefined(), profile("4.87"))
    assert (found.result, found.rule) == ("explained", "undefined: nobody knows")


def test_chance_explains_nothing_where_nothing_is_left_to_it() -> None:
    one = next(r for r in records() if choices(situations()[r.id]) == 1)
    assert compared(seen(one, dns=("MX elsewhere.ex",))).result == "differ"


@pytest.mark.parametrize(
    ("rrset", "orders"),
    [
        ({"type": "A", "data": ["10.9.1.1"]}, 1),
        ({"type": "A", "data": ["10.9.1.1", "10.9.1.2"]}, 2),
        ({"type": "AAAA", "data": ["::1", "::2", "::3"]}, 6),
        ({"name": "a001.test.ex", "type": "MX", "data": [[10, "a"], [20, "b"]]}, 1),
        ({"name": "a001.test.ex", "type": "MX", "data": [[10, "a"], [10, "b"], [20, "c"]]}, 2),
        ({"type": "TLSA", "data": ["00", "01"]}, 1),
        ({"type": "A", "rcode": "SERVFAIL"}, 1),
    ],
)
def test_exim_chooses_between_addresses_and_between_hosts_of_one_preference(
    rrset: dict[str, object], orders: int
) -> None:
    assert choices(replace(situations()["A001"], zone=(rrset,))) == orders


def test_exim_chooses_anew_for_each_recipient() -> None:
    two = {"type": "A", "data": ["10.9.1.1", "10.9.1.2"]}
    both = replace(situations()["A001"], zone=(two,), recipients=("a@a001.test.ex", "b@a001.test.ex"))
    assert choices(both) == 4


# ---- what is left aside ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "TLS error on connection (SSL_connect): error:14090086:SSL routines:f:certificate verify failed",
            "TLS error on connection (SSL_connect): <library>",
        ),
        (
            "TLS session: (SSL_connect): error:0A000126:SSL routines::eof: delivering unencrypted to H=x",
            "TLS session: (SSL_connect): <library>: delivering unencrypted to H=x",
        ),
        ("TLS session: (SSL_connect): timed out", "TLS session: (SSL_connect): timed out"),
        ("M1 Completed", "M1 Completed"),
    ],
)
def test_the_librarys_own_words_are_not_compared(line: str, shown: str) -> None:
    assert shown_log((line,)) == (shown,)


def test_a_crashs_back_trace_is_not_compared() -> None:
    lines = ("SIGSEGV (null pointer indirection)", "backtrace", "---", "PANIC: backtrace", "M1 backtrace")
    called = ("M1 \t/exim/exim(+0x4cc2f) [A]", "PANIC: \t/lib/libc.so.6(__libc_start_main+0x85) [A]")
    assert shown_log(lines + called) == lines[:1]


# ---- what is printed -------------------------------------------------------------------


def test_the_first_difference_of_each_field_is_shown_from_both_sides() -> None:
    real = Seen(("a", "b"), ("250 OK",), (), ("MX x",), 0)
    ours = Seen(("a", "c", "d"), ("250 OK",), (), (), 1)
    assert differences(real, ours) == [
        "log recorded: b",
        "log modelled: c",
        "dns recorded: MX x",
        "dns modelled: None",
        "queued recorded: 0 modelled: 1",
    ]
    assert differences(real, real) == []


def test_a_comparison_is_one_json_object() -> None:
    assert compared(DELIVERY).as_json() == {
        "id": "A001",
        "release": "4.88-jh03",
        "kind": "delivery",
        "result": "agree",
        "fields": dict.fromkeys(FIELDS, True),
        "rule": "",
    }


# ---- memory that nobody has set --------------------------------------------------------


def unset_text(release: str) -> Record:
    return record("A049", release, "callout")


@pytest.mark.parametrize("release", ["4.92", "4.95"])
def test_what_a_build_finds_in_unset_memory_explains_a_difference_of_a_program(release: str) -> None:
    odd = seen(unset_text(release), log=("an odd text",))
    chosen = recorded_profile(release, "openssl")
    situation = situations()[odd.id]
    assert compare_one(odd, situation, stand(), chosen).result == "differ", "a recording's build is known"
    found = compare_one(odd, situation, stand(), chosen, any_build=True)
    assert (found.result, found.rule.partition(",")[0]) == (
        "explained",
        "undefined: the text of a TLS error that was never set is read",
    )


def test_only_a_run_that_reads_unset_memory_is_explained_by_it() -> None:
    for one in (record("A001", "4.92"), unset_text("4.89"), record("A049", "4.99-gnutls", "callout")):
        odd = seen(one, log=("an odd text",))
        chosen = recorded_profile(odd.release, odd.tls)
        found = compare_one(odd, situations()[one.id], stand(), chosen, any_build=True)
        assert found.result == "differ", one.release


@pytest.mark.parametrize(
    ("release", "result"), [("4.88", "explained"), ("4.89", "explained"), ("4.92", "differ")]
)
def test_a_copy_of_texts_that_overlap_is_up_to_a_build_until_it_was_mended(release: str, result: str) -> None:
    situation = replace(
        situations()["A001"], servers={"10.9.1.1": {"ehlo": "502 what", "helo": "550 not you at all"}}
    )
    odd = seen(record("A001", release), log=("550 not you at all",))
    found = compare_one(odd, situation, stand(), recorded_profile(release, "openssl"), any_build=True)
    assert found.result == result
