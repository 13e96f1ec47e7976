"""The daemon: where it listens, what it says of that, and sessions with clients."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError, Unsupported
from eximsim.mta.program import daemon
from eximsim.ports import Connection, ReadTimeout
from tests.mta.front import Front

ACCEPT = "acl_smtp_rcpt = accept"
PORTS = [
    ("4.88", ("-oX", "1225"), "port 1225"),
    ("4.88", ("-oX", "1225:1226"), "port 1225 (IPv6 and IPv4) port 1226"),
    ("4.88", ("-oX", "1225 : 127.0.0.1"), "[127.0.0.1]:1225"),
    ("4.88", ("-oX", "127.0.0.1.26 : [192.0.2.1]:27 : 25"), "[127.0.0.1]:26 [192.0.2.1]:27"),
    ("4.99", ("-oX", "25 : 587 : 127.0.0.1"), "[127.0.0.1]:{25,587}"),
    ("4.88", (), "port 25"),
]


@pytest.mark.parametrize(("release", "argv", "where"), PORTS)
def test_the_log_says_where_it_listens(release: str, argv: tuple[str, ...], where: str) -> None:
    front = Front(ACCEPT, release=release)
    assert front.exim("-bd", *argv).code == 0
    line = front.log()[0]
    version = front.process().profile.version
    assert line.startswith(f"exim {version} daemon started: pid=")
    assert ", no queue runs, listening for SMTP on " in line
    for part in where.split(" port "):
        assert part.removeprefix("port ").split(" (")[0] in line


DAEMONS = [
    ("4.89", ("-bd", "-q1h"), "-q1h, listening for SMTP on"),
    ("4.89", ("-qq90m", "-bd"), "-q1h30m, listening for SMTP on"),
    ("4.96", ("-bd", "-qq90m"), "-qq1h30m, listening for SMTP on"),
    ("4.96", ("-qq", "5m"), "-q5m, not listening for SMTP"),
    ("4.99", ("-qqff5m",), "-qq5m, not listening for SMTP"),
]


@pytest.mark.parametrize(("release", "argv", "words"), DAEMONS)
def test_the_log_says_how_often_it_runs_the_queue(release: str, argv: tuple[str, ...], words: str) -> None:
    front = Front(ACCEPT, release=release)
    assert front.exim(*argv).code == 0
    assert f", {words}" in front.log()[0]


@pytest.mark.parametrize("release", ["4.95", "4.98", "4.99"])
def test_a_daemon_says_nothing_of_trust_anchors_that_are_not_there(release: str) -> None:
    transport = "begin transports\nt:\n  driver = smtp\n  tls_verify_certificates = /nowhere.pem\n"
    front = Front(ACCEPT, release=release, routers=transport)
    front.exim("-bd", "-oX", "1225")
    assert [line for line in front.log() if "nowhere" in line] == []


def test_the_queue_is_run_at_once_and_again_after_each_interval() -> None:
    front = Front(ACCEPT)
    front.exim("-q5m")
    machine = front.machine
    runs = [sum("Start queue run" in line for line in front.log())]
    for _ in range(3):
        machine.unwatched.run_later(until=machine.world.now() + 301)
        machine.world.sleep(301)
        runs.append(sum("Start queue run" in line for line in front.log()))
    daemon.kill(machine)
    machine.unwatched.run_later(until=machine.world.now() + 9999)
    assert (runs, sum("End queue run" in line for line in front.log())) == ([1, 2, 3, 4], 4)


def test_what_is_about_to_happen_once_does_not_wait_for_the_next_queue_run() -> None:
    front = Front(ACCEPT)
    front.exim("-q5m")
    done: list[str] = []
    unwatched = front.machine.unwatched
    unwatched.later.append((front.machine.world.now() + 1000, lambda: done.append("once")))
    unwatched.run_all_later(now=front.machine.world.now())
    assert done == ["once"]
    assert sum("Start queue run" in line for line in front.log()) == 1


def said(connection: Connection) -> str:
    """Everything that is there to be read."""
    text = b""
    try:
        while data := connection.receive(1):
            text += data
    except ReadTimeout:
        pass
    return text.decode()


def test_a_message_is_taken_in_and_delivered_at_once() -> None:
    front = Front(ACCEPT)
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    assert said(client).startswith("220 here.ex ESMTP Exim 4.99 ")
    client.send(b"EHLO me.ex\r\n")
    assert said(client).startswith("250-here.ex Hello me.ex [127.0.0.1]\r\n")
    client.send(b"MAIL FROM:<s@b.ex>\r\nRCPT TO:<r@d.ex>\r\nDATA\r\n")
    assert said(client).splitlines() == [
        "250 OK",
        "250 Accepted",
        '354 Enter message, ending with "." on a line by itself',
    ]
    client.send(b"Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n")
    (name,) = front.machine.spool.ids()
    assert said(client).splitlines() == [f"250 OK id={name}", "221 here.ex closing connection"]
    assert f"{name} <= s@b.ex H=(me.ex) [127.0.0.1] P=esmtp S=" in front.log()[1]
    assert front.log()[-1].endswith(f"{name} == r@d.ex R=all T=out defer (111): Connection refused")


def test_sessions_do_not_share_their_state() -> None:
    front = Front(ACCEPT)
    front.exim("-bd", "-oX", "1225")
    one, two = (front.world.connect("127.0.0.1", 1225, 5) for _ in range(2))
    one.send(b"EHLO one.ex\r\n")
    two.send(b"EHLO two.ex\r\n")
    assert "Hello one.ex" in said(one)
    assert "Hello two.ex" in said(two)
    one.send(b"MAIL FROM:<a@b.ex>\r\n")
    two.send(b"RCPT TO:<a@b.ex>\r\n")
    assert said(one).splitlines()[-1] == "250 OK"
    assert said(two).splitlines()[-1] == "503 sender not yet given"


def test_a_lost_client_is_logged() -> None:
    front = Front(ACCEPT)
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    client.send(b"EHLO me.ex\r\n")
    client.send(b"MAIL FROM:<a@b.ex>\r\n")
    client.close()
    front.world.hang_up()
    assert (
        "unexpected disconnection while reading SMTP command from (me.ex) [127.0.0.1] D=" in front.log()[-1]
    )


NOT_EARLY = "pipelining_connect_advertise_hosts ="


def test_input_before_the_banner_is_out_of_step() -> None:
    front = Front(f"{ACCEPT}\n{NOT_EARLY}")
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    client.send(b"EHLO me.ex\r\nNOOP\r\n")
    assert "554 SMTP synchronization error\r\n" in said(client)
    assert any("SMTP protocol synchronization error" in line for line in front.log())


def test_connections_are_logged_if_that_is_asked_for() -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +smtp_connection +incoming_port +incoming_interface")
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    client.send(b"QUIT\r\n")
    begun, ended = front.log()[1:]
    where = f"[127.0.0.1]:{client.local_port} I=[127.0.0.1]:1225"
    assert begun == f"SMTP connection from {where} (TCP/IP connection count = 1)"
    assert ended.startswith(f"SMTP connection from {where} ")
    assert "closed by QUIT" in ended


def test_an_acl_can_turn_clients_away() -> None:
    front = Front(f"{ACCEPT}\nacl_smtp_connect = deny hosts = 127.0.0.1")
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    assert said(client) == "550 Administrative prohibition\r\n"
    front = Front(f"{ACCEPT}\nhost_reject_connection = *")
    front.exim("-bd", "-oX", "1225")
    assert said(front.world.connect("127.0.0.1", 1225, 5)) == "554 SMTP service not available\r\n"


def test_a_daemon_can_be_stopped() -> None:
    front = Front(ACCEPT)
    front.exim("-bd", "-oX", "1225")
    assert daemon.kill(front.machine) == ""
    with pytest.raises(Exception, match="111"):
        front.world.connect("127.0.0.1", 1225, 5)


@pytest.mark.parametrize(
    ("main", "packets", "shown"),
    [
        ("", ["MAIL FROM:<s@b.ex>\r\nRCPT TO:<r@d.ex>\r\nDATA\r\n"], "P=esmtp L. S="),
        (NOT_EARLY, ["MAIL FROM:<s@b.ex>\r\n", "RCPT TO:<r@d.ex>\r\n", "DATA\r\n"], "P=esmtp L- S="),
        (NOT_EARLY, ["MAIL FROM:<s@b.ex>\r\n", "RCPT TO:<r@d.ex>\r\nDATA\r\n"],
         "P=esmtp L S="),
        ("pipelining_advertise_hosts =", ["MAIL FROM:<s@b.ex>\r\n", "RCPT TO:<r@d.ex>\r\n", "DATA\r\n"],
         "P=esmtp S="),
    ],
)  # fmt: skip
def test_the_log_tells_of_pipelining(main: str, packets: list[str], shown: str) -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +pipelining\n{main}", release="4.99")
    front.exim("-bd", "-oX", "1225")
    client = front.world.connect("127.0.0.1", 1225, 5)
    said(client)
    for packet in ["EHLO me.ex\r\n", *packets, "Subject: x\r\n\r\nbody\r\n.\r\n"]:
        client.send(packet.encode())
        said(client)
    assert shown in front.log()[1]


REFUSED = "421 Too many concurrent SMTP connections"


def test_a_daemon_serves_only_so_many() -> None:
    front = Front(f"{ACCEPT}\nsmtp_accept_max = 2")
    front.exim("-bd", "-oX", "1225")
    first, _, third = (front.world.connect("127.0.0.1", 1225, 5) for _ in range(3))
    assert said(third) == f"{REFUSED}; please try again later.\r\n"
    assert front.log()[-1] == "Connection from [127.0.0.1] refused: too many connections"
    said(first)
    first.send(b"QUIT\r\n")
    said(first)
    assert said(front.world.connect("127.0.0.1", 1225, 5)).startswith("220 ")


PER_HOST = "smtp_accept_max_per_host"


@pytest.mark.parametrize(
    ("main", "refused", "logged"),
    [
        (f"{PER_HOST} = 1", True, "too many connections from that IP address"),
        (f"{PER_HOST} = ${{if eq{{$sender_host_address}}{{127.0.0.1}}{{1}}}}", True, "from that IP address"),
        (f"{PER_HOST} = 2", False, ""),
        (f"{PER_HOST} = ${{if eq{{a}}{{b}}{{1}}fail}}", False, ""),
        (f"{PER_HOST} = 0x", False, f"expansion of {PER_HOST} for [127.0.0.1] contains non-digit: 0x"),
        (f"{PER_HOST} = ${{bad", False, f"expansion of {PER_HOST} failed for [127.0.0.1]: "),
    ],
)  # fmt: skip
def test_a_client_may_have_only_so_many_connections(main: str, refused: bool, logged: str) -> None:
    front = Front(f"{ACCEPT}\n{main}")
    front.exim("-bd", "-oX", "1225")
    _, second = (front.world.connect("127.0.0.1", 1225, 5) for _ in range(2))
    what = f"{REFUSED} from this IP address; please try again later.\r\n"
    assert (said(second) == what) is refused
    assert logged in front.log()[-1]


@pytest.mark.parametrize("option", [f"{PER_HOST} = 1", "smtp_accept_queue = 1"])
def test_limits_that_need_a_count_are_refused_without_one(option: str) -> None:
    with pytest.raises(InputError, match="smtp_accept_max must be set"):
        Front(f"{option}\nsmtp_accept_max = 0").process()


@pytest.mark.parametrize(("hosts", "served"), [("", False), ("10.0.0.1", False), ("127.0.0.1", True)])
def test_some_connections_are_kept_for_hosts_that_are_named(hosts: str, served: bool) -> None:
    reserve = f"smtp_accept_max = 3\nsmtp_accept_reserve = 2\nsmtp_reserve_hosts = {hosts}"
    front = Front(f"{ACCEPT}\n{reserve}")
    front.exim("-bd", "-oX", "1225")
    first, second = (front.world.connect("127.0.0.1", 1225, 5) for _ in range(2))
    assert said(first).startswith("220 ")
    heard = said(second)
    assert heard.startswith("220 ") is served
    if not served:
        assert heard == "421 here.ex: Too many concurrent SMTP connections; please try again later\r\n"
        why = "not in reserve list: connected=1 max=3 reserve=2"
        assert front.log()[-1] == f"temporarily refused connection from [127.0.0.1]: {why}"


@pytest.mark.parametrize(("queue", "held"), [(1, True), (2, False), (30, False)])
def test_messages_of_late_clients_are_only_queued(queue: int, held: bool) -> None:
    front = Front(f"{ACCEPT}\nsmtp_accept_queue = {queue}")
    front.exim("-bd", "-oX", "1225")
    clients = [front.world.connect("127.0.0.1", 1225, 5) for _ in range(2)]
    for packet in ("HELO x", "MAIL FROM:<a@here.ex>", "RCPT TO:<b@here.ex>", "DATA", ".", "QUIT"):
        said(clients[1])
        clients[1].send(f"{packet}\r\n".encode())
    told = f"no immediate delivery: too many connections (2, max {queue})"
    assert any(told in line for line in front.log()) is held


def test_who_waits_meanwhile_is_not_modelled() -> None:
    acl = "slow:\n  accept delay = 2s\n"
    front = Front(f"{ACCEPT}\n{PER_HOST} = ${{acl {{slow}}}}9\nsmtp_backlog_monitor = 1", acl)
    front.exim("-bd", "-oX", "1225")
    with pytest.raises(Unsupported, match="listen backlog"):
        front.world.connect("127.0.0.1", 1225, 5)


def test_connections_are_counted() -> None:
    front = Front(f"{ACCEPT}\nlog_selector = +smtp_connection")
    front.exim("-bd", "-oX", "1225")
    for _ in range(2):
        front.world.connect("127.0.0.1", 1225, 5)
    assert front.log()[-1].endswith(" (TCP/IP connection count = 2)")
