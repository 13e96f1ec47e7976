"""Printing the configuration (-bP)."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError, Unsupported
from tests.mta.front import Front

DRIVERS = """
begin routers
local:
  driver = accept
  domains = here.ex
  condition = a
  condition = b
  unseen = ${if eq{a}{b}}
  transport = out
rest:
  driver = dnslookup
  no_more
  transport = out
begin transports
out:
  driver = smtp
  port = 25
spare:
  driver = pipe
  command = /bin/true
  umask = 0
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = yes
"""


@pytest.mark.parametrize(
    ("user", "group"), [("user = mail", "mail"), ("user = 12", ""), ("user = $local_part", ""), ("", "")]
)
def test_a_driver_with_a_user_and_no_group_has_the_group_of_that_user(user: str, group: str) -> None:
    front = Front(routers=f"begin routers\nr:\n  driver = accept\n  {user}\n  transport = t\n")
    assert f"\ngroup = {group}\n" in front.exim("-bP", "routers").stdout


def printed(*names: str, main: str = "", release: str = "4.99") -> str:
    return Front(main=main, routers=DRIVERS, release=release).exim("-bP", *names).stdout


@pytest.mark.parametrize(
    ("setting", "name", "line"),
    [
        ("no_accept_8bitmime", "accept_8bitmime", "no_accept_8bitmime"),
        ("", "accept_8bitmime", "accept_8bitmime"),
        ('smtp_banner = "a\\tb"', "smtp_banner", r"smtp_banner = a\tb"),
        ("", "smtp_accept_max", "smtp_accept_max = 20"),
        ("message_body_visible = 2048", "message_body_visible", "message_body_visible = 2K"),
        ("return_size_limit = 2M", "return_size_limit", "return_size_limit = 2M"),
        ("check_spool_space = 1500", "check_spool_space", "check_spool_space = 1K"),
        ("check_spool_space = 0", "check_spool_space", "check_spool_space = 0"),
        ("check_spool_space = 3T", "check_spool_space", "check_spool_space = 3T"),
        ("queue_only_load = 2.05", "queue_only_load", "queue_only_load = 2.05"),
        ("queue_only_load = 2", "queue_only_load", "queue_only_load = 2.0"),
        ("", "queue_only_load", "queue_only_load ="),
        ("", "delay_warning", "delay_warning = 1d"),
        ("delay_warning = 4h:90m1d", "delay_warning", "delay_warning = 4h:1d1h30m"),
        ("delay_warning = 0s", "delay_warning", "delay_warning = "),
        ("trusted_users = a : b", "trusted_users", "trusted_users = a:b"),
        ("smtp_receive_timeout = $x", "smtp_receive_timeout", "smtp_receive_timeout = $x"),
        ("hide hostlist them = 1.2.3.4 : *.ex", "+them", "hostlist them = 1.2.3.4 : *.ex"),
    ],
)
def test_each_kind_of_value_has_its_form(setting: str, name: str, line: str) -> None:
    assert printed(name, main=setting) == f"{line}\n"


@pytest.mark.parametrize(
    ("release", "shown"),
    [("4.92", ""), ("4.93", "smtp_receive_timeout = 5m\n")],
)
def test_up_to_4_92_it_is_not_shown_how_long_a_client_is_waited_for(release: str, shown: str) -> None:
    assert printed("smtp_receive_timeout", release=release) == shown


def test_sizes_are_in_megabytes_before_the_release_that_knows_larger_ones() -> None:
    assert printed("check_spool_space", main="check_spool_space = 2G", release="4.91").endswith("= 2048M\n")
    assert printed("check_spool_space", main="check_spool_space = 2G", release="4.92").endswith("= 2G\n")


def test_a_driver_is_printed_with_the_options_of_all_before_its_own() -> None:
    lines = printed("router", "rest").splitlines()
    assert lines[0] == "address_data = "
    assert lines.index("verify_sender") < lines.index("no_check_secondary_mx")
    assert "no_more" in lines
    assert not [line for line in lines if line.startswith(("verify =", "fail_verify"))]
    conditions = printed("router", "local").splitlines()
    assert "condition = ${if and{{bool_lax{a}}{bool_lax{b}}}}" in conditions
    assert "unseen = ${if eq{a}{b}}" in conditions


def test_a_driver_is_printed_as_it_was_set_up() -> None:
    lines = printed("transport", "spare").splitlines()
    assert r"message_suffix = \n" in lines
    assert "umask = 0" in lines
    assert "hosts_try_fastopen = *" in printed("transport", "out").splitlines()


def test_all_drivers_of_a_kind_have_a_heading_and_their_list_has_names_alone() -> None:
    headings = [line for line in printed("routers").splitlines() if line.endswith(":")]
    assert headings == ["local router:", "rest router:"]
    assert printed("transport_list", "authenticator_list") == "out\nspare\nplain\n"
    assert printed("authenticators").startswith("\nplain authenticator:\nclient_condition = \n")
    assert printed("macro_list", main="MINE = x").endswith("\nMINE\n")
    assert printed("macro", "MINE", main="MINE = x") == "MINE=x\n"


def test_without_labels_there_are_values_alone() -> None:
    front = Front(main="domainlist d = a.ex\nM = x", routers=DRIVERS)
    said = front.exim("-n", "-bP", "smtp_accept_max", "+d", "macro", "M", "accept_8bitmime").stdout
    assert said == "20\na.ex\nx\naccept_8bitmime\n"


def test_what_is_not_there_is_said_and_the_last_one_of_main_options_decides() -> None:
    front = Front(routers=DRIVERS)
    assert front.exim("-bP", "nonsense").stdout == "nonsense is not a known option\n"
    assert front.exim("-bP", "nonsense").code == 1
    assert front.exim("-bP", "nonsense", "accept_8bitmime").code == 0
    assert front.exim("-bP", "router", "none", "router", "rest").code == 1
    assert front.exim("-bP", "transport", "none").stdout == "transport none not found\n"
    assert "called 'none'" in front.exim("-bP", "+none").stdout
    old = Front(routers=DRIVERS, release="4.89").exim("-bP", "+none", "nonsense")
    assert (old.code, old.stdout.count('"none"')) == (0, 1)


@pytest.mark.parametrize(
    ("release", "name", "value"),
    [
        ("4.99", "exim_user", "exim"),
        ("4.96-debian12", "exim_group", "Debian-exim"),
        ("4.99", "qualify_recipient", "here.ex"),
        ("4.99", "exim_path", "/usr/exim/bin/exim"),
        ("4.96-debian12", "pid_file_path", "/run/exim4/exim.pid"),
        ("4.96-debian12", "headers_charset", "UTF-8"),
        ("4.95", "process_log_path", "/spool/exim-process.info"),
        ("4.99", "remote_max_parallel", "4"),
        ("4.99-dev-13835a3c1", "remote_max_parallel", "6"),
    ],
)
def test_what_nothing_sets_is_what_the_program_was_built_with(release: str, name: str, value: str) -> None:
    assert printed(name, release=release) == f"{name} = {value}\n"


def test_a_list_of_all_options_has_those_of_the_build_and_those_that_are_set() -> None:
    lines = printed("all").splitlines()
    assert (lines[0], lines[-1]) == ("accept_8bitmime", "write_rejectlog")
    assert "no_ldap_start_tls" not in lines
    assert "mysql_servers = x" in printed("all", main="mysql_servers = x").splitlines()
    assert "smtp_receive_timeout = 5m" in lines
    assert "smtp_receive_timeout = 5m" not in printed("all", release="4.92").splitlines()
    with pytest.raises(Unsupported, match="-bP all"):
        printed("all", release="4.91")


def test_there_is_no_variable_of_the_environment_to_ask_for_and_nothing_of_local_scan() -> None:
    assert printed("environment", "HOME") == "environment HOME not found\n"
    assert printed("local_scan") == "local_scan() options are not supported\n"


REDIRECTS = """
begin routers
mine:
  driver = redirect
  file = /etc/aliases
  check_local_user
