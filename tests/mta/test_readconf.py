from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.optionlist import Status
from eximsim.mta.readconf import Config, RetryStep, option_report, read_config, read_inline
from eximsim.profiles import NEWEST, Profile, profile
from eximsim.status import RTEF_CTOUT, Errno


class Files:
    """A world of nothing but files, which counts how often each is read."""

    def __init__(self, **files: str) -> None:
        self.files = {f"/conf/{name}": text.encode() for name, text in files.items()}
        self.reads: list[str] = []

    def read_file(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def read(
    text: str, defines: Mapping[str, str] | None = None, release: str | Profile = NEWEST, **files: str
) -> Config:
    world = Files(main=text, **files)
    chosen = profile(release) if isinstance(release, str) else release
    return read_config(world, "/conf/main", chosen, defines or {})  # type: ignore[arg-type]  # files suffice


def banner(text: str, defines: Mapping[str, str] | None = None, release: str = NEWEST, **files: str) -> str:
    return str(read(text, defines, release, **files).main.text("smtp_banner"))


def fault(text: str, defines: Mapping[str, str] | None = None, release: str = NEWEST, **files: str) -> str:
    with pytest.raises(InputError) as raised:
        read(text, defines, release, **files)
    return str(raised.value)


# ---- macros ---------------------------------------------------------------------------------------------


def test_a_macro_is_replaced_wherever_its_name_stands() -> None:
    assert banner("ONE = a\nsmtp_banner = xONEy ONE") == "xay a"


def test_a_macro_defined_with_another_one_gets_that_ones_text() -> None:
    assert banner("ONE = a\nTWO = ONE b\nsmtp_banner = TWO") == "a b"


def test_a_longer_name_must_be_defined_before_a_shorter_one_that_is_part_of_it() -> None:
    assert banner("ONETWO = long\nONE = short\nsmtp_banner = ONETWO ONE") == "long short"
    message = fault("ONE = short\nONETWO = long\n")
    assert message == (
        '/conf/main:2: "ONETWO" cannot be defined as a macro because previously defined macro "ONE" is a substring'
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


# ---- lines ------------------------------------------------------------------------------------------------


def test_a_continued_line_loses_the_next_ones_leading_space() -> None:
    assert banner("smtp_banner = one \\\n    two\\\n\tthree") == "one twothree"


def test_comments_inside_a_continued_line_are_passed_over() -> None:
    assert banner("smtp_banner = one \\\n# not this\n  two") == "one two"


def test_an_empty_line_ends_a_continued_line() -> None:
    assert banner("smtp_banner = one \\\n\nqueue_only") == "one"


def test_conditions_nest_and_have_an_else() -> None:
    text = ".ifdef ONE\n.ifdef TWO\nsmtp_banner = 12\n.else\nsmtp_banner = 1\n.endif\n.else\nsmtp_banner = 0\n.endif"
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
        (".ifdef ONE\n", "/conf/main:1: unexpected end of configuration file: .endif missing"),
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
    assert message == (
        "/conf/main:2: failed to open included configuration file /conf/part: No such file or directory"
    )


def test_relative_paths_start_from_the_including_file_where_the_release_allows_them() -> None:
    assert banner(".include part\nsmtp_banner = ONE", part="ONE = a") == "a"
    assert "non-absolute path" in fault(".include part", release="4.88", part="ONE = a")


def test_a_file_that_includes_itself_ends_in_an_error() -> None:
    assert "nested too deeply" in fault(".include /conf/main")


def test_a_missing_configuration_is_named() -> None:
    with pytest.raises(InputError, match=r"failed to open configuration file /conf/none: No such file"):
        read_config(Files(), "/conf/none", profile(NEWEST))  # type: ignore[arg-type]  # files suffice


# ---- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("queue_only", "queue_only", True),
        ("no_queue_only", "queue_only", False),
        ("not_accept_8bitmime", "accept_8bitmime", False),
        ("queue_only = yes", "queue_only", True),
        ("accept_8bitmime = FALSE", "accept_8bitmime", False),
        ("hide queue_only", "queue_only", True),
    ],
)
def test_a_boolean_is_set_by_its_name_a_prefix_or_a_word(line: str, name: str, value: bool) -> None:
    assert read(line).main.flag(name) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("2K", 2048), ("1m", 1048576), ("1G", 1073741824), ("0x1F", 31), ("017", 15), ("-3", -3), ("0", 0)],
)
def test_an_integer_may_be_octal_or_hexadecimal_and_have_a_unit(text: str, value: int) -> None:
    assert read(f"dns_retry = {text}").main.number("dns_retry") == value


