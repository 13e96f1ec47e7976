import re
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import Unsupported
from eximsim.suite.munge import TABLES, Munger, cut_as, sort_deliveries
from eximsim.suite.munge_choices import CHOICES
from eximsim.suite.normalisation import Identity, Kind, Normalisation, Reading
from eximsim.suite.numbering import Numbering
from eximsim.suite.runtest_versions import CHANGES, NEWEST

IDENTITY = Identity("/tree/test")
FIELDS = {f"%{field.name}%": str(getattr(IDENTITY, field.name)) for field in fields(IDENTITY)}
FIELDS["%ipv4_reversed%"] = IDENTITY.ipv4_reversed


def filled(text: str) -> str:
    for name, value in FIELDS.items():
        text = text.replace(name, value)
    return text


def apply(rule: Normalisation, line: str) -> str | None:
    edit = rule.edit(IDENTITY)
    assert edit is not None
    kind = next(kind for kind in Kind if kind in rule.files)
    return edit(line, Reading(iter(()), kind, Numbering()))


@pytest.mark.parametrize("rule", TABLES, ids=lambda rule: rule.name)
def test_each_normalisation_makes_of_its_example_what_it_says(rule: Normalisation) -> None:
    before, after = rule.example
    assert apply(rule, filled(before)) == after


def test_a_line_that_is_too_long_to_be_searched_is_not_compared() -> None:
    munger = Munger.for_era(IDENTITY, NEWEST)
    munger.file("x" * 20_000 + "\n", Kind.LOG)
    with pytest.raises(Unsupported, match="comparing a line of more than 30,000 characters"):
        munger.file("x" * 31_000 + "\n", Kind.LOG)


@pytest.mark.parametrize("rule", TABLES, ids=lambda rule: rule.name)
def test_the_hint_of_a_normalisation_is_in_its_example(rule: Normalisation) -> None:
    assert rule.hint in filled(rule.example[0])


@pytest.mark.parametrize("name", CHOICES)
def test_a_chosen_normalisation_makes_of_its_example_what_it_says(name: str) -> None:
    for _, rule in CHOICES[name]:
        before, after = rule.example
        assert apply(rule, before) == after


def test_each_port_that_is_listened_on_is_named() -> None:
    (rule,) = (rule for rule in TABLES if rule.name == "ports listened on")
    line = "listening for SMTP on port %port_d% port %port_s% and for SMTPS on port %port_d2%\n"
    named = "listening for SMTP on port PORT_D port PORT_S and for SMTPS on port PORT_D2\n"
    assert apply(rule, filled(line)) == named


def test_normalisations_have_names_of_their_own() -> None:
    keys = [(rule.name, rule.files) for rule in TABLES]
    assert len(set(keys)) == len(keys)


def test_switches_of_normalisations_are_known() -> None:
    known = {change.switch for change in CHANGES}
    assert {rule.when for rule in TABLES if rule.when} | {
        rule.unless for rule in TABLES if rule.unless
    } <= known


@settings(max_examples=100)
@given(st.text(alphabet="aA1 .:=[]()@-_/>*\n<?!PSXT", max_size=60), st.sampled_from(TABLES))
def test_a_line_without_the_hint_is_not_changed(text: str, rule: Normalisation) -> None:
    line = text.replace("\n", "") + "\n"
    if rule.hint not in line:
        assert apply(rule, line) == line


@settings(max_examples=100)
@given(st.text(max_size=200), st.sampled_from(list(Kind)))
def test_any_text_can_be_normalised_and_is_then_stable_but_for_ports(text: str, kind: Kind) -> None:
    once = Munger.for_era(IDENTITY, NEWEST).file(text, kind)
    assert isinstance(once, str)
    assert IDENTITY.ipv4 not in once


LOG_2016 = (
    "2025-11-23 09:05:01 1vN1aB-0000fG-Xy => simcaller@a.test.ex R=client T=smtp H=a.test.ex [198.51.100.25] "
    'X=TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384:256 CV=dane C="250 OK id=1vN1aB-0000fJ-Z1"\n'
)


@pytest.mark.parametrize(
    ("era", "suite"),
    [
        ({"cipher_plain"}, "TLSv1:AES256-SHA:256"),
        ({"cipher_plain", "cipher_xx"}, "TLSv1:ke-RSA-AES256-SHAxx:256"),
        ({"cipher_xx", "cipher_xxx"}, "TLSv1:ke-RSA-AES256-SHAxxx:256"),
        ({"cipher_xx", "cipher_bits_hidden"}, "TLSv1:ke-RSA-AES256-SHA:xxx"),
        ({"cipher_nnn"}, "TLS1.x:ke-RSA-AES256-SHAnnn:xxx"),
    ],
)
def test_cipher_suites_are_written_as_in_the_goldens_of_each_era(era: set[str], suite: str) -> None:
    munged = Munger.for_era(IDENTITY, frozenset(era)).file(LOG_2016, Kind.LOG)
    assert munged == (
        "1999-03-02 09:44:33 10HmaX-0005vi-00 => CALLER@a.test.ex R=client T=smtp "
        f'H=a.test.ex [ip4.ip4.ip4.ip4] X={suite} CV=dane C="250 OK id=10HmaY-0005vi-00"\n'
    )


