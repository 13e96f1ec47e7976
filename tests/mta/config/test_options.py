from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.errors import InputError, Unsupported
from eximsim.mta.config.macro_predef import builtin_macros
from eximsim.mta.config.optionlist import Kind, Option, Status, table, texts
from eximsim.mta.config.options import Options, can_matter, release
from eximsim.mta.config.options_drivers import MODELLED_ROUTERS, MODELLED_TRANSPORTS, ROUTERS, TRANSPORTS
from eximsim.mta.config.options_history import HISTORY
from eximsim.mta.config.readconf import read_config
from eximsim.profiles import PROFILES, profile
from eximsim.suite.config_files import ConfigFiles, Sources

RELEASES = [changes.release for changes in HISTORY]


def smtp_default(name: str, option: str) -> object:
    return release(name).transports["smtp"].defaults[option]


def test_every_profile_names_a_release_whose_options_are_known() -> None:
    assert {profile.option_release for profile in PROFILES.values()} <= set(RELEASES)


def test_an_unknown_release_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        release("5.00")


def test_the_history_speaks_only_of_options_that_there_are() -> None:
    newest = release(RELEASES[-1])
    known = {f"main.{name}" for name in newest.main.defaults}
    for drivers, generic in ((newest.routers, "router"), (newest.transports, "transport")):
        for driver, schema in drivers.items():
            known |= {f"{group}.{name}" for name in schema.defaults for group in (driver, generic)}
    for changes in HISTORY:
        mentioned = {*changes.new.split(), *changes.gone.split(), *changes.defaults, *changes.kinds}
        assert {key for key in mentioned if key.partition(".")[0] not in ("acl", "driver")} <= known


def test_nothing_comes_twice_or_goes_before_it_came() -> None:
    new = [key for changes in HISTORY for key in changes.new.split()]
    assert len(new) == len(set(new))
    for position, changes in enumerate(HISTORY):
        later = {key for after in HISTORY[position + 1 :] for key in after.new.split()}
        assert not later & {*changes.gone.split(), *changes.defaults, *changes.kinds}
        assert not set(changes.new.split()) & set(changes.gone.split())


@pytest.mark.parametrize(
    ("option", "first", "default_before", "default"),
    [
        ("hosts_try_dane", "4.93", None, "*"),
        ("dnssec_request_domains", "4.93", None, "*"),
        ("tls_try_verify_hosts", "4.86", None, "*"),
        ("tls_verify_cert_hostnames", "4.86", None, "*"),
        ("tls_verify_certificates", "4.86", None, "system"),
        ("hosts_try_prdr", "4.86", None, "*"),
        ("hosts_verify_avoid_tls", "4.86", "*", None),
        ("hosts_try_chunking", "4.88", None, "*"),
        ("message_linelength_limit", "4.95", 0, 998),
        ("protocol", "4.99", "smtp", None),
    ],
)
def test_a_default_changes_with_the_release_that_changed_it(
    option: str, first: str, default_before: object, default: object
) -> None:
    changed_at = RELEASES.index(first)
    for name in RELEASES[:changed_at]:
        assert smtp_default(name, option) == default_before
    for name in RELEASES[changed_at:]:
        assert smtp_default(name, option) == default


def test_the_server_offers_tls_to_all_from_487() -> None:
    assert release("4.86").main.defaults["tls_advertise_hosts"] is None
    assert release("4.87").main.defaults["tls_advertise_hosts"] == "*"


def test_an_option_that_a_release_does_not_have_cannot_be_set_but_asked_for() -> None:
    old = release("4.87").transports["smtp"]
    assert "hosts_try_fastopen" not in old.settable
    assert old.defaults["hosts_try_fastopen"] is None
    assert "dane_require_tls_ciphers" in release("4.91").transports["smtp"].settable


def test_an_option_that_moved_from_a_driver_to_all_is_found_in_both_places() -> None:
    assert "dnssec_request_domains" in release("4.85").routers["dnslookup"].settable
    assert "dnssec_request_domains" not in release("4.85").routers["accept"].settable
    assert "dnssec_request_domains" in release("4.86").routers["accept"].settable


def test_a_driver_is_there_from_the_release_that_brought_it() -> None:
    assert "queuefile" not in release("4.87").transports
    assert "queuefile" in release("4.88").transports
    with pytest.raises(KeyError):
        release("4.87").transports["queuefile"]
    assert len(release("4.87").transports) == len(TRANSPORTS) - 1


def test_an_options_type_changes_with_the_release_that_changed_it() -> None:
    assert release("4.85").transports["smtp"].settable["multi_domain"].kind is Kind.FLAG
    assert release("4.86").transports["smtp"].settable["multi_domain"].kind is Kind.FLAG_OR_TEXT


