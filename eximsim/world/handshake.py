"""What two sides of a simulated handshake come to: version, cipher, certificates."""

from __future__ import annotations

from dataclasses import replace

from cryptography import x509

from eximsim.ports import (
    HandshakeError,
    HandshakeFault,
    TlsIdentity,
    TlsOffer,
    TlsPolicy,
    TlsSession,
)
from eximsim.resumption import Resumption
from eximsim.world.certificates import der_chain, key_kind

VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
"""The versions of TLS, the oldest first."""

_TLS13 = ("TLS_AES_256_GCM_SHA384", 256)
_KEY_BITS = (("AES128", 128), ("CAMELLIA128", 128), ("3DES", 112))


def choose_identity(policy: TlsPolicy, offer: TlsOffer) -> TlsIdentity:
    """What a server shows to a client, by the name that it asks for."""
    if offer.sni is None or not policy.by_sni:
        return policy.identity
    return dict(policy.by_sni).get(offer.sni.lower(), policy.identity)


def agree(
    version: str, offer: TlsOffer, policy: TlsPolicy, chains: list[tuple[bytes, ...]]
) -> tuple[tuple[str, int] | None, tuple[bytes, ...]]:
    """The cipher and the server's chain that both sides come to; no cipher if they do not."""
    if version == "TLSv1.3":
        return _TLS13, next((chain for chain in chains if key_kind(chain[0]) == "ECDSA"), chains[0])
    leaves = tuple(chain[0] for chain in chains)
    found = _tls12_cipher(offer.ciphers, leaves, policy.ciphers)
    if found is None:
        return None, chains[0]
    return found[0], chains[found[1]]


def client_chain(policy: TlsPolicy, offer: TlsOffer) -> tuple[bytes, ...]:
    """The chain (DER) that a client shows, empty for none."""
    if not policy.request_client_certificate or offer.identity is None:
        return ()
    chain = der_chain(offer.identity.chain)
    if offer.only_to_authority and policy.authorities and not _is_known(chain, policy.authorities):
        return ()
    return chain


def _is_known(chain: tuple[bytes, ...], authorities: tuple[bytes, ...]) -> bool:
    """Whether one of the issuers of a chain is among the authorities."""
    names = {x509.load_der_x509_certificate(one).subject for one in authorities}
    return any(x509.load_der_x509_certificate(one).issuer in names for one in chain)


def hand_out_ticket(offer: TlsOffer, policy: TlsPolicy, served: TlsSession, seen: TlsSession) -> bool:
    """Make a ticket for a session: with TLS 1.3 in any case, before that if the client asks for it.

    Tells whether the client was given one.
    """
    if policy.tickets is None or not (offer.asks or seen.version == "TLSv1.3"):
        return False
    ticket = policy.tickets.issued(served, seen)
    told = not seen.resumed or seen.version == "TLSv1.3"  # OpenSSL passes a renewed one over before that
    if ticket is None or not told:
        return False
    if offer.keep is not None:
        offer.keep(ticket)
    return True


def take_up(offer: TlsOffer, policy: TlsPolicy, version: str) -> tuple[TlsSession, TlsSession] | None:
    """The session that a client offers, as the server and as the client sees it, if it is taken up again."""
    if offer.ticket is None or policy.tickets is None or offer.ticket.session.version != version:
        return None
    outcome = policy.tickets.opened(offer.ticket)
    if outcome is Resumption.NO:
        return None
    seen = replace(offer.ticket.session, resumed=True, sni=offer.sni)
    served = replace(policy.tickets.resumed(offer.ticket), resumed=True, sni=offer.sni)
    if outcome is Resumption.RENEWED:
        seen = replace(seen, ticket=hand_out_ticket(offer, policy, served, seen))
    return served, seen


def check_ciphers(ciphers: str) -> None:
    """Hold that OpenSSL takes a list of ciphers; raises ``HandshakeError``."""
    from eximsim.world.tls import BadCiphers  # OpenSSL is slow to load
    from eximsim.world.tls12 import tls12_ciphers

    try:
        tls12_ciphers(ciphers)
    except BadCiphers as bad:
        raise HandshakeError(HandshakeFault.BAD_CIPHERS, bad.reason) from bad


def _tls12_cipher(
    ciphers: str | None, leaves: tuple[bytes, ...], served: str | None
) -> tuple[tuple[str, int], int] | None:
    """The cipher with its key length, and which of the leaves (DER) goes with it."""
    from eximsim.world.tls12 import negotiate_tls12

    found = negotiate_tls12(ciphers, leaves, served)
    if found is None:
        return None
    name, number = found
    return (name, next((bits for part, bits in _KEY_BITS if part in name), 256)), number
