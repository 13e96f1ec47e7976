from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.readconf import Config, option_report, read_config
from eximsim.profiles import NEWEST, profile
from tests.mta.configurations import Files, banner, fault, read

# ---- settings -------------------------------------------------------------------------------------------


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
    [("12", 12), ("2K", 2048), ("1m", 1024**2), ("1G", 1024**3), ("0x1F", 31), ("017", 15), ("-3", -3)],
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
    text = read_config(world, "/conf/main", profile(NEWEST)).main.text("smtp_banner")
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
        ("smtp_banner", "unexpected end of line (data missing) after smtp_banner"),
        ("smtp_banner x", 'missing "=" after smtp_banner'),
        ("no_smtp_banner = a", "negation prefix applied to a non-boolean option: no_smtp_banner"),
        ("queue_only maybe", "extra characters follow boolean option queue_only"),
        ("no_queue_only = yes", "extra characters follow boolean option no_queue_only"),
        ("queue_only = maybe", '"maybe" is not a valid value for the "queue_only" option: yes or no'),
        ("queue_only = no # or", '"no" for boolean option queue_only (# is comment only at line start)'),
        ("dns_retry = many", "integer expected for dns_retry"),
        ("dns_retry = 3x", "extra characters follow integer value for dns_retry"),
        ("check_spool_space = 9Z", 'absolute value of integer "9Z" is too large (overflow)'),
        ("dns_retry = 1P", "extra characters follow integer value for dns_retry"),
        ("dns_retry = 3G", 'absolute value of integer "3G" is too large (overflow)'),
        ("queue_only_load = -1", 'integer "-1" is too large (overflow)'),
        ("auto_thaw = 5", "invalid time value for auto_thaw"),
        ("delay_warning = 8h:4h", "time value out of order for delay_warning"),
        ("delay_warning = 1s:2s:3s:4s:5s:6s:7s:8s:9s:10s:11s", "too many time values for delay_warning"),
        ('smtp_banner = "open', "missing quote at end of string value for smtp_banner"),
        ('smtp_banner = "a" b', "extra characters follow string value for smtp_banner"),
        ("begin nothing", '"nothing" is not a known configuration section name'),
        ("begin acl\nbegin acl", '"acl" section is repeated in the configuration file'),
        ("begin local_scan", "local_scan() options not supported"),
        ("domainlist", "unrecognized configuration line: domainlist"),
        ("domainlist a", "missing '=' after \"a\""),
        ("domainlist a = b\ndomainlist a = c", 'duplicate name "a" for a named domain list'),
        ("one two = three", 'main option "one" unknown'),
        ("local_sender_retain", "both local_from_check and local_sender_retain are set"),
        ("tls_dh_max_bits = 512", "tls_dh_max_bits is too small"),
        ("ONE two", "malformed macro definition: NAME = text expected"),
    ],
)
def test_what_does_not_parse_is_named_with_its_line(line: str, expected: str) -> None:
    message = fault(f"\n{line}")
    assert message.startswith(f"/conf/main:{2 + line.count(chr(10))}: ")
    assert expected in message


def test_a_byte_order_mark_is_refused_where_a_configuration_begins() -> None:
    assert fault("\ufeff# text") == "/conf/main:1: found unexpected BOM (Byte Order Mark)"


def test_a_continued_lines_error_names_its_first_line() -> None:
    assert fault("\n\ndns_retry = \\\n many") == "/conf/main:3: integer expected for dns_retry"


def test_values_out_of_range_become_the_nearest_in_it() -> None:
    main = read("retry_interval_max = 2d\nremote_max_parallel = 0").main
    assert main.seconds("retry_interval_max") == 86400
    assert main.number("remote_max_parallel") == 1


def test_named_lists_are_kept_by_kind() -> None:
    config = read(
        "domainlist local = @ : example.com\nhostlist_cache relay = 10.0.0.0/8\n"
        'addresslist spam = "a\\x40b"\n'
        "hide localpartlist staff = a : b\n"
    )
    assert config.named_lists["domain"] == {"local": "@ : example.com"}
    assert config.named_lists["host"] == {"relay": "10.0.0.0/8"}
    assert config.named_lists["address"] == {"spam": "a@b"}
    assert config.named_lists["localpart"] == {"staff": "a : b"}


# ---- what the model does not have -----------------------------------------------------------------------


def test_a_known_option_that_is_not_modelled_is_named_with_its_line() -> None:
    with pytest.raises(Unsupported) as raised:
        read("\nuucp_from_pattern = x")
    assert str(raised.value) == "not modelled: main option uucp_from_pattern (/conf/main:2)"