def test_values_that_every_driver_has_can_be_asked_of_every_driver() -> None:
    for driver in ROUTERS:
        assert release("4.99").routers[driver].defaults["repeat_use"] is True
    for driver in TRANSPORTS:
        assert release("4.99").transports[driver].defaults["multi_domain"] is True


def test_modelled_drivers_are_drivers() -> None:
    assert MODELLED_ROUTERS.issubset(ROUTERS)
    assert MODELLED_TRANSPORTS.issubset(TRANSPORTS)


@pytest.mark.parametrize("name", RELEASES)
def test_every_default_is_of_its_options_type(name: str) -> None:
    known = release(name)
    schemas = [known.main, *known.routers.values(), *known.transports.values()]
    numbers = {Kind.INTEGER, Kind.KILO, Kind.OCTAL, Kind.FIXED, Kind.TIME}
    for schema in schemas:
        for option in schema.settable.values():
            if option.kind in numbers and option.stands_for is None:
                assert type(option.default) is int, option
            elif option.kind in (Kind.TEXT, Kind.TEXT_AND, Kind.TEXT_LIST, Kind.NAMES, Kind.REWRITE):
                assert option.default is None or isinstance(option.default, str), option
            elif option.kind is Kind.FLAG:
                assert option.default is None or isinstance(option.default, bool), option


@given(st.sampled_from(RELEASES[3:]))
def test_a_built_in_macro_comes_before_those_that_it_begins_with(name: str) -> None:
    macros = [macro for macro, _ in builtin_macros(name, "openssl-3", expansions=True)]
    for position, macro in enumerate(macros):
        assert not any(later.startswith(macro) and later != macro for later in macros[position:])


def test_numbers_that_became_strings_can_be_read_as_either() -> None:
    for name in ("4.96", "4.97"):
        options = Options(release(name).transports["smtp"], {}, {})
        assert options.text("max_rcpt") == "100"
        assert options.number("max_rcpt") == 100


def test_a_number_that_is_not_fixed_cannot_be_read_as_one() -> None:
    place = {"max_rcpt": ("/c", 7)}
    options = Options(release("4.97").transports["smtp"], {"max_rcpt": "${eval:1+1}"}, place)
    with pytest.raises(Unsupported, match=r"expansion of smtp transport option max_rcpt \(/c:7\)"):
        options.number("max_rcpt")


@pytest.mark.parametrize(
    ("option", "value", "matters"),
    [
        (Option("a", Kind.TEXT, Status.UNSUPPORTED), "", False),
        (Option("a", Kind.TEXT, Status.UNSUPPORTED), ":", False),
        (Option("a", Kind.TEXT, Status.UNSUPPORTED), "x", True),
        (Option("a", Kind.TEXT, Status.UNSUPPORTED, "x"), "x", False),
        (Option("a", Kind.TEXT, Status.UNSUPPORTED, "x"), "", True),
        (Option("a", Kind.FLAG, Status.UNSUPPORTED, False), False, False),
        (Option("a", Kind.FLAG, Status.UNSUPPORTED, False), True, True),
        (Option("a", Kind.INTEGER, Status.UNSUPPORTED, 3), 3, False),
    ],
)
def test_a_setting_matters_unless_it_says_what_holds_anyway(
    option: Option, value: str | bool | int, matters: bool
) -> None:
    assert can_matter(option, value) is matters


def test_a_table_does_not_take_a_name_twice() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        table(texts(Status.INERT, "a"), texts(Status.MODELLED, "a"))


def test_every_option_can_be_replaced_by_name_whatever_it_is_called() -> None:
    for schema in release(RELEASES[-1]).routers.values():
        options = Options(schema, {}, {})
        for name in schema.defaults:
            assert options.replaced(**{name: "x"}).value(name) == "x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dmarc_tld_file = /x\n", "exim.conf:1: main option"),
        ("openssl_options = +no_sslv2\n", "exim.conf:1: openssl_options is set but we're using GnuTLS"),
        ("begin acl\na:\n  accept dmarc_status = none\n", "exim.conf:3: "),
    ],
)
def test_what_a_program_was_built_without_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_config(ConfigFiles("exim.conf", text, Sources()), "exim.conf", profile("4.96-debian12"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["4.92", "4.96-debian12", "4.99"])
def test_a_dovecot_authenticator_has_no_option_for_tls(name: str) -> None:
    text = "begin authenticators\nd:\n  driver = dovecot\n  public_name = X\n  server_tls\n"
    with pytest.raises(InputError) as caught:
        read_config(ConfigFiles("exim.conf", text, Sources()), "exim.conf", profile(name))
    assert str(caught.value) == 'exim.conf:5: option "server_tls" unknown'
