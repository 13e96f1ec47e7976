from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.mta.certs.dane_match import Tlsa, parse_tlsa
from eximsim.mta.certs.dane_openssl import DaneVerdict, verify_dane
from eximsim.mta.certs.x509_errors import RULES, X509Error
from eximsim.ports import TlsAlert
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders, make

ZOO = Zoo()
LIBRARIES = sorted(RULES)
ANIMALS = tuple(animal for animal in vars(ZOO).values() if isinstance(animal, Issued))


def tlsa(usage: int, selector: int, mtype: int, target: Issued) -> Tlsa:
    selected = target.spki if selector else target.der
    data = (selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest())[mtype]
    return parse_tlsa(bytes((usage, selector, mtype)) + data)


def verdict(
    chain: Sequence[Issued], *records: Tlsa, library: str = "openssl-3", name: str = HOST, at: float = AT
) -> DaneVerdict:
    return verify_dane(ders(*chain), records, (name,), at, library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_dane_ee_looks_at_nothing_but_the_match(library: str) -> None:
    for leaf in (ZOO.leaf, ZOO.wrong_name, ZOO.expired, ZOO.self_signed, ZOO.forged):
        result = verdict([leaf], tlsa(3, 1, 1, leaf), library=library)
        assert (result.ok, result.depth, result.alert) == (True, 0, None)
        assert [(step.depth, step.error) for step in result.steps] == [(0, None)]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("sent", "record", "depth"),
    [
        (("leaf", "intermediate", "root"), (2, 0, 1, "root"), 2),
        (("leaf", "intermediate", "root"), (2, 1, 2, "intermediate"), 1),
        (("leaf", "intermediate"), (2, 0, 2, "intermediate"), 1),
        (("leaf", "intermediate"), (2, 0, 0, "root"), 2),
        (("leaf",), (2, 0, 0, "intermediate"), 1),
        (("leaf",), (2, 1, 0, "intermediate"), 1),
        (("leaf", "intermediate"), (2, 1, 0, "root"), 2),
        (("self_signed",), (2, 0, 1, "self_signed"), 0),
        (("leaf", "old_intermediate"), (2, 1, 1, "intermediate"), 1),
    ],
)
def test_trust_anchors(
    sent: tuple[str, ...], record: tuple[int, int, int, str], depth: int, library: str
) -> None:
    wanted = tlsa(*record[:3], *ZOO.chain(record[3]))
    result = verdict(ZOO.chain(*sent), wanted, library=library)
    assert (result.ok, result.match, result.depth) == (True, wanted, depth)


