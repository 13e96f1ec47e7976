"""Goldens that were not stored with the ``runtest`` of their tree, or not by whoever runs a test now.

Exim's ``runtest`` takes the login and the name of the machine on which it runs out of all outputs. A script
that spells such a name itself passes only there. And a golden may be older than a change of ``runtest`` that
leaves out what it shows: then no program passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from eximsim.suite.golden import Comparison, compare
from eximsim.suite.normalisation import Identity
from eximsim.suite.runtest_versions import CHANGES, Change, Era

_WORD = re.compile(r"([\w.-]+)")
_NAMES = {"the.local.host.name": "hostname", "CALLER": "caller"}
"""What ``runtest`` writes for whoever runs it."""


def whose(
    texts: Mapping[str, str], goldens: Mapping[str, str], script: str, here: Identity
) -> Identity | None:
    """Who stored the goldens, if all that differs is names that the script spells; None if more does.

    >>> texts, goldens = {"log": "a=box.ex\\n"}, {"log": "a=the.local.host.name\\n"}
    >>> whose(texts, goldens, "a=box.ex", Identity("/d")).hostname
    'box.ex'
    """
    found: dict[str, str] = {}
    for name in texts.keys() | goldens.keys():
        for ours, theirs in _different_words(texts.get(name, ""), goldens.get(name, "")):
            known = _NAMES.get(theirs)
            if known is None or found.setdefault(known, ours) != ours or ours not in script:
                return None
    if not found:
        return None
    home = {"caller_home": f"/home/{found['caller']}"} if "caller" in found else {}
    return replace(here, **found, **home)


def _different_words(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """The words that differ at the same places; ``("", "")`` where the texts differ otherwise."""
    here, there = _WORD.split(ours), _WORD.split(theirs)
    if len(here) != len(there):
        yield "", ""
        return
    yield from ((one, other) for one, other in zip(here, there, strict=True) if one != other)


def older_than(
    era: Era, goldens: Mapping[str, str], munged: Callable[[Era], Mapping[str, str]]
) -> Change | None:
    """The change of the runner since which it has no golden for what a test wrote, if it had one before.

    ``munged`` gives the outputs as the runner of an era leaves them.
    """
    for change in reversed(CHANGES):
        if change.switch in era and _same(munged(era - {change.switch}), goldens):
            return change
    return None


def _same(texts: Mapping[str, str], goldens: Mapping[str, str]) -> bool:
    return all(how is Comparison.SAME for how in compare(texts, goldens).values())
