from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from eximsim.fuzz.judge import Broken, judge
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.space import OPTIONS, Space
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
SELFSIGNED = {"h1 TLSA": "NXDOMAIN", "h1 certificate": "selfsigned"}
SMTPS = {
    "transport": {"protocol": "smtps"},
    "servers": {"10.9.1.1": "smtps", "10.9.2.1": "smtps"},
}
UNUSABLE = {"h1 TLSA": "unusable"}
RULED_OUT = "tlsa host"
OUTCOME = "address outcome"
BREACHES = (
    Breach("no-downgrade", profile("4.87"), {"h1 TLSA": "SERVFAIL"}, rule=RULED_OUT, keeper=LATEST),
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
    Breach("callout-ran", profile("4.88"), {"h1 TLSA": "NXDOMAIN"}, "callout", "verify", LATEST),
    Breach(
        "reachable-without-tlsa",
        profile("4.88-jh03"),
        {"h1 TLSA": "NXDOMAIN"},
        rule=RULED_OUT,
        keeper=LATEST,
    ),
    Breach("reason-given", LATEST, UNUSABLE, rule="unusable tlsa", keeper=profile("4.89")),
    Breach(
        "no-connection-without-recipient",
        profile("4.97"),
        {**REQUIRED, "h1 TLSA": "NXDOMAIN"},
        rule="host tried",
        keeper=LATEST,
    ),
    Breach("later-host-tried", profile("4.88"), {"h1 banner": "554"}, rule="host tried", keeper=LATEST),
    Breach(
        "another-hosts-lack",
        LATEST,
        {**REQUIRED, "h1 TLSA": "SERVFAIL", "h2 TLSA": "NXDOMAIN"},
        rule=RULED_OUT,
        well={"h2 TLSA": "SERVFAIL"},
    ),
    Breach("nothing-lost", LATEST, UNUSABLE, rule="unusable tlsa", keeper=profile("4.89")),
    Breach(
        "callout-agrees",
        profile("4.88"),
        {"h1 TLSA": "NXDOMAIN", "h1 RCPT": "550"},
        "callout",
        "verify",
        LATEST,
    ),
    Breach("stricter-not-looser", LATEST, SELFSIGNED, rule=OUTCOME, well={"h1 certificate": "good"}),
    Breach("looser-check-keeps-tls", LATEST, SELFSIGNED, rule=OUTCOME, well={"h1 certificate": "good"}),
    Breach(
        "host-order-irrelevant",
        LATEST,
        {"h1 connect": "refused", "h2 A": "insecure", "h2 STARTTLS": "454"},
        rule="starttls reply",
        well={"h2 STARTTLS": "554"},
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


def test_all_laws_hold_when_all_is_well() -> None:
    for kind in ("delivery", "callout"):
        assert judge(situation({}), LATEST, LAWS, stand(), kind) == []
