"""The search for breaches of promises beyond the space that is proven."""

from __future__ import annotations

from eximsim.gate.promises import preset, promise
from eximsim.testing.certificates import chains
from eximsim.testing.configurations import Configurations
from eximsim.testing.promise_search import PromiseSearch
from tests.testing.policies import CONFIG

POLICY = Configurations().read(chains(), text=CONFIG)


def test_a_breach_is_found_and_made_small() -> None:
    search = PromiseSearch(POLICY, preset("tls-required"))
    (found,) = search.finds(60, 1)
    assert found.breach.promise.name == "tls-required"
    assert len(found.world.hosts) == 1
    assert len(found.breach.situation) <= 2
    assert 0 < search.worlds <= 60


def test_what_is_known_is_not_found_again() -> None:
    (first,) = PromiseSearch(POLICY, preset("tls-required")).finds(60, 1)
    others = PromiseSearch(POLICY, preset("tls-required"), [first.breach.entry]).finds(60, 1)
    assert all(not first.breach.entry.covers(one.breach.entry) for one in others)


def test_a_promise_that_holds_is_looked_at_to_the_end() -> None:
    search = PromiseSearch(POLICY, [promise("never", outcome="crash", when={"everything else": "well"})])
    assert list(search.finds(20, 1)) == []
    assert (search.worlds, search.gaps) == (20, {})


def test_each_recipient_has_worlds_of_its_own_and_one_who_gets_none_is_a_gap() -> None:
    one, other = (
        promise("never", recipient="*@bank.example", protection="tls"),
        promise("never", recipient="example.net"),
    )
    search = PromiseSearch(POLICY, [one, other])
    assert [find.breach.recipient for find in search.finds(80, 1)] == ["someone@bank.example"]
    assert ["example.net" in gap.what for gap in search.gaps] == [True]


def test_what_is_not_modelled_is_counted_and_is_no_pass() -> None:
    text = CONFIG.replace(
        "  hosts_try_dane = *\n", "  hosts_try_dane = *\n  hosts_require_tls = ${run{/opt/judge}}\n"
    )
    search = PromiseSearch(Configurations().read(chains(), text=text), preset("tls-required"))
    assert list(search.finds(5, 1)) == []
    assert search.gaps or search.unsupported
