"""The page about names: what Exim's lists have in each release, and what the model has of it.

``exim_names.json`` has for every name of the lists in ``src/acl.c`` and ``src/expand.c`` the first and the
last release that have it, from 4.85 to the development head, whatever a program was built with.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from eximsim.commands.tabular import Grid, as_markdown
from eximsim.mta.acl.acl_conditions import CONDITIONS as CONDITIONS_DONE
from eximsim.mta.acl.acl_controls import CONTROLS
from eximsim.mta.acl.acl_verify import ITEMS as VERIFIED
from eximsim.mta.config import acl_read, expansion_names

_ROOT = Path(__file__).parents[2]
_LISTS = Path(__file__).with_name("exim_names.json")
_SCENARIOS = _ROOT / "testsuite/recordings/acl/scenarios.jsonl.gz"
_EXPRESSIONS = _ROOT / "tests/mta/expand/recorded_expansions.json"

ANSWERED = frozenset(("dmarc_status", "malware", "spam", "spf", "spf_guess"))
"""ACL conditions that take given answers."""

_MESSAGES = frozenset(("endpass", "log_message", "message"))

DONE: Mapping[str, frozenset[str]] = {
    "ACL verb": acl_read.VERBS,
    "ACL condition": acl_read.CONDITIONS & CONDITIONS_DONE.keys(),
    "ACL modifier": acl_read.MODIFIERS & (CONDITIONS_DONE.keys() | _MESSAGES),
    "control": frozenset(CONTROLS),
    "verify": frozenset(VERIFIED),
    "item": frozenset(expansion_names.ITEMS),
    "operator": frozenset(expansion_names.OPERATORS),
    "condition": frozenset(expansion_names.CONDITIONS),
    "variable": frozenset(expansion_names.VARIABLES),
}
"""The names that the model has, by group."""

_TITLES = {
    "ACL verb": "Verbs of ACLs",
    "ACL condition": "Conditions of ACLs",
    "ACL modifier": "Modifiers of ACLs",
    "control": "Controls",
    "verify": "What can be verified",
    "item": "Expansion items",
    "operator": "Expansion operators",
    "condition": "Conditions of `${if`",
    "variable": "Variables",
}


def lists() -> dict[str, dict[str, tuple[str, str]]]:
    """Exim's names by group, with the first and the last release that have them."""
    read = json.loads(_LISTS.read_text("utf-8"))
    return {
        group: {name: tuple(releases.split("..")) for name, releases in names.items()}
        for group, names in read.items()
    }


def measured() -> Counter[tuple[str, str]]:
    """How many recorded sessions (ACLs) or expressions a name has."""
    found: Counter[tuple[str, str]] = Counter()
    for text in gzip.decompress(_SCENARIOS.read_bytes()).decode().splitlines():
        scenario = json.loads(text)
        kind, _, rest = scenario["id"].partition("-")
        group, _, name = rest.partition("-")
        group = f"ACL {group}" if group in ("condition", "modifier") else group
        if kind in ("where", "mime", "does"):
            found[group, name.partition("-")[0]] += len(scenario["runs"])
    for key, expressions in json.loads(_EXPRESSIONS.read_text("utf-8")).items():
        group, _, name = key.partition(" ")
        found[group, name] += len(expressions)
    return found


def names_page() -> str:
    """``docs/names.md``: every name of Exim's lists, by release, against the model's."""
    counted = measured()
    parts = [
        "# Names",
        "Written by `python -m tools.docs` from Exim's lists (`src/acl.c`, `src/expand.c`, 4.85 to the"
        " development head of December 2025), the model's tables and the recordings.",
        "The last column says how many sessions (of ACLs) or expressions with this name were recorded from"
        " real programs and are replayed by the tests under each of their releases.",
    ]
    for group, names in lists().items():
        rows = [
            [f"`{name}`", _span(*releases), _status(group, name), str(counted[group, name] or "")]
            for name, releases in names.items()
        ]
        parts.append(f"## {_TITLES[group]}")
        parts.append(as_markdown(Grid("", "", "", ["name", "releases", "here", "recorded"], rows)))
    return "\n\n".join(parts) + "\n"


def _span(first: str, last: str) -> str:
    begin = "" if first == "4.85" else f"since {first}"
    end = "" if last.startswith("4.99-dev") else f"to {last}"
    return " ".join(filter(None, (begin, end))) or "all"


def _status(group: str, name: str) -> str:
    if name not in DONE[group]:
        return "not modelled"
    return "given answers" if group == "ACL condition" and name in ANSWERED else "modelled"
