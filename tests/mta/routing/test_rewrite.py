"""Rewrite rules; what becomes of each address is what Debian 12's Exim 4.96 says to ``-brw``."""

from __future__ import annotations

import pytest

from eximsim.mta.config.readconf import read_config
from eximsim.mta.process.globals import Process
from eximsim.mta.routing.rewrite import rewrite_address
from eximsim.profiles import profile
from eximsim.subjects.runs import new_machine
from eximsim.suite.config_files import ConfigFiles, Sources
from eximsim.world.host import Host
from eximsim.world.memory import MemoryWorld
from eximsim.world.rrsets import rrset_zones
from tests.mta.configurations import fault, read
from tests.mta.front import Front

RULES = r"""
primary_hostname = out.example.net
log_selector = +address_rewrite
begin rewrite
a@one.ex   b@two.ex   T
b@two.ex   c@three.ex T
q@one.ex   r@two.ex   Tq
r@two.ex   never@x.ex T
*@stop.ex  *          T
x@stop.ex  never@x.ex T
^up(.*)@n\.ex   "u$1@n.ex" TR
^more(.*)@n\.ex   "moremore$1@n.ex" TR
*@empty.ex ""         F
*@null.ex  <>         F
*@wide.ex  "${lookup{$local_part}lsearch{/nonexistent}{$value}fail}" F
f@fail.ex  "${if eq{a}{b}{x@y}fail}" T
f@fail.ex  g@fail.ex T
s@unq.ex  justlocal T
s@qua.ex  justlocal TQ
h@head.ex  other@head.ex hw
*@parts.ex  "$1 at $domain <$1@parts2.ex>" T
"""


def rewritten(address: str, *, is_recipient: bool = True, by: str = "4.96") -> tuple[str, list[str]]:
    """The new address, and what the main log says, without its time."""
    release = profile(by)
    files = ConfigFiles("exim.conf", RULES, Sources())
    world = MemoryWorld(rrset_zones(()), Host(files=files))
    machine = new_machine(world, release)
    process = Process(machine, read_config(files, "exim.conf", release), release, 1)
    new = rewrite_address(process, address, is_recipient=is_recipient)
    lines = [line for path, written in machine.files.items() if path.endswith("mainlog") for line in written]
    return new, [line[20:] for line in lines]


@pytest.mark.parametrize(
    ("address", "new"),
    [
        ("a@one.ex", "c@three.ex"),
        ("q@one.ex", "r@two.ex"),
        ("x@stop.ex", "x@stop.ex"),
        ("upupz@n.ex", "uupz@n.ex"),
        ("f@fail.ex", "g@fail.ex"),
        ("s@qua.ex", "justlocal@out.example.net"),
        ("h@head.ex", "h@head.ex"),
        ("a@parts.ex", "a@parts2.ex"),
        ("plain", "plain@out.example.net"),
    ],
)
def test_a_recipient_is_rewritten_by_the_rules_for_recipients(address: str, new: str) -> None:
    assert rewritten(address)[0] == new
    assert rewritten("a@one.ex", is_recipient=False)[0] == "a@one.ex"


def test_a_sender_may_become_empty() -> None:
    assert rewritten("u@null.ex", is_recipient=False)[0] == ""


@pytest.mark.parametrize(
    ("address", "is_recipient", "line"),
    [
        ("u@empty.ex", False, "Rewrite of u@empty.ex yielded unparseable address: empty address in address "),
        ("s@unq.ex", True, 'Rewrite of s@unq.ex yielded unqualified address "justlocal"'),
        (
            "w@wide.ex",
            False,
            "Expansion of ${lookup{$local_part}lsearch{/nonexistent}{$value}fail} failed while rewriting: "
            "failed to open /nonexistent for linear search: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_an_address_is_logged_and_left(address: str, is_recipient: bool, line: str) -> None:
    assert rewritten(address, is_recipient=is_recipient) == (address, [line])


def test_a_rule_is_repeated_ten_times_at_most() -> None:
    new, lines = rewritten("more@n.ex")
    assert lines[-1] == "rewrite rule repeat ignored after 10 times"
    assert new == f"{'more' * 12}@n.ex"


def test_what_was_done_can_be_logged() -> None:
    assert rewritten("q@one.ex")[1] == ['"q@one.ex" from env-to rewritten as "r@two.ex" by rule 3']
    for release, how in (("4.98", "as"), ("4.99", "with (address part of)")):
        assert rewritten("a@parts.ex", by=release)[1] == [
            f'"a@parts.ex" from env-to rewritten {how} "a at parts.ex <a@parts2.ex>" by rule 17'
        ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("a@b", "missing rewrite replacement string"),
        ("a@b c@d X", "unknown rewrite flag character 'X' (could be missing quotes round replacement item)"),
        ("a@b c@d S", "rewrite rule has the S flag but is not a regular expression"),
    ],
)
def test_a_rule_that_is_none_is_an_error(rule: str, message: str) -> None:
    assert fault(f"begin rewrite\n{rule}\n").endswith(f":2: {message}")


def test_flags_stand_for_others() -> None:
    rules = read("begin rewrite\na b\na b h\na b E\na b Fq\n").rewrites
    assert ["".join(sorted(rule.flags)) for rule in rules] == ["FTbcfrst", "bcfrst", "FT", "Fq"]


BY_CLIENTS = "begin rewrite\n^<old-(.*) <$1 S\n^(.*)@b\\.ex $1 S\n"


def test_rules_for_what_a_client_writes_see_it_as_it_is_written() -> None:
    front = Front("queue_only\nacl_smtp_rcpt = accept", routers=BY_CLIENTS)
    front.exim("-bs", stdin="HELO x\nMAIL FROM:<>\nRCPT TO:<old-r@d.ex>\nRCPT TO:s@b.ex\nDATA\n.\nQUIT\n")
    (message,) = front.machine.spool.messages.values()
    assert message.addresses() == ["r@d.ex", "s@b.ex"]
    assert front.log()[0].startswith('Rewrite of s@b.ex yielded unqualified address "s"')
