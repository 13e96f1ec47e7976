from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from eximsim.errors import InputError
from eximsim.ports import HandshakeError, HandshakeFault, StartTls, TlsAlert, TlsIdentity, TlsOffer, TlsPolicy
from eximsim.world.alerts import ALERTS, reason_name, seal_tls12_alert
from eximsim.world.certificates import Authority, KeyType, Sent, der_chain, self_signed, standard_chains
from eximsim.world.tls import (
    ClientEngine,
    Engine,
    ServerEngine,
    TlsFault,
    check_policy,
    client_fault,
)
from eximsim.world.tls12 import negotiate_tls12

CHAINS = standard_chains(KeyType.ECDSA)
GOOD = TlsPolicy(CHAINS.chains["good"])
VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


def accept(_chain: tuple[bytes, ...]) -> None:
    return None


@dataclass
class Meeting:
    """A client and a server that talk until both have nothing more to say."""

    client: ClientEngine
    server: ServerEngine
    done: set[Engine] = field(default_factory=set)
    faults: dict[Engine, TlsFault] = field(default_factory=dict)

    def run(self) -> Meeting:
        for _ in range(6):
            for side, other in ((self.client, self.server), (self.server, self.client)):
                if side not in self.faults:
                    self.step(side)
                other.feed(side.outgoing())
        return self

    def step(self, side: Engine) -> None:
        try:
            if side.handshake():
                self.done.add(side)
        except TlsFault as fault:
            self.faults[side] = fault

    @property
    def server_reason(self) -> str:
        return self.faults[self.server].reason


def meet(offer: TlsOffer, policy: TlsPolicy = GOOD, **start: object) -> Meeting:
    return Meeting(ClientEngine(offer), ServerEngine(StartTls(policy, **start))).run()  # type: ignore[arg-type]


@VERSIONS
def test_both_sides_see_the_same_session(version: str) -> None:
    meeting = meet(TlsOffer(accept, sni="mx.test.ex", max_version=version))
    ours, theirs = meeting.client.session(), meeting.server.session()
    assert ours.version == version
    assert ours.bits == 256
    assert replace(ours, peer_chain=()) == replace(theirs, own_leaf=b"")
    assert theirs.own_leaf == ours.peer_chain[0]
    assert ours.peer_chain == der_chain(CHAINS.chains["good"].chain)


@VERSIONS
@pytest.mark.parametrize("alert", [alert for alert in TlsAlert if ALERTS[alert].verify_error])
def test_the_server_sees_the_alert_of_the_judge(alert: TlsAlert, version: str) -> None:
    meeting = meet(TlsOffer(lambda chain: alert, max_version=version))
    assert meeting.server_reason == ALERTS[alert].reason
    error = client_fault(meeting.client, meeting.faults[meeting.client])
    assert (error.fault, error.detail) == (HandshakeFault.REFUSED, alert.value)
    assert meeting.done == set()


@VERSIONS
@pytest.mark.parametrize("ciphers", [None, "ECDHE+AES128", "ECDHE+CHACHA20"])
@pytest.mark.parametrize("alert", list(TlsAlert))
def test_a_late_judge_lets_the_server_see_a_session_and_then_the_alert(
    alert: TlsAlert, ciphers: str | None, version: str
) -> None:
    offer = TlsOffer(lambda chain: alert, max_version=version, ciphers=ciphers, judge_late=True)
    meeting = meet(offer)
    assert meeting.done == {meeting.client, meeting.server}
    meeting.server.feed(meeting.client.late_refusal())
    with pytest.raises(TlsFault) as fault:
        meeting.server.read()
    assert fault.value.reason == ALERTS[alert].reason


def test_a_late_judge_that_accepts_sends_nothing() -> None:
    assert meet(TlsOffer(accept, judge_late=True)).client.late_refusal() == b""


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_judge_gets_what_the_server_sent_in_its_order_with_strangers(version: str) -> None:
    stranger = self_signed("/CN=stranger", key_type=KeyType.ECDSA)
    authority = Authority(("Root", "Upper", "Lower"), key_type=KeyType.ECDSA)
    sent = authority.issue("/CN=a", ["a"], sent=Sent.ROOT, key_type=KeyType.ECDSA)
    leaf, lower, upper, root = der_chain(sent.chain)
    odd = TlsIdentity(
        _pem(sent, 0) + stranger.chain + _pem(sent, 2) + _pem(sent, 3) + _pem(sent, 1), sent.key
    )
    seen: list[tuple[bytes, ...]] = []
    meet(TlsOffer(lambda chain: seen.append(chain), max_version=version), TlsPolicy(odd))
    assert seen == [(leaf, der_chain(stranger.chain)[0], upper, root, lower)]


def _pem(identity: TlsIdentity, position: int) -> bytes:
    begin = b"-----BEGIN CERTIFICATE-----"
    return begin + identity.chain.split(begin)[position + 1]


