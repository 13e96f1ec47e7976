from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.errors import InputError
from eximsim.mta.certs.x509_errors import RULES, X509Error, rules_of
from eximsim.mta.certs.x509_verify import verify_chain
from eximsim.ports import TlsAlert
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders, make
from tests.mta.chain_server import ChainServer, needs_openssl

E = X509Error


class WiderZoo(Zoo):
    """Chains that go wrong in more ways."""

    def __init__(self) -> None:
        super().__init__()
        key, int_key = self.root.key, self.intermediate.key
        self.client_only = make(
            "mx", self.intermediate, names=[HOST], purposes=[ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
        self.critical = make("mx", self.intermediate, names=[HOST], extra=[(unknown, True)])
        self.no_flags = make("Zoo Intermediate", self.root, ca=None, key=int_key)
        self.no_cert_sign = make("Zoo Intermediate", self.root, ca=True, cert_sign=False, key=int_key)
        self.cross_root = make("Zoo Root", self.stray, ca=True, key=key)
        self.second = make("Zoo Second", self.intermediate, ca=True)
        self.deep_leaf = make("mx", self.second, names=[HOST])
        self.no_signing_self_signed = make("mx", names=[HOST], cert_sign=False)


ZOO = WiderZoo()


def seen(
    chain: tuple[Issued, ...], anchors: tuple[Issued, ...], library: str = "openssl-3"
) -> list[tuple[int, X509Error | None]]:
    verdict = verify_chain(ders(*chain), ders(*anchors), AT, library)
    return [(step.depth, step.error) for step in verdict.steps]


# ---- against OpenSSL -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ChainServer]:
    running = ChainServer()
    yield running
    running.close()


CHAINS = (
    ("leaf", "intermediate", "root"),
    ("leaf", "intermediate"),
    ("leaf",),
    ("leaf", "stray", "intermediate"),
    ("expired", "intermediate", "root"),
    ("future", "old_intermediate"),
    ("forged", "intermediate"),
    ("self_signed",),
    ("no_signing_self_signed",),
    ("leaf", "not_a_ca"),
    ("leaf", "no_flags"),
    ("leaf", "no_cert_sign"),
    ("leaf", "old_intermediate", "intermediate"),
    ("leaf", "intermediate", "old_root"),
    ("leaf", "intermediate", "cross_root", "stray"),
    ("client_only", "intermediate"),
    ("critical", "intermediate"),
    ("deep_leaf", "second", "intermediate"),
)


@needs_openssl
@pytest.mark.parametrize("anchors", [("root",), ("stray",), ("intermediate",), ("old_root", "root")])
@pytest.mark.parametrize("names", CHAINS, ids="-".join)
def test_steps_are_those_that_openssl_shows_its_callback(
    names: tuple[str, ...], anchors: tuple[str, ...], server: ChainServer, tmp_path: Path
) -> None:
    chain, trusted = ZOO.chain(*names), ZOO.chain(*anchors)
    store = tmp_path / "anchors.pem"
    store.write_bytes(b"".join(issued.pem for issued in trusted))
    server.show(chain)
    said = server.ask("-CAfile", str(store))
    calls = re.findall(r"^depth=(\d+).*\n(?:verify error:num=(\d+))?", said, re.MULTILINE)
    shown = [(int(depth), int(number or 0)) for depth, number in calls]
    assert shown == [(d, e.value.number if e else 0) for d, e in seen(chain, trusted)]


# ---- what the series differ in -------------------------------------------------------------------------


def test_a_good_chain_has_a_success_at_each_depth() -> None:
    chain = ZOO.chain("leaf", "intermediate")
    for library in RULES:
        assert seen(chain, (ZOO.root,), library) == [(2, None), (1, None), (0, None)]


def test_a_lone_leaf_ends_the_verification_in_1_0_2_only() -> None:
    unknown = [(0, E.UNABLE_TO_GET_ISSUER_CERT_LOCALLY), (0, E.UNABLE_TO_VERIFY_LEAF_SIGNATURE)]
    assert seen((ZOO.leaf,), (ZOO.root,), "openssl-1.0.2") == unknown
    assert seen((ZOO.leaf,), (ZOO.root,), "openssl-3") == [*unknown, (0, None)]


def test_a_self_signed_leaf_that_may_not_sign_is_unknown_to_1_0_2() -> None:
    chain = (ZOO.no_signing_self_signed,)
    assert seen(chain, (), "openssl-1.0.2")[0] == (0, E.UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
    assert seen(chain, (), "openssl-3")[0] == (0, E.DEPTH_ZERO_SELF_SIGNED_CERT)


def test_an_issuer_that_may_not_sign_is_passed_over_by_1_0_2() -> None:
    chain = ZOO.chain("leaf", "no_cert_sign")
    assert seen(chain, (ZOO.root,), "openssl-1.0.2")[0] == (0, E.UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
    assert seen(chain, (ZOO.root,), "openssl-3")[0] == (1, E.INVALID_CA)


def test_1_0_2_replaces_a_senders_root_by_a_way_over_the_store() -> None:
    chain = ZOO.chain("leaf", "intermediate", "cross_root", "stray")
    for library in RULES:
        assert seen(chain, (ZOO.root,), library) == [(2, None), (1, None), (0, None)]


def test_1_0_2_keeps_to_the_first_issuer_3_prefers_a_valid_one() -> None:
    chain = ZOO.chain("leaf", "old_intermediate", "intermediate")
    assert (1, E.CERT_HAS_EXPIRED) in seen(chain, (ZOO.root,), "openssl-1.0.2")
    assert seen(chain, (ZOO.root,), "openssl-3") == [(2, None), (1, None), (0, None)]


def test_texts_and_alerts_follow_the_series() -> None:
    old, new = rules_of("openssl-1.0.2"), rules_of("openssl-3")
    error = E.DEPTH_ZERO_SELF_SIGNED_CERT
    assert old.error_facts(error).text == "self signed certificate"
    assert new.error_facts(error).text == "self-signed certificate"
    assert old.error_facts(E.HOSTNAME_MISMATCH).alert is TlsAlert.CERTIFICATE_UNKNOWN
    assert new.error_facts(E.HOSTNAME_MISMATCH).alert is TlsAlert.BAD_CERTIFICATE


def test_an_unknown_library_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"expected one of openssl-1\.0\.2, openssl-3"):
        verify_chain(ders(ZOO.leaf), (), AT, "wolfssl")


# ---- time ----------------------------------------------------------------------------------------------


def test_the_last_second_of_the_validity_is_too_late() -> None:
    end = ZOO.leaf.cert.not_valid_after_utc.timestamp()
    chain, anchors = ders(ZOO.leaf, ZOO.intermediate), ders(ZOO.root)
    assert verify_chain(chain, anchors, end - 1).ok
    assert not verify_chain(chain, anchors, end).ok


# ---- properties ----------------------------------------------------------------------------------------

ANIMALS = tuple(animal for animal in vars(ZOO).values() if isinstance(animal, Issued))


@settings(max_examples=60)
@given(
    rest=st.lists(st.sampled_from(ANIMALS), max_size=4),
    anchors=st.lists(st.sampled_from(ANIMALS), max_size=3),
    library=st.sampled_from(sorted(RULES)),
)
def test_what_a_server_sends_in_addition_never_makes_a_chain_without_anchor_good(
    rest: list[Issued], anchors: list[Issued], library: str
) -> None:
    verdict = verify_chain(ders(ZOO.leaf, *rest), ders(*anchors), AT, library)
    assert verdict.chain[0].der == ZOO.leaf.der
    assert verdict.ok <= any(anchor.der in {cert.der for cert in verdict.chain} for anchor in anchors)


@settings(max_examples=60)
@given(order=st.permutations(["intermediate", "root", "stray", "cross_root"]))
def test_the_order_of_a_servers_cas_does_not_matter(order: list[str]) -> None:
    for library in RULES:
        assert verify_chain(ders(ZOO.leaf, *ZOO.chain(*order)), ders(ZOO.root), AT, library).ok
