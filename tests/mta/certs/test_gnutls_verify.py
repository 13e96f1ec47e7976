from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.mta.certs.dane_match import Tlsa, parse_tlsa
from eximsim.mta.certs.gnutls_verify import NONE_USABLE, chain_is_valid, verify_dane
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders, make

ZOO = Zoo()


def valid(sent: tuple[str, ...], anchors: tuple[str, ...], at: float = AT) -> bool:
    return chain_is_valid(ders(*ZOO.chain(*sent)), ders(*ZOO.chain(*anchors)), at)


def tlsa(usage: int, selector: int, target: Issued) -> Tlsa:
    selected = target.spki if selector else target.der
    return parse_tlsa(bytes((usage, selector, 1)) + hashlib.sha256(selected).digest())


def dane(sent: tuple[str, ...], *records: Tlsa) -> tuple[int | None, str]:
    result = verify_dane(ders(*ZOO.chain(*sent)), records, AT)
    return result.usage, result.error


@pytest.mark.parametrize(
    ("sent", "anchors"),
    [
        (("leaf", "intermediate", "root"), ("root",)),
        (("leaf", "intermediate"), ("root",)),
        (("leaf", "root", "intermediate"), ("stray", "root")),
        (("leaf", "intermediate", "root"), ("intermediate",)),
        (("leaf",), ("intermediate",)),
        (("leaf",), ("leaf",)),
        (("self_signed",), ("self_signed",)),
        (("wrong_name", "intermediate"), ("root",)),
    ],
)
def test_good_chains(sent: tuple[str, ...], anchors: tuple[str, ...]) -> None:
    assert valid(sent, anchors)


@pytest.mark.parametrize(
    ("sent", "anchors"),
    [
        (("leaf", "intermediate", "root"), ()),
        (("leaf",), ("root",)),
        (("leaf", "stray"), ("root",)),
        (("expired", "intermediate"), ("root",)),
        (("future", "intermediate"), ("root",)),
        (("forged", "intermediate"), ("root",)),
        (("leaf", "old_intermediate"), ("root",)),
        (("leaf", "not_a_ca"), ("root",)),
        (("leaf", "intermediate"), ("old_root",)),
        (("leaf", "intermediate"), ("leaf",)),
        (("self_signed",), ("root",)),
    ],
)
def test_bad_chains(sent: tuple[str, ...], anchors: tuple[str, ...]) -> None:
    assert not valid(sent, anchors)


def test_a_path_length_counts() -> None:
    below = make("Zoo Below", ZOO.intermediate, ca=True)
    leaf = make("mx", below, names=[HOST])
    assert not chain_is_valid(ders(leaf, below, ZOO.intermediate), ders(ZOO.root), AT)


def test_the_last_second_of_the_validity_still_counts() -> None:
    end = ZOO.leaf.cert.not_valid_after_utc.timestamp()
    assert valid(("leaf",), ("leaf",), end)
    assert not valid(("leaf",), ("leaf",), end + 1)


def test_dane_ee_looks_at_the_leaf_alone() -> None:
    for name in ("leaf", "expired", "wrong_name", "self_signed", "forged"):
        (leaf,) = ZOO.chain(name)
        assert dane((name,), tlsa(3, 1, leaf)) == (3, "")
    failed = (None, "Verification failed. The certificate differs. ")
    assert dane(("leaf", "intermediate"), tlsa(3, 1, ZOO.intermediate)) == failed


@pytest.mark.parametrize("anchor", ["root", "intermediate", "stray"])
def test_dane_ta_takes_any_other_certificate_that_was_sent(anchor: str) -> None:
    (target,) = ZOO.chain(anchor)
    for selector in (0, 1):
        sent = ("wrong_name", "intermediate", "root", "stray")
        assert dane(sent, tlsa(2, selector, target)) == (2, "")


@pytest.mark.parametrize(
    "sent",
    [
        ("expired", "intermediate", "root"),
        ("forged", "intermediate", "root"),
        ("leaf", "root"),
        ("leaf", "old_intermediate", "root"),
        ("leaf", "not_a_ca", "root"),
    ],
)
def test_dane_ta_wants_the_leaf_signed_by_what_was_sent(sent: tuple[str, ...]) -> None:
    violated = (None, "Verification failed. CA constrains were violated. ")
    assert dane(sent, tlsa(2, 0, ZOO.root)) == violated


def test_dane_ta_is_not_usable_for_a_lone_leaf() -> None:
    assert dane(("self_signed",), tlsa(2, 0, ZOO.self_signed)) == (None, NONE_USABLE)
    assert dane(("leaf",), tlsa(3, 0, ZOO.root), tlsa(2, 0, ZOO.root)) == (None, NONE_USABLE)


ANIMALS = tuple(animal for animal in vars(ZOO).values() if isinstance(animal, Issued))


@settings(max_examples=60)
@given(
    chain=st.lists(st.sampled_from(ANIMALS), min_size=1, max_size=4),
    records=st.lists(
        st.builds(tlsa, st.sampled_from([2, 3]), st.sampled_from([0, 1]), st.sampled_from(ANIMALS)),
        min_size=2,
        max_size=4,
    ),
    data=st.data(),
)
def test_the_order_of_records_never_changes_the_verdict(
    chain: list[Issued], records: list[Tlsa], data: st.DataObject
) -> None:
    shuffled = tuple(data.draw(st.permutations(records)))
    assert verify_dane(ders(*chain), tuple(records), AT) == verify_dane(ders(*chain), shuffled, AT)
