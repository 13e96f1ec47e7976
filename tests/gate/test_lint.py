from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.gate.lint import Finding, lint
from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.readconf import read_config
from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import ConfigFiles, Sources

ROUTER = "begin routers\nr:\n  driver = dnslookup\n  transport = t\n"
TRANSPORT = "begin transports\nt:\n  driver = smtp\n"


def findings(text: str, release: str = NEWEST) -> dict[str, Finding]:
    files = ConfigFiles("exim.conf", text, Sources())
    found = lint(read_config(files, "exim.conf", profile(release), tolerant=True))
    return {one.name: one for one in found}


def one(text: str, name: str, release: str = NEWEST) -> tuple[Status, bool]:
    found = findings(text, release)[name]
    return found.status, found.matters


def test_every_setting_is_told_of_with_its_place() -> None:
    found = findings(f"process_log_path = /x\nqueue_only\n{ROUTER}{TRANSPORT}")
    assert [(finding.line, name, finding.status.value) for name, finding in found.items()] == [
        (1, "process_log_path", "inert"),
        (2, "queue_only", "modelled"),
        (5, "router.r.driver", "modelled"),
        (6, "router.r.transport", "modelled"),
        (9, "transport.t.driver", "modelled"),
    ]


@pytest.mark.parametrize(
    ("text", "name", "matters"),
    [
        ("uucp_from_sender = x\n", "uucp_from_sender", False),
        (f"{TRANSPORT}  gnutls_require_mac = SHA1\n", "transport.t.gnutls_require_mac", True),
        (f"{ROUTER}  bmi_dont_deliver\n{TRANSPORT}", "router.r.bmi_dont_deliver", False),
    ],
)
def test_an_option_that_is_not_modelled_matters_if_it_can(text: str, name: str, matters: bool) -> None:
    assert one(text, name, "4.87") == (Status.UNSUPPORTED, matters)


def test_an_option_with_a_value_that_changes_nothing_is_inert() -> None:
    assert one("wellknown_advertise_hosts =\n", "wellknown_advertise_hosts") == (Status.INERT, False)
    assert one(f"{ROUTER}  no_bmi_dont_deliver\n{TRANSPORT}", "router.r.bmi_dont_deliver") == (
        Status.INERT,
        False,
    )


def test_an_authenticator_that_is_not_modelled_is_unsupported() -> None:
    text = "begin authenticators\na:\n  driver = spa\n  public_name = NTLM\n  client_domain = d\n"
    assert one(text, "authenticator.a") == (Status.UNSUPPORTED, False)


@pytest.mark.parametrize(
    ("setting", "item"),
    [
        ("${run{/bin/true}}", "the expansion item ${run"),
        ("${if pam{a:b}{x}{y}}", "the condition pam"),
        ("${stat:/x}", "the expansion operator ${stat:"),
        ("${if def:spam_report {x}}", "the variable $spam_report"),
        ("${lookup mysql{select 1}}", "the lookup type mysql"),
        ("${if eq{a}{b}{${lookup{x}cdb{/y}}}}", "the lookup type cdb"),
        ("a : cdb;/y", "the lookup type cdb"),
        ("partial-dbm;/y", "the lookup type dbm"),
    ],
)
def test_what_a_string_would_ask_is_looked_for_in_all_its_parts_and_is_no_lack(
    setting: str, item: str
) -> None:
    text = f"{ROUTER}  domains = {setting}\n{TRANSPORT}"
    assert one(text, f"router.r.domains: {item}") == (Status.ASKED, False)


@pytest.mark.parametrize("setting", ["a : lsearch;/y", "net-lsearch;/z", "${lookup dnsdb{a=x}}", "<; a ; b"])
def test_what_is_modelled_is_not_told_of(setting: str) -> None:
    found = findings(f"{ROUTER}  domains = {setting}\n{TRANSPORT}")
    assert all(finding.status is not Status.UNSUPPORTED for finding in found.values())


def test_acl_conditions_matter_only_for_mail_from_this_machine() -> None:
    acl = "begin acl\ncheck:\n  deny dcc = x\n  accept control = requiretls\n"
    found = findings(f"acl_smtp_rcpt = check\n{acl}")
    assert [(f.name, f.matters) for f in found.values() if f.status is Status.UNSUPPORTED] == [
        ("acl.check: condition dcc", False),
        ("acl.check: control requiretls", False),
    ]
    assert one(f"acl_not_smtp = check\n{acl}", "acl.check: condition dcc") == (
        Status.UNSUPPORTED,
        True,
    )


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(InputError, match=r'exim\.conf:1: main option "no_such_option" unknown'):
        findings("no_such_option = 1\n")


def test_a_text_without_end_is_told_and_not_followed() -> None:
    deep = "${if eq{a}{" * 5000
    found = findings(f"{ROUTER}  address_data = {deep}\n{TRANSPORT}")
    assert found["router.r.address_data: an expansion that is nested this deeply"].matters


AUTH = "begin authenticators\na:\n  driver = {}\n  public_name = X\n{}"


@pytest.mark.parametrize(
    ("option", "driver", "more", "expected"),
    [
        ("", "plaintext", "  client_send = ^a^b\n", (Status.MODELLED, False)),
        ("", "spa", "", (Status.UNSUPPORTED, False)),
        (
            "  hosts_try_auth = *\n",
            "spa",
            "  client_username = u\n  client_password = p\n",
            (Status.UNSUPPORTED, True),
        ),
        (
            "  hosts_require_auth = *\n",
            "spa",
            "  client_username = u\n  client_password = p\n",
            (Status.UNSUPPORTED, True),
        ),
        ("  hosts_require_auth = *\n", "spa", "  server_password = u\n", (Status.UNSUPPORTED, False)),
        ("  hosts_require_auth = *\n", "dovecot", "  server_socket = /s\n", (Status.MODELLED, False)),
        ("  hosts_require_auth = *\n", "cram_md5", "", (Status.MODELLED, False)),
    ],
)
def test_an_authenticator_matters_where_a_transport_uses_it(
    option: str, driver: str, more: str, expected: tuple[Status, bool]
) -> None:
    assert one(f"{ROUTER}{TRANSPORT}{option}{AUTH.format(driver, more)}", "authenticator.a") == expected
