"""Messages that go down a connection that is open: which do, by host, interface and release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.mta.program import exim
from eximsim.profiles import profile, with_tls
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.front import CONF, Front
from tests.mta.scenario import NEWEST, SENDER, Mx, Site
from tests.suite.test_scenario_compare import HOST, done, scenario

ROUTERS = """
begin routers
server:
  driver = redirect
  condition = ${{if def:sender_host_address}}
  data = :blackhole:
client:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = 1225
  allow_localhost
  connection_max_messages = 0
{options}
begin retry
* * F,5d,10m
"""


def delivered(*senders: str, release: str = "4.99", options: str = "") -> list[str]:
    """What the log says of messages that a queue run of two phases delivers, one from each sender."""
    main = "acl_smtp_rcpt = accept\nqueue_run_in_order\ntrusted_users = caller"
    front = Front(main, routers=ROUTERS.format(options=options), release=release)
    front.exim("-bd", "-oX", "1225")
    for sender in senders:
        front.exim("-odq", "-f", sender, "r@d.ex", stdin="Subject: x\n\n")
    front.exim("-qq")
    return [line for line in front.log() if " => r@d.ex" in line or " == r@d.ex" in line]


def test_hosts_of_the_transport_are_hosts_of_an_open_call() -> None:
    first, second, third = delivered("a@x.ex", "b@x.ex", "c@x.ex")
    assert "[127.0.0.1]* " not in first
    assert all("[127.0.0.1]* " in line for line in (second, third))


INTERFACE = "  interface = ${if eq{$sender_address_domain}{y.ex}{192.0.2.1}{127.0.0.1}}"


def test_a_message_that_wants_another_interface_does_not_go_down_the_call() -> None:
    lines = delivered("a@x.ex", "b@y.ex", "c@x.ex", options=INTERFACE)
    assert ["[127.0.0.1]* " in line for line in lines] == [False, True, False]


def test_a_call_from_another_interface_is_closed_and_the_host_considered_anew() -> None:
    main = "acl_smtp_rcpt = accept\ntrusted_users = caller\nFROM = 127.0.0.1\nacl_not_smtp = note"
    routers = ROUTERS.format(options="  interface = $acl_m_from")
    front = Front(main, "note:\n  accept set acl_m_from = FROM", routers=routers)
    front.exim("-odf", "-f", "a@x.ex", "r@d.ex", stdin="Subject: x\n\n")
    front.exim("-bd", "-oX", "1225")
    front.exim("-DFROM=192.0.2.1", "-odf", "-f", "b@x.ex", "r@d.ex", stdin="Subject: x\n\n")
    refused, sent, waits = (line for line in front.log() if " == r@d.ex" in line or " => r@d.ex" in line)
    assert "Connection refused" in refused
    assert " => " in sent
    assert "retry time not reached for other hosts or connection limit reached for 'd.ex'" in waits


@pytest.mark.parametrize(("release", "sent"), [("4.92", False), ("4.95", True)])
def test_a_waiting_message_is_judged_by_its_own_variables_up_to_4_94(release: str, sent: bool) -> None:
    main = "acl_smtp_rcpt = accept\ntrusted_users = caller\nFROM = 127.0.0.1\nacl_not_smtp = note"
    routers = ROUTERS.format(options="  interface = $acl_m_from")
    front = Front(main, "note:\n  accept set acl_m_from = FROM", routers=routers, release=release)
    front.exim("-odf", "-f", "a@x.ex", "r@d.ex", stdin="Subject: x\n\n")
    front.exim("-bd", "-oX", "1225")
    front.exim("-DFROM=192.0.2.1", "-odf", "-f", "b@x.ex", "r@d.ex", stdin="Subject: x\n\n")
    assert any("[127.0.0.1]* " in line for line in front.log()) == sent


CLOSED = """\
  hosts_noproxy_tls = *
  tls_verify_hosts = :
  tls_try_verify_hosts = *
