"""Lock files: what was agreed on is kept, shown in a diff, and changed group by group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eximsim.errors import InputError
from eximsim.gate import MOST_HOSTS
from eximsim.gate.diagram import Forest
from eximsim.gate.explore_policies import Survey, survey
from eximsim.gate.lattice import Scene
from eximsim.gate.lock import accepted, agreed_for, check, current, everyday
from eximsim.gate.lock_text import Lock, digests, read_lock, written
from eximsim.gate.outcome import Standing
from eximsim.gate.report import Outcome, Report
from eximsim.gate.severity import Severity
from eximsim.gate.views import View
from eximsim.status import Security
from tests.gate.policies import CONF, policy

VALUES = ("secure", "insecure", "SERVFAIL")
DANE = Outcome("delivered", Security.DANE, "mx")
CLEAR = Outcome("delivered", Security.CLEAR, "mx")
HELD = Outcome("deferred")
UNREACHED = Outcome("deferred", unreachable=True)


@pytest.fixture
def plan() -> Survey:
    plan = survey([policy()], 1)
    (view, *_) = plan.views
    return Survey(plan.policies, (view,), origins={view.name: view})


def lock(plan: Survey, *outcomes: Outcome) -> Lock:
    """A lock of one view, in which one question decides."""
    way = plan.forest.ask("TLSA of mx", VALUES, tuple(map(plan.forest.end, outcomes)))
    (view,) = plan.views
    return Lock("4.99", 1, {view.name: way}, {view.name: view})


def checked(plan: Survey, agreed: Lock, found: Lock) -> Report:
    return check(agreed, found, plan, "policy.lock", "exim.conf")


def test_what_is_written_is_read_again(plan: Survey) -> None:
    one = lock(plan, DANE, CLEAR, UNREACHED)
    again = read_lock(written(one), "policy.lock", plan.forest)
    assert again.ways == one.ways
    (was,), (now,) = one.views.values(), again.views.values()
    assert (now.kind, now.scene.recipient, now.scene.mx) == (was.kind, was.scene.recipient, was.scene.mx)
    assert now.scene.addresses == was.scene.addresses
    assert [scene.recipient for scene in now.also] == [scene.recipient for scene in was.also]


@pytest.mark.parametrize("hosts", range(1, MOST_HOSTS + 1))
def test_a_lock_of_as_many_hosts_as_can_be_explored_is_read_again(plan: Survey, hosts: int) -> None:
    assert read_lock(written(Lock("4.99", hosts, {}, {}, {}, ())), "policy.lock", plan.forest).hosts == hosts


def test_files_and_rare_scenes_are_read_again(plan: Survey) -> None:
    scene = Scene("a@b.example", (), {"smart.example": "192.0.2.9"}, {}, "", "192.0.2.9", 587)
    view = View(scene, "delivery")
    files = {"exim.conf": digests(["a"] * 50), "/etc/a list": digests(["x: y"])}
    way = plan.forest.end(HELD)
    one = Lock("4.99", 2, {view.name: way}, {view.name: view}, files, ("/etc/a list",), "gnutls")
    again = read_lock(written(one), "policy.lock", plan.forest)
    assert again == one


def test_the_text_can_be_reviewed(plan: Survey) -> None:
    lines = written(lock(plan, DANE, HELD, HELD)).splitlines()
    assert lines[2:6] == ["release 4.99", "hosts 1", "", plan.views[0].name]
    assert lines[6:7] == [
        "scene someone@destination.example, mx mx1.destination.example 192.0.2.1",
    ]
    assert lines[7].endswith(" TLSA of mx")
    assert lines[8:] == ["  secure: delivered, dane, host mx", "  insecure | SERVFAIL: deferred"]


def test_what_was_agreed_on_is_no_change(plan: Survey) -> None:
    report = checked(plan, lock(plan, DANE, CLEAR, HELD), lock(plan, DANE, CLEAR, HELD))
    assert report.groups == ()
    assert report.complete


def test_changes_are_grouped_by_what_became_of_what(plan: Survey) -> None:
    report = checked(plan, lock(plan, DANE, HELD, CLEAR), lock(plan, CLEAR, CLEAR, HELD))
    assert [(group.name, group.severity) for group in report.groups] == [
        ("dane-to-clear", Severity.LESS),
        ("clear-to-held", Severity.HELD),
        ("held-to-clear", Severity.RELEASED),
    ]
    assert report.groups[0].witness.size * 3 == plan.views[0].scene.size


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("openssl-3", "openssl-3", ""),
        ("openssl-3", "gnutls", " The TLS library was openssl-3 and is gnutls."),
        ("", "gnutls", ""),  # a lock of before does not say
    ],
)
def test_another_tls_library_is_told_as_a_cause(plan: Survey, was: str, now: str, told: str) -> None:
    agreed = replace(lock(plan, DANE, CLEAR, HELD), tls=was)
    found = replace(lock(plan, CLEAR, CLEAR, HELD), tls=now)
    ((cause,),) = (group.cause for group in checked(plan, agreed, found).groups)
    agreed_was = f"Agreed was: {Standing.DANE.value}. Found: {Standing.CLEAR.value}."
    assert cause.text == f"{agreed_was}{told}"
    assert accepted(agreed, found, plan, frozenset({"dane-to-clear"})).tls == was


def test_another_release_is_told_as_a_cause(plan: Survey) -> None:
    found = replace(lock(plan, CLEAR, CLEAR, HELD), release="4.98")
    ((cause,),) = (group.cause for group in checked(plan, lock(plan, DANE, CLEAR, HELD), found).groups)
    assert "The release was 4.99 and is 4.98." in cause.text


def test_a_lock_holds_the_release_and_its_library() -> None:
    found = current(survey([policy(release="4.96-debian12")], 1), "4.96-debian12", 1)
    assert written(found).splitlines()[2:5] == ["release 4.96-debian12", "hosts 1", "tls gnutls"]


def test_one_group_can_be_accepted_and_another_refused(plan: Survey) -> None:
    agreed, found = lock(plan, DANE, HELD, CLEAR), lock(plan, CLEAR, CLEAR, HELD)
    new = accepted(agreed, found, plan, frozenset({"clear-to-held"}))
    assert new.ways == lock(plan, DANE, HELD, HELD).ways


@pytest.mark.parametrize("axis", ["TLSA", "end of data"])
def test_what_was_agreed_on_is_told_in_the_names_of_today(plan: Survey, axis: str) -> None:
    (view,) = plan.views
    (host,) = view.scene.addresses
    was = View(replace(view.scene, mx=("mx.old",), addresses={"mx.old": "192.0.2.1"}), view.kind)
    way, now = (
        plan.forest.ask(f"{axis} of {name}", VALUES[:2], tuple(map(plan.forest.end, (HELD, CLEAR))))
        for name in ("mx.old", host)
    )
    plan.origins[view.name] = was
    (known,) = agreed_for(Lock("4.99", 1, {was.name: way}, {was.name: was}), plan).values()
    assert known.way.node is now.node


def test_a_view_that_is_not_locked_is_a_gap(plan: Survey) -> None:
    plan.origins.clear()
    report = checked(plan, Lock("4.99", 1, {}), lock(plan, DANE, HELD, CLEAR))
    name = plan.views[0].name
    assert [gap.what for gap in report.gaps] == ["the lock holds nothing", f"{name}: not in the lock file"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("hosts 1\n", 1, "release"),
        ("release 4.99\nhosts 4\n", 1, "hosts"),
        ("release 4.99\nhosts 1\n\nview\nrubbish\n", 5, "rubbish"),
        ("release 4.99\nhosts 1\n\nview\n  always: deferred\n", 4, "without its scene"),
        ("release 4.99\nhosts 1\n\nview\nscene a@b, mx\n  always: deferred\n", 5, "expected 'mx HOST"),
        ("release 4.99\nhosts 1\n\nfiles\nx\n", 5, "expected a file"),
        ("release 4.99\nhosts 1\n\nview\n@a x\n  y: @b\n", 6, "@b is nowhere"),
        ("release 4.99\nhosts 1\n\nview\n@a x\n  y: delivered, somehow\n", 6, "somehow"),
        ("release 4.99\nhosts 1\n\nview\n@a x\n  y: @a\n", 6, "@a leads back to itself"),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read_lock(text, "policy.lock", Forest())
    assert caught.value.line == line


def test_a_view_is_named_for_people() -> None:
    scene = survey([policy()], 1).views[0].scene
    assert View(scene, "delivery").name == (
        "delivery to someone@destination.example by mx1.destination.example"
    )


# ---- what happens now to mail that was agreed on ---------------------------------------------------------

PARTNER = """\
primary_hostname = relay.example.org
hostlist dane_hosts = mx.partner.example
begin routers
partner:
  driver = manualroute
  domains = secure.example
  transport = remote
  route_list = * smart.partner.example
out:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
begin transports
remote:
  driver = smtp
  hosts_require_dane = +dane_hosts
begin retry
* * F,2d,15m
"""


def between(first: str, second: str) -> str:
    """The lines of ``PARTNER`` from one to another."""
    return PARTNER[PARTNER.index(first) : PARTNER.index(second)]


def locked(conf: str) -> str:
    """The text of a lock of a configuration."""
    plan = survey([policy(conf=conf)], 1)
    assert plan.gaps == {}
    return written(current(plan, "4.99", 1))


def against(text: str, conf: str) -> Report:
    """What a lock says of a configuration."""
    one = policy(conf=conf)
    agreed = read_lock(text, "policy.lock", Forest())
    plan = survey([one], agreed.hosts, tuple(agreed.views.values()))
    agreed = read_lock(text, "policy.lock", plan.forest)
    return check(agreed, current(plan, "4.99", 1), plan, "policy.lock", one.path)


@pytest.fixture(scope="module")
def of_partner() -> str:
    return locked(PARTNER)


def test_what_has_not_changed_is_as_it_was_agreed_on(of_partner: str) -> None:
    report = against(of_partner, PARTNER)
    assert (report.groups, report.gaps) == ((), ())
    assert against(of_partner, PARTNER.replace("begin retry", "# a comment\nbegin retry")).groups == ()


@pytest.mark.parametrize(
    ("old", "new", "severity", "line"),
    [
        ("  hosts_require_dane = +dane_hosts\n", "", Severity.RELEASED, 16),
        ("dane_hosts = mx.partner.example", "dane_hosts = mx.partnr.example", Severity.RELEASED, 2),
        (between("partner:\n", "out:\n"), "", None, 4),
        (between("out:\n", "begin transports"), "", Severity.BOUNCED, 9),
    ],
    ids=["the option", "a name in a list", "the router of a partner", "the router of all others"],
)
def test_what_is_gone_shows_in_what_happens_to_the_mail(
    of_partner: str, old: str, new: str, severity: Severity | None, line: int
) -> None:
    assert old in PARTNER
    report = against(of_partner, PARTNER.replace(old, new))
    assert report.groups
    assert severity is None or severity in {group.severity for group in report.groups}
    assert {group.cause[0].where for group in report.groups} == {f"exim.conf:{line}"}


def test_a_new_way_is_not_in_the_lock(of_partner: str) -> None:
    router = between("partner:\n", "out:\n")
    new = router.replace("partner:", "other:").replace("secure.example", "other.example")
    new = new.replace("smart.partner", "smart.other").replace("transport = remote", "transport = plain")
    conf = PARTNER.replace("out:\n", f"{new}out:\n").replace(
        "begin retry", "plain:\n  driver = smtp\nbegin retry"
    )
    report = against(of_partner, conf)
    assert report.groups == ()
    assert [gap.what for gap in report.gaps] == [
        "delivery to someone@other.example by smart.other.example: not in the lock file"
    ]


# ---- everyday mail of a lock -----------------------------------------------------------------------------

DANE_OFF = CONF.replace("hosts_try_dane = *", "hosts_try_dane =")


def test_everyday_mail_is_what_was_agreed_on_and_what_happens_now(of_partner: str) -> None:
    conf = PARTNER.replace("hosts_require_dane = +dane_hosts", "hosts_require_tls = *")
    report = against(of_partner, conf)
    shown = {mail.route: {row.situation: row for row in mail.rows} for mail in report.everyday}
    assert len(shown) == len({view.scene.recipient for view in survey([policy(conf=PARTNER)], 1).views})
    by_mx = next(rows for route, rows in shown.items() if "its MX hosts" in route)
    assert by_mx["no STARTTLS"].severity is Severity.HELD
    assert by_mx["no STARTTLS"].before.result == "delivered"
    assert by_mx["DNSSEC without TLSA"].severity is None


def test_what_is_accepted_is_everyday_mail_as_agreed() -> None:
    plan = survey([policy(conf=DANE_OFF)], 1)
    was = current(plan, "4.99", 1)
    now = survey([policy("  hosts_require_tls = *\n", conf=DANE_OFF)], 1, plan.views)
    agreed = read_lock(written(was), "policy.lock", now.forest)
    found = current(now, "4.99", 1)
    groups = {group.name for group in check(agreed, found, now, "policy.lock", "exim.conf").groups}
    changed = {row.severity for mail in everyday(agreed, found, now) for row in mail.rows}
    assert changed != {None}
    agreed = accepted(agreed, found, now, frozenset(groups))
    assert {row.severity for mail in everyday(agreed, found, now) for row in mail.rows} == {None}
