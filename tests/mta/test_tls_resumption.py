"""TLS sessions that are taken up again, with Exim on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.program.exim import ExitStatus, run
from eximsim.profiles import profile
from tests.mta.front import CONF, Front
from tests.mta.reception.test_smtp_in_policy import FILES, ONE

_MAIN = """\
tls_on_connect_ports = 2500
tls_resumption_hosts = {server}
log_selector = +tls_resumption +subject
acl_smtp_helo = helo
acl_smtp_rcpt = accept
queue_only
"""
_ACL = """\
helo:
  accept condition = ${if def:tls_in_cipher}
         logwrite = told: ${listextract{$tls_in_resumption}{_RESUME_DECODE}}
  accept
"""
_ROUTERS = """
begin routers
all:
  driver = accept
  transport = out
begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = 2500
  protocol = smtps
  allow_localhost
  hosts_try_fastopen =
  tls_resumption_hosts = {client}
  {more}
"""
NEW = "client requested new ticket, server provided"
RESUMED = "session resumed"
RENEWED = "session resumed, also new ticket"


def front(
    client: str = "*", server: str = "*", more: str = "", release: str = "4.99", kind: type[Front] = Front
) -> Front:
    """An installation that sends mail to itself."""
    routers = _ROUTERS.format(client=client, more=more)
    made = kind(_MAIN.format(server=server), _ACL, release, routers=routers)
    made.exim("-bd", "-oX", "2500")
    return made


def sent(made: Front) -> tuple[str, bool]:
    """What the server says of the session of a message, and whether the client's log has the mark."""
    first = len(made.log())
    made.exim("-odf", "r@d.ex", stdin="Subject: x\n\nx\n")
    lines = made.log()[first:]
    told = next(line for line in lines if "told: " in line)
    return told.partition("told: ")[2], any("=> r@d.ex" in line and ":256* " in line for line in lines)


def test_a_session_is_taken_up_by_the_next_connection() -> None:
    made = front()
    assert sent(made) == (NEW, False)
    assert sent(made) == (RESUMED, True)


@pytest.mark.parametrize(
    ("client", "server", "told"),
    [("", "*", NEW), ("*", "", "not requested or offered"), ("", "", "not requested or offered")],
)
def test_both_sides_have_to_want_it(client: str, server: str, told: str) -> None:
    made = front(client, server)
    assert [sent(made), sent(made)] == [(told, False)] * 2


def test_a_key_serves_for_an_hour_and_opens_for_two() -> None:
    made = front()
    sent(made)
    made.world.sleep(3500)
    assert sent(made) == (RESUMED, True)
    made.world.sleep(200)
    assert sent(made) == (RENEWED, True)
    made.world.sleep(3500)
    assert sent(made) == (RESUMED, True)
    made.world.sleep(7300)
    assert sent(made) == (NEW, False)


def test_a_session_is_kept_for_one_server_behind_a_balancer() -> None:
    made = front(more="host_name_extract = $tod_epoch")
    assert [sent(made)[1], sent(made)[1]] == [False, True]
    made.world.sleep(5)
    assert sent(made) == (NEW, False)


def test_a_balancer_that_cannot_be_told_is_none() -> None:
    made = front(more="host_name_extract = ${if bad}")
    assert [sent(made)[1], sent(made)[1]] == [False, True]


@pytest.mark.parametrize(
    ("certificate", "seen"),
    [("", "1 0 /C=UK/O=Exim Developers/CN=here.ex"), (f"{ONE}\ntls_ocsp_file = /good", "4 0 /CN=rsa.ex")],
)
def test_a_session_that_is_taken_up_looks_as_it_did_when_it_was_new(certificate: str, seen: str) -> None:
    shown = "$tls_out_ocsp $tls_out_certificate_verified $tls_out_peerdn $tls_out_cipher $tls_out_bits"
    routers = _ROUTERS.format(client="*", more=f"headers_remove = subject\n  headers_add = Subject: {shown}")
    made = Front(_MAIN.format(server="*") + certificate, _ACL, routers=routers, files=FILES)
    made.exim("-bd", "-oX", "2500")
    for _ in range(2):
        made.exim("-odf", "r@d.ex", stdin="Subject: x\n\nx\n")
    first, second = (line.partition(" T=")[2] for line in made.log() if "<= " in line and 'T="x"' not in line)
    assert first == second
    assert first.startswith(f'"{seen} TLS1.3:')


class _WithGnutls(Front):
    """The same, built with GnuTLS."""

    def exim(self, *argv: str, stdin: bytes | str = b"") -> ExitStatus:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        built = replace(profile("4.99"), tls_library=GNUTLS)
        return run(self.machine, ["-C", CONF, *argv], data, {}, built)


def test_with_gnutls_a_session_is_new_where_none_is_kept() -> None:
    assert [sent(front(release="4.96-debian12"))[1] for _ in range(2)] == [False, False]
    made = front(kind=_WithGnutls)
    assert sent(made) == (NEW, False)
    with pytest.raises(Unsupported, match="taken up again with GnuTLS"):
        sent(made)
    assert [sent(front(client=":", kind=_WithGnutls))[1] for _ in range(2)] == [False, False]
