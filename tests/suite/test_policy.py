from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eximsim.profiles import NEWEST, profile
from eximsim.suite.config_files import Sources
from eximsim.suite.policy import Case, Policy
from eximsim.suite.policy_result import Result
from eximsim.suite.recipients import Recipient
from tests.suite.recorded import stand

CONFIG = """\
primary_hostname = out.example.net
spool_directory = /var/spool/elsewhere
log_file_path = syslog : /var/log/exim/%s.log
acl_smtp_rcpt = check
begin acl
check:
  deny domains = nowhere.example.net
  require verify = recipient/callout=20s
  accept
begin routers
away:
  driver = dnslookup
  transport = smtp
  dnssec_request_domains = *
  ignore_target_hosts = 127.0.0.0/8
begin transports
smtp:
  driver = smtp
  hosts_try_dane = *
begin retry
* * F,2d,15m
"""

ZONE = (
    {"name": "test.ex", "type": "MX", "ad": True, "data": [[10, "mx.test.ex"]]},
    {"name": "mx.test.ex", "type": "A", "ad": True, "data": ["192.0.2.1"]},
    {"name": "_25._tcp.mx.test.ex", "type": "TLSA", "ad": True, "data": ["3 1 1 @cert:good"]},
)


def policy(text: str = CONFIG, release: str = NEWEST) -> Policy:
    return Policy("exim.conf", text, profile(release), stand().chains)


def run(text: str = CONFIG, release: str = NEWEST, server: object = "ok", **case: object) -> Result:
    plain = {"recipients": ("a@test.ex",), "zone": ZONE, "servers": {"192.0.2.1": server}}
    return policy(text, release).run(Case(**{**plain, **case}))  # type: ignore[arg-type]  # by name


def only(result: Result) -> Recipient:
    (found,) = result.recipients
    return found


# ---- deliveries ------------------------------------------------------------------------


def test_a_configuration_is_run_as_it_is_and_its_log_is_found() -> None:
    result = run()
    assert only(result) == Recipient("a@test.ex", "delivered", 0, "250 OK id=X", "mx.test.ex", "dane", True)
    assert [line.split(" ")[:2] for line in result.log] == [["M1", "<="], ["M1", "=>"], ["M1", "Completed"]]
    assert result.log[0].startswith("M1 <= sender@out.example.net U=root")
    assert "T=smtp H=mx.test.ex [192.0.2.1] X=TLS CV=dane" in result.log[1]
    assert result.dns[-1] == "TLSA _25._tcp.mx.test.ex"
    assert result.queued == 0
    (call,) = result.connections
    assert (call.address, call.port, call.sni) == ("192.0.2.1", 25, "mx.test.ex")


def test_what_is_deferred_says_why() -> None:
    found = only(run(server="cert-selfsigned"))
    assert (found.result, found.errno, found.cv) == ("deferred", -37, None)
    assert "TLS session" in found.reason


def test_a_recipient_that_is_refused_failed() -> None:
    found = only(run(server="rcpt550", sender=""))
    assert (found.result, found.reason.splitlines()[0][-11:]) == ("failed", "550 unknown")


def test_nobody_listens_at_an_address_without_server() -> None:
    found = only(run(servers={}))
    assert (found.result, found.errno) == ("deferred", 101)


def test_a_queue_run_tells_how_it_is_then() -> None:
    result = run(server="rcpt450", queue_runs=("-qff",))
    assert only(result).result == "deferred"
    assert any("Start queue run" in line for line in result.log)


def test_the_outcome_of_an_alias_is_that_of_its_recipient() -> None:
    alias = "begin routers\nalias:\n  driver = redirect\n  domains = alias.example\n  data = a@test.ex\n"
    result = run(CONFIG.replace("begin routers\n", alias), recipients=("x@alias.example",))
    assert only(result).result == "delivered"
    assert only(result).address == "x@alias.example"


@pytest.mark.parametrize("port", ["465", "587", "2525"])
def test_servers_listen_where_the_transport_looks_for_them(port: str) -> None:
    protocol = "smtps" if port == "465" else "smtp"
    result = run(
        CONFIG.replace("hosts_try_dane", f"protocol = {protocol}\n  port = {port}\n  hosts_try_dane")
    )
    assert only(result).result == "delivered"
    assert result.connections[0].port == int(port)


def test_the_systems_trust_store_is_the_cases_root() -> None:
    text = CONFIG.replace("hosts_try_dane = *", "tls_verify_hosts = *\n  hosts_require_tls = *")
    assert only(run(text, zone=ZONE[:2])).cv == "yes"
    assert only(run(text, zone=ZONE[:2], server="cert-selfsigned")).result == "deferred"


# ---- callouts --------------------------------------------------------------------------


def test_a_callout_is_the_configurations_own_condition_alone() -> None:
    result = run(kind="callout")
    assert only(result) == Recipient("a@test.ex", "accepted", 0, "Accepted", "mx.test.ex", "dane", True)
    (found,) = policy().callouts
    assert (found.what, found.acl, found.where) == ("recipient", "check", "exim.conf:8")


def test_what_a_callout_is_run_with_is_made_once() -> None:
    one = policy()
    assert one.callout_config(0) is one.callout_config(0)
    assert one.callout_config(0).main.text("acl_smtp_rcpt") in one.callout_config(0).acls


