"""String expansion: what each kind of thing becomes, what fails and with what words, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.mta.base.string import list_items
from eximsim.mta.expand.expand import ExpansionFailed, expand, expand_condition, is_true
from eximsim.mta.process.globals import Process
from eximsim.mta.records.spool import Header
from tests.mta.routing_world import Reply, Site, records, site

FILES = {
    "/etc/aliases": b'# people\nann:  ann@a.ex,\n   bob@a.ex\n\n*: nobody\n"two words": quoted key\n',
    "/etc/domains": b"*.b.ex: wild b\nb.ex: plain b\n",
    "/etc/nets": b"10.0.0.0/8: ten\n*: default\n",
    "/etc/patterns": b"^x.*z$: regex\n*.c.ex: tail\n",
    "/etc/wild": b'"*.${lc:C}.ex": tail\n',
    "/etc/text": b"one\ntwo\n",
}
LISTS = """
domainlist local = a.ex : *.b.ex
hostlist relays = <; 10.0.0.1 ; 2001:db8::1
addresslist vips = ann@a.ex
"""


@pytest.fixture
def here() -> Site:
    made = site(main=LISTS, files=FILES, release="4.99")
    made.process.variables.update(sender_address="Ann@a.ex", acl_m0="warm", acl_c_name="cold")
    return made


@pytest.fixture
def process(here: Site) -> Process:
    return here.process


def outcome(process: Process, text: str) -> str:
    """The expansion, or its error, marked ``!`` or, if it was forced, ``!!``."""
    try:
        return expand(process, text)
    except ExpansionFailed as error:
        return ("!!" if error.forced else "!") + error.message


PLAIN = [
    ("no dollar", "no dollar"),
    (r"a\tb\\c\x41\101\$", "a\tb\\cAA$"),
    (r"\N$x \t\N$acl_m0", r"$x \twarm"),
    (r"open \N$x", "open $x"),
    ("$acl_m0 ${acl_m0}x $acl_m1|$acl_c_name", "warm warmx |cold"),
    ("$sender_address_local_part at $sender_address_domain", "Ann at a.ex"),
    ("$primary_hostname $interface_port $message_size $tls_out_dane", "myhost.test.ex -1 0 no"),
    ("$smtp_active_hostname", "myhost.test.ex"),
    ("$version_number $exim_version", "4.99 4.99"),
    ("$tod_log|$tod_epoch|$tod_zulu", "2001-09-09 01:46:40|1000000000|20010909014640Z"),
    ("$1${2}", ""),
]

ITEMS = [
    ("${if eq{a}{a}}", "true"),
    ("${if eq{a}{b}}", ""),
    ("${if eq{a}{b}{yes}{no}}", "no"),
    ("${if match{Exim}{^(.)x(.*)}{$2-$1}} $1", "im-E "),
    ("${extract{2}{:}{a:b:c}}", "b"),
    ("${extract{-1}{:}{a:b:c}}", "c"),
    ("${extract{9}{:}{a:b:c}{got $value}{none}}", "none"),
    ('${extract{B}{a=1 b = "2 3" c=4}}', "2 3"),
    ('${extract json{2}{["a", "b"]}}', '"b"'),
    ('${extract jsons{k}{ \\{"k":"v"\\} }}', "v"),
    ("${listextract{2}{a:b:c}}", "b"),
    ("${listextract{-1}{<; a;b::c}}", "b::c"),
    ("${listextract{4}{a:b}{x}{none}}", "none"),
    ("${filter{a:bb:c}{!eq{$item}{bb}}}", "a:c"),
    ("${filter{<, a,,b,,c}{match{$item}{,}}}", "a,,b,,c"),
    ("${map{a:b}{<$item>}}", "<a>:<b>"),
    ("${map{<; a;b}{;$item}}", ";;a; ;;b"),
    ("${reduce{1:2:3}{0}{${eval:$value+$item}}}$value", "6"),
    ("${sort{3:1:2}{<}{$item}}", "1:2:3"),
    ("${sort{b:A:c}{lti}{$item}}", "A:b:c"),
    (r"${sg{abcabc}{(b)(c)}{\$2\$1}}", "acbacb"),
    ("${sg{abc}{}{-}}", "-a-b-c-"),
    ("${tr{abcdea}{ac}{13}}", "1b3de1"),
    ("${tr{abc}{abc}{xy}}", "xyy"),
    ("${substr{1}{2}{abcd}}", "bc"),
    ("${substr{-3}{2}{abcd}}", "bc"),
    ("${length{2}{abcd}}", "ab"),
    ("${nhash{8}{64}{supercalifragilisticexpialidocious}}", "6/33"),
    ("${hash{3}{monty}}", "jmg"),
    ("${hmac{md5}{key}{text}}", "d0ca6177c61c975fd2f8c07d8c6528c6"),
    ("${listquote{,}{a,b}}", "a,,b"),
    ("${readfile{/etc/text}}", "one\ntwo\n"),
    ("${readfile{/etc/text}{+}}", "one+two+"),
    ("${lookup{ann}lsearch{/etc/aliases}}", "ann@a.ex, bob@a.ex"),
    ("${lookup{two words}lsearch{/etc/aliases}}", "quoted key"),
    ("${lookup{zoe}lsearch{/etc/aliases}{y}{n}}", "n"),
    ("${lookup{zoe}lsearch*{/etc/aliases}}", "nobody"),
    ("${lookup{x.b.ex}partial-lsearch{/etc/domains}{$value $1/$2}}", "wild b x/b.ex"),
    ("${lookup{b.ex}partial-lsearch{/etc/domains}{$value $1/$2}}", "plain b /b.ex"),
    ("${lookup{b.ex}partial-lsearch{/etc/domains}{$0/$2}}", "/b.ex"),
    ("${lookup{10.1.1.1}iplsearch{/etc/nets}}", "ten"),
    ("${lookup{11.1.1.1}iplsearch*{/etc/nets}}", "default"),
    ("${lookup{xyz}nwildlsearch{/etc/patterns}}", "regex"),
    ("${lookup{x.c.ex}wildlsearch{/etc/wild}}", "tail"),
]

CONDITIONS = [
    ("eq{a}{A}", False),
    ("eqi{a}{A}", True),
    ("!eq{a}{b}", True),
    ("!!eq{a}{a}", True),
    ("ge{b}{a}", True),
    ("lti{A}{b}", True),
    ("= {1K}{1024}", True),
    ("== {}{0}", True),
    (">= {-1}{ 2 }", False),
    ("< {1}{2M}", True),
    ("and{{eq{a}{a}}{eq{b}{b}}}", True),
    ("and{{eq{a}{b}}{= {1}{oops}}}", False),
    ("or{{eq{a}{b}}{eq{b}{b}}}", True),
    ("or{}", False),
    ("and{}", True),
    ("def:acl_m0", True),
    ("def:acl_m1", False),
    ("def:h_subject:", False),
    ("exists{/etc/text}", True),
    ("exists{/etc/none}", False),
    ("isip{::1}", True),
    ("isip4{1.2.3.4}", True),
    ("isip4{1.2.3}", False),
    ("isip6{1.2.3.4}", False),
    ("bool{ yes }", True),
    ("bool{00}", False),
    ("bool_lax{anything}", True),
    ("bool_lax{}", False),
    ("inlist{b}{a:b}", True),
    ("inlisti{B}{a:b}", True),
    ("forany{a:b}{eq{$item}{b}}", True),
    ("forall{a:b}{eq{$item}{b}}", False),
    ("forany{}{eq{$item}{b}}", False),
    ("match{abc}{B}", False),
    ("match{abc}{(?i)B}", True),
    ("match_domain{x.b.ex}{+local}", True),
    ("match_domain{x.b.ex}{!+local : *}", False),
    ("match_local_part{Postmaster}{postmaster}", True),
    ("match_address{ann@a.ex}{+vips}", True),
    ("match_ip{10.0.0.1}{10.0.0.0/8}", True),
    ("match_ip{2001:db8::1}{<; 10.0.0.1; 2001:db8::/32}", True),
    ("first_delivery", False),
    ("queue_running", False),
]

OPERATORS = [
    ("lc:AbC", "abc"),
    ("uc:abç", "ABç"),
    ("length_2:abc", "ab"),
    ("l_9:abc", "abc"),
    ("substr_1_1:abc", "b"),
    ("s_-1_1:abc", "c"),
    ("substr_1:abc", "bc"),
    ("hash_4_62:monty python", "fbWx"),
    ("nhash_8:supercalifragilisticexpialidocious", "1"),
    ("md5:abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1:abc", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
    ("sha256:abc", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
    ("base64:abc", "YWJj"),
    ("str2b64:abc", "YWJj"),
    ("base64d:YWJj", "abc"),
    ("hex2b64:616263", "YWJj"),
    ("base62:1234567", "005BAN"),
    ("base32:42", "bk"),
    ("base32d:bk", "42"),
    ("hexquote:a b", r"a\x20b"),
    ("quote:a b", '"a b"'),
    ("quote:a.b-c_d", "a.b-c_d"),
    ("quote:", '""'),
    ("quote_local_part:a b", '"a b"'),
    ("quote_local_part:a.b", "a.b"),
    ("quote_lsearch:x y", "x y"),
    ("rxquote:a.b", r"a\.b"),
    ("escape:a\tb\r", "a\tb\\r"),
    ("escape8bit:é", r"\303\251"),
    ("strlen:é", "2"),
    ("domain:Ann <ann@A.ex>", "A.ex"),
    ("local_part:ann@a.ex", "ann"),
    ("address:Ann <ann@a.ex>", "ann@a.ex"),
    ("addresses:Ann <ann@a.ex>, bob@b.ex", "ann@a.ex:bob@b.ex"),
    ("addresses:>+ a@b, c@d", "a@b+c@d"),
    ("mask:10.11.12.13/8", "10.0.0.0/8"),
    ("mask_n:2001:db8::1/32", "2001:db8::/32"),
    ("mask:2001:db8::1/32", "2001.0db8.0000.0000.0000.0000.0000.0000/32"),
    ("reverse_ip:192.0.2.4", "4.2.0.192"),
    ("ipv6norm:2001:0db8:0:0::0001", "2001:db8::1"),
    ("ipv6denorm:::1", "0000:0000:0000:0000:0000:0000:0000:0001"),
    ("eval:(1+2)*0x10>>1", "24"),
    ("eval:-7/2", "-3"),
    ("eval:010+1k", "1032"),
    ("eval10:010", "10"),
    ("time_interval:93784", "1d2h3m4s"),
    ("time_eval:1d2h3m4s", "93784"),
    ("listcount:a:b:c", "3"),
    ("listnamed:local", "a.ex : *.b.ex"),
    ("listnamed_h:relays", "10.0.0.1 : 2001::db8::::1"),
    ("rfc2047:ab cd", "ab cd"),
    ("rfc2047:ab:", "=?ISO-8859-1?Q?ab=3A?="),
    ("strlen:${rfc2047d:=?utf-8?Q?=C3=A9?=}", "1"),
    ("utf8clean:${length_1:é}", "?"),
    ("utf8_domain_to_alabel:bücher.ex", "xn--bcher-kva.ex"),
    ("utf8_domain_from_alabel:xn--bcher-kva.ex", "bücher.ex"),
    (r"expand:\N$acl_m0\N", "warm"),
]

FAILURES = [
    ("$nonsuch", '!unknown variable name "nonsuch"'),
    ("${nonsuch}", '!unknown variable in "${nonsuch}"'),
    ("$acl_xyz", '!unknown variable name "acl_xyz" (user-defined ACL variables must start acl_c or acl_m)'),
    ("${if def:nonsuch{a}{b}}", '!unknown variable "nonsuch" after "def:"'),
    ("${nonsuch:x}", '!unknown expansion operator "nonsuch"'),
    ("${lc_1:X}", '!unknown expansion operator "lc_1" ("lc" does not take an _arg)'),
    ("${acl_m0", '!"${acl_m0" is not a known operator (or a } is missing in a variable reference)'),
    ("$", "!$ not followed by letter, digit, or {"),
    ("${", "!letter or digit expected after ${"),
    ("${1x}", "!} expected after number"),
    ("x\\", "!\\ at end of string"),
    ("${if eq{a}{b", "!missing } at end of string"),
    ("${if eq{a}{$h_x{y}", "!missing } at end of string - could be header name not terminated by colon"),
    ("${if eq{a}}", '!missing 2nd string in {} after "eq"'),
    ("${if nonsuch{a}{b}}", '!unknown condition "nonsuch"'),
    ("${if {a}{b}}", '!condition name expected, but found "{a}{b}}"'),
    ("${if bool{maybe}{a}{b}}", '!unrecognised boolean value "maybe"'),
    ("${if = {a}{1}}", '!integer expected but "a" found'),
    ("${if and{{= {x}{1}}}}", '!integer expected but "x" found inside "and{...}" condition'),
    ("${if match{a}{(}}", '!regular expression error in "(": missing closing parenthesis at offset 1'),
    ("${if match_ip{host}{*}}", '!"host" is not an IP address'),
    ("${if eq{a}{b}{x}fail}", '!!"if" failed and "fail" requested'),
    ("${if eq{a}{b}{x}fale}", '!syntax error in "if" item - "fail" expected'),
    ("${lookup{k}nonsuch{/x}}", '!unknown lookup type "nonsuch"'),
    ("${lookup{k}lsearch{/x}}", "!failed to open /x for linear search: No such file or directory"),
    ("${lookup dnsdb{q=x}}", '!lookup of "q=x" gave DEFER: "unsupported DNS record type"'),
    ("${extract{}{:}{a}}", '!first argument of "extract" must not be empty'),
    ("${listextract{x}{a}}", '!first argument of "listextract" must be numeric'),
    ("${substr{x}{abc}}", '!"x" is not a number (in "substr" expansion)'),
    ("${length_x:abc}", '!non-digit after underscore in "length_x"'),
    (
        "${eval:1+}",
        '!error in expression evaluation: expecting number or opening parenthesis (after processing "1+")',
    ),
    ("${eval:1/0}", '!error in expression evaluation: divide by zero (after processing "1/0")'),
    ("${mask:a/8}", '!"a/8" is not an IP address'),
    ("${hex2b64:abc}", '!"abc" contains an odd number of characters'),
    ("${sg{a}{b}}", "!Not enough arguments for 'sg' (min is 3)"),
    ("${tr{a}{b}{c}{d}}", "!Too many arguments for 'tr' (max is 3)"),
    (
        "${expand:$acl_m0\\$nonsuch}",
        '!internal expansion of "warm$nonsuch" failed: unknown variable name "nonsuch"',
    ),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN + ITEMS)
def test_an_expansion_gives(process: Process, text: str, expected: str) -> None:
    assert outcome(process, text) == expected


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_a_condition_holds_or_not(process: Process, condition: str, expected: bool) -> None:
    assert outcome(process, f"${{if {condition}{{yes}}{{no}}}}") == ("yes" if expected else "no")
    assert expand_condition(process, f"!{condition}") is not expected


@pytest.mark.parametrize(("operator", "expected"), OPERATORS)
def test_an_operator_gives(process: Process, operator: str, expected: str) -> None:
    assert outcome(process, f"${{{operator}}}") == expected


@pytest.mark.parametrize(("text", "expected"), FAILURES)
def test_a_failure_says_why(process: Process, text: str, expected: str) -> None:
    assert outcome(process, text) == expected


def test_a_forced_failure_before_a_syntax_error_wins(process: Process) -> None:
    assert outcome(process, "${if eq{a}{b}{x}fail}${lc:") == '!!"if" failed and "fail" requested'


@pytest.mark.parametrize("text", ["${if eq{a}{a}{x}{$nonsuch}}", "${if eq{a}{b}{$nonsuch}{x}}"])
def test_a_branch_that_is_not_taken_is_still_read(process: Process, text: str) -> None:
    assert outcome(process, text) == '!unknown variable name "nonsuch"'


def test_nothing_is_looked_up_in_a_branch_that_is_not_taken(process: Process) -> None:
    text = "${if eq{a}{b}{${lookup{x}lsearch{/no/such/file}}${run{rm}}${eval:?}}{fine}}"
    assert expand(process, text) == "fine"


def test_value_item_and_numbers_are_restored(process: Process) -> None:
    process.variables["value"] = "before"
    process.numeric = ("zero", "one")
    text = "${map{a:b}{${if match{$item}{(.)}{$1}}}}${lookup{ann}lsearch{/etc/aliases}{}}$value$1$item"
    assert expand(process, text) == "a:bbeforeone"


def test_headers_are_joined_by_kind(process: Process) -> None:
    process.header_list = [
        Header("T", "To: a@x,\n"),
        Header("T", "TO:  b@x\n"),
        Header(" ", "X-A: one\n"),
        Header(" ", "X-A: two: three\n"),
        Header("*", "X-A: deleted\n"),
        Header("F", "From: me@x\n"),
    ]
    assert expand(process, "$h_to:|$header_x-a:|$rh_x-a:") == "a@x,,\nb@x|one\ntwo: three| one\n two: three\n"
    assert expand(process, "$lh_x-a:") == " one: two:: three"
    assert expand(process, "${if def:h_from:{$reply_address}}${if def:h_cc:{x}}") == "me@x"


def test_encoded_words_in_headers_are_decoded() -> None:
    process = site(main="headers_charset = utf-8").process
    process.header_list = [Header(" ", "Subject: =?iso-8859-1?Q?caf=E9?= =?utf-8?B?4oKs?=\n")]
    assert expand(process, "$h_subject:|$bh_subject:") == "café€|caf\udce9€"


ACLS = """
begin acl
told:
  accept message = $acl_narg $acl_arg1 <$acl_arg2>
