"""What a client does while the server takes its time, where both work side by side."""

from __future__ import annotations

import pytest

from eximsim.ports import Connection, ReadTimeout
from tests.mta.front import REJECT, Front

_ACLS = """
mail:
  accept delay = MAILDELAY
rcpt:
  accept delay = RCPTDELAY
data:
  accept delay = 2s
"""


def front(*, mail: str = "0s", rcpt: str = "0s", pipelining: str = "") -> Front:
    main = (
        f"MAILDELAY = {mail}\nRCPTDELAY = {rcpt}\nacl_smtp_mail = mail\nacl_smtp_rcpt = rcpt\n"
        f"acl_smtp_data = data\nqueue_only\npipelining_advertise_hosts = {pipelining}\n"
    )
    begun = Front(main, _ACLS, side_by_side=True)
    begun.exim("-bd", "-oX", "1225")
    return begun


def begin(begun: Front) -> Connection:
    client = begun.world.connect("127.0.0.1", 1225, 5)
    client.receive(1)
    client.send(b"EHLO me.ex\r\n")
    client.receive(1)
    return client


def test_a_client_that_goes_on_during_a_delay_is_out_of_step() -> None:
    begun = front(mail="2s")
    client = begin(begun)
    client.send(b"MAIL FROM:<s@b.ex>\r\n")
    begun.world.sleep(1)
    client.send(b"RCPT TO:<r@d.ex>\r\n")
    assert client.receive(5) == b"554 SMTP synchronization error\r\n"
    assert 'rejected "MAIL FROM:<s@b.ex>"' in begun.log(REJECT)[-1]
    assert 'next input="RCPT TO:<r@d.ex>' in begun.log(REJECT)[-1]


def test_with_pipelining_it_may() -> None:
    begun = front(mail="2s", pipelining="*")
    client = begin(begun)
    client.send(b"MAIL FROM:<s@b.ex>\r\n")
    begun.world.sleep(1)
    client.send(b"RCPT TO:<r@d.ex>\r\n")
    assert client.receive(5).startswith(b"250 OK\r\n")


def test_a_client_hears_of_what_is_settled_before_a_delay() -> None:
    begun = front(rcpt="3s", pipelining="*")
    client = begin(begun)
    client.send(b"MAIL FROM:<s@b.ex>\r\nRCPT TO:<r@d.ex>\r\n")
    assert client.receive(2) == b"250 OK\r\n"
    with pytest.raises(ReadTimeout):
        client.receive(2)
    assert client.receive(2) == b"250 Accepted\r\n"


def test_a_delay_is_over_when_the_client_has_gone() -> None:
    begun = front(rcpt="9s")
    client = begin(begun)
    client.send(b"MAIL FROM:<s@b.ex>\r\n")
    client.receive(1)
    start = begun.world.now()
    client.send(b"RCPT TO:<r@d.ex>\r\n")
    begun.world.sleep(1)
    client.abandon()
    begun.world.wait(lambda: any("unexpected disconnection" in line for line in begun.log()), start + 60)
    assert begun.world.now() - start == pytest.approx(1.0)


@pytest.mark.parametrize(("gone", "queued"), [(True, 0), (False, 1)])
def test_a_message_is_not_taken_from_a_client_that_has_gone(gone: bool, queued: int) -> None:
    begun = front(pipelining="*")
    client = begin(begun)
    client.send(b"MAIL FROM:<s@b.ex>\r\nRCPT TO:<r@d.ex>\r\nDATA\r\n")
    begun.world.sleep(1)
    client.send(b"Subject: x\r\n\r\nbody\r\n.\r\n")
    begun.world.sleep(1)
    if gone:
        client.abandon()
    begun.world.sleep(9)
    assert len(begun.machine.spool.ids()) == queued
    lost = [line for line in begun.log() if "SMTP connection lost after final dot H=" in line]
    assert bool(lost) is gone
