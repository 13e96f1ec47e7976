"""Which of the addresses that a redirection makes are tainted, and cannot name a mailbox."""

from __future__ import annotations

import pytest

from tests.mta.local import LocalMachine

BOX = "driver = appendfile\nfile = /mail/$local_part\nuser = CALLER"
ALIASES = 'r:\n driver = redirect\n local_parts = list\n data = "b"\n'
LAST = "last:\n driver = accept\n transport = t\n"


def delivered(routers: str, recipient: str, release: str = "4.96") -> bool:
    machine = LocalMachine(
        BOX, release, routers=f"{ALIASES}{routers}{LAST}", main="qualify_domain = test.ex\n"
    )
    machine.deliver(recipient)
    refused = any("Tainted '/mail/b'" in line for line in machine.log)
    assert refused is not any("=> b" in line for line in machine.log)
    return not refused


@pytest.mark.parametrize("release", ["4.94.1", "4.96", "4.99"])
def test_an_address_that_comes_back_to_itself_is_as_tainted_as_before(release: str) -> None:
    back = 'own:\n driver = redirect\n local_parts = b\n data = "b@test.ex"\n'
    assert delivered(back, "b@test.ex", release)
    assert not delivered(f"{back} check_ancestor\n", "b@test.ex", release)
    assert delivered(f"{back} check_ancestor\n", "list@test.ex", release)


def test_what_a_filter_leaves_to_the_normal_delivery_is_as_tainted_as_before() -> None:
    text = '"# Exim filter\\nunseen save /mail/copy\\n"'
    rule = f"own:\n driver = redirect\n local_parts = b\n allow_filter\n data = {text}\n file_transport = f\n"
    rule += " user = CALLER\n"
    transports = "f:\n driver = appendfile\n"
    for recipient, clean in (("list@test.ex", True), ("b@test.ex", False)):
        machine = LocalMachine(
            BOX,
            "4.96",
            routers=f"{ALIASES}{rule}{LAST}",
            transports=transports,
            main="qualify_domain = test.ex\n",
        )
        machine.deliver(recipient)
        assert machine.mailbox("/mail/copy")
        assert ("/mail/b" in machine.world.disk.files) is clean


def test_a_backslash_keeps_the_domain_and_its_taint() -> None:
    own = 'own:\n driver = redirect\n local_parts = b\n data = "\\\\\\\\b"\n'
    assert not delivered(own, "b@test.ex")
    assert delivered(own, "list@test.ex")