@pytest.mark.parametrize(
    ("sent", "record", "error"),
    [
        (("wrong_name", "intermediate", "root"), (2, 0, 1, "root"), X509Error.HOSTNAME_MISMATCH),
        (("expired", "intermediate", "root"), (2, 0, 1, "root"), X509Error.CERT_HAS_EXPIRED),
        (("future", "intermediate", "root"), (2, 0, 1, "root"), X509Error.CERT_NOT_YET_VALID),
        (("forged", "intermediate", "root"), (2, 0, 1, "root"), X509Error.CERT_SIGNATURE_FAILURE),
        (("leaf", "not_a_ca", "root"), (2, 0, 1, "root"), X509Error.INVALID_CA),
        (("leaf", "intermediate", "root"), (3, 1, 1, "root"), X509Error.SELF_SIGNED_CERT_IN_CHAIN),
        (("leaf", "intermediate"), (2, 0, 1, "stray"), X509Error.UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
        (("leaf",), (2, 0, 1, "root"), X509Error.UNABLE_TO_GET_ISSUER_CERT_LOCALLY),
        (("self_signed",), (2, 0, 1, "root"), X509Error.DEPTH_ZERO_SELF_SIGNED_CERT),
    ],
)
def test_the_first_error_ends_the_handshake(
    sent: tuple[str, ...], record: tuple[int, int, int, str], error: X509Error
) -> None:
    for library, rules in RULES.items():
        result = verdict(ZOO.chain(*sent), tlsa(*record[:3], *ZOO.chain(record[3])), library=library)
        assert (result.ok, result.error) == (False, error)
        assert result.alert is rules.error_facts(error).alert
        assert result.steps[-1].error is error
        assert all(step.error is None for step in result.steps[:-1])


def test_a_wrong_name_has_another_alert_in_each_series() -> None:
    chain, record = ZOO.chain("wrong_name", "intermediate"), tlsa(2, 0, 1, ZOO.intermediate)
    alerts = [verdict(chain, record, library=library).alert for library in ("openssl-1.0.2", "openssl-3")]
    assert alerts == [TlsAlert.CERTIFICATE_UNKNOWN, TlsAlert.BAD_CERTIFICATE]


def test_an_expired_intermediate_is_no_trust_anchor_problem_but_one_below_is() -> None:
    chain = ZOO.chain("leaf", "old_intermediate", "root")
    assert verdict(chain, tlsa(2, 0, 1, ZOO.old_intermediate)).ok
    assert verdict(chain, tlsa(2, 0, 1, ZOO.root)).error is X509Error.CERT_HAS_EXPIRED


def test_a_record_that_cannot_match_is_as_good_as_none() -> None:
    key_for_a_certificate = b"\2\0\0" + ZOO.intermediate.spki
    for rdata in (
        *(b"\3\7\1" + bytes(32), b"\3\1\1" + bytes(20), b"\3\1"),
        *(b"\2\0\0" + b"no certificate", key_for_a_certificate),
    ):
        result = verdict(ZOO.chain("leaf", "intermediate"), parse_tlsa(rdata))
        assert result.error is X509Error.UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        assert verdict([ZOO.leaf], parse_tlsa(rdata), tlsa(3, 0, 1, ZOO.leaf)).ok


def test_what_a_record_has_in_full_is_an_anchor_only_if_it_has_signed_and_has_the_name() -> None:
    leaf = make("mx", ZOO.intermediate, names=[HOST], identifiers=False)
    namesake = make("Zoo Intermediate", ca=True, identifiers=False)
    renamed = make("Zoo Authority", ca=True, key=ZOO.intermediate.key, identifiers=False)
    for record in (tlsa(2, 0, 0, namesake), tlsa(2, 0, 0, renamed), tlsa(2, 1, 0, namesake)):
        result = verdict([leaf], record)
        assert result.error is X509Error.UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        assert result.match is None
    assert verdict([leaf], tlsa(2, 1, 0, renamed)).ok


def test_openssl_3_dies_where_a_whole_key_has_signed_a_leaf_that_may_not_sign() -> None:
    leaf = make("mx", names=[HOST], cert_sign=False)
    record = tlsa(2, 1, 0, leaf)
    assert verdict([leaf], record).crash
    assert verdict([leaf], record, library="openssl-1.0.2").ok
    assert verdict([leaf], record, name="mx.other.example").error is X509Error.HOSTNAME_MISMATCH


def test_openssl_3_dies_where_it_reaches_the_anchor_on_a_shorter_way() -> None:
    detour = make("Zoo Intermediate", ZOO.intermediate, ca=True)
    leaf = make("mx", ZOO.intermediate, names=[HOST], identifiers=False)
    chain, record = (leaf, detour, ZOO.intermediate), tlsa(2, 0, 0, ZOO.intermediate)
    assert verdict(chain, record).crash
    assert verdict(chain, record, library="openssl-1.0.2").error is X509Error.CERT_SIGNATURE_FAILURE


# ---- properties ----------------------------------------------------------------------------------------

RECORDS = st.builds(
    tlsa,
    st.sampled_from([2, 3]),
    st.sampled_from([0, 1]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from([a for a in ANIMALS if a is not ZOO.old_root]),
).filter(lambda record: record != tlsa(2, 0, 0, ZOO.not_a_ca))
CHAINS = st.lists(st.sampled_from(ANIMALS), min_size=1, max_size=4)


def test_of_two_whole_anchors_that_fit_the_one_that_came_last_is_taken() -> None:
    right, twin = tlsa(2, 0, 0, ZOO.intermediate), tlsa(2, 0, 0, ZOO.not_a_ca)
    assert verdict([ZOO.leaf], twin, right).ok
    assert verdict([ZOO.leaf], right, twin).error is X509Error.INVALID_CA


@settings(max_examples=80)
@given(chain=CHAINS, records=st.lists(RECORDS, min_size=2, max_size=4), data=st.data())
def test_the_order_of_records_never_changes_the_verdict(
    chain: list[Issued], records: list[Tlsa], data: st.DataObject
) -> None:
    """As long as no record is for a root that has expired: there a match by key forgives what one by
    certificate does not, and Exim tries first what came last. Nor is one a whole anchor with an authority's
    name and key that is none: of two that fit, the one that came last is taken.
    """
    chain = [issued for issued in chain if issued is not ZOO.old_root] or [ZOO.leaf]
    shuffled = data.draw(st.permutations(records))
    for library in LIBRARIES:
        assert verdict(chain, *records, library=library).ok == verdict(chain, *shuffled, library=library).ok


@settings(max_examples=60)
@given(
    rest=CHAINS,
    record=st.tuples(st.sampled_from([0, 1]), st.sampled_from([0, 1, 2]), st.sampled_from(ANIMALS)),
    days=st.floats(-4000, 4000),
    name=st.sampled_from([HOST, "mx.other.example", ""]),
)
def test_a_dane_ee_match_does_not_depend_on_name_date_or_chain(
    rest: list[Issued], record: tuple[int, int, Issued], days: float, name: str
) -> None:
    selector, mtype, leaf = record
    result = verdict([leaf, *rest], tlsa(3, selector, mtype, leaf), name=name, at=AT + days * 86400)
    assert result.ok


@settings(max_examples=60)
@given(chain=CHAINS, records=st.lists(RECORDS, min_size=1, max_size=3), more=RECORDS)
def test_more_records_never_spoil_a_dane_ee_match(
    chain: list[Issued], records: list[Tlsa], more: Tlsa
) -> None:
    before = verdict(chain, *records)
    after = verdict(chain, *records, more)
    assert after.ok or not (before.ok and before.match is not None and before.match.usage == 3)
