"""What came of promises, in the forms of CI systems."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given

from eximsim.gate.junit import EXPLORED
from eximsim.gate.promises import preset
from eximsim.gate.proof import Proof, Prover, Verdict
from eximsim.gate.proof_forms import junit, workflow_commands
from eximsim.gate.proof_pages import markdown, page
from eximsim.gate.proof_report import Judgement
from eximsim.gate.proof_sarif import sarif
from tests.gate import test_junit
from tests.gate.strategies import TEXT
from tests.gate.test_html import Page
from tests.gate.test_markdown import inline
from tests.gate.test_proof import policy
from tests.gate.test_sarif import validator

BLIND = "  hosts_require_tls = ${run{/opt/judge}}\n"


@pytest.fixture(scope="module")
def broken() -> Judgement:
    return judgement("")


def judgement(options: str) -> Judgement:
    one = policy(options)
    return Judgement(one.path, one.profile.name, Prover(one, 1).prove(preset("tls-required")))


def cases(text: str) -> dict[str, list[str]]:
    root = Tree.fromstring(text)
    test_junit.check(root)
    return {case.attrib["name"]: [child.tag for child in case] for case in root.iter("testcase")}


def test_a_broken_promise_is_a_failure_with_its_smallest_breach(broken: Judgement) -> None:
    assert cases(junit(broken)) == {EXPLORED: ["error"], "tls-required": ["failure"]}
    # An error, too: 4.99 leaves open what one situation does.
    failure = next(Tree.fromstring(junit(broken)).iter("failure"))
    assert "-> delivered to mx1.destination.example (in clear)" in failure.attrib["message"]
    assert "::error title=promise broken%3A tls-required::" in workflow_commands(broken)


def test_what_a_baseline_knows_is_no_failure(broken: Judgement) -> None:
    known = frozenset(breach.entry for breach in broken.proof.breaches)
    again = Judgement(broken.config, broken.release, broken.proof, known)
    assert cases(junit(again)) == {EXPLORED: [], "tls-required": ["system-out"]}
    assert "error" not in workflow_commands(again)
    assert "0 of 1 broken" in workflow_commands(again)


def test_a_broken_promise_is_an_error_for_code_scanning_beside_its_configuration(broken: Judgement) -> None:
    found = json.loads(sarif(broken))
    validator().validate(found)
    (run,) = found["runs"]
    levels = [(one["ruleId"], one["level"]) for one in run["results"]]
    assert levels == [("could-not-look", "error"), ("tls-required", "error")]
    (place,) = run["results"][1]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == broken.config
    assert not run["invocations"][0]["executionSuccessful"]


def test_comment_and_page_say_first_how_many_are_broken_then_what_could_not_be_looked_at(
    broken: Judgement,
) -> None:
    text, (seen,) = markdown(broken), [" ".join("".join(Page(page(broken)).text).split())]
    for told in (text, seen):
        first, gap, way = (told.index(words) for words in ("1 of 1 promise", "Could not look", "in clear"))
        assert first < gap < way
        assert "leaves open" in told


@given(TEXT)
def test_nothing_that_a_promise_is_called_becomes_markup(name: str) -> None:
    promise = replace(preset("tls-required")[0], name=name)
    told = Judgement(name, "4.99", Proof((Verdict(promise, (), 1),), (), 1))
    assert {tag for tag, _ in Page(page(told)).elements}.isdisjoint({"script", "img", "a", "b"})
    assert not {token.type for token in inline(markdown(told))} & {"link_open", "image", "html_block"}
    json.loads(sarif(told))


def test_what_could_not_be_looked_at_is_an_error_and_skipped_where_that_is_allowed() -> None:
    found = judgement(BLIND)
    assert len(found.gaps) == 2  # the program's answer, and what 4.99 leaves open
    assert cases(junit(found))[EXPLORED] == ["error"]
    assert "::error file=exim.conf,line=" in workflow_commands(found)
    allowed = Judgement(found.config, found.release, found.proof, incomplete_is_fine=True)
    assert cases(junit(allowed))[EXPLORED] == ["skipped"]
    assert "::error file=exim.conf,line=" not in workflow_commands(allowed)
    assert "::warning file=exim.conf,line=" in workflow_commands(allowed)