"""


@pytest.mark.parametrize("library", ["openssl", "gnutls"])
def test_a_call_goes_on_in_clear_after_its_session_and_begins_tls_anew(library: str) -> None:
    main = "acl_smtp_helo = accept logwrite = hello $tls_in_ver\nacl_smtp_rcpt = accept\nqueue_run_in_order\n"
    front = Front(main, routers=ROUTERS.format(options=CLOSED))
    text = front.world.read_file(CONF).replace(b"tls_advertise_hosts =\n", b"tls_advertise_hosts = *\n")
    front.world.host = replace(front.world.host, files={CONF: text})
    program = with_tls(profile("4.99"), library)
    for argv in (["-bd", "-oX", "1225"], ["-odq", "r@d.ex"], ["-odq", "r@d.ex"], ["-qq"]):
        exim.run(front.machine, ["-C", CONF, *argv], b"Subject: x\n\n", {}, program)
    lines = front.log()
    sent = [line for line in lines if " => r@d.ex" in line]
    assert ["[127.0.0.1]* X=TLS1.3" in line for line in sent] == [False, True]
    assert len(front.world.accepted) == 1
    hellos = [line for line in lines if "hello" in line]
    assert [line.partition("hello")[2].strip()[:3] for line in hellos] == ["", "TLS", "TLS", "TLS"]


def test_a_call_on_which_a_recipient_was_put_off_fits_and_its_host_is_not_called_anew() -> None:
    later = Behaviour(extensions=(), recipients=(("b@test.ex", reply("450 later")),))
    site = Site([Mx(later)], NEWEST, main={"queue_run_in_order": "true"})
    for recipient in ("a@test.ex", "b@test.ex"):
        site.exim("-odq", "-f", SENDER, recipient, stdin="Subject: x\n\n")
    site.exim("-qq")
    assert site.called == ["mx1"]


SECURE = {"name": "_1225._tcp.h1-a.test.ex", "type": "TLSA", "ad": True, "data": ["3 1 1 @cert:good"]}
TELL = "check_rcpt:\n  accept\ntold:\n  accept logwrite = $event_name: <$tls_out_sni> <$tls_out_dane>\n"


@pytest.mark.parametrize(("release", "known"), [("4.94.1", "no"), ("4.95", "yes"), (NEWEST, "yes")])
def test_since_4_95_a_call_that_goes_on_is_known_to_be_danes(release: str, known: str) -> None:
    runs = done(
        scenario(
            zone=[*HOST, SECURE],
            transport={"hosts_require_dane": "*", "event_action": "${acl{told}}"},
            acl=TELL,
            servers={"10.9.1.1": "refused"},
            runs=[
                {"argv": ["-odf", "-f", "s@test.ex", "a@one.test.ex"]},
                {"argv": ["-odf", "-f", "s@test.ex", "b@one.test.ex"]},
                {"argv": ["-qf"], "servers": {"10.9.1.1": "ok"}},
            ],
        ),
        release,
    )
    assert len(runs[2].servers) == 1
    assert [line for line in runs[2].log if "msg:delivery" in line][1].endswith(f"msg:delivery: <> <{known}>")


def test_a_batch_does_not_know_yet_which_hosts_the_next_message_finds_dead_beside_it() -> None:
    def mx(domain: str, *hosts: str) -> dict[str, object]:
        return {"name": f"{domain}.test.ex", "type": "MX", "ad": True, "data": [[10, host] for host in hosts]}

    second = [
        {"name": "h2-a.test.ex", "type": "A", "ad": True, "data": ["10.9.2.1"]},
        {"name": "h2-a.test.ex", "type": "AAAA", "ad": True, "data": []},
    ]
    ends = [mx("two", "h2-a.test.ex"), mx("three", "h2-a.test.ex")]
    again = {"10.9.1.1": "ok", "10.9.2.1": "refused"}
    message = ["-odf", "-f", "s@test.ex"]
    runs = done(
        scenario(
            zone=[*HOST, *second, *ends],
            servers={"10.9.1.1": "refused", "10.9.2.1": {"extensions": [], "rcpt": "450 later"}},
            transport={"hosts_avoid_tls": "*"},
            retry="* * F,1d,1s\n",
            runs=[
                {"argv": [*message, "a@one.test.ex", "c@three.test.ex"]},
                {"argv": [*message, "b@one.test.ex", "d@two.test.ex"], "servers": again, "sleep": 2},
            ],
        ),
        "4.92",
    )
    refused = [line for line in runs[1].log if "[10.9.2.1] Connection refused" in line]
    assert sorted(line[:2] for line in refused) == ["M1", "M2"]


# ---- a host that puts some off, and another ---------------------------------------------------------------

TWO_HOSTS = [
    {**HOST[0], "data": [[10, "h1-a.test.ex"], [20, "h2-a.test.ex"]]},
    *HOST[1:],
    *({**record, "name": "h2-a.test.ex"} for record in ({**HOST[1], "data": ["10.9.1.2"]}, HOST[2])),
]
DOWN = {"10.9.1.1": "refused", "10.9.1.2": "refused"}
UP = {"10.9.1.1": "ok", "10.9.1.2": "ok"}
PUTS_OFF = {**UP, "10.9.1.1": {"recipients": {"b@one.test.ex": "450 later"}}}


def sent(recipients: str, sender: str = "s@test.ex", **more: object) -> dict[str, object]:
    return {"argv": ["-odf", "-f", sender, *(f"{name}@one.test.ex" for name in recipients)], **more}


def last_of(*commands: dict[str, object], release: str, **transport: str) -> tuple[list[str], list[str]]:
    """What the log says of recipients at the last of the commands, and which hosts were called."""
    played = scenario(zone=TWO_HOSTS, servers=DOWN, transport=transport, runs=[*commands])
    run = done(played, release)[-1]
    lines = [line for line in run.log if " => " in line or " == " in line]
    return lines, [str(server["addr"]) for server in run.servers]


def test_a_message_whose_time_at_the_host_has_not_come_is_put_off_though_a_call_leads_there() -> None:
    later = sent("", argv=["-q"], sleep=11, servers={**DOWN, "10.9.1.1": {"mail": "451 not now"}})
    lines, called = last_of(sent("b"), later, sent("a", servers=UP), release=NEWEST)
    assert "no host found for existing SMTP connection" in lines[1]
    assert called == ["10.9.1.1"]


@pytest.mark.parametrize("release", ["4.95", "4.98"])
def test_a_call_given_up_as_unfit_does_not_keep_from_the_next_host(release: str) -> None:
    first = sent("a", "s@x.ex", servers=PUTS_OFF, sleep=11)
    lines, _ = last_of(sent("bc", "s@y.ex"), first, release=release, tls_sni="$sender_address_domain")
    (line,) = (line for line in lines if "b@one.test.ex" in line)
    assert " => b@one.test.ex R=client T=t H=h2-a.test.ex [10.9.1.2]" in line


def test_a_message_that_gives_a_call_up_leaves_none_to_its_other_batches() -> None:
    two = [*TWO_HOSTS, {**TWO_HOSTS[0], "name": "two.test.ex"}]
    both = sent("", argv=["-odf", "-f", "s@y.ex", "b@one.test.ex", "c@two.test.ex"])
    options = {"tls_sni": "$sender_address_domain", "multi_domain": "false"}
    commands = [both, sent("a", "s@x.ex", servers=UP, sleep=11)]
    run = done(scenario(zone=two, servers=DOWN, transport=options, runs=commands))[-1]
    assert len(run.servers) == 3
    assert not any("]* " in line for line in run.log)


@pytest.mark.parametrize("release", ["4.95", "4.97", "4.98"])
def test_up_to_4_98_a_waiting_message_goes_down_the_call_while_the_next_host_is_tried(release: str) -> None:
    lines, _ = last_of(sent("d"), sent("bc", servers=PUTS_OFF, sleep=11), release=release)
    hosts = {line.split("@")[0][-1]: line.partition("H=")[2].partition(" X=")[0] for line in lines}
    assert hosts == {
        "d": "h1-a.test.ex [10.9.1.1]*",
        "b": "h2-a.test.ex [10.9.1.2]",
        "c": "h1-a.test.ex [10.9.1.1]",
    }


def test_since_4_99_the_next_host_takes_the_place_of_the_one_that_a_call_was_kept_to() -> None:
    lines, called = last_of(sent("d"), sent("bc", servers=PUTS_OFF, sleep=11), release=NEWEST)
    (line,) = (line for line in lines if "d@one.test.ex" in line)
    assert "H=h2-a.test.ex [10.9.1.2]*" in line
    assert called == ["10.9.1.1", "10.9.1.2"]
