from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from eximsim.fuzz.hold_laws import Broken, judge, perform
from eximsim.fuzz.law import Fault
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.run import Run
from eximsim.fuzz.space import OPTIONS, Space
from eximsim.fuzz.variations import Vary, variations
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.mta.transports.tls_failed import TLS_HANDSHAKE
from eximsim.profiles import Profile, profile
from eximsim.suite.recording import Situation
from tests.suite.recorded import stand

LATEST = profile("4.99")
GNUTLS = replace(LATEST, tls_library="gnutls")


def situation(path: Mapping[str, str], **changes: object) -> Situation:
    """Two hosts, plain but for ``path``."""
    space = Space(hosts=2, detail="full", options=tuple(OPTIONS))
    assert set(path) <= set(space.axes)
    for name, value in path.items():
        assert value in space.axes[name].values
    return replace(space.situation(path), **changes)  # type: ignore[arg-type]


def broken(law: str, one: Situation, of: Profile, kind: str) -> list[Broken]:
    return judge(one, of, {law: LAWS[law]}, stand(), kind)


@dataclass(frozen=True)
class Breach:
    """A scenario in which a release breaks a law.

    ``rule`` is that of the decision to blame. It is kept by ``keeper`` in the same scenario, or by the same
    release if ``well`` is added to it.
    """

    law: str
    release: Profile
    path: Mapping[str, str]
    kind: str = "delivery"
    rule: str = ""
    keeper: Profile | None = None
    well: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, object] = field(default_factory=dict)


REQUIRED = {"hosts_require_dane": "everybody"}
SELFSIGNED = {"TLSA of h1": "NXDOMAIN", "certificate of h1": "self-signed"}
SMTPS = {
    "transport": {"protocol": "smtps"},
    "servers": {"10.9.1.1": "smtps", "10.9.2.1": "smtps"},
}
MX = situation({}).zone[0]
TWO_DOMAINS = {
    "recipients": ("a@one.test.ex", "b@two.test.ex"),
    "zone": (*situation({}).zone, {**MX, "name": "two.test.ex", "ad": False}),
}
UNUSABLE = {"TLSA of h1": "unusable"}
RULED_OUT = "tlsa host"
OUTCOME = "address outcome"
BREACHES = (
    Breach("no-downgrade", profile("4.87"), {"TLSA of h1": "SERVFAIL"}, rule=RULED_OUT, keeper=LATEST),
    Breach("required-dane", GNUTLS, {**REQUIRED, **UNUSABLE}, rule="certificate verified", keeper=LATEST),
    Breach("required-tls", profile("4.88"), {}, "callout", keeper=LATEST, changes=SMTPS),
    Breach(
        "unusable-is-no-trust",
        profile("4.87"),
        UNUSABLE,
        rule="certificate verified",
        keeper=profile("4.89"),
    ),
    Breach("sni-is-tlsa-base", profile("4.93"), {}, rule=RULED_OUT, keeper=LATEST),
    Breach("callout-ran", profile("4.88"), {"TLSA of h1": "NXDOMAIN"}, "callout", "verify", LATEST),
    Breach(
        "reachable-without-tlsa",
        profile("4.88-jh03"),
        {"TLSA of h1": "NXDOMAIN"},
        rule=RULED_OUT,
        keeper=LATEST,
    ),
    Breach("reason-given", LATEST, UNUSABLE, rule="unusable tlsa", keeper=profile("4.89")),
    Breach(
        "no-connection-without-recipient",
        profile("4.97"),
        {**REQUIRED, "TLSA of h1": "NXDOMAIN"},
        rule="host tried",
        keeper=LATEST,
    ),
    Breach("later-host-tried", profile("4.88"), {"banner of h1": "5xx"}, rule="host tried", keeper=LATEST),
    Breach(
        "another-hosts-lack",
        LATEST,
        {**REQUIRED, "TLSA of h1": "SERVFAIL", "TLSA of h2": "NXDOMAIN"},
        rule=RULED_OUT,
        well={"TLSA of h2": "SERVFAIL"},
    ),
    Breach("nothing-lost", LATEST, UNUSABLE, rule="unusable tlsa", keeper=profile("4.89")),
    Breach(
        "callout-agrees",
        profile("4.88"),
        {"TLSA of h1": "NXDOMAIN", "RCPT of h1": "5xx"},
        "callout",
        "verify",
        LATEST,
    ),
    Breach("stricter-not-looser", LATEST, SELFSIGNED, rule=OUTCOME, well={"certificate of h1": "good"}),
    Breach("looser-check-keeps-tls", LATEST, SELFSIGNED, rule=OUTCOME, well={"certificate of h1": "good"}),
    Breach(
        "host-order-irrelevant",
        LATEST,
        {"connection of h1": "refused", "A of h2": "insecure", "STARTTLS of h2": "4xx"},
        rule="starttls reply",
        well={"STARTTLS of h2": "5xx"},
    ),
    Breach("own-policy", profile("4.93"), {}, rule=OUTCOME, keeper=LATEST, changes=TWO_DOMAINS),
    Breach(
        "log-names-the-host",
        LATEST,
        {"STARTTLS of h1": "4xx", "TLSA of h2": "SERVFAIL"},
        rule=OUTCOME,
        well={"STARTTLS of h1": "2xx"},
    ),
)


