"""The mistakes themselves: what takes the place of a table's rows or of one function of the model.

Each function here takes what is there and gives the mistaken (or the mended) thing; ``mutants.py`` says whose
mistake it is and which law finds it. Nothing here is reached unless a mutant is put in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eximsim.mta.base.tables import Inputs, Row
from eximsim.mta.certs.dane_match import DANE_EE, DANE_TA, PUBLIC_KEY, Tlsa, parse_tlsa
from eximsim.mta.certs.dane_openssl import DaneVerdict
from eximsim.mta.certs.gnutls_verify import chain_is_valid
from eximsim.mta.certs.x509 import parse_chain
from eximsim.mta.certs.x509_errors import X509Error, rules_of
from eximsim.mta.certs.x509_names import dane_check_names
from eximsim.mta.certs.x509_verify import verify_chain
from eximsim.mta.lookup import dns
from eximsim.mta.transports.dane import Want
from eximsim.mta.transports.tls_settings import Unusable
from eximsim.mta.transports.tls_verify import Finding, Session, VerifyMode
from eximsim.mta.verify.verify_decisions import Heard, Reading, Step
from eximsim.status import DnsResult, Dnssec, Errno, Rc
from eximsim.world.reply import Reply

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import Address, HostItem
    from eximsim.mta.transports.dane import Tlsa as TlsaAnswer
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.world.rrsets import ResolvedZones, RRset
    from eximsim.world.stub_resolver import Practice

Verify = Callable[..., DaneVerdict]


# ---- what a TLSA answer means -------------------------------------------------------------------------


def failure_is_no_tlsa(inputs: Inputs, row: Row[Rc]) -> Row[Rc] | None:
    """A failed TLSA lookup means the same as no record."""
    answer, _, want = inputs
    if answer is not DnsResult.AGAIN:
        return None
    return replace(row, outcome=Rc.FAIL if want is Want.REQUIRED else Rc.FAIL_FORCED)


def lack_is_temporary(_: Inputs, row: Row[Rc]) -> Row[Rc] | None:
    """A host that lacks the TLSA records that are required is passed over, and may get some."""
    return replace(row, outcome=Rc.DEFER) if row.outcome is Rc.FAIL else None


# ---- which host DANE applies to -----------------------------------------------------------------------


def address_security_overlooked(_: Callable[..., bool]) -> Callable[..., bool]:
    """An insecure address keeps the security that the MX answer gave to its host."""

    def security_of(_search: object, host: HostItem, secure: bool) -> bool:
        if secure and host.dnssec is Dnssec.UNK:
            host.dnssec = Dnssec.YES
        return True

    return security_of


def mx_security_overlooked(ask_mx: Callable[..., Any]) -> Callable[..., Any]:
    """Hosts are as secure as their own addresses, whatever the MX answer was."""

    def ask(*args: Any) -> Any:
        found = ask_mx(*args)
        if found.dnssec is Dnssec.NO:
            found.dnssec = Dnssec.UNK
        return found

    return ask


def failing_aaaa_counts(set_addresses: Callable[..., Any]) -> Callable[..., Any]:
    """A failed AAAA lookup makes a host insecure."""

    def add(search: Any, chain: list[HostItem], known_as: str | None) -> Any:
        name = chain[0].name
        found = set_addresses(search, chain, known_as)
        if dns.dns_lookup(search.process, name, "AAAA").result in (DnsResult.AGAIN, DnsResult.FAIL):
            for host in chain:
                host.dnssec = Dnssec.NO
        return found

    return add


def implicit_mx_insecure(by_address: Callable[..., Any]) -> Callable[..., Any]:
    """A domain without MX records is no destination for DANE."""

    def find(*args: Any) -> Any:
        found = by_address(*args)
        for host in found.hosts:
            host.dnssec = Dnssec.NO
        return found

    return find


def tlsa_at_alias(tlsa_lookup: Callable[..., TlsaAnswer]) -> Callable[..., TlsaAnswer]:
    """TLSA records are looked for at the name that the MX record has, not where its CNAME leads."""

    def lookup(process: Process, host: HostItem, want: Want) -> TlsaAnswer:
        return tlsa_lookup(process, replace(host, name=host.certname or host.name), want)

    return lookup


def secure_by_last(honest: Callable[..., Reply]) -> Callable[..., Reply]:
    """An answer counts as secure if the last part of its CNAME chain is."""
    return _secure_by(honest, -1)


def secure_by_first(honest: Callable[..., Reply]) -> Callable[..., Reply]:
    """An answer counts as secure if the first part of its CNAME chain is."""
    return _secure_by(honest, 0)


def _secure_by(honest: Callable[..., Reply], part: int) -> Callable[..., Reply]:
    def reply(self: ResolvedZones, chain: list[RRset], name: str) -> Reply:
        told = honest(self, chain, name)
        return replace(told, answer=replace(told.answer, ad=chain[part].secure))

    return reply


# ---- which records are usable -------------------------------------------------------------------------

Usable = Callable[..., tuple[Tlsa, ...]]


def pkix_usable(usable: Usable) -> Usable:
    """Usages 0 and 1 count as 2 and 3."""
    return _read_as(usable, lambda record: replace(record, usage=record.usage | DANE_TA))


def unknown_numbers_usable(usable: Usable) -> Usable:
    """An unknown selector counts as a full certificate, an unknown matching type as SHA-256."""

    def known(record: Tlsa) -> Tlsa:
        selector = record.selector if record.selector <= PUBLIC_KEY else 0
        return replace(record, selector=selector, mtype=record.mtype if record.mtype in (0, 1, 2) else 1)

    return _read_as(usable, known)


def mixture_unusable(usable: Usable) -> Usable:
    """One record that cannot be used spoils the others."""

    def load(rdatas: Iterable[bytes], library: str, *, skip_short: bool) -> tuple[Tlsa, ...]:
        all_of_them = tuple(rdatas)
        good = usable(all_of_them, library, skip_short=skip_short)
        return good if len(good) == len(all_of_them) else ()

    return load


def _read_as(usable: Usable, change: Callable[[Tlsa], Tlsa]) -> Usable:
    def load(rdatas: Iterable[bytes], library: str, *, skip_short: bool) -> tuple[Tlsa, ...]:
        changed = (change(parse_tlsa(rdata)) for rdata in rdatas)
        return usable(
            [bytes((record.usage, record.selector, record.mtype)) + record.data for record in changed],
            library,
            skip_short=skip_short,
        )

    return load


# ---- certificates under DANE --------------------------------------------------------------------------


def anchor_needs_public_root(verify: Verify) -> Verify:
    """A DANE-TA match is good only below a root that the world trusts; the model's world trusts none."""

    def refuses(verdict: DaneVerdict, sent: tuple[bytes, ...], names: tuple[str, ...], at: float) -> bool:
        return _usage(verdict) == DANE_TA and any(
            step.error for step in verify_chain(sent, (), at, "openssl-3").steps
        )

    return _refusing(verify, refuses)