refused:
  deny message = no
put_off:
  defer
"""


def test_an_acl_is_called_with_its_arguments() -> None:
    process = site(main=ACLS, release="4.99").process
    assert expand(process, "${acl{told}{x}}|$acl_narg|$acl_arg1") == "1 x <>|0|"
    assert expand(process, "${if acl{{told}{x}{y}}{$value}{refused}}") == "2 x <y>"
    assert expand(process, "${if acl{{refused}}{accepted}{refused: $value}}") == "refused: no"
    assert outcome(process, "${acl{put_off}}") == '!!DEFER from acl "put_off"'


def test_random_numbers_come_from_the_scenario() -> None:
    draws = [[expand(site(seed=seed).process, "${randint:1000}") for _ in range(2)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_signed_addresses_can_be_checked(process: Process) -> None:
    signed = expand(process, "${prvs{ann@a.ex}{secret}}")
    assert (
        expand(process, f"${{prvscheck{{{signed}}}{{secret}}{{$prvscheck_result/$prvscheck_address}}}}")
        == "1/ann@a.ex"
    )
    assert expand(process, f"${{prvscheck{{{signed}}}{{wrong}}{{<$prvscheck_result>}}}}") == "<>"
    assert expand(process, "${prvscheck{ann@a.ex}{secret}}") == ""


DNS = {
    ("a.ex", "A"): records("192.0.2.1", "192.0.2.2"),
    ("a.ex", "AAAA"): records("2001:db8::1"),
    ("a.ex", "MX"): records((10, "mx.a.ex"), ad=False),
    ("a.ex", "TXT"): records(b"\x03one\x03two"),
    ("_25._tcp.a.ex", "TLSA"): records(b"\x03\x01\x01\xab\xcd"),
    ("1.2.0.192.in-addr.arpa", "PTR"): records("a.ex"),
    ("down.ex", "A"): Reply(rcode="SERVFAIL"),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=a.ex", "192.0.2.1\n192.0.2.2"),
        (">: a+=a.ex", "2001:db8::1:192.0.2.1:192.0.2.2"),
        ("mx=a.ex", "10 mx.a.ex"),
        ("mxh=a.ex", "mx.a.ex"),
        ("a.ex", "one"),
        (">+; txt=a.ex", "onetwo"),
        ("tlsa=_25._tcp.a.ex", "3 1 1 abcd"),
        ("ptr=192.0.2.1", "a.ex"),
        ("a=none.ex:a.ex", "192.0.2.1\n192.0.2.2"),
        ("a=none.ex", "(none)"),
        ("a=down.ex", '!lookup of "a=down.ex" gave DEFER: '),
        ("defer_never,a=down.ex", "(none)"),
        ("defer_strict,a=down.ex:a.ex", '!lookup of "defer_strict,a=down.ex:a.ex" gave DEFER: '),
        ("dnssec_strict,a=a.ex", "192.0.2.1\n192.0.2.2"),
        ("dnssec_strict,mx=a.ex", '!lookup of "dnssec_strict,mx=a.ex" gave DEFER: '),
        (
            "defer_sometimes,a=a.ex",
            '!lookup of "defer_sometimes,a=a.ex" gave DEFER: unsupported dnsdb defer behaviour',
        ),
    ],
)
def test_the_dns_is_a_database(query: str, expected: str) -> None:
    process = site(DNS).process
    assert outcome(process, f"${{lookup dnsdb{{{query}}}{{$value}}{{(none)}}}}") == expected


@pytest.mark.parametrize(("release", "expected"), [("4.92", ""), ("4.93", "yes")])
def test_dnsdb_asks_for_dnssec_since_4_93(release: str, expected: str) -> None:
    here = site(DNS, release=release)
    assert expand(here.process, "${lookup dnsdb{a=a.ex}{}}$lookup_dnssec_authenticated") == expected


@pytest.mark.parametrize(("release", "expected"), [("4.95", "-"), ("4.96", "*.b.ex-b"), ("4.99", "*.b.ex-b")])
def test_which_matches_set_value_depends_on_the_release(release: str, expected: str) -> None:
    process = site(main=LISTS, release=release).process
    text = "${if match_domain{x.b.ex}{+local}{$value}}-${if inlist{b}{a:b}{$value}}"
    assert expand(process, text) == expected


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ("a.ex : *.b.ex", "a.ex : *.b.ex"),
        ("2001::db8 : x", "2001:db8 : x"),
        ("<; 2001:db8::1 ; a;;b", "2001::db8::::1 : a;b"),
        (f"{'x' * 300} : {'y' * 250}     z", f"{'x' * 255} : {'y' * 250}"),
    ],
)
def test_a_named_list_is_shown_with_colons_doubled_unless_they_separate(listed: str, shown: str) -> None:
    here = site(main=f"domainlist l = {listed}\n", release="4.99").process
    assert outcome(here, "${listnamed:l}") == outcome(here, "${listnamed_d:l}") == shown


@pytest.mark.parametrize(("release", "space"), [("4.94.2+fixes", ""), ("4.95", " ")])
def test_a_space_behind_a_backslash_ends_an_item_of_a_list_since_4_95(release: str, space: str) -> None:
    process = site(release=release).process
    end = f"\\{space}"
    assert outcome(process, r"${map{a\\ :b\\  : c  }{<$item>}}") == f"<a{end}>:<b{end}>:<c>"
    assert outcome(process, r"${listextract{1}{a\\ :b}}|") == f"a{end}|"
    assert outcome(process, r"${if inlist{a\\ }{a\\ :b}{y}{n}}") == ("y" if space else "n")


@pytest.mark.parametrize(("release", "keeps"), [("4.96", False), ("4.97", True)])
def test_before_4_97_a_comma_in_a_json_text_ends_the_element(release: str, keeps: bool) -> None:
    process = site(release=release).process
    failed = "!missing '\"' wrapping string result for extract jsons"
    assert outcome(process, '${extract json{2}{["a,b","c"]}}') == ('"c"' if keeps else 'b"')
    assert outcome(process, '${extract jsons{1}{["a,b","c"]}}') == ("a,b" if keeps else failed)
    assert outcome(process, '${if forany_json{["a,b"]}{eq{$item}{b"}}{y}{n}}') == ("n" if keeps else "y")


def test_a_list_forgets_what_was_captured_at_each_item_that_it_looks_at() -> None:
    process = site(release="4.99").process
    assert outcome(process, r"${filter{ax:bx:c}{match_domain{$item}{*x}}} <$0><$1>") == "ax:bx <><>"
    assert outcome(process, r"${filter{c:ax}{match_domain{$item}{*x}}} <$0><$1>") == "ax <ax><a>"
    assert outcome(process, r"${if and{{match{ab}{(b)}}{!match_domain{c}{d}}}{<$1>}}") == "<>"


def test_strict_acl_vars_makes_unset_ones_unknown() -> None:
    process = site(main="strict_acl_vars").process
    assert outcome(process, "$acl_m7") == '!unknown variable name "acl_m7" (strict_acl_vars is set)'


@pytest.mark.parametrize(
    ("value", "expected"), [("", False), ("0", False), ("NO", False), ("00", True), ("x", True)]
)
def test_an_expanded_condition_is_read_laxly(value: str, expected: bool) -> None:
    assert is_true(value) is expected


# ---- properties ---------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        "$", "{", "}", "${if ", "eq{", "and{", "or{{", "!", "\\", "\\N", ":", "def:", "${lc:", "${extract{",
        "${map{", "${filter{", "${sort{", "${lookup{", "lsearch{/etc/aliases}", "fail", "h_x", "$h_x:", "$1",
        "acl_m0", " ", "a", "1", "${sg{", "match{", "forany{", "${tr{", "<;", "${substr_", "_", "${eval:",
        "+", "(", "*",
    ]
)  # fmt: skip
_TEXTS = st.one_of(st.lists(_PIECES, max_size=25).map("".join), st.text(max_size=60))


@settings(max_examples=300)
@given(_TEXTS)
def test_any_text_expands_or_fails_as_it_should(text: str) -> None:
    process = _SITE.process
    before = dict(process.variables), process.debug_depth
    try:
        result = expand(process, text)
    except (ExpansionFailed, Unsupported):
        result = ""
    assert isinstance(result, str)
    process.variables.pop("value", None)
    assert (dict(process.variables), process.debug_depth) == before


@given(st.text(alphabet=st.characters(exclude_characters="$\\", exclude_categories=["Cs"])))
def test_text_without_specials_stands_for_itself(text: str) -> None:
    assert expand(_SITE.process, text) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=1)))
def test_protected_text_stands_for_itself(text: str) -> None:
    if "\\N" not in text and not text.endswith("\\"):
        assert expand(_SITE.process, f"\\N{text}\\N") == text


@given(st.lists(st.text(alphabet="ab;: ", min_size=1).map(str.strip).filter(bool), min_size=1))
def test_map_of_each_item_to_itself_keeps_the_list(items: list[str]) -> None:
    process = _SITE.process
    source = ";".join(
        item.replace(";", ";;") if not item.startswith(";") else f" {item.replace(';', ';;')}"
        for item in items
    )
    process.variables["acl_m9"] = f"<; {source}"
    wanted = list(list_items(process.variables["acl_m9"]))
    assert list(list_items(expand(process, "${map{$acl_m9}{$item}}"), ";")) == wanted
    del process.variables["acl_m9"]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], min_codepoint=1)))
def test_base64_and_hexquote_lose_nothing(text: str) -> None:
    process = _SITE.process
    with process.setting(acl_m9=text):
        assert expand(process, "${base64d:${base64:$acl_m9}}") == text
        if not set(text) & set("$\\"):
            assert expand(process, "${expand:${hexquote:$acl_m9}}") == text


_SITE = site(main=LISTS, files=FILES, release="4.99")


@pytest.fixture(autouse=True)
def _fresh_variables() -> Iterator[None]:
    yield
    _SITE.process.variables.clear()
    _SITE.process.numeric = ()


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ('${lookup a"b{x}}', 'unknown lookup type "a"b"', r'unknown lookup type "a\"b"'),
        ('${lookup{x}partial-z"q{/y}}', 'unknown lookup type "z"q"', r'unknown lookup type "z\"q"'),
        ('${acl{no"such}}', 'ERROR from acl "no"such"', r'ERROR from acl "no\"such"'),
        ('${listnamed:foo"bar}', '"foo"bar" is not a named list', r'"foo\"bar" is not a named list'),
        (
            '${if match{a}{("\\t}}',
            'regular expression error in "("\t": missing closing parenthesis at offset 3',
            r'regular expression error in "(\"\t": missing closing parenthesis at offset 3',
        ),
        (
            '${if crypteq{a}{{\\}x"}}',
            'unknown encryption mechanism in "{}x""',
            r'unknown encryption mechanism in "{}x\""',
        ),
        (
            '${run{/bin/a b"${zz}}}',
            'Expansion of "b"${zz}" from command "/bin/a b"${zz}" in ${run} expansion failed:'
            ' unknown variable in "${zz}"',
            r'Expansion of "b\"${zz}" from command "/bin/a b\"${zz}" in ${run} expansion failed:'
            ' unknown variable in "${zz}"',
        ),
    ],
)
def test_texts_in_errors_have_escapes_in_newer_releases(text: str, older: str, newer: str) -> None:
    assert outcome(site(main="", release="4.98").process, text) == f"!{older}"
    assert outcome(site(main="", release="4.99").process, text) == f"!{newer}"


@pytest.mark.parametrize("kind", ["ibase", "json", "lmdb", "nisplus", "oracle", "redis", "whoson"])
def test_lookups_that_a_build_lacks_are_unknown_to_it(kind: str) -> None:
    process = site(release="4.96-debian12").process
    with pytest.raises(ExpansionFailed) as failed:
        expand(process, f"${{lookup {kind}{{x}}}}")
    assert failed.value.message == f'unknown lookup type "{kind}"'