@pytest.mark.parametrize(("text", "value"), [("10", 0), ("512", 1), ("3K", 3), ("2M", 2048)])
def test_space_is_kept_in_units_of_1024(text: str, value: int) -> None:
    assert read(f"check_spool_space = {text}").main.number("check_spool_space") == value


@pytest.mark.parametrize(("text", "value"), [("3", 3000), ("0.5", 500), ("1.2345", 1234)])
def test_a_fixed_point_number_has_three_places(text: str, value: int) -> None:
    assert read(f"queue_only_load = {text}").main.number("queue_only_load") == value


@pytest.mark.parametrize(
    ("text", "value"), [("5s", 5), ("1m", 60), ("1w2d3h4m5s", 604800 + 2 * 86400 + 3 * 3600 + 245), ("0s", 0)]
)
def test_a_time_is_a_sum_of_parts(text: str, value: int) -> None:
    assert read(f"auto_thaw = {text}").main.seconds("auto_thaw") == value


def test_a_list_of_times_grows_and_may_be_switched_off() -> None:
    assert read("delay_warning = 4h : 8h:1d").main.times("delay_warning") == (14400, 28800, 86400)
    assert read("delay_warning = 0s").main.times("delay_warning") == ()
    assert read("").main.times("delay_warning") == (86400,)


def test_a_quoted_string_has_escapes_and_an_unquoted_one_has_none() -> None:
    assert banner(r'smtp_banner = "a\tb\x41\060\"c\\"') == 'a\tbA0"c\\'
    assert banner(r"smtp_banner = a\tb") == r"a\tb"


def test_octets_that_are_not_utf8_survive() -> None:
    world = Files()
    world.files["/conf/main"] = b"smtp_banner = \xff\xc3\xa4"
    text = read_config(world, "/conf/main", profile(NEWEST)).main.text("smtp_banner")  # type: ignore[arg-type]
    assert text is not None
    assert text.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa4"


def test_an_old_name_sets_the_option_that_it_stands_for() -> None:
    assert read("daemon_smtp_port = 25").main.text("daemon_smtp_ports") == "25"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nonsense = 1", 'main option "nonsense" unknown'),
        ("no_nonsense", 'main option "no_nonsense" unknown'),
        ("= 1", "option setting expected: = 1"),
        ("queue_only\nqueue_only", '"queue_only" option set for the second time'),
        ("smtp_banner", 'missing "=" after smtp_banner'),
        ("no_smtp_banner = a", "negation prefix applied to a non-boolean option: no_smtp_banner"),
        ("queue_only maybe", "extra characters follow boolean option queue_only"),
        ("no_queue_only = yes", "extra characters follow boolean option no_queue_only"),
        ("queue_only = maybe", '"maybe" is not a valid value for the "queue_only" option: yes or no expected'),
        ("queue_only = yes # really", 'extra characters follow "yes" for boolean option queue_only (# is comment'),
        ("dns_retry = many", "integer expected for dns_retry"),
        ("dns_retry = 3x", "extra characters follow integer value for dns_retry"),
        ("dns_retry = 3G", 'absolute value of integer "3G" is too large (overflow)'),
        ("queue_only_load = -1", 'integer "-1" is too large (overflow)'),
        ("auto_thaw = 5", "invalid time value for auto_thaw"),
        ("delay_warning = 8h:4h", "time value out of order for delay_warning"),
        ("delay_warning = " + ":".join(f"{n}h" for n in range(1, 12)), "too many time values for delay_warning"),
        ('smtp_banner = "open', "missing quote at end of string value for smtp_banner"),
        ('smtp_banner = "a" b', "extra characters follow string value for smtp_banner"),
        ("begin nothing", '"nothing" is not a known configuration section name'),
        ("begin acl\nbegin acl", '"acl" section is repeated in the configuration file'),
        ("begin local_scan", "local_scan() options not supported"),
        ("domainlist", "unrecognized configuration line: domainlist"),
        ("domainlist a", 'missing "=" after "a"'),
        ("domainlist a = b\ndomainlist a = c", 'duplicate name "a" for a named domain list'),
        ("one two = three", 'main option "one" unknown'),
        ("ONE two", "malformed macro definition: NAME = text expected"),
    ],
)
def test_what_does_not_parse_is_named_with_its_line(line: str, expected: str) -> None:
    message = fault(f"\n{line}")
    assert message.startswith(f"/conf/main:{2 + line.count(chr(10))}: ")
    assert expected in message