@pytest.mark.parametrize(("server", "expected"), [("rcpt550", "refused"), ("rcpt450", "tempfailed")])
def test_a_callout_tells_what_the_server_made_of_the_recipient(server: str, expected: str) -> None:
    found = only(run(kind="callout", server=server))
    assert (found.result, found.asked, found.cv) == (expected, True, "dane")


def test_a_sender_is_verified_by_callout() -> None:
    text = CONFIG.replace("verify = recipient/callout=20s", "verify = sender/callout")
    found = only(run(text, kind="callout"))
    assert (found.address, found.result) == ("a@test.ex", "accepted")


def test_a_configuration_without_callout_has_deliveries_only() -> None:
    assert policy(CONFIG.replace("/callout=20s", "")).kinds == ("delivery",)
    assert policy().kinds == ("delivery", "callout")


# ---- other settings --------------------------------------------------------------------


def test_an_option_is_changed_without_the_text() -> None:
    changed = policy().with_option("transport.smtp", "hosts_try_dane", "")
    found = only(changed.run(Case(("a@test.ex",), ZONE, {"192.0.2.1": "ok"})))
    assert (found.result, found.cv) == ("delivered", "yes")
    with pytest.raises(KeyError):
        policy().with_option("router.other", "domains", "")


def test_an_option_that_is_not_modelled_is_told_of_where_it_was_on_the_way() -> None:
    text = CONFIG.replace(
        "hosts_try_dane", "gnutls_require_mac = SHA1\n  headers_add = X-A: b\n  hosts_try_dane"
    )
    (problem,) = run(text, "4.87").unsupported
    assert problem == "not modelled: smtp transport option gnutls_require_mac (exim.conf:19)"
    other = text.replace("begin retry", "other:\n  driver = smtp\n  gnutls_require_mac = /x\nbegin retry")
    assert run(other, "4.87").unsupported == (problem,)


def test_files_are_looked_for_below_the_configurations_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "domains").write_text("test.ex\n")
    text = CONFIG.replace("driver = dnslookup", "driver = dnslookup\n  domains = /etc/domains : /etc/none")
    found = replace(policy(text), sources=Sources(tmp_path))
    assert only(found.run(Case(("a@test.ex",), ZONE, {"192.0.2.1": "ok"}))).result == "delivered"
    assert found.files.found == ("/etc/domains",)
    lost = only(run(text))
    assert (lost.result, lost.reason[:27]) == ("crash", "failed to open /etc/domains")


# ---- stock constructs ------------------------------------------------------------------

REWRITE = """
begin rewrite
*@out.example.net "${lookup{$local_part}lsearch{/etc/senders}{$value}fail}" Ffrs
"""


@pytest.mark.parametrize(
    ("content", "sender"), [("sender: s@other.example\n", "s@other.example"), ("x: y", None)]
)
def test_the_sender_is_rewritten_by_rule(content: str, sender: str | None, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "senders").write_text(content)
    result = replace(policy(CONFIG + REWRITE), sources=Sources(tmp_path)).run(
        Case(("a@test.ex",), ZONE, {"192.0.2.1": "ok"})
    )
    mail = next(event for event in result.connections[0].events if event.startswith("MAIL"))
    assert mail.startswith(f"MAIL FROM:<{sender or 'sender@out.example.net'}>")


def test_a_file_that_a_rewrite_rule_misses_is_logged() -> None:
    log = run(CONFIG + REWRITE).log
    assert any(
        "failed while rewriting: failed to open /etc/senders for linear search" in line for line in log
    )


def test_authenticators_are_used_for_the_hosts_that_they_are_for() -> None:
    text = CONFIG + "\nbegin authenticators\nplain:\n  driver = plaintext\n  client_send = ^a^b\n"
    server = {"extensions": ["STARTTLS", "AUTH PLAIN"], "auth": ["235 welcome"]}
    quiet = run(text, server=server)
    assert only(quiet).result == "delivered"
    assert not any(" A=plain " in line for line in quiet.log)
    tried = run(text.replace("hosts_try_dane", "hosts_try_auth = *\n  hosts_try_dane"), server=server)
    assert only(tried).result == "delivered"
    assert any(" A=plain " in line for line in tried.log)


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ("/etc/there", True),
        ("/etc/nowhere", False),
        ("!/etc/nowhere : root", True),
        ("+!/etc/there", False),
        ("${if eq{a}{b}{/etc/nowhere}fail}", True),
    ],
)
def test_a_router_may_want_files_to_be_there(files: str, taken: bool, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "there").write_text("")
    text = CONFIG.replace("driver = dnslookup", f"driver = dnslookup\n  require_files = {files}")
    result = replace(policy(text), sources=Sources(tmp_path)).run(
        Case(("a@test.ex",), ZONE, {"192.0.2.1": "ok"})
    )
    assert (only(result).result == "delivered") is taken


@pytest.mark.parametrize(("user", "uid"), [("root", "0"), ("nobody", "4294967295")])
def test_the_ids_of_a_local_user_are_known_while_the_router_looks_at_it(user: str, uid: str) -> None:
    router = "begin routers\nown:\n  driver = redirect\n  data = :fail: uid $local_user_uid\n  allow_fail\n"
    check = "  check_local_user\n" if user == "root" else ""
    found = only(run(CONFIG.replace("begin routers\n", router + check), recipients=(f"{user}@test.ex",)))
    assert found.reason == f"uid {uid}"
