"""Lists of domains, local parts, addresses and texts: what is in them, and what they say in the trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.lookup.match import (
    match_address_list,
    match_check_string,
    match_isinlist,
    match_isinlist_address,
    match_isinlist_domain,
    match_isinlist_local_part,
    match_isinlist_string,
)
from eximsim.mta.process.ends import PanicDie
from eximsim.mta.process.sigsegv import SIGSEGV
from eximsim.mta.records.lists import Kind, ListCache
from eximsim.profiles import profile
from eximsim.status import Rc
from tests.mta.front import CONF, Front
from tests.mta.routing_world import Reply, Site, records, site

MAIN = """
domainlist local = a.ex : *.b.ex
domainlist notlocal = ! +local
domainlist hosted = lsearch;/etc/domains
domainlist broken = ${nonsuch}
addresslist vips = ann@a.ex : *@+local
localpartlist roles = postmaster : ^abuse
"""
FILES = {
    "/etc/domains": b"c.ex: data of c\n*.d.ex: data of d\n",
    "/etc/people": b"# those we know\n\nann@a.ex   # not bob\n!bob#1@a.ex\n*@b.ex\n",
    "/etc/names": b"a.ex # one\n! x.b.ex\n*.b.ex\n",
    "/etc/users": b"a.ex: ann : !^bo : ^b : >more\nmore: zoe\nb.ex: >a.ex\nloop.ex: >loop.ex\n",
    "/etc/addresses": b"ann@a.ex: her data\n*@c.ex: all of c\n",
}
ZONE = {
    ("here.ex", "MX"): records((10, "me.ex"), (20, "other.ex")),
    ("second.ex", "MX"): records((10, "other.ex"), (20, "me.ex")),
    ("away.ex", "MX"): records((10, "other.ex")),
    ("me.ex", "A"): records("10.0.0.1"),
    ("other.ex", "A"): records("192.0.2.1"),
    ("down.ex", "MX"): Reply(rcode="SERVFAIL"),
}


@pytest.fixture(scope="module")
def here() -> Site:
    return site(ZONE, main=MAIN, files=FILES, release="4.99")


DOMAINS = [
    ("a.ex", "a.ex", True),
    ("A.ex", "a.EX", True),
    ("x.a.ex", "a.ex", False),
    ("x.a.ex", "*.a.ex", True),
    ("a.ex", "*.a.ex", False),
    ("xa.ex", "*a.ex", True),
    ("anything", "*", True),
    ("x1.ex", r"^x\\d", True),
    ("x1.ex", r"^\Nx\d\N", True),
    ("a.ex", "b.ex : a.ex", True),
    ("a.ex", "<; b.ex ; a.ex", True),
    ("a.ex", "", False),
    ("a.ex", "!a.ex", False),
    ("b.ex", "!a.ex", True),
    ("b.ex", "!a.ex : c.ex", False),
    ("c.ex", "!a.ex : c.ex", True),
    ("a.ex", "! a.ex : *", False),
    ("a.ex", "+local", True),
    ("x.b.ex", "+local", True),
    ("a.ex", "!+local : *", False),
    ("a.ex", "+notlocal", False),
    ("z.ex", "+notlocal", True),
    ("myhost.test.ex", "@", True),
    ("[10.0.0.1]", "@[]", True),
    ("[10.0.0.9]", "@[]", False),
    ("here.ex", "@mx_any", True),
    ("here.ex", "@mx_primary", True),
    ("here.ex", "@mx_secondary", False),
    ("second.ex", "@mx_any", True),
    ("second.ex", "@mx_primary", False),
    ("second.ex", "@mx_secondary", True),
    ("away.ex", "@mx_any", False),
    ("here.ex", "@mx_any/ignore=10.0.0.1", False),
    ("c.ex", "lsearch;/etc/domains", True),
    ("x.d.ex", "lsearch;/etc/domains", False),
    ("x.d.ex", "partial-lsearch;/etc/domains", True),
    ("a.ex", "/etc/names", True),
    ("x.b.ex", "/etc/names", False),
    ("y.b.ex", "/etc/names", True),
    ("y.b.ex", "!/etc/names", False),
    ("x.b.ex", "!/etc/names", True),
    ("a.ex", "${if eq{$domain}{a.ex}{a.ex}{}}", True),
    ("a.ex", "${if eq{a}{b}{}fail}", False),
]

LOCAL_PARTS = [
    ("ann", "ann", True),
    ("Ann", "ann", True),
    ("Ann", "+caseful : ann", False),
    ("Ann", "+caseful : Ann", True),
    ("abuse-it", "+roles", True),
    ("ann-x", "ann-*", False),
    ("x-ann", "*-ann", True),
]

ADDRESSES = [
    ("ann@a.ex", "ann@a.ex", True),
    ("ANN@A.EX", "ann@a.ex", True),
    ("Ann@a.ex", "+caseful : ann@a.ex", False),
    ("Ann@A.ex", "+caseful : Ann@a.ex", True),
    ("bob@a.ex", "ann@a.ex", False),
    ("bob@a.ex", "*@a.ex", True),
    ("bob@a.ex", "a.ex", True),
    ("bob@a.ex", "*b@a.ex", True),
    ("bob@x.a.ex", "*@*.a.ex", True),
    ("bob@x.b.ex", "+vips", True),
    ("bob@x.b.ex", "bob@+local", True),
    ("bob@c.ex", "!+vips", True),
    ("bob@a.ex", r"^b[aeiou]b@", True),
    ("bob@myhost.test.ex", "bob@@", True),
    ("bob@[10.0.0.1]", "*@@[]", True),
    ("bob@here.ex", "*@@mx_any", True),
    ("", "", False),
    ("", ":", True),
    ("", "*", False),
    ("", r"^\$", True),
    ("ann@a.ex", "lsearch;/etc/addresses", True),
    ("bob@a.ex", "lsearch;/etc/addresses", False),
    ("bob@c.ex", "lsearch*@;/etc/addresses", True),
    ("ann@a.ex", "@@lsearch;/etc/users", True),
    ("bob@a.ex", "@@lsearch;/etc/users", False),
    ("bea@a.ex", "@@lsearch;/etc/users", True),
    ("zoe@a.ex", "@@lsearch;/etc/users", True),
    ("zoe@b.ex", "@@lsearch;/etc/users", True),
    ("ann@a.ex", "/etc/people", True),
    ("bob#1@a.ex", "/etc/people", False),
    ("any@b.ex", "/etc/people", True),
]


def as_rc(expected: bool) -> Rc:
    return Rc.OK if expected else Rc.FAIL


@pytest.mark.parametrize(("domain", "items", "expected"), DOMAINS)
def test_a_domain_is_in_a_list_or_not(here: Site, domain: str, items: str, expected: bool) -> None:
    assert match_isinlist_domain(here.process, domain, items) is as_rc(expected)


@pytest.mark.parametrize(("local_part", "items", "expected"), LOCAL_PARTS)
def test_a_local_part_is_in_a_list_or_not(here: Site, local_part: str, items: str, expected: bool) -> None:
    assert match_isinlist_local_part(here.process, local_part, items) is as_rc(expected)


@pytest.mark.parametrize(("address", "items", "expected"), ADDRESSES)
def test_an_address_is_in_a_list_or_not(here: Site, address: str, items: str, expected: bool) -> None:
    assert match_isinlist_address(here.process, address, items) is as_rc(expected)


def test_an_unset_list_holds_nothing(here: Site) -> None:
    assert match_isinlist_domain(here.process, "a.ex", None) is Rc.FAIL


def test_texts_know_no_named_lists(here: Site) -> None:
    assert match_isinlist_string(here.process, "+local", "+local") is Rc.OK
    assert match_isinlist_string(here.process, "a.ex", "+local") is Rc.FAIL


def test_one_pattern_may_hold_separators(here: Site) -> None:
    assert match_check_string(here.process, "a:b", "A:b") is Rc.OK
    assert match_address_list(here.process, "*@a.ex", "*@a.ex", single=True) is Rc.OK
    assert match_address_list(here.process, "x@a.ex", "*") is Rc.OK


@pytest.mark.parametrize(
    ("kind", "subject", "pattern", "numeric"),
    [
        (Kind.DOMAIN, "x.b.ex", "*.b.ex", ("x.b.ex", "x")),
        (Kind.LOCALPART, "a-b", "^(.)-(.)", ("a-b", "a", "b")),
        (Kind.STRING, "a-b", "^(.)-(.)", ()),
    ],
)
def test_what_matched_becomes_the_numbered_variables(
    kind: Kind, subject: str, pattern: str, numeric: tuple[str, ...]
) -> None:
    process = site().process
    process.profile = profile("4.98")
    assert match_isinlist(process, subject, pattern, kind).rc is Rc.OK
    assert process.numeric == numeric
    process.profile = profile("4.92")
    assert match_isinlist(process, subject, pattern, kind).rc is Rc.OK
    assert process.numeric == ()


@pytest.mark.parametrize(
    ("domain", "items", "value"),
    [
        ("c.ex", "+hosted", "data of c"),
        ("c.ex", "b.ex : c.ex", "c.ex"),
        ("x.d.ex", "partial-lsearch;/etc/domains", "data of d"),
    ],
)
def test_the_data_of_a_match_comes_with_it(here: Site, domain: str, items: str, value: str) -> None:
    assert match_isinlist(here.process, domain, items, Kind.DOMAIN).value == value


def test_a_dns_failure_defers_unless_an_item_before_decides(here: Site) -> None:
    assert match_isinlist_domain(here.process, "down.ex", "@mx_any") is Rc.DEFER
    assert match_isinlist_domain(here.process, "down.ex", "down.ex : @mx_any") is Rc.OK


def test_an_expansion_that_fails_is_logged_and_defers() -> None:
    here = site(main=MAIN)
    assert match_isinlist_domain(here.process, "a.ex", "+local : $nonsuch") is Rc.DEFER
    assert here.log == [
        'failed to expand "+local : $nonsuch" while checking a list: unknown variable name "nonsuch"'
    ]


def test_a_named_list_that_does_not_exist_ends_old_releases_and_defers_in_new_ones() -> None:
    old, new = site(release="4.88"), site(release="4.90")
    with pytest.raises(PanicDie):
        match_isinlist_domain(old.process, "a.ex", "+nonsuch")
    assert match_isinlist_domain(new.process, "a.ex", "+nonsuch") is Rc.DEFER
    assert old.log == new.log == ['unknown named domain list "+nonsuch"']


def test_a_file_that_cannot_be_read_ends_the_process() -> None:
    here = site()
    with pytest.raises(PanicDie, match="failed to open /none when checking"):
        match_isinlist_domain(here.process, "a.ex", "/none", list_name="domains")


def test_lookups_that_chain_for_ever_end_the_process(here: Site) -> None:
    with pytest.raises(PanicDie, match="Loop detected"):
        match_isinlist_address(here.process, "x@loop.ex", "@@lsearch;/etc/users")


def test_a_named_list_is_searched_once_per_cache() -> None:
    here = site(
        ZONE, main="domainlist mine = @mx_any\ndomainlist open = ${if eq{a}{a}{@mx_any}}", release="4.99"
    )
    cache: ListCache = {}
    for items, asked in (("+mine", 1), ("+mine", 1), ("+open", 2), ("+open", 3)):
        assert match_isinlist_domain(here.process, "here.ex", items, cache=cache) is Rc.OK
        assert here.world.questions.count("MX here.ex") == asked
    assert list(cache) == ["mine"]


# ---- the trace ------------------------------------------------------------------------------------------


def traced(
    release: str, items: str | None, *, domain: str = "b.ex", list_name: str | None = None
) -> list[str]:
    here = site(main=MAIN, files=FILES, release=release)
    here.process.host_checking = True
    here.process.debug_depth = 1
    match_isinlist_domain(here.process, domain, items, list_name=list_name, cache={})
    assert here.process.debug_depth == 1
    return [line.removeprefix(">>> ").removesuffix("\n") for line in here.shown]


def test_old_releases_show_only_the_verdict() -> None:
    assert traced("4.95", "a.ex : b.ex", list_name="domains") == ['b.ex in domains? yes (matched "b.ex")']
    assert traced("4.95", "a.ex") == ['b.ex in "a.ex"? no (end of list)']
    assert traced("4.95", "!a.ex") == ['b.ex in "!a.ex"? yes (end of list)']
    assert traced("4.95", None, list_name="domains") == ["b.ex in domains? no (option unset)"]
    assert traced("4.95", None) == []


def test_the_verdict_is_set_in_since_4_96() -> None:
    assert traced("4.96", "!b.ex", list_name="domains") == [' b.ex in domains? no (matched "!b.ex")']


def test_items_are_shown_since_4_97() -> None:
    assert traced("4.97", "! a.ex : /etc/names") == [
        ' b.ex in "! a.ex : /etc/names"?',
        "  list element: ! a.ex",
        "  list element: /etc/names",
        ' b.ex in "! a.ex : /etc/names"? no (end of list)',
    ]


def test_named_lists_are_shown_since_4_98() -> None:
    assert traced("4.98", "! +local : +local", domain="a.ex", list_name="domains") == [
        " a.ex in domains?",
        "  list element: !\u2591+local",
        "   start sublist local",
        '   \u254ea.ex in "a.ex : *.b.ex"?',
        "   \u254e list element: a.ex",
        '   \u254e a.ex in "a.ex : *.b.ex"? yes (matched "a.ex")',
        "   end sublist local",
        "  data from lookup saved for cache for +local: key 'a.ex' value 'a.ex'",
        '  a.ex in domains? no (matched "! +local")',
    ]
    assert traced("4.98", None) == [" b.ex not in empty list (option unset? cannot trace name)"]


def test_a_negated_item_has_data_too_and_an_address_without_a_domain_has_no_item() -> None:
    here = site(main="domainlist most = !b.ex : *", release="4.99")
    here.process.host_checking = True
    cache: ListCache = {}
    assert match_isinlist(here.process, "b.ex", "+most", Kind.DOMAIN, cache=cache).rc is Rc.FAIL
    assert cache["most"].value == "b.ex"
    here.shown.clear()
    match_isinlist(here.process, "x@y", ":", Kind.ADDRESS)
    lines = [line.removeprefix(">>>").strip() for line in here.shown]
    assert lines == [
        'x@y in ":"?',
        "list element:",
        'y in ""?',
        'y in ""? no (end of list)',
        'x@y in ":"? no (end of list)',
    ]


# ---- properties -------------------------------------------------------------------------------------------

_ITEMS = st.lists(
    st.sampled_from(["a.ex", "!a.ex", "*.b.ex", "!*.b.ex", "+local", "!+local", "^x", "b.ex", "*"]),
    min_size=1,
)
_SUBJECTS = st.sampled_from(["a.ex", "x.b.ex", "b.ex", "xx.ex", "q"])
_SITE = site(main=MAIN, files=FILES)


def found(domain: str, items: str) -> bool:
    return match_isinlist_domain(_SITE.process, domain, items) is Rc.OK


@given(_SUBJECTS, _ITEMS, st.sampled_from(";,|#\n"))
def test_another_separator_makes_the_same_list(domain: str, items: list[str], separator: str) -> None:
    written = separator.join(f" {item} " for item in items)
    shown = separator if separator != "\n" else "\\n"
    assert found(domain, f"<{shown}{written}") == found(domain, " : ".join(items))


@given(_SUBJECTS, _ITEMS)
def test_a_list_with_all_signs_turned_decides_the_other_way(domain: str, items: list[str]) -> None:
    turned = [item[1:] if item.startswith("!") else f"!{item}" for item in items]
    assert found(domain, ":".join(turned)) is not found(domain, ":".join(items))


@given(_SUBJECTS, _ITEMS)
def test_what_follows_a_star_is_never_looked_at(domain: str, items: list[str]) -> None:
    assert found(domain, ":".join(["*", *items]))
    assert not found(domain, ":".join(["!*", *items]))


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_address_and_pattern_have_a_verdict(local_part: str, pattern: str) -> None:
    if not set(pattern) & set("$\\^/;+"):
        assert match_isinlist_address(_SITE.process, f"{local_part}@a.ex", pattern) in (Rc.OK, Rc.FAIL)


SEMICOLON = {CONF: b"primary_hostname = a;b.ex\nspool_directory = /spool\ntls_advertise_hosts =\n"}
UNKNOWN = 'unknown lookup type "a"'
IMMUTABLE = "SIGSEGV (maybe attempt to write to immutable memory)"


@pytest.mark.parametrize(
    ("release", "helo", "tested"),
    [("4.92", UNKNOWN, UNKNOWN), ("4.95", IMMUTABLE, IMMUTABLE), ("4.98", IMMUTABLE, UNKNOWN)],
)
def test_a_semicolon_in_the_name_of_the_host_makes_a_lookup_of_an_at_sign(
    release: str, helo: str, tested: str
) -> None:
    front = Front(files=SEMICOLON, release=release, user="root", uid=0)
    status = front.exim("-bs", "-oMa", "192.0.2.7", stdin="EHLO x\r\n")
    assert status.code == (1 if helo == UNKNOWN else -SIGSEGV)
    assert any(line.endswith(helo) for line in front.log())
    front = Front(files=SEMICOLON, release=release)
    assert tested in front.exim("-be", "${if match_domain{x}{@}{yes}{no}}").stderr
