"""Messages read from their files on the spool."""

from __future__ import annotations

import pytest

from eximsim.errors import Unsupported
from eximsim.mta.delivery.spool_in import FormatError, spool_read

HEAD = "1i2t1o-0000cD-CV-H\nmail user 8 9\n<a@b.ex>\n1566979804 2\n"
TAIL = "XX\n1\nr@c.ex\n\n011  Subject: s\n"
DATA = b"1i2t1o-0000cD-CV-D\none\ntwo\n"


def test_a_message_has_what_its_files_say() -> None:
    options = (
        "-received_time_usec .5\n-frozen 1566979805\n-localerror\n-aclm 1 3\na\nb\n--helo_name x y\n"
        "-host_address [10.0.0.1]:25\n-unknown x\n-tls_peerdn CN=a\\nb\\\n"
    )
    message = spool_read((HEAD + options + TAIL).encode(), DATA)
    assert (message.id, message.originator_login, message.originator_gid) == (
        "1i2t1o-0000cD-CV",
        "mail user",
        9,
    )
    assert (message.sender, message.addresses(), message.body) == ("a@b.ex", ["r@c.ex"], b"one\ntwo\n")
    assert (message.received_time, message.warning_count) == (1566979804.5, 2)
    assert (message.frozen, message.local_error_message, message.deliver_firsttime) == (True, True, False)
    assert message.variables == {
        "acl_m1": "a\nb", "sender_helo_name": "x y", "sender_host_address": "10.0.0.1",
        "sender_host_port": "25", "tls_in_peerdn": "CN=a\nb\\",
    }  # fmt: skip
    assert [(one.kind, one.text) for one in message.headers] == [(" ", "Subject: s\n")]


def test_addresses_that_are_done_with_are_a_tree() -> None:
    tail = TAIL.replace("XX\n", "YY b@x\nNN a@x\nNN c@x\n", 1)
    assert set(spool_read((HEAD + tail).encode(), DATA).nonrecipients) == {"a@x", "b@x", "c@x"}


def test_recipients_have_more_than_their_address() -> None:
    tail = TAIL.replace("1\nr@c.ex\n", "2\nr@c.ex\ns@c.ex rfc822;x 8,12 e@d.ex 6,0#3\n", 1)
    one = spool_read((HEAD + tail).encode(), DATA).recipients[1]
    assert (one.address, one.errors_to, one.parent, one.orcpt) == ("s@c.ex", "e@d.ex", "r@c.ex", "rfc822;x")
    assert one.dsn_flags == {"SUCCESS", "FAILURE"}


@pytest.mark.parametrize("text", ["", "x", HEAD, HEAD + "XX\n", HEAD + TAIL.replace("011", "abc")])
def test_what_is_no_spool_file_is_told(text: str) -> None:
    with pytest.raises(FormatError):
        spool_read(text.encode(), DATA)


def test_a_message_in_another_form_is_not_modelled() -> None:
    with pytest.raises(Unsupported, match="spool_file_wireformat"):
        spool_read(f"{HEAD}-spool_file_wireformat\n{TAIL}".encode(), DATA)
