"""Each option of a transport that counts as modelled changes what a server, the DNS or the log sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eximsim.mta.config.optionlist import Status
from eximsim.mta.config.options_drivers import TRANSPORT, TRANSPORTS
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import GOOD, NEWEST, PIPELINING, PLAIN, REFUSING, SENDER, Mx, Settings, Site

TESTS = Path(__file__).parents[1]
OWN = {"hosts": "mx1.test.ex", "hosts_override": "true"}
BODY = "Subject: x\n\nsome text\n"
OTHER = {"name": "other.ex", "type": "MX", "ad": True, "data": [[10, "mx1.test.ex"]]}


@dataclass(frozen=True)
class Shown:
    """A value of an option, and a situation in which it makes a difference."""

    value: str
    servers: tuple[Mx, ...] = (Mx(),)
    transport: Settings = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)
    recipients: tuple[str, ...] = ("a@test.ex",)
    how: str = "deliver"

    def seen(self, option: str, value: str | None) -> tuple[object, ...]:
        """What servers, the DNS and the logs see."""
        settings = dict(self.transport)
        if value is not None:
            settings[option] = value
        site = Site(self.servers, NEWEST, transport=settings, **self.site)
        if self.how == "verify":
            site.verify(*self.recipients)
        elif self.how == "two messages":
            for recipient in ("a@test.ex", "b@test.ex"):
                site.exim("-odq", "-f", SENDER, recipient, stdin=BODY)
            site.exim("-qq")
        else:
            site.deliver(*self.recipients, body=BODY)
        taken = [(one.sender, one.recipients, one.content) for one in site.messages]
        return site.log, site.panic_log, site.calls, taken, list(site.world.questions), _names(site)


def _names(site: Site) -> list[str | None]:
    return [session.log.sni for session in site._sessions]


SHOWN = {
    "allow_localhost": Shown("false", transport={**OWN, "hosts": "127.0.0.1"}),
    "body_only": Shown("true"),
    "command_timeout": Shown("1s", (Mx(Behaviour(ehlo=reply("250 mx.test.ex", delay=3))),)),
    "connection_max_messages": Shown("1", how="two messages"),
    "delivery_date_add": Shown("true"),
    "envelope_to_add": Shown("true"),
    "return_path_add": Shown("true"),
    "dnssec_request_domains": Shown("", (Mx(tlsa=GOOD),), {**OWN, "hosts_try_dane": "*"}),
    "dnssec_require_domains": Shown("*", (Mx(dnssec=False),), OWN),
    "event_action": Shown("${if eq{$event_name}{tcp:connect}{no}}"),
    "fallback_hosts": Shown("mx2.test.ex", (Mx(REFUSING), Mx()), OWN),
    "final_timeout": Shown("1s", (Mx(Behaviour(end_of_data=reply("250 OK id=X", delay=3))),)),
    "gethostbyname": Shown("true", (Mx(tlsa=GOOD),), {**OWN, "hosts_try_dane": "*"}),
    "headers_add": Shown("X-A: b"),
    "headers_only": Shown("true"),
    "headers_remove": Shown("Subject"),
    "helo_data": Shown("other.ex", (Mx(Behaviour(ehlo=reply("554 no"), helo=reply("554 no"))),)),
    "hosts": Shown("mx2.test.ex", (Mx(), Mx()), {"hosts_override": "true"}),
    "hosts_avoid_esmtp": Shown("*"),
    "hosts_avoid_pipelining": Shown("*", (Mx(PIPELINING),), site={"main": {"log_selector": "+pipelining"}}),
    "hosts_avoid_tls": Shown("*"),
    "hosts_max_try": Shown("1", (Mx(REFUSING, preference=10), Mx(REFUSING, preference=10))),
    "hosts_max_try_hardlimit": Shown("1", (Mx(REFUSING), Mx())),
    "hosts_nopass_tls": Shown("*", how="two messages"),
    "hosts_override": Shown("true", (Mx(), Mx()), {"hosts": "mx2.test.ex"}),
    "hosts_randomize": Shown(
        "true", (Mx(),) * 5, {**OWN, "hosts": ":".join(f"mx{number}.test.ex" for number in range(1, 6))}
    ),
    "hosts_require_auth": Shown("*"),
    "hosts_require_dane": Shown("*", (Mx(tlsa=GOOD),)),
    "hosts_require_tls": Shown("*", (Mx(PLAIN),)),
    "hosts_try_dane": Shown("*", (Mx(tlsa=GOOD),)),
    "hosts_try_prdr": Shown(
        "", (Mx(Behaviour(ehlo=reply("250-mx.test.ex", "250 PRDR"))),), recipients=("a@test.ex", "b@test.ex")
    ),
    "hosts_verify_avoid_tls": Shown("*", how="verify"),
    "interface": Shown(
        "10.9.0.99", site={"main": {"log_selector": "+incoming_interface +outgoing_interface"}}
    ),
    "max_rcpt": Shown("1", recipients=("a@test.ex", "b@test.ex")),
    "message_linelength_limit": Shown("5"),
    "message_size_limit": Shown("1"),
    "multi_domain": Shown("false", site={"zone": [OTHER]}, recipients=("a@test.ex", "b@other.ex")),
    "port": Shown("26"),
    "protocol": Shown("smtps"),
    "rcpt_include_affixes": Shown(
        "true", site={"router": {"local_part_prefix": "p-"}}, recipients=("p-a@test.ex",)
    ),
    "return_path": Shown("r@p.ex"),
    "serialize_hosts": Shown("mx9.test.ex"),
    "size_addition": Shown("-1", (Mx(PIPELINING),)),
    "tls_sni": Shown("sni.ex"),
    "tls_tempfail_tryclear": Shown("false", (Mx(Behaviour(starttls=reply("454 no"))),)),
    "tls_try_verify_hosts": Shown("", (Mx(Behaviour(chain="selfsigned")),)),
    "tls_verify_cert_hostnames": Shown("", (Mx(Behaviour(chain="wrongname")),)),
    "tls_verify_certificates": Shown(""),
    "tls_verify_hosts": Shown("*", (Mx(Behaviour(chain="selfsigned")),)),
}

ELSEWHERE = {
    "host_name_extract": "test_tls_resumption.py",
    "socks_proxy": "transports/test_smtp_socks.py",
    "address_retry_include_sender": "transports/test_retry.py",
    "hosts_require_alpn": "transports/test_tls_alpn.py",
    "tls_alpn": "transports/test_tls_alpn.py",
    "authenticated_sender": "transports/test_smtp_auth.py",
    "authenticated_sender_force": "transports/test_smtp_auth.py",
    "current_directory": "delivery/test_local.py",
    "headers_rewrite": "transports/test_filtering.py",
    "transport_filter": "transports/test_filtering.py",
    "transport_filter_timeout": "transports/test_filtering.py",
    "debug_print": "delivery/test_measures.py",
    "delay_after_cutoff": "transports/test_retry.py",
    "disable_logging": "delivery/test_told.py",
    "group": "delivery/test_local.py",
    "home_directory": "delivery/test_local.py",
    "retry_use_local_part": "delivery/test_local.py",
    "shadow_condition": "delivery/test_local.py",
    "shadow_transport": "delivery/test_local.py",
    "user": "delivery/test_local.py",
    "arc_sign": "miscmods/test_dkim_sign.py",
    "dkim_canon": "miscmods/test_dkim_sign.py",
    "dkim_domain": "miscmods/test_dkim_sign.py",
    "dkim_hash": "miscmods/test_dkim_sign.py",
    "dkim_identity": "miscmods/test_dkim_sign.py",
    "dkim_private_key": "miscmods/test_dkim_sign.py",
    "dkim_selector": "miscmods/test_dkim_sign.py",
    "dkim_sign_headers": "miscmods/test_dkim_sign.py",
    "dkim_strict": "miscmods/test_dkim_sign.py",
    "dkim_timestamps": "miscmods/test_dkim_sign.py",
    "hosts_pipe_connect": "transports/test_smtp_early.py",
    "lmtp_ignore_quota": "delivery/test_remote_batches.py",
    "max_parallel": "delivery/test_remote_batches.py",
    "hosts_request_ocsp": "lookup/test_host_check_trace.py",
    "hosts_require_ocsp": "lookup/test_host_check_trace.py",
    "hosts_try_auth": "transports/test_smtp_auth.py",
    "hosts_try_chunking": "transports/test_smtp_message.py",
    "hosts_try_fastopen": "lookup/test_host_check_trace.py",
    "retry_include_ip_address": "transports/test_retry.py",
    "tls_certificate": "transports/test_tls_client_certificate.py",
    "tls_crl": "transports/test_tls_crl.py",
    "tls_privatekey": "transports/test_tls_client_certificate.py",
    "tls_require_ciphers": "transports/test_tls.py",
    "tls_resumption_hosts": "lookup/test_host_check_trace.py",
}
"""Options whose tests need more than one delivery, or other servers: the file that has them."""

NOT_SHOWN = {
    "connect_timeout": "no server of the memory world keeps a connection waiting",
    "dane_require_tls_ciphers": "servers take every cipher suite that is offered",
    "dns_qualify_single": "the resolver's own, like search_parents",
    "dns_search_parents": "the resolver's own: the world's name server knows whole names only",
    "hosts_noproxy_tls": "a session that is not proxied is not modelled, and says so",
}
"""Options that are read and handed on, and why nothing is seen of them here."""


@pytest.mark.parametrize("option", SHOWN)
def test_an_option_that_is_set_makes_a_difference(option: str) -> None:
    shown = SHOWN[option]
    assert shown.seen(option, None) != shown.seen(option, shown.value)


def test_every_modelled_option_of_a_transport_is_accounted_for() -> None:
    tables = (TRANSPORT, TRANSPORTS["smtp"])
    modelled = {
        name for table in tables for name, option in table.items() if option.status is Status.MODELLED
    }
    assert modelled - {"driver"} == {*SHOWN, *ELSEWHERE, *NOT_SHOWN}


@pytest.mark.parametrize("option", ELSEWHERE)
def test_the_file_that_is_named_sets_the_option(option: str) -> None:
    assert option in (TESTS / ELSEWHERE[option]).read_text(encoding="utf-8")
