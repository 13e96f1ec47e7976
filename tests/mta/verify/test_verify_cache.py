from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.records.hints import Cached, CalloutRecord
from eximsim.mta.verify.verify_cache import get_callout_cache_record
from eximsim.world.smtp_behaviour import Answer, Behaviour, reply
from tests.mta.scenario import NEW, NEWEST, PLAIN, REFUSING, SENDER, Mx, Site

BOTH = pytest.mark.parametrize("release", [NEW, NEWEST])
HOUR, DAY = 3600, 86400
ACCEPTED = "250 Accepted"


def plain(*recipients: tuple[str, Answer], **phases: Answer) -> Mx:
    return Mx(Behaviour(extensions=(), recipients=recipients, **phases))  # type: ignore[arg-type]  # by name


def cached(server: Mx, release: str = NEW, *, callout: str = "5s", **main: str) -> tuple[Site, list[str]]:
    """A client that has done a callout, and its answer; the server refuses connections from then on."""
    site = Site([server], release, callout=callout, main=main)
    answer = site.verify()
    site.world.unlisten("10.9.1.1", 25)
    return site, answer


# ---- addresses -------------------------------------------------------------------------


@BOTH
def test_an_answer_is_remembered(release: str) -> None:
    site, answer = cached(Mx(PLAIN), release)
    assert answer == site.verify() == [ACCEPTED]
    assert len(site.calls) == 1
    assert site.verify("b@test.ex") != [ACCEPTED], "of another address nothing is known"


@BOTH
def test_a_refusal_is_remembered_with_words_of_its_own(release: str) -> None:
    site, answer = cached(plain(rcpt=reply("550 unknown")), release)
    assert answer == ["550 550 unknown"]
    assert site.verify() == ["550 Previous (cached) callout verification failure"]


@BOTH
def test_a_temporary_answer_is_not_remembered(release: str) -> None:
    site, _ = cached(plain(rcpt=reply("450 later")), release)
    assert "address:a@test.ex" not in site.machine.hints.callout


@BOTH
def test_no_cache_neither_reads_nor_writes(release: str) -> None:
    site, _ = cached(Mx(PLAIN), release, callout="5s,no_cache")
    assert site.machine.hints.callout == {}
    assert site.verify() != [ACCEPTED]


@BOTH
def test_answers_for_different_senders_are_kept_apart(release: str) -> None:
    site, _ = cached(Mx(PLAIN), release, callout="5s,use_sender")
    assert f"address:a@test.ex/<{SENDER}>" in site.machine.hints.callout


@pytest.mark.parametrize(
    ("server", "option", "lifetime"),
    [
        (Mx(PLAIN), "callout_positive_expire", DAY),
        (plain(rcpt=reply("550 unknown")), "callout_negative_expire", 2 * HOUR),
    ],
)
def test_an_answer_is_forgotten_after_its_time(server: Mx, option: str, lifetime: int) -> None:
    long = {"callout_domain_positive_expire": "9w", "callout_domain_negative_expire": "9w"}
    site, _ = cached(server, **long)
    first = site.verify()
    site.world.sleep(lifetime)
    assert site.verify() == first
    site.world.sleep(1)
    assert site.verify() != first
    site, _ = cached(server, **long, **{option: "5m"})
    site.world.sleep(301)
    assert site.verify() != first


# ---- domains ---------------------------------------------------------------------------


@BOTH
def test_a_domain_that_refuses_the_empty_sender_refuses_everybody(release: str) -> None:
    site, _ = cached(plain(mail=reply("550 no bounces")), release)
    assert site.machine.hints.callout["domain:test.ex"].result is Cached.REJECT_MFNULL
    assert site.verify("b@test.ex") == ["550 (result of an earlier callout reused)."]


@BOTH
@pytest.mark.parametrize(
    ("server", "callout"),
    [
        (plain(mail=reply("550 no bounces")), "5s"),
        (plain(("postmaster@test.ex", reply("550 no"))), "5s,postmaster"),
    ],
)
def test_what_is_bad_of_a_domain_is_forgotten_after_its_own_time(
    release: str, server: Mx, callout: str
) -> None:
    site, _ = cached(server, release, callout=callout, callout_domain_negative_expire="5m")
    known = site.verify("b@test.ex")
    site.world.sleep(301)
    assert site.verify("b@test.ex") != known