def anchor_must_be_leaf(verify: Verify) -> Verify:
    """DANE-TA records are compared with the server's own certificate only."""

    def refuses(verdict: DaneVerdict, sent: tuple[bytes, ...], names: tuple[str, ...], at: float) -> bool:
        return _usage(verdict) == DANE_TA and not (
            verdict.match and verdict.match.matches(parse_chain(sent)[0])
        )

    return _refusing(verify, refuses)


def end_entity_checked(verify: Verify) -> Verify:
    """A certificate that a DANE-EE record matches must bear the host's name and be of today."""

    def refuses(verdict: DaneVerdict, sent: tuple[bytes, ...], names: tuple[str, ...], at: float) -> bool:
        leaf = parse_chain(sent)[0]
        good = dane_check_names(leaf, names) and leaf.not_before <= at <= leaf.not_after
        return _usage(verdict) == DANE_EE and not good

    return _refusing(verify, refuses)


def made_up_issuer_unfit(verify: Verify) -> Verify:
    """The issuer made up for a DANE-TA key has not the key identifier by which the leaf knows its issuer."""

    def refuses(verdict: DaneVerdict, sent: tuple[bytes, ...], names: tuple[str, ...], at: float) -> bool:
        keyed = verdict.match is not None and verdict.match.selector == PUBLIC_KEY
        return _usage(verdict) == DANE_TA and keyed and parse_chain(sent)[0].authority_key_id is not None

    return _refusing(verify, refuses)


