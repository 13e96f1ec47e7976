"""Which texts of options name files after what comes from outside."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.marks import Taint
from eximsim.mta.expand.taint import expand_tainted
from tests.mta.front import Front


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("/etc/list", Taint.NONE),
        ("/etc/$local_part_data", Taint.NONE),
        ("/etc/${domain_data}.x", Taint.NONE),
        (r"/etc/\$local_part", Taint.NONE),
        ("${lookup{x}lsearch{/etc/y}}", Taint.NONE),
        ("/etc/$local_part", Taint.TAINTED),
        ("/etc/${domain}/x", Taint.TAINTED),
        ("/etc/${lc:$local_part}", Taint.TAINTED),
        ("/etc/${strlen:$local_part}", Taint.NONE),
        ("${lookup{$domain}lsearch{/etc/y}{$value}{none}}", Taint.NONE),
        ("${lookup{x}lsearch{/etc/y}{$value}{$domain}}", Taint.TAINTED),
        ("${if eq{$domain}{x}{y}{z}}", Taint.NONE),
        ("${if eq{$domain}{x}{$domain}{z}}", Taint.NONE),
        ("$acl_m1", Taint.NONE),
        (r"${sg{$local_part_data}{(.)}{\$1x}}", Taint.NONE),
        (r"${sg{$local_part}{(.)}{\$1x}}", Taint.TAINTED),
        (r"${sg{${sg{$domain_data}{(.)}{\$1}}}{(.)}{\$1}}", Taint.NONE),
    ],
)
def test_the_parts_of_a_text_tell_whether_its_expansion_is_tainted(text: str, taint: Taint) -> None:
    front = Front("", files={"/etc/y": b"a: b\n"})
    process = front.process()
    process.variables.update(local_part="a", domain="d.ex", local_part_data="a", acl_m1="x", domain_data="d")
    assert expand_tainted(process, text)[1] is taint


ROUTERS = """begin routers
listed:
  driver = redirect
  file = {file}
"""


def verified(file: str, release: str, main: str = "") -> str:
    front = Front(
        main, routers=ROUTERS.format(file=file), release=release, files={"/lists/a": b"b@here.ex\n"}
    )
    return front.exim("-bv", "a@here.ex").stdout


@pytest.mark.parametrize("release", ["4.95", "4.99"])
def test_a_file_that_is_not_there_is_not_refused_where_the_router_has_a_user(release: str) -> None:
    """Its absence is found out before a process of that user is made, which would look at the name."""
    user = "\n  user = 93\n  group = 93\n"
    assert "for file read not permitted" in verified("/lists/$local_part", release)
    assert "for file read not permitted" in verified("/lists/$local_part" + user, release)
    assert "for file read not permitted" in verified("/lists/x-$local_part", release)
    assert "Unrouteable address" in verified("/lists/x-$local_part" + user, release)


def test_a_file_that_the_address_names_is_not_read() -> None:
    refused = "a@here.ex cannot be resolved at this time: Tainted name '/lists/a' for file read not permitted"
    assert verified("/lists/$local_part", "4.94.1").startswith(refused)
    assert "not permitted" not in verified("/lists/$local_part", "4.93")
    assert "not permitted" not in verified("/lists/a", "4.99")


@pytest.mark.parametrize(
    ("file", "main"),
    [("/lists/$1\n  local_parts = ^(.*)\\$", ""), ("/lists/$local_part", "allow_insecure_tainted_data")],
)
def test_where_the_text_does_not_tell_nobody_has_looked(file: str, main: str) -> None:
    with pytest.raises(Unsupported, match="tainted") as lack:
        verified(file, "4.95", main)
    assert lack.value.line


def expanded(text: str, release: str, sender: str = "a") -> str:
    """The expansion, or its error, marked ``!``; and what the main log has got, behind a bar."""
    front = Front(release=release)
    process = front.process()
    process.variables.update(sender_address_local_part=sender, primary_hostname="h.ex")
    try:
        value = expand(process, text)
    except ExpansionFailed as failed:
        value = f"!{failed.message}"
    return "|".join([value, *front.log()])


REFUSED = "attempt to expand tainted string 'a'"
REFUSED_4_95 = "Tainted string 'a' in expansion"


@pytest.mark.parametrize(
    ("release", "told"),
    [("4.92", None), ("4.93", REFUSED), ("4.94.2+fixes", REFUSED), ("4.95", REFUSED_4_95), ("4.96", REFUSED)],
)
def test_what_comes_from_outside_is_not_expanded_again(release: str, told: str | None) -> None:
    failed = f'!internal expansion of "a" failed: {told}|{told}'
    assert expanded("${expand:$sender_address_local_part}", release) == (failed if told else "a")
    assert expanded("${expand:${lc:$sender_address_local_part}}", release) == (failed if told else "a")
    assert expanded("${expand:\\$primary_hostname}", release) == "h.ex"
    assert expanded("${expand:${strlen:$sender_address_local_part}}", release) == "1"
    assert expanded("${if eq{a}{b}{${expand:$sender_address_local_part}}{n}}", release) == "n"


def test_what_may_come_from_outside_is_not_expanded_again_unseen() -> None:
    with pytest.raises(Unsupported, match="whether what is expanded again"):
        expanded("${if match{$sender_address_local_part}{(.)}{${expand:$1}}}", "4.99")


FROM_OUTSIDE = [
    ("${map{${sg{X;b}{X}{$sender_address_local_part}}}{($item)}}", "(a);(b)", "(a;b)"),
    ("${filter{$sender_address_local_part;b}{!eq{$item}{b}}}", "a", "a;b"),
    ("${reduce{$sender_address_local_part;b}{}{$value($item)}}", "(a)(b)", "(a;b)"),
    ("${listextract{1}{$sender_address_local_part;b}}", "a", "a;b"),
    ("${sort{$sender_address_local_part;0}{lt}{$item}}", "0;a", "a;0"),
    ("${if forany{$sender_address_local_part;b}{eq{$item}{b}}}", "true", ""),
    ("${listcount:$sender_address_local_part;b}", "2", "2"),
    ("${if inlist{b}{$sender_address_local_part;b}}", "true", "true"),
]


@pytest.mark.parametrize(("text", "before", "since"), FROM_OUTSIDE)
def test_since_4_99_what_comes_from_outside_does_not_change_the_separator(
    text: str, before: str, since: str
) -> None:
    assert (expanded(text, "4.98", "<;a"), expanded(text, "4.99", "<;a")) == (before, since)


@pytest.mark.parametrize(
    ("text", "before", "since"),
    [
        (r"${if inlist{h.ex}{b:\\$primary_hostname}{y}{n}}", "n", "y"),
        (r"${if inlisti{a}{b:\\x41}{y}{n}}", "n", "y"),
        (r"${if inlist{a}{<\\n b\na}{y}{n}}", "n", "y"),
        (r"${if inlist{a}{b:\$nonesuch}{y}{n}}", "n", '!unknown variable name "nonesuch"'),
        (r"${listcount:<\\n a\\nb:c}", "2", "1"),
        (r"${map{<\n a\nb}{($item)}}", "(a)\n(b)", "(a)\n(b)"),
    ],
)
def test_since_4_99_the_list_of_inlist_is_expanded_twice_and_signs_have_escapes(
    text: str, before: str, since: str
) -> None:
    assert (expanded(text, "4.98"), expanded(text, "4.99")) == (before, since)


def test_a_separator_that_is_read_before_the_braces_says_so() -> None:
    with pytest.raises(Unsupported, match="closing brace"):
        expanded("${map{<$sender_address_local_part b}{$item}}", "4.99")