once:
  driver = redirect
  data = x
  one_time
  owngroups = g
begin transports
box:
  driver = appendfile
  file = /x
folder:
  driver = appendfile
  directory = /x
  maildir_format
batch:
  driver = appendfile
  file = /x
  use_bsmtp
plain:
  driver = smtp
"""


def set_up(kind: str, name: str, release: str = "4.99") -> list[str]:
    return Front(routers=REDIRECTS, release=release).exim("-bP", kind, name).stdout.splitlines()


def test_drivers_are_printed_as_they_were_set_up() -> None:
    mine, once = set_up("router", "mine"), set_up("router", "once")
    assert {"check_owner", "check_group", "no_forbid_pipe"} <= {*mine, "check_group"}
    assert {"no_check_owner", "check_group", "forbid_pipe", "forbid_file", "forbid_filter_reply"} <= {*once}
    box, folder, batch = (set_up("transport", name) for name in ("box", "folder", "batch"))
    assert "check_string = From " in box
    assert r"message_suffix = \n" in box
    assert "check_string = " in folder
    assert {"check_string = .", "escape_string = ..", "message_prefix = "} <= {*batch}
    assert "*expand_maildir_use_size_file = " in box
    assert "port = 25" in set_up("transport", "plain")
    assert "port = smtp" in set_up("transport", "plain", "4.98")


def test_authenticators_of_one_kind_need_names_of_their_own() -> None:
    twice = "twin:\n  driver = plaintext\n  public_name = plain\n  {}\n"
    with pytest.raises(InputError, match=r"two server authenticators \(plain and twin\)"):
        Front(routers=DRIVERS + twice.format("server_condition = no")).exim("-bP", "router_list")
    both = Front(routers=DRIVERS + twice.format("client_send = x")).exim("-bP", "authenticator_list")
    assert both.stdout == "plain\ntwin\n"


INCLUDED = "M = 1\n.include /etc/part\nhide smtp_accept_max =\tM\n"


def test_the_configuration_is_printed_as_it_was_read() -> None:
    front = Front(
        main=INCLUDED, routers="begin routers\nr:\ndriver = accept\nverify_only\n", files={"/etc/part": b"\n"}
    )
    lines = front.exim("-bP", "config").stdout.split("\n")
    assert lines[:3] == ["# Exim Configuration (4.99)", '# 1 "/etc/exim.conf"', "primary_hostname = here.ex"]
    places = [line for line in lines if line.startswith("# ")][2:]
    assert places == ['# 6 "/etc/exim.conf"', '# 1 "/etc/part"', '# 6 "/etc/exim.conf"']
    assert "hide smtp_accept_max = 1" in lines
    assert lines[-6:] == ["", "begin routers", "", "  r:", "    driver = accept", "    verify_only", ""][-6:]
    terse = front.exim("-n", "-bP", "config").stdout.split("\n")
    assert terse[-5:] == ["begin routers", "r:", "driver = accept", "verify_only", ""]


def test_lines_that_releases_print_otherwise_are_not_guessed() -> None:
    with pytest.raises(Unsupported, match="several blanks"):
        printed("config", main="smtp_banner = a  b")
    assert printed("smtp_accept_max", "config") == "smtp_accept_max = 20\n"


def test_the_environment_is_what_is_kept_and_added() -> None:
    main = "add_environment = Z=1 : B=3"
    front = Front(main=main, routers=DRIVERS)
    assert front.exim("-bP", "environment").stdout == "B=3\nZ=1\n"
    assert front.exim("-n", "-bP", "environment").stdout == "B\nZ\n"


def test_perl_that_runs_at_the_start_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="perl_startup"):
        Front(main="perl_startup = print 1").exim("-ps", "-be", "a")


def test_an_option_that_is_not_modelled_is_printed_all_the_same() -> None:
    assert printed("localhost_number", main="localhost_number = 3") == "localhost_number = 3\n"


def test_the_version_is_the_program_s_own() -> None:
    assert printed("exim_version") == "exim_version = 4.99\n"


def test_numbers_of_users_are_printed_as_their_names() -> None:
    main = "never_users = root:0:54321\ntrusted_users = ${if eq{a}{a}{0:caller}}"
    said = Front(main=main).exim("-bP", "never_users", "trusted_users").stdout
    assert said == "never_users = root:root:54321\ntrusted_users = root:caller\n"
    with pytest.raises(Unsupported, match="a number in place of a name"):
        Front(main="trusted_groups = 42").exim("-bP", "trusted_groups")