def test_a_continued_lines_error_names_its_first_line() -> None:
    assert fault("\n\ndns_retry = \\\n many") == "/conf/main:3: integer expected for dns_retry"


def test_named_lists_are_kept_by_kind() -> None:
    config = read(
        'domainlist local = @ : example.com\nhostlist_cache relay = 10.0.0.0/8\naddresslist spam = "a\\x40b"\n'
        "hide localpartlist staff = a : b\n"
    )
    assert config.named_lists["domain"] == {"local": "@ : example.com"}
    assert config.named_lists["host"] == {"relay": "10.0.0.0/8"}
    assert config.named_lists["address"] == {"spam": "a@b"}
    assert config.named_lists["localpart"] == {"staff": "a : b"}


# ---- drivers ------------------------------------------------------------------------------------------------

CLIENT = """
begin routers
one:
  debug_print = one
  driver = dnslookup
  transport = t
  no_more
  self = send
  check_srv = smtp
two:
  driver = redirect
  data = :blackhole:
MACRO = inside
begin transports
t:
  driver = smtp
  port = MACRO
  hosts_try_dane = *
  multi_domain = ${if eq {a}{b}}
"""


def test_routers_are_in_order_and_transports_by_name() -> None:
    config = read(CLIENT)
    assert [(router.name, router.driver, router.line) for router in config.routers] == [
        ("one", "dnslookup", 3),
        ("two", "redirect", 10),
    ]
    assert list(config.transports) == ["t"]
    options = config.transports["t"].options
    assert options.text("port") == "inside"
    assert options.where("hosts_try_dane") == ("/conf/main", 18)
    assert options.is_set("hosts_try_dane")
    assert not options.is_set("hosts_require_dane")
    assert options.where("hosts_require_dane") == (None, None)


def test_an_option_that_needs_expansion_is_text_and_has_no_fixed_value() -> None:
    options = read(CLIENT).transports["t"].options
    assert options.text("multi_domain") == "${if eq {a}{b}}"
    with pytest.raises(Unsupported, match=r"expansion of smtp transport option multi_domain \(/conf/main:19\)"):
        options.flag("multi_domain")


def test_a_getter_does_not_know_names_that_no_release_has() -> None:
    with pytest.raises(KeyError):
        read(CLIENT).transports["t"].options.text("hosts_try_dame")


def test_conditions_of_a_router_are_joined() -> None:
    config = read("begin routers\nr:\n driver = accept\n transport = t\n condition = A1\n condition = b\n")
    assert config.routers[0].options.text("condition") == "${if and{{bool_lax{A1}}{bool_lax{b}}}}"


def test_header_additions_are_one_line_each_whatever_separates_them() -> None:
    config = read(
        "begin routers\nr:\n driver = accept\n transport = t\n headers_add = X-a: 1\n"
        ' headers_add = "<; X-b: 2 ; X-c: 3"\n headers_remove = x-d : x-e\n headers_remove = x-f\n'
    )
    options = config.routers[0].options
    assert options.text("headers_add") == "X-a: 1\nX-b: 2\nX-c: 3"
    assert options.text("headers_remove") == "x-d:x-e:x-f"


def test_verify_sets_both_kinds_and_a_later_setting_one() -> None:
    options = read("begin routers\nr:\n driver = accept\n transport = t\n no_verify\n verify_sender\n").routers[0].options
    assert options.flag("verify_sender")
    assert not options.flag("verify_recipient")