def test_a_tls_13_suite_is_written_like_any_other_today() -> None:
    line = "2025-11-23 09:05:01 x X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no\n"
    assert "X=TLS1.x:ke-RSA-AES256-SHAnnn:xxx CV=no" in Munger.for_era(IDENTITY, NEWEST).file(line, Kind.LOG)


def test_ids_are_numbered_over_all_files_client_before_server() -> None:
    munger = Munger.for_era(IDENTITY, NEWEST)
    log = munger.pair("1vN1aB-00000000fGh-Xy12 a\n", "1vN1aC-00000000fGh-Xy12 b\n", Kind.LOG)
    stdout = munger.pair("1vN1aC-00000000fGh-Xy12 b\n1vN1aD-00000000fGh-Xy12 c\n", None, Kind.STDOUT)
    assert re.findall("10Hm..", log + stdout) == ["10HmaX", "10HmaY", "10HmaY", "10HmaZ"]
    assert "\n\n******** SERVER ********\n" in log


def test_an_empty_server_file_still_has_its_heading() -> None:
    assert Munger.for_era(IDENTITY, NEWEST).pair("x\n", "", Kind.STDERR) == "x\n\n******** SERVER ********\n"


def test_process_numbers_are_hidden_or_numbered_by_era() -> None:
    line = "2025-11-23 09:05:01 Start queue run: pid=4711 -qf\n"
    old, new = (Munger.for_era(IDENTITY, era).file(line, Kind.LOG) for era in (frozenset[str](), NEWEST))
    assert (old[20:], new[20:]) == ("Start queue run: pid=pppp -qf\n", "Start queue run: pid=p1234 -qf\n")


def test_no_munge_leaves_everything_as_it_is() -> None:
    munger = Munger.for_era(IDENTITY, NEWEST)
    munger.untouched = True
    assert munger.file(LOG_2016, Kind.LOG) == LOG_2016


def test_runs_of_delivery_lines_are_sorted_and_others_stay() -> None:
    stamp = "1999-03-02 09:44:33 10HmaX-000000005vi-0000"
    log = f"{stamp} <= a\n{stamp} => c\n{stamp} => b\n{stamp} Completed\n{stamp} => a\n"
    assert sort_deliveries(log).splitlines() == [
        "**NOTE: The delivery lines in this file have been sorted.",
        f"{stamp} <= a", f"{stamp} => b", f"{stamp} => c", f"{stamp} Completed", f"{stamp} => a",
    ]  # fmt: skip


def test_an_overlong_line_is_cut_where_the_golden_s_is() -> None:
    golden = "start\nsame\n*** truncated ***\nend\n"
    assert cut_as(golden, "start\nsame\nlonger\nhere\n*** truncated ***\nend\n") == golden
    assert cut_as("x\n", "a\n*** truncated ***\n") == "a\n*** truncated ***\n"


def test_what_an_era_does_not_hide_stays() -> None:
    listed = " 0m   312 10HmaX-0005vi-00 <a@b>\n"
    old, new = frozenset({"ids_start_with_digit"}), frozenset({"ids_start_with_digit", "listing_ages_hidden"})
    shown = [Munger.for_era(IDENTITY, era).file(listed, Kind.STDOUT) for era in (old, new)]
    assert shown == [" 0m   sss 10HmaX-0005vi-00 <a@b>\n", "TTT   sss 10HmaX-0005vi-00 <a@b>\n"]
    question = ">>> host in limits_advertise_hosts?\n>>>  list element: *\n"
    assert Munger.for_era(IDENTITY, NEWEST).file(question, Kind.STDERR) == ">>>  list element: *\n"


def test_each_of_a_test_s_ports_in_a_line_has_its_name() -> None:
    line = f"listening on port {IDENTITY.port_d} port {IDENTITY.port_d2}\n"
    munged = Munger.for_era(IDENTITY, frozenset({"log_ports_named"})).file(line, Kind.LOG)
    assert munged == "listening on port PORT_D port PORT_D2\n"


def test_sizes_of_a_maildir_are_not_compared() -> None:
    text = "500S,0C\n321 4\n5 1\nnext\n"
    munger = Munger.for_era(IDENTITY, NEWEST)
    assert munger.file(text, Kind.MAIL) == "500S,0C\nddd d\nddd d\nnext\n"
    assert munger.file("1S,0C\n1 2\n2S,0C\n3 4\n", Kind.MAIL) == "1S,0C\nddd d\n2S,0C\nddd d\n"
