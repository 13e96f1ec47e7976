from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.fuzz.check_space import Tree, search
from eximsim.fuzz.findings import FINDINGS, Finding, known, new
from eximsim.fuzz.hold_laws import judge
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.space import OPTIONS, Space
from eximsim.profiles import profile
from eximsim.suite.many_runs import many_runs
from tests.suite.recorded import stand

LATEST = profile("4.99")
SPACE = Space(hosts=2, detail="full", options=tuple(OPTIONS))
QUICK = {id: law for id, law in LAWS.items() if id != "same-bytes"}


@pytest.mark.parametrize("finding", FINDINGS, ids=[finding.id for finding in FINDINGS])
def test_the_smallest_scenario_of_a_finding_breaks_its_laws(finding: Finding) -> None:
    release = LATEST if finding.is_in(LATEST) else replace(LATEST, tls_library="gnutls")
    found = judge(SPACE.situation(finding.path), release, QUICK, stand(), finding.kind)
    assert finding in map(known, found)
    assert new(found) == []
    assert {one.law.id for one in found if known(one) is finding} <= set(finding.laws)


@pytest.mark.parametrize("finding", FINDINGS, ids=[finding.id for finding in FINDINGS])
def test_every_law_of_a_finding_is_one(finding: Finding) -> None:
    assert set(finding.laws) <= set(LAWS)


def test_a_fault_that_is_mended_is_new_if_it_comes_back() -> None:
    before = profile("4.87")
    found = judge(SPACE.situation({"TLSA of h1": "SERVFAIL"}), before, QUICK, stand())
    assert {one.law.id for one in new(found)} >= {"no-downgrade"}


@pytest.mark.parametrize("library", ["openssl-3", "gnutls"])
def test_the_newest_release_has_no_other_fault_in_the_space_of_one_host(library: str) -> None:
    """A part of the space; the whole of it takes some seconds more (``docs/findings.md``)."""
    release = replace(LATEST, tls_library=library)
    options = ("hosts_require_dane", "tls_verify_hosts", "tls_try_verify_hosts")
    narrow = {
        "STARTTLS": ("2xx", "4xx"),
        "MX": ("secure",),
        "RCPT": ("2xx",),
        "TLSA": ("match", "mismatch", "unusable", "no data", "SERVFAIL"),
    }
    with many_runs():
        trees = {
            kind: Tree(Space(kind=kind, options=options, values=narrow), release, stand())
            for kind in ("delivery", "callout")
        }
        breaches = list(search(trees, release, stand(), QUICK))
    assert new(breach.broken for breach in breaches) == []
    assert {finding.id for breach in breaches if (finding := known(breach.broken))} >= {"N7", "L1"}


def test_pairs_of_leaves_are_what_varied_situations_do() -> None:
    """The laws that compare find in the tree what they find by running the varied situations."""
    space = Space(
        hosts=2,
        options=("tls_verify_hosts", "hosts_require_dane"),
        values={
            "MX": ("secure",), "A": ("secure",), "TLSA": ("match", "no data"), "STARTTLS": ("2xx",),
            "EHLO": ("STARTTLS",), "handshake": ("completes",), "RCPT": ("2xx",), "connection": ("accepted",),
        },
    )  # fmt: skip
    trees = {kind: Tree(replace(space, kind=kind), LATEST, stand()) for kind in ("delivery", "callout")}
    compared = {id: LAWS[id] for id in ("callout-agrees", "stricter-not-looser", "host-order-irrelevant")}
    in_tree = {
        (str(breach.leaf.path), breach.broken.law.id)
        for breach in search(trees, LATEST, stand(), compared)
        if breach.leaf.plan is trees["delivery"].space
    }
    by_running = {
        (str(leaf.path), one.law.id)
        for leaf in trees["delivery"].leaves
        for one in judge(leaf.situation(), LATEST, compared, stand())
    }
    assert by_running <= in_tree
    assert {law for _, law in by_running} >= {"callout-agrees", "stricter-not-looser"}
