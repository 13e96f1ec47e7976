from __future__ import annotations

import pytest

from eximsim.mta.records.verification import CalloutSettings, VerifyResult
from eximsim.mta.verify.verify import verify_address
from eximsim.status import Rc
from eximsim.world.smtp_behaviour import Behaviour, reply
from tests.mta.scenario import PLAIN, REFUSING, Mx, Site

LIST = """
list:
  driver = redirect
  local_parts = one : two
  data = ${if eq{$local_part}{one}{a@test.ex}{a@test.ex, b@test.ex}}
"""
ASK = CalloutSettings(seconds=5, no_cache=True)


def verified(site: Site, address: str, *, is_recipient: bool = True, **rest: object) -> VerifyResult:
    return verify_address(site.process(), address, is_recipient=is_recipient, **rest)  # type: ignore[arg-type]


# ---- routing ---------------------------------------------------------------------------


def test_the_empty_sender_is_good() -> None:
    assert verified(Site(), "", is_recipient=False).rc is Rc.OK


def test_an_address_without_a_domain_is_not_and_counts_as_routed() -> None:
    assert verified(Site(), "a") == VerifyResult(Rc.FAIL, failure="qualify", routed=True, verified="a")


@pytest.mark.parametrize(
    ("answer", "rc", "message"),
    [
        ({"rcode": "NXDOMAIN"}, Rc.FAIL, "Unrouteable address"),
        ({"rcode": "SERVFAIL"}, Rc.DEFER, "host lookup did not complete"),
    ],
)
@pytest.mark.parametrize("is_recipient", [True, False])
def test_an_address_that_cannot_be_routed_is_bad(
    answer: dict[str, object], rc: Rc, message: str, is_recipient: bool
) -> None:
    site = Site(zone=[{"name": "bad.ex", "type": "MX", **answer}])
    found = verified(site, "a@bad.ex", is_recipient=is_recipient)
    assert (found.rc, found.message, found.failure, found.routed) == (rc, message, "route", False)


def test_without_a_callout_nobody_is_asked() -> None:
    site = Site([Mx(REFUSING)])
    assert verified(site, "a@test.ex").rc is Rc.OK
    assert site.decisions("callout") == []


def test_a_copy_that_an_unseen_router_makes_is_asked_about_too() -> None:
    copy = "copy:\n  driver = dnslookup\n  transport = smtp\n  unseen\n"
    site = Site([Mx(PLAIN)], routers=copy)
    assert verified(site, "a@test.ex", callout=ASK).rc is Rc.OK
    assert site.called == ["mx1", "mx1"]


def test_routers_may_be_for_one_kind_of_verification_only() -> None:
    only = "only:\n  driver = redirect\n  verify_sender = false\n  allow_fail\n  data = :fail: not here\n"
    site = Site(routers=only)
    assert verified(site, "a@test.ex").rc is Rc.FAIL
    assert verified(site, "a@test.ex", is_recipient=False).rc is Rc.OK


def test_verifying_a_sender_routes_it_without_a_sender_and_restores_the_one_there_was() -> None:
    only = "only:\n  driver = redirect\n  senders = :\n  allow_fail\n  data = :fail: from nobody\n"
    process = Site(routers=only).process()
    process.variables["sender_address"] = "s@test.ex"
    assert verify_address(process, "a@test.ex", is_recipient=True).rc is Rc.OK
    assert verify_address(process, "a@test.ex", is_recipient=False).rc is Rc.FAIL
    assert process.variables["sender_address"] == "s@test.ex"


def test_routers_see_the_sender_as_the_return_path_of_what_is_verified() -> None:
    condition = "${if eq{$return_path}{s@test.ex}}"
    mine = f"mine:\n  driver = redirect\n  condition = {condition}\n  allow_fail\n  data = :fail: mine\n"
    process = Site(routers=mine).process()
    process.variables["sender_address"] = "s@test.ex"
    assert verify_address(process, "a@test.ex", is_recipient=True).rc is Rc.FAIL


# ---- redirection -----------------------------------------------------------------------


def test_an_address_that_leads_to_one_other_is_as_good_as_that() -> None:
    site = Site([Mx(Behaviour(extensions=(), rcpt=reply("550 no")))], routers=LIST)
    assert site.verify("one@test.ex") == ["550 550 no"]
    assert "RCPT TO:<a@test.ex>" in site.calls[0][1]


def test_an_address_that_leads_to_several_is_good_in_itself() -> None:
    site = Site([Mx(Behaviour(extensions=(), rcpt=reply("550 no")))], routers=LIST)
    assert site.verify("two@test.ex") == ["250 Accepted"]
    assert site.calls == []


def test_success_on_redirect_is_satisfied_with_the_redirection() -> None:
    site = Site([Mx(REFUSING)], routers=LIST)
    assert verified(site, "one@test.ex", callout=ASK, success_on_redirect=True).rc is Rc.OK
    assert verified(site, "one@test.ex", callout=ASK).rc is Rc.DEFER


# ---- who is asked ----------------------------------------------------------------------


def test_a_callout_goes_to_the_routers_hosts() -> None:
    site = Site([Mx(PLAIN)])
    found = verified(site, "a@test.ex", callout=ASK)
    assert (found.rc, found.routed) == (Rc.OK, True)
    assert found.addr is not None
    assert found.addr.address == "a@test.ex"
    assert site.called == ["mx1"]


def test_hosts_override_sends_the_callout_to_the_transports_hosts() -> None:
    site = Site([Mx()], transport={"hosts": "10.9.3.7", "hosts_override": "true"})
    site.serve("10.9.3.7", PLAIN)
    assert site.verify() == ["250 Accepted"]
    assert [address for address, _ in site.calls] == ["10.9.3.7"]


def test_an_address_whose_hosts_are_not_known_is_good_unasked() -> None:
    site = Site(routers="all:\n  driver = accept\n  transport = smtp\n")
    assert site.verify() == ["250 Accepted"]
    assert site.calls == []


def test_a_list_of_hosts_that_does_not_expand_is_a_panic_and_no_answer() -> None:
    site = Site([Mx()], transport={"hosts": "$nothing", "hosts_override": "true"})
    assert site.verify() == ["250 Accepted"]
    assert site.panic_log == [
        'failed to expand list of hosts "$nothing" in smtp transport for callout:'
        ' unknown variable name "nothing"'
    ]


def test_what_is_verified_has_a_letter_while_it_is() -> None:
    said = "said:\n  driver = redirect\n  data = :fail: <$verify_mode>\n  allow_fail\n"
    process = Site(routers=said).process()
    asked = [verify_address(process, "a@test.ex", is_recipient=each).message for each in (True, False)]
    assert asked == ["<R>", "<S>"]
    assert "verify_mode" not in process.variables
