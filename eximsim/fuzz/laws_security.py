"""Laws about security: what may be said to whom, and what may be claimed."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.fuzz.expected import Expected, Tlsa, Wanted
from eximsim.fuzz.law import Fault, Law
from eximsim.fuzz.run import Named, Run
from eximsim.mta.transports import dane
from eximsim.mta.transports.smtp_decisions import NO_TLS_SESSION, STARTTLS_REPLY, TLS_REQUIRED
from eximsim.mta.transports.tls import CERTIFICATE_VERIFIED
from eximsim.mta.transports.tls_failed import TLS_HANDSHAKE
from eximsim.status import TAKEN, Security
from eximsim.trace import AnyRule

_WANTED = (Wanted.REQUESTED, Wanted.REQUIRED)
_ANSWERED: tuple[AnyRule, ...] = (dane.TLSA_RESULT, dane.TLSA_HOST, dane.TLSA_CALLOUT, dane.HOST_POLICY)


def _hosts(run: Run) -> Iterator[tuple[Named, Expected]]:
    for named in run.named():
        host = run.host(named.host)
        if host is not None:
            yield named, host


def _said(named: Named) -> str:
    how = {
        Security.CLEAR: "in clear",
        Security.TLS: "over TLS that nobody verified",
        Security.VERIFIED: "over TLS verified by authorities",
        Security.DANE: "under DANE",
    }
    return f"{named.host} was told of {named.recipient} {how[named.safety]}"


def _no_downgrade(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        if not host.secure or host.wanted not in _WANTED or named.safety is Security.DANE:
            continue
        if host.tlsa in (Tlsa.LOST, Tlsa.USABLE) or (
            host.tlsa is Tlsa.UNUSABLE and named.safety is Security.CLEAR
        ):
            why = f"although its TLSA answer is {host.tlsa.value}"
            yield Fault(f"{_said(named)}, {why}", run.last(named.decision, named.host, *_ANSWERED))


def _required_dane(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        if host.wanted is Wanted.REQUIRED and named.safety is not Security.DANE:
            cause = run.last(named.decision, named.host, CERTIFICATE_VERIFIED, *_ANSWERED)
            yield Fault(f"{_said(named)}, although DANE is required", cause)


def _required_tls(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        if host.tls_required and named.safety is Security.CLEAR:
            cause = run.last(named.decision, named.host, TLS_REQUIRED, STARTTLS_REPLY, dane.HOST_POLICY)
            yield Fault(f"{_said(named)}, although TLS is required", cause)
    if run.situation.transport.get("protocol") != "smtps":
        return
    for connection in run.connections():
        if "TLS-failed WRONG_VERSION_NUMBER" in connection.events:
            yield Fault(f"the server at {connection.address} was addressed in clear, although over smtps")


def _no_stronger_claim(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        if named.safety is not Security.DANE:
            continue
        cause = run.last(named.decision, named.host, *_ANSWERED)
        if host.secure is False:
            yield Fault(f"{_said(named)}, although MX or address were not secure", cause)
        elif host.tlsa in (Tlsa.INSECURE, Tlsa.NONE, Tlsa.LOST, Tlsa.UNUSABLE):
            yield Fault(f"{_said(named)}, although its TLSA answer is {host.tlsa.value}", cause)


def _dane_means_match(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        claimed = named.safety is Security.DANE and host.records and named.address in run.situation.servers
        if claimed and run.expected.match(host, named.address) is False:
            cause = run.last(named.decision, named.host, CERTIFICATE_VERIFIED)
            yield Fault(f"{_said(named)}, although no usable TLSA record matches its certificate", cause)


def _match_is_enough(run: Run) -> Iterator[Fault]:
    for number, decision in run.of(TLS_HANDSHAKE, NO_TLS_SESSION, dane.TLSA_HOST, dane.TLSA_CALLOUT):
        host = run.host(decision.inputs["host"])
        if host is None or not host.secure or host.tlsa is not Tlsa.USABLE or host.wanted not in _WANTED:
            continue
        if decision.is_of(dane.TLSA_HOST, dane.TLSA_CALLOUT):
            refused = any(number == lost for lost, _ in run.lost())
        else:
            refused = all(_good_server(run, host, address) for address in host.addresses)
        if refused:
            name = decision.inputs["host"]
            yield Fault(f"{name} is refused, although a secure TLSA record matches its certificate", number)


def _good_server(run: Run, host: Expected, address: str) -> bool:
    """Whether the server shakes hands as it should, with a certificate that a TLSA record matches."""
    if address not in run.situation.servers:
        return False
    behaviour = run.situation.behaviour(address)
    smtps = run.situation.transport.get("protocol") == "smtps"
    sound = behaviour.does_tls() and not behaviour.request_client_certificate
    return sound and smtps == behaviour.tls_on_connect and run.expected.match(host, address) is True


def _unusable_is_no_trust(run: Run) -> Iterator[Fault]:
    for named, host in _hosts(run):
        wanted = host.secure and host.wanted in _WANTED and host.tlsa is Tlsa.UNUSABLE
        if wanted and named.safety is Security.VERIFIED:
            cause = run.last(named.decision, named.host, NO_TLS_SESSION, CERTIFICATE_VERIFIED)
            yield Fault(f"{_said(named)}, although it has TLSA records, none of them usable", cause)
    for number, decision in run.of(NO_TLS_SESSION):
        called = run.host(decision.inputs["host"])
        if decision.outcome.startswith("another handshake") and called is not None and called.secure:
            yield Fault(f"{decision.inputs['host']} is verified by authorities in the place of DANE", number)


def _sni(run: Run) -> Iterator[Fault]:
    """The SNI of each connection against the host that was called there, if only one can be meant."""
    for connection in run.connections():
        if not connection.was_said("TLS") or "TLS-failed WRONG_VERSION_NUMBER" in connection.events:
            continue
        meant = [host for host in run.expected.hosts.values() if connection.address in host.addresses]
        if len(meant) != 1:
            continue
        engaged = {
            (one.outcome, number)
            for number, one in run.of(dane.TLSA_HOST, dane.TLSA_CALLOUT)
            if str(one.inputs["host"]).lower() == meant[0].name
        }
        sni = connection.sni.lower() if connection.sni is not None else None
        uses = [number for outcome, number in engaged if outcome == dane.Verdict.USE.value]
        if uses and sni != meant[0].name:
            yield Fault(f"DANE is used for {meant[0].name}, but the SNI is {sni or 'not sent'}", max(uses))
        elif not uses and sni is not None and "tls_sni" not in run.situation.transport:
            last = run.last(len(run.decisions), meant[0].name, dane.HOST_POLICY)
            yield Fault(f"DANE is not used for {meant[0].name}, but the SNI {sni} is sent", last)


def _callout_ran(run: Run) -> Iterator[Fault]:
    asked = {named.recipient for named in run.named()}
    for recipient, result in run.results.items():
        if result.result == "accepted" and recipient not in asked:
            why = f"{recipient} was accepted, although no server was asked about it"
            yield Fault(why, run.outcome(recipient))


def _dane_asked_for(run: Run) -> bool:
    return any(host.wanted in _WANTED for host in run.expected.hosts.values())


SECURITY = (
    Law(
        "no-downgrade",
        "A host with secure MX and address records whose TLSA lookup fails, or finds usable records, is never"
        " used without DANE when DANE is wanted; one that has only unusable records is never used in clear.",
        "RFC 7672, 2.1 and 2.2; Exim 4b0fe3193",
        "hosts_try_dane or hosts_require_dane has the host",
        _dane_asked_for,
        _no_downgrade,
    ),
    Law(
        "required-dane",
        "A host for which DANE is required learns of no recipient but under DANE.",
        "Exim specification, hosts_require_dane; RFC 7672, 2.2",
        "hosts_require_dane has the host",
        lambda run: any(h.wanted is Wanted.REQUIRED for h in run.expected.hosts.values()),
        _required_dane,
    ),
    Law(
        "required-tls",
        "A host for which TLS is required learns of no recipient in clear, and over smtps TLS comes first.",
        "Exim specification, hosts_require_tls, protocol; RFC 8314, 3.3",
        "hosts_require_tls has the host, or protocol is smtps",
        lambda run: (
            run.situation.transport.get("protocol") == "smtps"
            or any(host.tls_required for host in run.expected.hosts.values())
        ),
        _required_tls,
    ),
    Law(
        "no-stronger-claim",
        "What is called DANE had a secure MX answer, a secure address and secure, usable TLSA records: less"
        " security in the DNS never gives a stronger claim.",
        "RFC 7672, 2.1 and 2.2; RFC 4035, 4.3",
        check=_no_stronger_claim,
    ),
    Law(
        "dane-means-match",
        "What is called DANE has a certificate that one of the usable TLSA records matches.",
        "RFC 6698, 2.1; RFC 7671, 5",
        check=_dane_means_match,
    ),
    Law(
        "match-is-enough",
        "A server whose certificate a secure, usable TLSA record matches is not refused for its certificate,"
        " whatever other records there are: no name or date counts for DANE-EE, no public root for DANE-TA.",
        "RFC 7671, 5.1 and 5.2; RFC 7672, 3.1",
        "hosts_try_dane or hosts_require_dane has the host",
        _dane_asked_for,
        _match_is_enough,
    ),
    Law(
        "unusable-is-no-trust",
        "Unusable TLSA records mean TLS without authentication, or another try later; never trust in public"
        " authorities.",
        "RFC 7672, 2.2; Exim 6ebd79ec0, 4b0fe3193",
        "hosts_try_dane or hosts_require_dane has the host",
        _dane_asked_for,
        _unusable_is_no_trust,
    ),
    Law(
        "sni-is-tlsa-base",
        "Under DANE the SNI is the TLSA base domain; a host without DANE is not sent another host's.",
        "RFC 7672, 8.1; Exim 7044dd8fd, 79aa468aa (bug 2265)",
        check=_sni,
    ),
    Law(
        "callout-ran",
        "A callout that asked no server about the recipient never says that the recipient is good.",
        "Exim specification, callout verification; Exim 02b41d710",
        "a callout",
        lambda run: run.is_callout and any(r.result in TAKEN for r in run.results.values()),
        _callout_ran,
    ),
)