@pytest.mark.parametrize(
    ("release", "line", "expected"),
    [("4.92", "condition = x", False), ("4.93", "condition = x", True), ("4.92", "check_local_user", True)],
)
def test_retrying_by_local_part_depends_on_preconditions(release: str, line: str, expected: bool) -> None:
    config = read(f"begin routers\nr:\n driver = accept\n transport = t\n {line}\n", release=release)
    assert config.routers[0].options.flag("retry_use_local_part") is expected
    assert config.routers[0].options.flag("log_as_local")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("driver = nothing", 'router r: cannot find router driver "nothing"; one of accept, dnslookup'),
        ("more", 'no driver defined for router "r"'),
        ("driver = accept\n transport = t\n data = x", 'option "data" unknown'),
        ("driver = accept", "r router: a transport is required for this router"),
        ("driver = redirect\n transport = t\n data = x", "r router: a transport must not be defined for this router"),
        ("driver = redirect", 'one of "file" or "data" must be specified, but not both'),
        ("driver = redirect\n data = x\n allow_filter", '"check_local_user" must be set with "allow_filter"'),
        ("driver = redirect\n data = x\n qualify_domain = a\n qualify_preserve_domain", "must be set"),
        ("driver = manualroute\n transport = t", "route_list or route_data (but not both) must be specified"),
        ("driver = manualroute\n route_data = x\n host_find_failed = y", "unrecognized setting for host_find_failed"),
        ("driver = accept\n transport = t\n self = y", '"y" is not valid for the self option'),
        ("driver = accept\n transport = t\n pass_router = s", 'new_router "s" not found for "r" router'),
        ("driver = accept\n transport = t\n pass_router = r", 'new_router "r" does not follow "r" router'),
        ("driver = accept\n transport = t\nr:", 'there are two routers called "r"'),
        ("driver = accept\n transport = t\nx: y", "extra characters follow driver name x"),
    ],
)
def test_what_exim_refuses_of_a_router_is_refused(lines: str, expected: str) -> None:
    assert expected in fault(f"begin routers\nr:\n {lines}\n")


def test_a_setting_before_the_first_drivers_name_is_refused() -> None:
    assert fault("begin transports\ndriver = smtp") == "/conf/main:2: transport name missing: NAME: expected"


def test_a_timeout_of_zero_is_refused() -> None:
    message = fault("begin transports\nt:\n driver = smtp\n data_timeout = 0s")
    assert message == "/conf/main:2: t transport: command, data, or final timeout value is zero"


# ---- what the model does not have ------------------------------------------------------------------------------


def test_a_known_option_that_is_not_modelled_is_named_with_its_line() -> None:
    with pytest.raises(Unsupported) as raised:
        read("\nsystem_filter = /x")
    assert str(raised.value) == "not modelled: main option system_filter (/conf/main:2)"


def test_setting_it_to_its_default_is_no_matter() -> None:
    assert read("no_mua_wrapper\nlocal_from_check\nsystem_filter =\n").main.is_set("mua_wrapper")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("begin rewrite\n* a", "rewrite rule"),
        ("begin authenticators\na:\n", "authenticator"),
        ("begin transports\nt:\n driver = smtp\n socks_proxy = x", "smtp transport option socks_proxy"),
    ],
)
def test_whole_sections_and_private_options_are_named_too(text: str, item: str) -> None:
    with pytest.raises(Unsupported) as raised:
        read(text)
    assert raised.value.item == item


def test_empty_sections_are_fine() -> None:
    config = read("begin rewrite\n# none\nbegin authenticators\n\nbegin retrys\n")
    assert config.retries == ()


def test_a_driver_that_the_model_does_not_have_keeps_its_options() -> None:
    config = read("begin transports\nt:\n driver = appendfile\n file = /x\n mode = 0600\n envelope_to_add\n")
    assert config.transports["t"].options.number("mode") == 0o600
    statuses = {status for _, _, _, status in option_report(config)}
    assert statuses == {Status.UNSUPPORTED}


def test_the_report_lists_every_setting_once_with_its_place() -> None:
    config = read("queue_only\nexim_path = /x\nbegin routers\nr:\n driver = accept\n transport = t\n no_verify\n")
    assert option_report(config) == [
        ("queue_only", "/conf/main", 1, Status.MODELLED),
        ("exim_path", "/conf/main", 2, Status.INERT),
        ("router.r.driver", "/conf/main", 5, Status.MODELLED),
        ("router.r.transport", "/conf/main", 6, Status.MODELLED),
        ("router.r.verify", "/conf/main", 7, Status.MODELLED),
    ]