@pytest.mark.parametrize("breach", BREACHES, ids=[breach.law for breach in BREACHES])
def test_a_broken_law_is_found_with_the_decision_that_broke_it(breach: Breach) -> None:
    found = broken(breach.law, situation(breach.path, **breach.changes), breach.release, breach.kind)
    assert found
    assert {one.law.id for one in found} == {breach.law}
    assert found[0].rule == breach.rule
    assert all(one.explanation for one in found)


@pytest.mark.parametrize("breach", BREACHES, ids=[breach.law for breach in BREACHES])
def test_a_law_that_is_kept_is_not_found(breach: Breach) -> None:
    one = situation({**breach.path, **breach.well}, **breach.changes)
    assert broken(breach.law, one, breach.keeper or breach.release, breach.kind) == []


def run_of(path: Mapping[str, str], kind: str = "delivery") -> Run:
    return perform(situation(path), kind, LATEST, stand())


def with_decision(run: Run, number: int, **changes: object) -> Run:
    """A run in which one decision went another way."""
    decisions = list(run.decisions)
    decisions[number] = replace(decisions[number], **changes)  # type: ignore[arg-type]
    return replace(run, decisions=tuple(decisions))


def faults(law: str, run: Run) -> list[Fault]:
    return list(LAWS[law].check(run))


@pytest.mark.parametrize(
    ("law", "path"),
    [
        ("no-stronger-claim", {"A of h1": "insecure"}),
        ("no-stronger-claim", {"MX": "insecure"}),
        ("no-stronger-claim", {"TLSA of h1": "insecure"}),
        ("no-stronger-claim", {"TLSA of h1": "no data"}),
        (
            "dane-means-match",
            {"TLSA of h1": "match", "hosts_try_dane": "nobody", "certificate of h1": "expired"},
        ),
    ],
)
def test_a_claim_of_dane_that_is_made_up_is_found(law: str, path: Mapping[str, str]) -> None:
    honest = run_of(path)
    (named,) = honest.named()
    (fault,) = faults(law, with_decision(honest, named.decision, outcome="dane"))
    assert fault.decision is not None
    assert faults(law, honest) == []


@pytest.mark.parametrize("tlsa", ["match", "authority", "match and mismatch", "unusable and match"])
def test_a_matching_record_that_is_not_enough_is_found(tlsa: str) -> None:
    honest = run_of({"TLSA of h1": tlsa})
    number, _ = next(honest.of(CERTIFICATE_VERIFIED))
    refused = with_decision(honest, number, rule=TLS_HANDSHAKE.name, outcome="failed")
    (fault,) = faults("match-is-enough", refused)
    assert fault.decision == number
    assert faults("match-is-enough", honest) == []


def test_a_refused_certificate_that_no_record_matches_is_no_fault() -> None:
    assert faults("match-is-enough", run_of({"TLSA of h1": "mismatch"})) == []


@pytest.mark.parametrize("law", ["order-irrelevant", "same-bytes"])
def test_a_run_that_comes_out_otherwise_is_found(law: str) -> None:
    run = run_of({"TLSA of h1": "match and mismatch"})
    (varied,) = variations(LAWS[law].varies or Vary.AGAIN, run)
    other = perform(varied.situation, varied.kind, LATEST, stand(), varied.seed)
    assert list(LAWS[law].compare(run, other, varied)) == []
    number = run.outcome("a@one.test.ex") or 0
    safer = {"a@one.test.ex": replace(run.results["a@one.test.ex"], cv="yes")}
    doctored = replace(with_decision(other, number, outcome="FAIL"), results=safer)
    (fault,) = LAWS[law].compare(run, doctored, varied)
    assert fault.decision == number


def test_a_bounce_that_nobody_gets_is_found() -> None:
    told = replace(situation({"RCPT of h1": "5xx"}), router={"errors_to": "s@myhost.test.ex"})
    honest = perform(told, "delivery", LATEST, stand())
    assert honest.results["a@one.test.ex"].result == "failed"
    assert faults("nothing-lost", honest) == []
    kept = tuple(one for one in honest.decisions if one.inputs.get("sender") != "")
    assert faults("nothing-lost", replace(honest, decisions=kept))


def test_a_message_that_is_gone_is_found() -> None:
    honest = run_of({"RCPT of h1": "4xx", "RCPT of h2": "4xx"})
    assert faults("nothing-lost", honest) == []
    gone = replace(honest, seen=(replace(honest.seen[0], queued=0),))
    assert faults("nothing-lost", gone)


DOCTORED = {"no-stronger-claim", "dane-means-match", "match-is-enough", "order-irrelevant", "same-bytes"}


def test_every_law_is_broken_by_a_scenario_here() -> None:
    assert {breach.law for breach in BREACHES} | DOCTORED == set(LAWS)


def test_a_law_is_worded_for_people() -> None:
    for id, law in LAWS.items():
        assert id == law.id == id.lower().replace(" ", "-")
        assert law.promise.endswith(".")
        assert law.reference


def test_all_laws_hold_when_all_is_well() -> None:
    for kind in ("delivery", "callout"):
        assert judge(situation({}), LATEST, LAWS, stand(), kind) == []
