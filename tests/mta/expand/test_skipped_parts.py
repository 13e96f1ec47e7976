"""What is looked at in parts of an expansion whose result is not wanted, by release."""

from __future__ import annotations

import pytest

from eximsim.mta.expand.expand import expand
from eximsim.mta.process.ends import ProcessDied
from tests.mta.expand.test_order_of_faults import said
from tests.mta.front import Front
from tests.mta.routing_world import site


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${if eq{a}{b}{${length{k}{abc}}}{x}}", '"k" is not a positive number (in "length" expansion)'),
        ("${if eq{a}{b}{${hash{4}{99}{abcdefgh}}}{x}}", 'hash count "99" too big'),
        ("${if eq{a}{b}{${substr{a}{9}{abc}}}{x}}", '"a" is not a number (in "substr" expansion)'),
        (
            "${if eq{a}{b}{${sg{a}{(}{b}}}{x}}",
            'regular expression error in "(": missing closing parenthesis at',
        ),
    ],
)
def test_their_arguments_are_tried_up_to_4_96(text: str, message: str) -> None:
    assert said(text, release="4.96")[0].startswith(f"Failed: {message}")
    assert said(text, release="4.97") == ["x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${if eq{a}{b}{${if bool{zz}{1}{2}}}{x}}", 'unrecognised boolean value "zz"'),
        ("${if eq{a}{b}{${listextract{z}{b}}}{x}}", 'first argument of "listextract" must be numeric'),
        ("${if or{{eq{a}{a}}{bool{q}}}}", 'unrecognised boolean value "q" inside "or{...}" condition'),
        (
            "${if eq{a}{b}{${if forany{<; a;b}{eq{${lookup{x}lsearch{/nosuch}}}{b}}{y}{n}}}{x}}",
            'failed to open /nosuch for linear search: No such file or directory inside "forany" condition',
        ),
        (
            "${if eq{a}{b}{${if forall_jsons{[1]}{eq{a}{b}}{y}{n}}}{x}}",
            "missing '\"' wrapping string result for extract jsons",
        ),
    ],
)
def test_plain_text_is_put_together_up_to_4_97(text: str, message: str) -> None:
    assert said(text, release="4.97") == [f"Failed: {message}"]
    if "json" not in text:
        assert said(text, release="4.98") == ["true" if "or{" in text else "x"]


def test_letters_are_not_translated_there() -> None:
    text = "${if eq{a}{b}{${tr{abc}{b}{M}}}}"
    assert [said(text, release=release) for release in ("4.96", "4.97")] == [[""], [""]]


def test_a_comparator_of_nothing_fails_since_4_98() -> None:
    text = "${if eq{a}{b}{${sort{a}{<}{$item}}}{x}}"
    assert said(text, release="4.97") == ["x"]
    assert said(text, release="4.98") == ['Failed: condition name expected, but found ""']


def test_the_comparator_of_a_sort_is_known_there() -> None:
    texts = [f"${{if eq{{a}}{{b}}{{${{sort{{a:b}}{{{name}}}{{$item}}}}}}{{x}}}}" for name in ("gti", "eq")]
    assert said(*texts, release="4.96") == ["x", "Failed: comparator not handled for sort"]


def test_variables_are_empty_there() -> None:
    text = "${if eq{a}{b}{${length{$primary_hostname}{abc}}}{x}}"
    assert said(text, release="4.96") == ["x"]


def test_the_end_of_a_filter_is_found_by_trying_its_condition() -> None:
    message = 'Failed: unrecognised boolean value "q" inside "filter"'
    assert said("${filter{a}{bool{q}}}", release="4.96") == [f"{message} item"]
    assert said("${filter{a}{bool{q}}}", release="4.98") == [f"{message} condition"]


@pytest.mark.parametrize(
    ("release", "found"),
    [("4.98", ["y", "Failed: unable to complete match against"]), ("4.99", ["n", "{y}{n}}"])],
)
def test_the_list_of_match_ip_is_expanded_up_to_4_98(release: str, found: list[str]) -> None:
    texts = ("${if match_ip{1.2.3.4}{$acl_m_x 1.2.3.4}{y}{n}}", "${if match_ip{}{${filter{a}}{y}{n}}")
    answers = said(*texts, release=release)
    assert [answer[: len(start)] for answer, start in zip(answers, found, strict=True)] == found


def test_a_sorted_list_has_no_spaces() -> None:
    assert said("${sort{:::a}{gti}{$item}}") == ["a:::"]


def test_an_empty_item_that_is_sorted_to_the_start() -> None:
    text = "${sort{b: :a}{lt}{x$item}}"
    said_by = {one: said(text, release=one)[0] for one in ("4.89", "4.99", "4.99-dev-13835a3c1")}
    assert said_by == {"4.89": ":a:b", "4.99": "b:a", "4.99-dev-13835a3c1": " :a:b"}


@pytest.mark.parametrize("release", ["4.96", "4.99"])
def test_exim_dies_of_sorting_a_list_that_begins_with_an_empty_item(release: str) -> None:
    with pytest.raises(ProcessDied):
        expand(site(release=release).process, "${sort{:a}{lt}{x$item}}")
    assert expand(site(release="4.95").process, "${sort{:a}{lt}{x$item}}") == "a"


def test_a_number_is_told_without_the_blanks_before_it() -> None:
    assert said("${if <{ x }{3}}") == ['Failed: integer expected but "x " found']


def test_a_file_is_opened_before_the_key_is_looked_at() -> None:
    told = "Failed: failed to open /nothing for linear search: No such file or directory"
    assert said("${lookup{x}iplsearch{/nothing}}") == [told]


def test_a_signed_address_has_small_letters() -> None:
    (signed,) = said("${prvs{a@b.c}{secret}}")
    assert signed == signed.lower()


def test_a_key_of_wildlsearch_that_does_not_expand_defers_without_a_word() -> None:
    front = Front("domainlist wild = wildlsearch;/w", release="4.96", files={"/w": b"^a$: b\n"})
    texts = "${lookup{x}wildlsearch{/w}}\n${lookup{x}nwildlsearch{/w}{y}{n}}\n${if match_domain{x}{+wild}}\n"
    told = ['Failed: lookup of "x" gave DEFER: ', "n", 'Failed: unable to complete match against "+wild": ']
    assert front.exim("-be", stdin=texts).stdout.splitlines() == [*(f"> {one}" for one in told), "> "]


def test_a_list_may_name_a_newline_before_a_variable() -> None:
    assert said("${map{<\\n $tod_zone}{<$item>}}", release="4.99") == ["<+0000>"]
