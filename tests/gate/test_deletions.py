"""Lines are deleted and changed: what changes an outcome is never passed, and told with its file and line.

This is a small part; ``benchmarks/test_deletions.py`` has all configurations and hundreds of edits.
"""

from __future__ import annotations

import pytest

from eximsim.gate.explore_policies import survey
from eximsim.gate.lock import current
from eximsim.gate.memory import Memory
from eximsim.profiles import NEWEST
from tests.gate.deletions import CONF, WANTED, Edit, Gates, complaint, complaints, edits, explained, policy
from tests.gate.samples import SAMPLES


def test_the_edits_are_the_same_for_the_same_seed() -> None:
    files = SAMPLES["partners"]
    some = edits(files, 20, 7)
    assert some == edits(files, 20, 7) != edits(files, 20, 8)
    assert all(files[edit.name].splitlines()[edit.line - 1] == edit.was != edit.now for edit in some)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_configuration_sends_mail_in_the_fixed_situations(name: str) -> None:
    found = explained(SAMPLES[name])
    assert found is not None
    assert len(found) >= 40
    assert any("delivered" in str(one) for one in found)


SMALL = {
    CONF: """\
primary_hostname = mta.own.example
begin routers
partners:
  driver = dnslookup
  domains = lsearch;/etc/partners
  transport = strict
  no_more
others:
  driver = dnslookup
  transport = plain
begin transports
strict:
  driver = smtp
  hosts_require_tls = *
plain:
  driver = smtp
""",
    "/etc/partners": "# ours\npartner.example: yes\nbank.example: yes\n",
}


@pytest.fixture(scope="module")
def gates() -> Gates:
    return Gates(SMALL)


@pytest.mark.parametrize(
    "edit",
    [
        Edit("/etc/partners", 3, "bank.example: yes", None),
        Edit("/etc/partners", 2, "partner.example: yes", "partnr.example: yes"),
        Edit(CONF, 14, "  hosts_require_tls = *", None),
        Edit(CONF, 6, "  transport = strict", "  transport = plain"),
    ],
    ids=str,
)
def test_a_line_that_decides_is_not_missed(gates: Gates, edit: Edit) -> None:
    edited = edit.applied(SMALL)
    head = policy(edited)
    assert explained(edited) != explained(SMALL)
    assert gates.gaps == ()
    assert complaint(gates.gate(head), edit, ()) == ""
    assert complaint(gates.locked(head), edit, ()) == ""


def test_a_lock_names_all_files_also_where_everything_was_explored_before() -> None:
    one, memory = policy(SMALL), Memory()
    first, second = (current(survey((one,), WANTED, memory=memory), NEWEST, WANTED.hosts) for _ in range(2))
    assert first.files.keys() == {CONF, "/etc/partners"}
    assert second.files == first.files


def test_seeded_edits_are_not_missed() -> None:
    assert complaints(SMALL, 4, 3) == []


PASSED_ON = {
    CONF: """\
primary_hostname = mta.own.example
begin routers
out:
  driver = dnslookup
  domains = ! own.example
  transport = plain
  no_more
aliases:
  driver = redirect
  data = ${lookup{$local_part}lsearch{/etc/aliases}}
news:
  driver = manualroute
  domains = own.example : home.example
  senders = news@own.example
  transport = plain
  route_list = * smart.partner.example
begin transports
plain:
  driver = smtp
""",
    "/etc/aliases": "sales: boss@partner.example\n",
}
"""An alias matters at other people's domains as soon as the router before it passes them on."""


def test_what_is_told_apart_is_tried_wherever_the_routers_come_to_it() -> None:
    scenes = [one for view in survey((policy(PASSED_ON),)).views for one in (view.scene, *view.also)]
    mails = {(scene.recipient, scene.sender) for scene in scenes}
    assert ("sales@destination.example", None) in mails
    assert ("someone@own.example", "news@own.example") in mails


def test_a_host_that_mail_is_only_passed_on_to_is_explored() -> None:
    last = "last:\n  driver = manualroute\n  transport = plain\n  route_list = * smart.partner.example\n"
    conf = SMALL[CONF].replace("begin transports\n", f"{last}begin transports\n")
    views = survey((policy({**SMALL, CONF: conf}),)).views
    found = [view.scene for view in views if "smart.partner.example" in view.scene.addresses]
    assert ("destination.example",) in [scene.missing for scene in found]