def test_setting_it_to_its_default_is_no_matter() -> None:
    assert read("no_mua_wrapper\nlocal_from_check\nprint_topbitchars = false\n").main.is_set("mua_wrapper")


@pytest.mark.parametrize(
    ("text", "item"),
    [
        (
            "begin transports\nt:\n driver = smtp\n gnutls_require_mac = x",
            "smtp transport option gnutls_require_mac",
        ),
    ],
)
def test_whole_sections_and_private_options_are_named_too(text: str, item: str) -> None:
    with pytest.raises(Unsupported) as raised:
        read_config(Files(main=text), "/conf/main", profile("4.87"))
    assert raised.value.item == item


def test_a_tolerant_reader_lists_what_the_model_does_not_have() -> None:
    text = "uucp_from_pattern = x\nbegin transports\nt:\n driver = smtp\n gnutls_require_mac = x\n"
    world = Files(main=text)
    config = read_config(world, "/conf/main", profile("4.87"), tolerant=True)
    assert [(left.place, left.name, left.problem.line) for left in config.left_out] == [
        ("main", "uucp_from_pattern", 1),
        ("transport.t", "gnutls_require_mac", 5),
    ]
    assert config.main.text("uucp_from_pattern") == "x"


def test_authenticators_are_read() -> None:
    config = read("begin authenticators\nplain:\n driver = plaintext\n client_send = ^a^b\n")
    (found,) = config.authenticators
    assert (found.name, found.driver, found.options.text("public_name")) == ("plain", "plaintext", "plain")
    with pytest.raises(InputError, match='option "client_name" unknown'):
        read("begin authenticators\nplain:\n driver = plaintext\n client_name = x\n")


def test_empty_sections_are_fine() -> None:
    config = read("begin rewrite\n# none\nbegin authenticators\n\nbegin retrys\n")
    assert config.retries == ()


def test_a_driver_that_the_model_does_not_have_keeps_its_options() -> None:
    config = read("begin authenticators\na:\n driver = spa\n public_name = NTLM\n client_domain = d\n")
    (authenticator,) = config.authenticators
    assert authenticator.options.text("client_domain") == "d"


def test_the_report_lists_every_setting_once_with_its_place() -> None:
    router = "begin routers\nr:\n driver = accept\n transport = t\n no_verify\n"
    config = read(f"queue_only\nav_scanner = sock\n{router}")
    assert option_report(config) == [
        ("queue_only", "/conf/main", 1, Status.MODELLED),
        ("av_scanner", "/conf/main", 2, Status.INERT),
        ("router.r.driver", "/conf/main", 5, Status.MODELLED),
        ("router.r.transport", "/conf/main", 6, Status.MODELLED),
        ("router.r.verify", "/conf/main", 7, Status.MODELLED),
    ]


# ---- remembered configurations --------------------------------------------------------------------------


def test_the_same_files_give_the_same_object_and_a_change_a_new_one() -> None:
    world = Files(main=".include_if_exists /conf/part\nsmtp_banner = ONE")
    newest = profile(NEWEST)

    def again(**defines: str) -> Config:
        return read_config(world, "/conf/main", newest, defines)

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


# ---- any text -------------------------------------------------------------------------------------------


_VOCABULARY = r"""
    begin acl routers transports retry rewrite accept deny endpass set acl_m0 hosts = : , F 1h 1m 1.5 * " \ #
    .ifdef .else .endif .include /conf/main ONE TWO == queue_only no_ hide domainlist driver redirect
    dnslookup smtp port data condition smtp_banner dns_retry auto_thaw 0x1 5s ${if }} r: t:
"""
_WORDS = st.sampled_from([*_VOCABULARY.split(), "\0", "\t", "\r", ""])
_LINES = st.lists(_WORDS, max_size=6).map(" ".join)
_TEXTS = st.one_of(st.lists(_LINES, max_size=12).map("\n".join), st.text(max_size=200))


@settings(max_examples=150, deadline=None)
@given(text=_TEXTS, release=st.sampled_from(["4.85", "4.88-jh03", NEWEST]))
def test_any_text_is_a_configuration_or_an_error_of_our_own(text: str, release: str) -> None:
    world = Files()
    world.files["/conf/main"] = text.encode("utf-8", "surrogatepass")
    found: Config | InputError | Unsupported
    try:
        found = read_config(world, "/conf/main", profile(release), {"ONE": "1"})
    except (InputError, Unsupported) as error:
        found = error
    if not isinstance(found, Config):
        assert found.path == "/conf/main"
        assert found.line is not None
        assert "\n" not in str(found)
