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


def test_a_tree_of_any_depth_is_read() -> None:
    tree = "".join(f"YN {number}@x\n" for number in range(20_000)) + "NN last@x\n"
    assert len(spool_read((HEAD + TAIL.replace("XX\n", tree)).encode(), DATA).nonrecipients) == 20_001


def test_many_variables_and_header_lines_are_read_in_one_pass() -> None:
    variables = "".join(f"-aclm {number} 10\n{'x' * 10}\n" for number in range(30_000))
    message = spool_read((HEAD + variables + TAIL + "003  X:\n" * 200_000).encode(), DATA)
    assert len(message.headers) == 200_001
    assert message.variables["acl_m29999"] == "x" * 10


@pytest.mark.parametrize("recipient", ["1,1 " * 20_000 + "#3", "a@b 0,0 0,-1#", "a@b#3", "a@b 1,2 x,3#3"])
def test_a_recipient_with_other_extra_data_is_not_modelled(recipient: str) -> None:
    with pytest.raises(Unsupported, match="other extra data"):
        spool_read((HEAD + TAIL.replace("r@c.ex", recipient)).encode(), DATA)


@pytest.mark.parametrize(
    "option", ["-frozen nan", "-received_time_usec inf", "-received_time_complete 1e308"]
)
def test_a_time_is_a_number_of_seconds(option: str) -> None:
    with pytest.raises(FormatError, match="a time"):
        spool_read(f"{HEAD}{option}\n{TAIL}".encode(), DATA)