# ---- ACLs -------------------------------------------------------------------------------------------------------


def test_an_acl_is_verbs_with_conditions_in_order() -> None:
    config = read(
        """
begin acl
first:
  deny    message = no \\
                    way
          !hosts = +relay
  accept
SECOND = 1
second:
  warn set acl_m_x = SECOND
  accept hosts = :
         endpass
         verify = recipient/callout
"""
    )
    first, second = config.acls["first"], config.acls["second"]
    assert [verb.verb for verb in first] == ["deny", "accept"]
    assert [(c.name, c.argument, c.negated, c.line) for c in first[0].conditions] == [
        ("message", "no way", False, 4),
        ("hosts", "+relay", True, 6),
    ]
    assert first[1].conditions == ()
    assert [(c.name, c.argument) for verb in second for c in verb.conditions] == [
        ("set", "acl_m_x = 1"),
        ("hosts", ":"),
        ("endpass", ""),
        ("verify", "recipient/callout"),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("permit", 'unknown ACL verb "permit"'),
        ("!accept", "a verb cannot be negated"),
        ("accept weather = fine", 'unknown ACL condition/modifier "weather"'),
        ("accept !message = a", 'negation is not allowed with "message"'),
        ("deny endpass", '"endpass" is not allowed with "deny"'),
        ("accept hosts", '"=" missing after ACL "hosts" condition'),
        ("accept message", '"=" missing after ACL "message" modifier'),
        ("warn set x = 1", "acl_c or acl_m with a digit or underscore, and = expected"),
    ],
)
def test_what_exim_refuses_in_an_acl_is_refused(line: str, expected: str) -> None:
    message = fault(f"begin acl\na:\n  {line}\n")
    assert message.startswith("/conf/main:3: error in ACL: ")
    assert expected in message


def test_a_condition_that_came_later_is_unknown_before() -> None:
    text = "begin acl\na:\n  warn seen = -5m\n"
    assert read(text, release="4.96").acls["a"][0].conditions[0].name == "seen"
    assert "unknown ACL condition/modifier" in fault(text, release="4.95")


def test_two_acls_of_one_name_and_lines_without_an_acl_are_refused() -> None:
    assert 'there are two ACLs called "a"' in fault("begin acl\na:\na:\n")
    assert "missing or malformed ACL name" in fault("begin acl\naccept\n")


def test_an_acl_in_a_string_may_have_several_lines() -> None:
    verbs = read_inline("deny hosts = a \\\n  # comment\n  : b\n\n# comment\naccept")
    assert [(verb.verb, [c.argument for c in verb.conditions]) for verb in verbs] == [("deny", ["a : b"]), ("accept", [])]
    with pytest.raises(InputError, match=r"^error in ACL: unknown ACL verb"):
        read_inline("permit")
    with pytest.raises(InputError, match=r"malformed ACL line"):
        read_inline("accept\nname:")


# ---- retry rules --------------------------------------------------------------------------------------------------


def test_a_retry_rule_has_steps() -> None:
    rule = read("begin retry\n*  *  F,2h,15m; G,16h,1h,1.5;h,4d,6h,2\n").retries[0]
    assert (rule.pattern, rule.basic_errno, rule.more_errno, rule.senders, rule.line) == ("*", 0, 0, None, 2)
    assert rule.rules == (
        RetryStep("F", 7200, 900),
        RetryStep("G", 57600, 3600, 1500),
        RetryStep("H", 345600, 21600, 2000),
    )