def _usage(verdict: DaneVerdict) -> int | None:
    return verdict.match.usage if verdict.ok and verdict.match else None


def _refusing(
    verify: Verify, refuses: Callable[[DaneVerdict, tuple[bytes, ...], tuple[str, ...], float], bool]
) -> Verify:
    """``verify`` that finds fault with some chains that are good."""

    def verify_dane(
        sent: tuple[bytes, ...], records: tuple[Tlsa, ...], names: tuple[str, ...], at: float, library: str,
        store: tuple[bytes, ...] = (),
    ) -> DaneVerdict:  # fmt: skip
        verdict = verify(sent, records, names, at, library, store)
        if not refuses(verdict, sent, names, at):
            return verdict
        error = X509Error.CERT_UNTRUSTED
        alert = rules_of(library).error_facts(error).alert
        return replace(verdict, ok=False, error=error, alert=alert, steps=())

    return verify_dane


def ca_checked_with_end_entity(verify: Callable[..., Any]) -> Callable[..., Any]:
    """GnuTLS: a DANE-EE match is good only if the chain is, for the client's trust store (here: none)."""

    def verify_dane(sent: tuple[bytes, ...], records: tuple[Tlsa, ...], at: float) -> Any:
        found = verify(sent, records, at)
        if found.usage == DANE_EE and not chain_is_valid(sent, (), at):
            return replace(found, usage=None, error="certificate invalid")
        return found

    return verify_dane


def other_name_refused(inputs: Inputs, row: Row[Session]) -> Row[Session] | None:
    """Mended: under DANE a certificate for another name ends the session."""
    if inputs == (VerifyMode.DANE, Finding.OTHER_NAME):
        return replace(row, outcome=Session.REFUSED)
    return None


def unusable_defers(_: Inputs, row: Row[Unusable]) -> Row[Unusable]:
    """Mended: without a usable record there is no session."""
    return replace(row, outcome=Unusable.NO_SESSION)


# ---- what one host leaves to the next -----------------------------------------------------------------


def options_of_the_host(setup: Callable[..., Rc]) -> Callable[..., Rc]:
    """Mended: what DANE has changed in the transport's options is forgotten with the host."""

    def smtp_setup_conn(sx: SmtpContext, *, suppress_tls: bool = False) -> Rc:
        sx.process.driver_state.pop(sx.transport.name, None)
        return setup(sx, suppress_tls=suppress_tls)

    return smtp_setup_conn


def host_of_the_decision(lookup: Callable[..., Rc]) -> Callable[..., Rc]:
    """Mended: an address that DANE rules a host out for names that host."""

    def check_dane(sx: SmtpContext) -> Rc:
        rc = lookup(sx)
        if rc is not Rc.OK:
            for addr in _ruled_out(sx.addrlist):
                addr.host_used = sx.host
        return rc

    return check_dane


def _ruled_out(addresses: Iterable[Address]) -> Iterable[Address]:
    return (addr for addr in addresses if addr.basic_errno == Errno.DNSDEFER)


def greeting_is_not_final(inputs: Inputs, row: Row[Reading]) -> Row[Reading] | None:
    """Mended: a callout goes on to the next host where a delivery would, before MAIL."""
    step, heard, _ = inputs
    if step is Step.SETUP and heard is Heard.PERMANENT:
        return replace(row, outcome=Reading())
    return None


# ---- of the resolver -------------------------------------------------------------------------------------


def any_datagram_taken(practice: Practice) -> Practice:
    """Whatever comes to the socket is the answer."""
    return replace(practice, matches=False)


def truncated_is_enough(practice: Practice) -> Practice:
    """What fits into a datagram is the whole answer."""
    return replace(practice, asks_again=False)
