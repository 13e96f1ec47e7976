"""Exim's DANE verdict against OpenSSL's own, cell by cell, over real handshakes on loopback.

``openssl s_client`` verifies each chain by each record; where Exim's verifier is meant to differ, the cell is
in ``EXIM_DIFFERS`` with Exim's reason.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping

import pytest
from OpenSSL import SSL

from eximsim.mta.dane_match import parse_tlsa, usable_records
from eximsim.mta.dane_openssl import verify_dane
from tests.mta.certificate_zoo import AT, HOST, Issued, Zoo, ders

OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="no openssl command to compare with")

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
"""What a record describes: the first or second certificate of the shape, its root, or another."""

DEGENERATE = "dane-openssl.c takes a self-signed leaf for its own trust anchor; OpenSSL wants an issuer"
UNDATED_KEY = "dane-openssl.c makes up a valid issuer around a matching key; OpenSSL dates the self-signed root"
UNUSABLE = "Exim uses neither PKIX-TA(0) nor PKIX-EE(1): RFC 7672, 3.1.3"

EXIM_DIFFERS: Mapping[tuple[str, int, str, int, int], str] = {}


# ---- the server ---------------------------------------------------------------------------------------------


class ChainServer:
    """A TLS server on loopback that shows the chain that was chosen last."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._context = SSL.Context(SSL.TLS_METHOD)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def show(self, chain: tuple[Issued, ...]) -> None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(chain[0].cert)
        context.use_privatekey(chain[0].key)
        for issued in chain[1:]:
            context.add_extra_chain_cert(issued.cert)
        self._context = context

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                connection = SSL.Connection(self._context, peer)
                connection.set_accept_state()
                try:
                    connection.do_handshake()
                    connection.recv(1)
                except SSL.Error:
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture(scope="module")
def zoo() -> Zoo:
    return Zoo()


@pytest.fixture(scope="module")
def server() -> Iterator[ChainServer]:
    running = ChainServer()
    yield running
    running.close()


def openssl_accepts(server: ChainServer, rrdata: str) -> bool:
    """The verdict of ``openssl s_client``: names are not checked for DANE-EE (RFC 7672, 3.1.1)."""
    command = [OPENSSL or "", "s_client", "-brief", "-verify_return_error"]
    command += ["-no-CAfile", "-no-CApath", "-no-CAstore"]
    command += ["-connect", f"127.0.0.1:{server.port}", "-servername", HOST]
    command += ["-dane_tlsa_domain", HOST, "-dane_ee_no_namechecks", "-dane_tlsa_rrdata", rrdata]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    accepted = "Verification: OK" in done.stderr and "DANE TLSA" in done.stderr
    refused = "verify error:num=" in done.stderr
    assert accepted != refused, done.stderr
    return accepted


# ---- the cells ----------------------------------------------------------------------------------------------


def chosen(zoo: Zoo, shape: str, target: str) -> Issued:
    chain = [getattr(zoo, name) for name in SHAPES[shape]]
    issuer = zoo.intermediate if len(chain) == 1 or shape == "out of order" else chain[1]
    root = next((issued for issued in chain if issued in (zoo.root, zoo.old_root)), zoo.root)
    return {"leaf": chain[0], "issuer": issuer, "root": root, "stray": zoo.stray}[target]


def record(target: Issued, usage: int, selector: int, mtype: int) -> bytes:
    selected = target.spki if selector else target.der
    digests = {0: lambda: selected, 1: hashlib.sha256(selected).digest, 2: hashlib.sha512(selected).digest}
    return bytes((usage, selector, mtype)) + digests[mtype]()


def presentation(rdata: bytes) -> str:
    usage, selector, mtype = rdata[:3]
    return f"{usage} {selector} {mtype} {rdata[3:].hex()}"


def exim_accepts(chain: tuple[bytes, ...], rdata: bytes) -> bool:
    usable = usable_records((rdata,), "openssl-3", skip_short=True)
    return bool(usable) and verify_dane(chain, usable, (HOST,), AT, "openssl-3").ok


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", SHAPES)
def test_verdict_is_that_of_openssl(
    shape: str, target: str, usage: int, zoo: Zoo, server: ChainServer
) -> None:
    chain = tuple(getattr(zoo, name) for name in SHAPES[shape])
    server.show(chain)
    differing = set()
    for selector, mtype in itertools.product((0, 1), (0, 1, 2)):
        rdata = record(chosen(zoo, shape, target), usage, selector, mtype)
        if exim_accepts(ders(*chain), rdata) != openssl_accepts(server, presentation(rdata)):
            differing.add((usage, selector, mtype))
    assert differing == {cell[2:] for cell in EXIM_DIFFERS if cell[:2] == (shape, target) and cell[2] == usage}