@pytest.mark.parametrize("release", ["4.89", NEW])
def test_a_domain_that_greets_with_5xx_refuses_everybody(release: str) -> None:
    site, _ = cached(plain(banner=reply("554 no service")), release)
    assert site.machine.hints.callout["domain:test.ex"].result is Cached.REJECT
    assert site.verify("b@test.ex") == ["550 (result of an earlier callout reused)."]


@BOTH
def test_a_host_that_is_down_says_nothing_of_its_domain(release: str) -> None:
    site = Site([Mx(REFUSING)], release, callout="5s")
    site.verify()
    assert site.machine.hints.callout == {}


def test_a_domain_that_takes_made_up_recipients_takes_all() -> None:
    site, _ = cached(Mx(PLAIN), callout="5s,random")
    assert site.verify("whoever@test.ex") == [ACCEPTED]
    assert len(site.calls) == 1


def test_a_domain_that_refuses_its_postmaster_is_remembered() -> None:
    site, _ = cached(plain(("postmaster@test.ex", reply("550 no"))), callout="5s,postmaster")
    assert site.verify("b@test.ex") == ["550 (result of earlier verification reused)."]


# ---- records ---------------------------------------------------------------------------

PROCESS = Site().process()


@given(
    result=st.sampled_from(list(Cached)),
    age=st.integers(0, 30 * DAY),
    kind=st.sampled_from(["domain", "address"]),
)
def test_a_record_counts_for_as_long_as_its_kind_and_result_say(result: Cached, age: int, kind: str) -> None:
    lifetimes = {
        ("domain", True): 7 * DAY,
        ("domain", False): 3 * HOUR,
        ("address", True): DAY,
        ("address", False): 2 * HOUR,
    }
    good = result is Cached.ACCEPT
    record = CalloutRecord(result, PROCESS.world.now() - age)
    PROCESS.machine.hints.callout[f"{kind}:x"] = record
    found = get_callout_cache_record(PROCESS, "x", kind)
    assert (found is not None) is (age <= lifetimes[kind, good])
    assert get_callout_cache_record(PROCESS, "y", kind) is None


@given(
    st.sampled_from([Cached.ACCEPT, Cached.REJECT]),
    st.sampled_from([Cached.UNKNOWN, Cached.ACCEPT, Cached.REJECT]),
    st.integers(0, 30 * DAY),
    st.integers(0, 30 * DAY),
)
def test_what_is_known_of_a_domain_besides_is_forgotten_by_its_own_age(
    random: Cached, postmaster: Cached, random_age: int, postmaster_age: int
) -> None:
    now, process = PROCESS.world.now(), PROCESS
    process.machine.hints.callout["domain:x"] = CalloutRecord(
        Cached.ACCEPT, now, postmaster, now - postmaster_age, random, now - random_age
    )
    lifetime = 3 * HOUR if postmaster is Cached.REJECT else 7 * DAY
    found = get_callout_cache_record(process, "x", "domain")
    assert found is not None
    assert found.random_result is (random if random_age <= lifetime else Cached.UNKNOWN)
    assert found.postmaster_result is (postmaster if postmaster_age <= lifetime else Cached.UNKNOWN)


@pytest.mark.parametrize(("release", "mark"), [("4.87", " >>> "), ("4.99", ">>>  ")])
@pytest.mark.parametrize("kind", ["domain", "address"])
def test_host_checking_shows_what_the_cache_knows(kind: str, release: str, mark: str) -> None:
    process, said = Site(release=release).process(), list[str]()
    process.host_checking, process.err = True, said.append
    now = process.world.now()
    process.machine.hints.callout[f"{kind}:new"] = CalloutRecord(Cached.ACCEPT, now)
    process.machine.hints.callout[f"{kind}:old"] = CalloutRecord(Cached.ACCEPT, now - 30 * DAY)
    process.debug_depth = 1
    for key in ("none", "old", "new"):
        get_callout_cache_record(process, key, kind)
    assert said == [
        f"{mark}callout cache: no {kind} record found for none\n",
        f"{mark}callout cache: {kind} record expired for old\n",
        f"{mark}callout cache: found {kind} record for new\n",
    ]