def test_a_retry_rule_may_have_senders_and_no_steps() -> None:
    rule = read('begin retry\n"a b" quota senders="x : y"\n').retries[0]
    assert (rule.pattern, rule.senders, rule.rules) == ("a b", "x : y", ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quota", (Errno.EXIMQUOTA, 0)),
        ("quota_7d", (Errno.EXIMQUOTA, 604800)),
        ("refused", (111, 0)),
        ("refused_MX", (111, ord("M"))),
        ("refused_A", (111, ord("A"))),
        ("timeout", (110, 0)),
        ("timeout_A", (110, ord("A"))),
        ("timeout_connect", (110, RTEF_CTOUT)),
        ("timeout_connect_MX", (110, RTEF_CTOUT | ord("M"))),
        ("mail_4xx", (Errno.MAIL4XX, 255 << 8)),
        ("rcpt_45x", (Errno.RCPT4XX, 150 << 8)),
        ("data_451", (Errno.DATA4XX, 51 << 8)),
        ("auth_failed", (Errno.AUTHFAIL, 0)),
        ("lost_connection", (Errno.SMTPCLOSED, 0)),
        ("tls_required", (Errno.TLSREQUIRED, 0)),
        ("lookup", (Errno.UNKNOWNHOST, 0)),
    ],
)
def test_retry_errors_are_exims_numbers(name: str, expected: tuple[int, int]) -> None:
    rule = read(f"begin retry\n* {name} F,1h,1m\n").retries[0]
    assert (rule.basic_errno, rule.more_errno) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("*", "missing error type"),
        ("* weather", 'unknown or malformed retry error "weather"'),
        ("* quota_x", "bad time value"),
        ("* refused_B", "A or MX expected"),
        ("* timeout_x", '"connect" expected after "timeout"'),
        ("* rcpt_4y", "must be followed by xx, dx, or dd"),
        ("* * senders x", '"=" expected after "senders"'),
        ("* * X,1h,1m", "unknown retry rule letter"),
        ("* * F 1h", "comma expected"),
        ("* * F,1h-1m", "comma or semicolon expected"),
        ("* * F,1h,1m G", "semicolon expected"),
        ("* * F,0s,1m", "bad parameters"),
        ("* * G,1h,1m,0.5", "bad parameters"),
    ],
)
def test_what_exim_refuses_in_a_retry_rule_is_refused(rule: str, expected: str) -> None:
    message = fault(f"begin retry\n{rule}\n")
    assert message.startswith("/conf/main:2: error in retry rule: ")
    assert expected in message


# ---- remembered configurations ----------------------------------------------------------------------------------


def test_the_same_files_give_the_same_object_and_a_change_a_new_one() -> None:
    world = Files(main=".include_if_exists /conf/part\nsmtp_banner = ONE")
    newest = profile(NEWEST)

    def again(**defines: str) -> Config:
        return read_config(world, "/conf/main", newest, defines)  # type: ignore[arg-type]  # files suffice

    first = again()
    assert again() is first
    assert again(ONE="x") is not first
    world.files["/conf/part"] = b"ONE = changed"
    assert again().main.text("smtp_banner") == "changed"


def test_each_release_is_remembered_on_its_own() -> None:
    text = "begin transports\nt:\n driver = smtp\n"
    old, new = read(text, release="4.92"), read(text, release="4.93")
    assert old.transports["t"].options.text("hosts_try_dane") is None
    assert new.transports["t"].options.text("hosts_try_dane") == "*"


# ---- any text -----------------------------------------------------------------------------------------------------

_WORDS = st.sampled_from(
    """begin acl routers transports retry rewrite accept deny endpass set acl_m0 hosts = : , F 1h 1m 1.5 * " \\ #
    .ifdef .else .endif .include /conf/main ONE TWO == queue_only no_ hide domainlist driver redirect dnslookup smtp
    port data condition smtp_banner dns_retry auto_thaw 0x1 5s ${if }} r: t: \0 \t""".split(" ")
)
_LINES = st.lists(_WORDS, max_size=6).map(" ".join)
_TEXTS = st.one_of(st.lists(_LINES, max_size=12).map("\n".join), st.text(max_size=200))


@settings(max_examples=150, deadline=None)
@given(text=_TEXTS, release=st.sampled_from(["4.85", "4.88-jh03", NEWEST]))
def test_any_text_is_a_configuration_or_an_error_of_our_own(text: str, release: str) -> None:
    world = Files()
    world.files["/conf/main"] = text.encode("utf-8", "surrogatepass")
    try:
        config = read_config(world, "/conf/main", profile(release), {"ONE": "1"})  # type: ignore[arg-type]
    except InputError as error:
        assert error.path in (None, "/conf/main")
        assert "\n" not in error.message
    except Unsupported as error:
        assert error.line is not None
    else:
        assert isinstance(config, Config)
