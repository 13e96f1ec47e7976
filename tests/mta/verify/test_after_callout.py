"""What a callout leaves behind in the process that has made it."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import HOST, done, scenario

SEEN = "t=$transport_name h=$host v=$tls_out_certificate_verified la=$lookup_dnssec_authenticated"
ACL = f"""check_rcpt:
  warn !verify = recipient/callout=5s,no_cache
  accept logwrite = SEEN {SEEN}
told:
  accept logwrite = $acl_arg1 $acl_arg2 t=$transport_name s=$sending_ip_address
"""
EVENTS = {"event_action": "${acl{told}{$event_name}{$event_data}}"}
RELEASES = pytest.mark.parametrize("release", ["4.89", "4.92", "4.99"])


def log(release: str, server: object, *recipients: str, after: str = "", **transport: str) -> list[str]:
    said = "".join(f"RCPT TO:<{recipient}>\r\n" for recipient in recipients)
    stdin = f"EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\n{said}{after}QUIT\r\n"
    (one,) = done(
        scenario(
            acl=ACL,
            transport=transport,
            servers={"10.9.1.1": server},
            zone=HOST,
            runs=[{"argv": ["-bs", "-odf"], "stdin": stdin}],
        ),
        release,
    )
    return [line for line in one.log if not line.startswith("REJECT")]


@RELEASES
@pytest.mark.parametrize(("server", "left"), [("nostarttls", "t"), ("rcpt550", "t"), ("banner554", "")])
def test_the_transports_name_stays_unless_the_host_could_not_be_asked(
    release: str, server: str, left: str
) -> None:
    (line,) = (line for line in log(release, server, "a@one.test.ex") if "SEEN" in line)
    assert line.startswith(f"SEEN t={left} h= ")


def test_lookups_for_the_next_recipient_are_told_to_that_transport_but_not_those_of_the_delivery() -> None:
    message = "DATA\r\n\r\n.\r\n"
    lines = log("4.99", "nostarttls", "a@one.test.ex", "b@one.test.ex", after=message, **EVENTS)
    assert sum("dns:fail DNS_NODATA:h1-a.test.ex:AAAA t=t s=10.9.1.1" in line for line in lines) == 1


@RELEASES
def test_that_a_certificate_was_good_is_forgotten_by_the_next_handshake_only(release: str) -> None:
    transport = {"hosts_try_dane": "", "hosts_avoid_tls": "${if eq{$local_part}{b}{*}}"}
    lines = log(release, "ok", "a@one.test.ex", "b@one.test.ex", **transport)
    assert [line for line in lines if "SEEN" in line] == ["SEEN t=t h= v=1 la=yes"] * 2


@pytest.mark.parametrize(("release", "port"), [("4.99", "1225"), ("4.99-dev-13835a3c1", "0")])
def test_up_to_4_99_the_hosts_port_stays(release: str, port: str) -> None:
    acl = "check_rcpt:\n  accept verify = recipient/callout=5s,no_cache\n         logwrite = p=$host_port"
    stdin = "EHLO c\r\nMAIL FROM:<s@two.test.ex>\r\nRCPT TO:<a@one.test.ex>\r\nQUIT\r\n"
    runs = [{"argv": ["-bs"], "stdin": stdin}]
    (one,) = done(scenario(acl=acl, servers={"10.9.1.1": "nostarttls"}, zone=HOST, runs=runs), release)
    assert one.log == (f"p={port}",)