def test_what_the_judge_raises_comes_out() -> None:
    def broken(_chain: tuple[bytes, ...]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        meet(TlsOffer(broken))


@VERSIONS
@pytest.mark.parametrize(
    ("sni", "chain"), [("MX2.test.ex", "selfsigned"), ("mx.test.ex", "good"), (None, "good")]
)
def test_the_server_name_chooses_the_certificate_and_is_told(
    sni: str | None, chain: str, version: str
) -> None:
    policy = TlsPolicy(CHAINS.chains["good"], by_sni=(("mx2.test.ex", CHAINS.chains["selfsigned"]),))
    told: list[str | None] = []
    meeting = meet(TlsOffer(accept, sni=sni, max_version=version), policy, on_hello=told.append)
    assert meeting.client.session().peer_chain == der_chain(CHAINS.chains[chain].chain)
    assert told == [sni]


@VERSIONS
def test_a_client_certificate_reaches_the_server(version: str) -> None:
    policy = TlsPolicy(CHAINS.chains["good"], request_client_certificate=True)
    ours = CHAINS.chains["good"]
    meeting = meet(TlsOffer(accept, identity=ours, max_version=version), policy)
    assert meeting.server.session().peer_chain == der_chain(ours.chain)


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (CHAINS.chains["good"], "CERTIFICATE_VERIFY_FAILED"),
        (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
    ],
)
def test_the_server_can_refuse_the_client(identity: TlsIdentity | None, reason: str) -> None:
    policy = TlsPolicy(
        CHAINS.chains["good"], request_client_certificate=True, judge=lambda chain: TlsAlert.UNKNOWN_CA
    )
    meeting = meet(TlsOffer(accept, identity=identity, max_version="TLSv1.2"), policy)
    assert meeting.server_reason == reason
    error = client_fault(meeting.client, meeting.faults[meeting.client])
    assert error.fault is HandshakeFault.ALERT


def test_text_where_a_client_hello_is_due() -> None:
    server = ServerEngine(StartTls(GOOD, early=b"QUIT\r\n"))
    with pytest.raises(TlsFault, match="WRONG_VERSION_NUMBER"):
        server.handshake()


def test_text_where_a_server_hello_is_due() -> None:
    client = ClientEngine(TlsOffer(accept))
    assert not client.handshake()
    client.feed(b"This is no ServerHello\r\n")
    with pytest.raises(TlsFault) as fault:
        client.handshake()
    assert client_fault(client, fault.value).fault is HandshakeFault.NOT_TLS


@pytest.mark.parametrize(
    "ciphers", [None, "ECDHE+AES128", "ECDHE+CHACHA20", "AES256-SHA", "ECDHE-ECDSA-AES256-GCM-SHA384", "HIGH"]
)
@pytest.mark.parametrize("kind", [KeyType.RSA, KeyType.ECDSA])
def test_the_simulation_agrees_with_openssl_on_the_cipher(ciphers: str | None, kind: KeyType) -> None:
    identity = self_signed("/CN=a", key_type=kind)
    meeting = meet(TlsOffer(accept, max_version="TLSv1.2", ciphers=ciphers), TlsPolicy(identity))
    expected = negotiate_tls12(ciphers, der_chain(identity.chain)[:1], None)
    if expected is None:
        assert meeting.server_reason == "NO_SHARED_CIPHER"
    else:
        assert (meeting.client.session().cipher, 0) == expected


@pytest.mark.parametrize(
    ("wanted", "served"),
    [
        (None, "AES128-SHA"),
        (None, "DHE-RSA-AES128-GCM-SHA256:AES128-SHA"),
        ("DHE", None),
        ("DHE", "DHE"),
        ("DHE-RSA-AES128-SHA:AES256-SHA", "HIGH"),
        ("AES256-SHA:AES128-SHA", "AES128-SHA:AES256-SHA"),
        ("AES256-SHA", "ECDHE"),
    ],
)
@pytest.mark.parametrize("kind", [KeyType.RSA, KeyType.ECDSA])
def test_the_simulation_agrees_with_openssl_on_a_server_with_ciphers_of_its_own(
    wanted: str | None, served: str | None, kind: KeyType
) -> None:
    identity = self_signed("/CN=a", key_type=kind)
    offer = TlsOffer(accept, max_version="TLSv1.2", ciphers=wanted)
    meeting = meet(offer, TlsPolicy(identity, ciphers=served))
    expected = negotiate_tls12(wanted, der_chain(identity.chain)[:1], served)
    if expected is None:
        assert meeting.server_reason == "NO_SHARED_CIPHER"
    else:
        assert (meeting.client.session().cipher, 0) == expected


@pytest.mark.parametrize("chain", [b"", b"no PEM", CHAINS.chains["good"].chain])
def test_a_server_without_usable_key_is_bad_input(chain: bytes) -> None:
    with pytest.raises(InputError, match="PEM chain and its unencrypted private key"):
        check_policy(TlsPolicy(TlsIdentity(chain, b"")))


def test_with_a_cipher_list_that_is_none_nothing_is_said() -> None:
    with pytest.raises(HandshakeError, match="nothing was said: NO_CIPHER_MATCH"):
        ClientEngine(TlsOffer(accept, ciphers="nonsense"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("sslv3 alert bad certificate", "SSLV3_ALERT_BAD_CERTIFICATE"),
        ("ssl/tls alert bad certificate", "SSLV3_ALERT_BAD_CERTIFICATE"),
        ("tls alert bad certificate", "SSLV3_ALERT_BAD_CERTIFICATE"),
        ("tlsv1 alert unknown ca", "TLSV1_ALERT_UNKNOWN_CA"),
    ],
)
def test_alerts_have_one_name_whatever_the_library_calls_them(text: str, name: str) -> None:
    assert reason_name(text) == name


def test_a_late_alert_needs_an_aead_cipher() -> None:
    from eximsim.errors import Unsupported

    with pytest.raises(Unsupported, match="AES256-SHA"):
        seal_tls12_alert(TlsAlert.UNKNOWN_CA, "AES256-SHA", b"", (b"", b""))
