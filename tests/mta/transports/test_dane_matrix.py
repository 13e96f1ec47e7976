"""Exim's DANE verdict against OpenSSL's own, cell by cell, over real handshakes on loopback.

``openssl s_client`` verifies each chain by each record; where Exim's verifier is meant to differ, the cells
are in ``EXIM_DIFFERS`` with Exim's reason.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from eximsim.mta.certs.dane_match import usable_records
from eximsim.mta.certs.dane_openssl import verify_dane
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders
from tests.mta.chain_server import ChainServer, needs_openssl

pytestmark = needs_openssl

SHAPES = {
    "leaf only": ("leaf",),
    "with intermediate": ("leaf", "intermediate"),
    "with root": ("leaf", "intermediate", "root"),
    "out of order": ("leaf", "root", "stray", "intermediate"),
    "wrong name": ("wrong_name", "intermediate", "root"),
    "expired": ("expired", "intermediate", "root"),
    "not yet valid": ("future", "intermediate", "root"),
    "self-signed": ("self_signed",),
    "forged": ("forged", "intermediate", "root"),
    "expired intermediate": ("leaf", "old_intermediate", "root"),
    "expired root": ("leaf", "intermediate", "old_root"),
    "issuer not a CA": ("leaf", "not_a_ca", "root"),
}

TARGETS = ("leaf", "issuer", "root", "stray")
"""What a record describes: the leaf, its issuer, the root, or something else. Sent or not, it may be the
trust anchor: in full (matching type 0) even where the server keeps it back."""

CERTIFICATE = frozenset(itertools.product((0,), (0, 1, 2)))
KEY = frozenset(itertools.product((1,), (0, 1, 2)))
"""Selectors with matching types."""

EXIM_DIFFERS: Mapping[tuple[str, str, int], tuple[frozenset[tuple[int, int]], str]] = {
    ("self-signed", "leaf", 2): (
        CERTIFICATE | KEY - {(1, 0)},
        "Exim takes a self-signed leaf for its own trust anchor; OpenSSL looks for one above it, and only "
        "tries a whole key on the leaf itself",
    ),
    ("expired root", "root", 2): (
        KEY,
        "Exim makes up an issuer around a key that matches, valid today; OpenSSL looks at the root's dates",
    ),
    ("issuer not a CA", "issuer", 2): (
        KEY,
        "Exim makes up an issuer around a key that matches, a CA; OpenSSL looks at the issuer's CA flag",
    ),
}


@pytest.fixture(scope="module")
def zoo() -> Zoo:
    return Zoo()


@pytest.fixture(scope="module")
def server() -> Iterator[ChainServer]:
    running = ChainServer()
    yield running
    running.close()


def openssl_accepts(server: ChainServer, rdata: bytes) -> bool:
    """Names are not checked for DANE-EE: RFC 7672, 3.1.1."""
    usage, selector, mtype = rdata[:3]
    said = server.ask(
        *("-brief", "-no-CAfile", "-verify_return_error", "-dane_tlsa_domain", HOST),
        *("-dane_ee_no_namechecks", "-dane_tlsa_rrdata", f"{usage} {selector} {mtype} {rdata[3:].hex()}"),
    )
    accepted = "Verification: OK" in said and "DANE TLSA" in said
    assert accepted != ("verify error:num=" in said), said
    return accepted


def exim_accepts(chain: tuple[bytes, ...], rdata: bytes) -> bool:
    usable = usable_records((rdata,), "openssl-3", skip_short=True)
    return bool(usable) and verify_dane(chain, usable, (HOST,), AT, "openssl-3").ok


def pick(zoo: Zoo, shape: str, target: str) -> Issued:
    chain: tuple[Issued, ...] = zoo.chain(*SHAPES[shape])
    issuer = chain[1] if len(chain) > 1 and shape != "out of order" else zoo.intermediate
    root = zoo.old_root if zoo.old_root in chain else zoo.root
    return {"leaf": chain[0], "issuer": issuer, "root": root, "stray": zoo.stray}[target]


def record(target: Issued, usage: int, selector: int, mtype: int) -> bytes:
    selected = target.spki if selector else target.der
    data = (selected, hashlib.sha256(selected).digest(), hashlib.sha512(selected).digest())[mtype]
    return bytes((usage, selector, mtype)) + data


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_verdict_is_that_of_openssl(
    shape: str, target: str, usage: int, zoo: Zoo, server: ChainServer
) -> None:
    chain = zoo.chain(*SHAPES[shape])
    server.show(chain)
    differing = set()
    for selector, mtype in sorted(CERTIFICATE | KEY):
        rdata = record(pick(zoo, shape, target), usage, selector, mtype)
        if exim_accepts(ders(*chain), rdata) != openssl_accepts(server, rdata):
            differing.add((selector, mtype))
    cells, reason = EXIM_DIFFERS.get((shape, target, usage), (frozenset(), ""))
    assert differing == cells, reason


@pytest.mark.parametrize(("usage", "target"), [(0, "root"), (0, "issuer"), (1, "leaf")])
def test_exim_does_not_use_the_pkix_usages_that_openssl_would_accept(
    usage: int, target: str, zoo: Zoo, server: ChainServer, tmp_path: Path
) -> None:
    """RFC 7672, 3.1.3: an SMTP client has no trust store that such a record could lean on."""
    store = tmp_path / "root.pem"
    store.write_bytes(zoo.root.pem)
    chain = zoo.chain("leaf", "intermediate", "root")
    server.show(chain)
    for selector, mtype in sorted(CERTIFICATE | KEY):
        rdata = record(pick(zoo, "with root", target), usage, selector, mtype)
        shown = f"{usage} {selector} {mtype} {rdata[3:].hex()}"
        said = server.ask(
            *("-brief", "-CAfile", str(store), "-verify_return_error"),
            *("-dane_tlsa_domain", HOST, "-dane_tlsa_rrdata", shown),
        )
        assert "Verification: OK" in said
        assert usable_records((rdata,), "openssl-3", skip_short=True) == ()
