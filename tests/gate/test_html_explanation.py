"""The page of an explanation: what is on it, and that it stands alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.gate.explain import Alternative, Explained, Explanation, HostSeen, Step
from eximsim.gate.html import explanation_page, stages
from tests.gate.chromium import View, measure, needs_chromium
from tests.gate.strategies import TEXT, outcomes
from tests.gate.test_explain import explained
from tests.gate.test_html import Page


@cache
def real() -> Explanation:
    """A delivery to the one host of a domain, with DANE."""
    with TemporaryDirectory() as folder:
        return explained(Path(folder))


texts = st.lists(TEXT, max_size=2).map(tuple)
steps = st.builds(Step, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=2), TEXT, TEXT)
hosts = st.builds(HostSeen, TEXT, texts, TEXT, TEXT, TEXT, st.lists(texts, max_size=2).map(tuple))
recipients = st.builds(
    Explained,
    TEXT,
    outcomes,
    st.lists(steps, max_size=3).map(tuple),
    st.lists(hosts, max_size=2).map(tuple),
    texts,
    texts,
    st.builds(Alternative, outcomes, st.lists(texts, max_size=2).map(tuple)).map(lambda one: (one,)),
    texts,
)
explanations = st.builds(
    Explanation, TEXT, TEXT, st.just("delivery"), st.lists(recipients, max_size=2).map(tuple), texts, texts
)


def test_outcome_hosts_decisions_and_what_would_change_it_are_on_the_page() -> None:
    (one,) = real().recipients
    text = " ".join("".join(Page(explanation_page(real())).text).split())
    assert "What happens to a message, and why exim.conf" in text
    assert "a@example.com delivered ●●● DANE to mx1.example.com" in text
    assert "mx1.example.com 203.0.113.1 ✓ yes SUCCEED, secure OK" in text
    for shown in (*one.log, *real().assumed, *(way for other in one.alternatives for way in other.ways[0])):
        assert shown in text
    for step in one.steps:
        assert f"{step.rule} → came to {step.outcome}" in text
        assert step.source in text


def test_each_callout_is_named_with_its_place() -> None:
    (one,) = real().recipients
    asked = tuple(
        replace(one, callout=f"verify = recipient/callout=random at exim.conf:{line}") for line in (4, 9)
    )
    text = "".join(Page(explanation_page(replace(real(), kind="callout", recipients=asked))).text)
    for part in asked:
        assert part.callout in text


def test_another_outcome_says_what_it_would_cost() -> None:
    page = explanation_page(real())
    assert '<div class="tone is-less">' in page
    assert '<div class="tone is-held">' in page


def test_steps_that_follow_each_other_in_one_stage_stand_together() -> None:
    (one,) = real().recipients
    found = stages(one)
    assert [name for name, _ in found] == ["arrival", "hosts", "routing", "transport", "outcome"]
    assert sum(len(steps) for _, steps in found) == len(one.steps)


def test_headings_follow_each_other_and_nothing_is_loaded() -> None:
    page = Page(explanation_page(real()))
    levels = [int(tag[1]) for tag, _ in page.elements if tag[0] == "h" and tag[1:].isdigit()]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe", "a"})


@cache
def elements_of_a_page() -> set[str]:
    return {tag for tag, _ in Page(explanation_page(real())).elements}


@settings(max_examples=20, deadline=None)
@given(explanations)
def test_text_from_outside_is_only_text(explanation: Explanation) -> None:
    page = Page(explanation_page(explanation))
    assert page.open == []
    assert {tag for tag, _ in page.elements} <= elements_of_a_page()
    assert all(char.isprintable() or char == "\n" for char in "".join(page.text))


@needs_chromium
def test_the_page_never_scrolls_sideways(tmp_path: Path) -> None:
    page = explanation_page(real())
    script = """
      for (const fold of document.querySelectorAll("details")) fold.open = true;
      return [document.documentElement.clientWidth, document.documentElement.scrollWidth];
    """
    assert measure(tmp_path, View(page, script, 400), View(page, script, 1280)) == [[400, 400], [1280, 1280]]
