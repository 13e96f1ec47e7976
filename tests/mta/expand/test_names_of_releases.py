"""What each release knows of items, operators, conditions and variables; the words are ``exim -be``'s."""

from __future__ import annotations

import pytest

from eximsim.mta.config.expansion_history import NAMES_HISTORY, lacking
from eximsim.mta.config.expansion_names import CONDITIONS, ITEMS, OPERATORS, VARIABLES
from eximsim.mta.config.options_history import HISTORY
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.ends import ProcessDied
from eximsim.profiles import PROFILES
from tests.mta.routing_world import site

LISTQUOTE = '"${listquote" is not a known operator (or a } is missing in a variable reference)'
AUTHRESULTS = '"${authresults" is not a known operator (or a } is missing in a variable reference)'


@pytest.mark.parametrize(
    ("release", "text", "words"),
    [
        ("4.89", "${listquote{:}{a}}", LISTQUOTE),
        ("4.92", "x${listquote{:}{a}}", LISTQUOTE),
        ("4.89", "${authresults{x}}", AUTHRESULTS),
        ("4.89", "${sha2:x}", 'unknown expansion operator "sha2"'),
        ("4.92", "${sha2_512:x}", 'unknown expansion operator "sha2_512"'),
        ("4.95", "${headerwrap_3:x}", 'unknown expansion operator "headerwrap_3"'),
        ("4.95", "${xtextd:x}", 'unknown expansion operator "xtextd"'),
        ("4.98", "$connection_id", 'unknown variable name "connection_id"'),
        ("4.98", "${connection_id}", 'unknown variable in "${connection_id}"'),
        ("4.95", "${if def:connection_id{y}{n}}", 'unknown variable "connection_id" after "def:"'),
        ("4.92", "${if forall_json{[1]}{eq{$item}{1}}}", 'unknown condition "forall_json"'),
        (
            "4.89",
            "${if or{{eq{1}{1}}{forall_json{[1]}{eq{$item}{1}}}}}",
            'unknown condition "forall_json" inside "or{...}" condition',
        ),
        ("4.89", "${if eq{1}{2}{$connection_id}{z}}", 'unknown variable name "connection_id"'),
        ("4.92", "${if eq{1}{2}{${sha2:x}}{z}}", 'unknown expansion operator "sha2"'),
        ("4.89", "${if eq{1}{2}{${listquote{:}{a}}}{z}}", LISTQUOTE),
        ("4.92", "$local_part_prefix_v", 'unknown variable name "local_part_prefix_v"'),
        ("4.95", "${bless:x}", 'unknown expansion operator "bless"'),
        ("4.95", "$recipients_list", 'unknown variable name "recipients_list"'),
    ],
)
def test_a_name_of_a_later_release_is_unknown(release: str, text: str, words: str) -> None:
    with pytest.raises(ExpansionFailed) as raised:
        expand(site(release=release).process, text)
    assert raised.value.message == words


@pytest.mark.parametrize(
    ("release", "text", "value"),
    [
        ("4.94.1", "${bless:x}", "x"),
        ("4.95", "x${listquote{:}{a:b}}", "xa::b"),
        ("4.95", "${if or{{eq{1}{2}}{forall_json{[1]}{eq{$item}{1}}}}}", "true"),
        ("4.95", "<$local_part_prefix_v>", "<>"),
        ("4.98", "${if forany_json{[1,2]}{eq{$item}{2}}{y}{n}}", "y"),
        ("4.98", "${if forany_json{[]}{eq{$item}{2}}{y}{n}}", "n"),
        ("4.98", "${xtextd:a+2Bb}", "a+b"),
    ],
)
def test_it_is_known_from_then_on(release: str, text: str, value: str) -> None:
    assert expand(site(release=release).process, text) == value


@pytest.mark.parametrize(
    "text",
    [
        "${if forall_json{abc}{eq{$item}{1}}{y}{n}}",
        "${if forany_json{[1}{eq{$item}{1}}{y}{n}}",
        "${if eq{1}{2}{${if forall_json{$domain}{eq{$item}{1}}{y}{n}}}{z}}",
    ],
)
def test_exim_dies_of_what_is_no_json_list_and_of_any_where_no_result_is_wanted(text: str) -> None:
    with pytest.raises(ProcessDied):
        expand(site(release="4.98").process, text)


def test_variables_of_routers_are_known_since_4_93() -> None:
    assert expand(site(release="4.93").process, "<$r_any>") == "<>"
    with pytest.raises(ExpansionFailed, match='unknown variable name "r_any"'):
        expand(site(release="4.92").process, "<$r_any>")


def test_the_history_has_every_release_and_only_known_names() -> None:
    assert [changes.release for changes in NAMES_HISTORY] == [changes.release for changes in HISTORY]
    known = {"item": ITEMS, "operator": OPERATORS, "condition": CONDITIONS, "variable": VARIABLES}
    for changes in NAMES_HISTORY:
        for key in f"{changes.new} {changes.gone}".split():
            group, _, name = key.partition(".")
            assert group in ("control", "selector", "verified") or name in known[group], key


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_profile_knows_what_it_lacks(name: str) -> None:
    profile = PROFILES[name]
    lacks = lacking(profile.option_release, profile.build_lacks)
    assert "lookup" not in lacks.items
    releases = [changes.release for changes in NAMES_HISTORY]
    early = releases.index(profile.option_release) < releases.index("4.93")
    assert ("tls_in_ver" in lacks.variables) == early
