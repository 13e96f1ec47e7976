from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.errors import InputError
from eximsim.mta.config.readconf import read_config
from eximsim.profiles import NEWEST, profile
from tests.mta.configurations import Files, banner, fault, read

# ---- macros ---------------------------------------------------------------------------------------------


def test_a_macro_is_replaced_wherever_its_name_stands() -> None:
    assert banner("ONE = a\nsmtp_banner = xONEy ONE") == "xay a"


def test_a_macro_defined_with_another_one_gets_that_ones_text() -> None:
    assert banner("ONE = a\nTWO = ONE b\nsmtp_banner = TWO") == "a b"


def test_a_longer_name_must_be_defined_before_a_shorter_one_that_is_part_of_it() -> None:
    assert banner("ONETWO = long\nONE = short\nsmtp_banner = ONETWO ONE") == "long short"
    message = fault("ONE = short\nONETWO = long\n")
    assert message == (
        '/conf/main:2: "ONETWO" cannot be defined as a macro because '
        'previously defined macro "ONE" is a substring'
    )


def test_a_macro_is_redefined_only_with_two_equals_signs() -> None:
    assert banner("ONE = a\nONE == b\nsmtp_banner = ONE") == "b"
    assert "already defined" in fault("ONE = a\nONE = b")
    assert "can't redefine an undefined macro" in fault("ONE == b")


def test_the_command_lines_macro_stays() -> None:
    assert banner("ONE = a\nONE == b\nsmtp_banner = ONE", {"ONE": "cli"}) == "cli"


def test_an_empty_macro_counts_as_found() -> None:
    assert banner("ONE =\n.ifdef ONE\nsmtp_banner = yes\n.endif") == "yes"


def test_the_name_being_defined_is_not_replaced() -> None:
    assert banner("ONE = a\nONE == ONE b\nsmtp_banner = ONE") == "a b"


def test_a_macro_name_longer_than_63_characters_is_refused() -> None:
    assert banner(f"{'M' * 63} = a\nsmtp_banner = {'M' * 63}") == "a"
    assert "macro name too long" in fault(f"{'M' * 64} = a")


def test_a_macro_name_on_the_command_line_starts_with_a_capital() -> None:
    assert 'upper case letter: "one"' in fault("", {"one": "a"})


def test_macros_that_double_each_other_end_in_an_error() -> None:
    lines = ["AX = aaaaaaaaaa"] + [f"{chr(66 + n)}X = {f'{chr(65 + n)}X' * 10}" for n in range(12)]
    assert "line too long" in fault("\n".join(lines))


@pytest.mark.parametrize(
    ("release", "library", "macro", "known"),
    [
        ("4.87", "openssl-1.0.2", "_HAVE_TLS", False),
        ("4.88", "openssl-3", "_HAVE_TLS", True),
        ("4.99", "openssl-3", "_HAVE_OPENSSL", True),
        ("4.99", "gnutls", "_HAVE_OPENSSL", False),
        ("4.99", "gnutls", "_HAVE_GNUTLS", True),
        ("4.93", "openssl-3", "_HAVE_PIPE_CONNECT", False),
        ("4.95", "openssl-3", "_HAVE_PIPE_CONNECT", True),
        ("4.98", "openssl-3", "_OPT_MAIN_TLS_EARLY_BANNER_HOSTS", False),
        ("4.99", "openssl-3", "_OPT_MAIN_TLS_EARLY_BANNER_HOSTS", True),
        ("4.99", "openssl-3", "_OPT_OPENSSL_NO_TLSV1_3_X", True),
        ("4.99", "openssl-3", "_OPT_TRANSPORT_SMTP_HOSTS_TRY_DANE", True),
        ("4.99", "openssl-3", "_OPT_ROUTERS_CONDITION", True),
        ("4.99", "openssl-3", "_DRIVER_ROUTER_DNSLOOKUP", True),
    ],
)
def test_built_in_macros_tell_what_the_release_can_do(
    release: str, library: str, macro: str, known: bool
) -> None:
    text = f".ifdef {macro}\nsmtp_banner = yes\n.else\nsmtp_banner = no\n.endif"
    config = read(text, release=replace(profile(release), tls_library=library))
    assert config.main.text("smtp_banner") == ("yes" if known else "no")


# ---- lines ----------------------------------------------------------------------------------------------


def test_a_continued_line_loses_the_next_ones_leading_space() -> None:
    assert banner("smtp_banner = one \\\n    two\\\n\tthree") == "one twothree"


def test_comments_inside_a_continued_line_are_passed_over() -> None:
    assert banner("smtp_banner = one \\\n# not this\n  two") == "one two"


def test_an_empty_line_ends_a_continued_line() -> None:
    assert banner("smtp_banner = one \\\n\nqueue_only") == "one"


def test_conditions_nest_and_have_an_else() -> None:
    inner = ".ifdef TWO\nsmtp_banner = 12\n.else\nsmtp_banner = 1\n.endif"
    text = f".ifdef ONE\n{inner}\n.else\nsmtp_banner = 0\n.endif"
    assert banner(text) == "0"
    assert banner(text, {"ONE": ""}) == "1"
    assert banner(text, {"ONE": "", "TWO": ""}) == "12"


@pytest.mark.parametrize(
    ("defined", "expected"), [("ONE", "1"), ("TWO", "2"), ("THREE", "none"), ("FOUR", "not three")]
)
def test_the_first_branch_that_holds_is_the_only_one(defined: str, expected: str) -> None:
    text = """
.ifdef ONE
smtp_banner = 1
.elifdef TWO
smtp_banner = 2
.elifndef THREE
smtp_banner = not three
.else
smtp_banner = none
.endif
"""
    assert banner(text, {defined: ""}) == expected


def test_a_macro_in_a_branch_not_taken_is_not_defined() -> None:
    assert banner(".ifdef ONE\nTWO = a\n.endif\nsmtp_banner = TWO") == "TWO"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".ifdef ONE\n", "/conf/main:1: Unexpected end of configuration file: .endif missing"),
        (".endif", "/conf/main:1: .endif without matching .ifdef"),
        ("\n.else", "/conf/main:2: .else without matching .ifdef"),
        (".ifdef ONE\n" * 11, "/conf/main:11: .ifdef nested too deeply"),
    ],
)
def test_conditions_that_do_not_match_are_refused(text: str, expected: str) -> None:
    assert fault(text) == expected


def test_an_included_file_is_read_in_place_and_named_in_errors() -> None:
    assert banner('.include "/conf/part"\nsmtp_banner = ONE', part="ONE = a") == "a"
    message = fault("queue_only\n.include /conf/part", part="\nnonsense")
    assert message == '/conf/part:2: main option "nonsense" unknown'


def test_a_missing_file_is_an_error_unless_it_may_be_missing() -> None:
    assert banner(".include_if_exists /conf/part\nsmtp_banner = a") == "a"
    message = fault("\n.include /conf/part")
    assert message == "/conf/main:2: failed to open included configuration file /conf/part"


def test_relative_paths_start_from_the_including_file_where_the_release_allows_them() -> None:
    assert banner(".include part\nsmtp_banner = ONE", part="ONE = a") == "a"
    assert "non-absolute path" in fault(".include part", release="4.88", part="ONE = a")


def test_a_file_that_includes_itself_ends_in_an_error() -> None:
    assert "nested too deeply" in fault(".include /conf/main")


def test_a_missing_configuration_is_named() -> None:
    with pytest.raises(InputError, match=r"failed to open configuration file /conf/none: No such file"):
        read_config(Files(), "/conf/none", profile(NEWEST))
