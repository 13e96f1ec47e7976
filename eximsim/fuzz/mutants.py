"""The mistakes that DANE clients have made, each put into the model, and each taken out again.

A mutant is data: the model with the mistake, the model without it, and the law that tells them apart. The
mistakes of Exim's own history are in the profiles of the releases that had them: taken out, they have the
switch of the release that mended them. Other programs' mistakes are patches of one table or function of the
newest release, and faults that no release has mended are patches that mend them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eximsim.fuzz import mutations as m
from eximsim.fuzz.patches import Patch, Program, cells_replaced, release
from eximsim.profiles import NEWEST, DaneSni, TlsaMap, UnusableTlsa
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: what it gets wrong, who made it, the law that must break, the model with and without.

    A mistake that comes in two forms has two mutants, ``M10`` and ``M10b``.
    """

    id: str
    wrong: str
    who: str
    law: str
    program: Program
    mended: Program


_NO_TLSA_IS_TEMPORARY = cells_replaced(
    "mta.transports.dane", "TLSA_RESULT", m.lack_is_temporary, "a lack of TLSA records is temporary"
)
_HOST_OPTIONS = Patch(
    "mta.transports.smtp", "smtp_setup_conn", m.options_of_the_host, "options forgotten after each host"
)
_RIGHT_HOST = Patch(
    "mta.transports.smtp_setup", "_check_dane", m.host_of_the_decision, "-36 names the host decided about"
)
_GREETING = cells_replaced(
    "mta.verify.callout_answers",
    "CALLOUT_REFUSED",
    m.greeting_is_not_final,
    "a 5xx greeting leads to the next host",
)
_NAME_COUNTS = cells_replaced(
    "mta.transports.tls_verify",
    "CERTIFICATE",
    m.other_name_refused,
    "another name ends the session under DANE",
)
_UNUSABLE_ENDS = cells_replaced(
    "mta.transports.tls_settings", "UNUSABLE_TLSA", m.unusable_defers, "no session without usable records"
)

_EXIM = (
    Mutant("X1", "the TLSA lookup fails, DANE is only requested: the host is used without DANE",
           "Exim 4.86, 4.87; mended by 4b0fe3193", "no-downgrade",
           release("4.87"), release("4.87", tlsa_failure_ignored_if_requested=False)),
    Mutant("X2", "a host that DANE rules out is deferred without a word",
           "Exim to 4.85; mended by 4cea764f3 (bug 1634)", "reason-given",
           release("4.88-jh03", dane_outcome_in_address=False), release("4.88-jh03")),
    Mutant("X3", "no TLSA record, DANE is only requested: the host cannot be reached",
           "Exim 4.88-jh03; mended by 2d5fdd539, ef3a1a30b", "reachable-without-tlsa",
           release("4.88-jh03"), release("4.88-jh03", tlsa_map=TlsaMap.NEGATIVE_IS_NO_DANE)),
    Mutant("X4", "callout and transport judge the same host differently",
           "Exim 4.86 to 4.88; mended by 02b41d710", "callout-agrees",
           release("4.88"), release("4.89")),
    Mutant("X5", "a callout that DANE ends without a result: the recipient passes unasked",
           "Exim 4.88; mended by 02b41d710", "callout-ran",
           release("4.88"), release("4.88", callout_forced_failure_ends=False)),
    Mutant("X6", "a callout over smtps never starts TLS",
           "Exim 4.87 to 4.88; mended by 02b41d710", "required-tls",
           release("4.88"), release("4.89")),
    Mutant("X7", "DANE is required and fails for the first host: the next is connected without a recipient",
           "Exim to 4.97; mended by d0e4bb183", "no-connection-without-recipient",
           release("4.97"), release("4.97", no_pending_address_ends_host_loop=True)),
    Mutant("X8", "what DANE switches off for one host stays off for later ones",
           "Exim, all releases", "host-order-irrelevant",
           release(NEWEST), release(NEWEST, _HOST_OPTIONS)),
    Mutant("X9", "the SNI is not the TLSA base domain",
           "Exim to 4.94; mended by 7044dd8fd, 79aa468aa (bug 2265)", "sni-is-tlsa-base",
           release("4.93"), release("4.93", dane_sni=DaneSni.HOST)),
    Mutant("X10", "a connection made under DANE for one domain is used for another's recipients",
           "Exim to 4.94; mended by 99350dede, b6054898a", "own-policy",
           release("4.93"),
           release("4.93", dane_one_domain_per_connection=True, dnssec_separates_batches=True)),
    Mutant("X11", "an insecure TLSA answer defers, although it means that there is no DANE",
           "Exim 4.88-jh03 to 4.90; mended by 899b8bbc6", "reachable-without-tlsa",
           release("4.90"), release("4.90", tlsa_map=TlsaMap.INSECURE_IS_NO_DANE)),
    Mutant("X12", "dns_again_means_nonexist makes a failed TLSA lookup mean that there are no records",
           "Exim to 4.96; mended by 30520c8f8", "no-downgrade",
           release("4.96"), release("4.96", tlsa_ignores_again_means_nonexist=True)),
    Mutant("X13", "a trust anchor's key is no match if the certificate names its issuer's key (OpenSSL 1.0)",
           "Exim before 4f5830fe2 (bug 2198)", "match-is-enough",
           release("4.87", Patch("mta.certs.dane_openssl", "verify_dane", m.made_up_issuer_unfit,
                                 "a made-up issuer has the wrong key identifier")),
           release("4.87")),
    Mutant("X14", "GnuTLS: a DANE-EE match must pass the check by authorities as well",
           "Exim before 28646fa9c (bug 2311)", "match-is-enough",
           release(NEWEST, Patch("mta.certs.gnutls_verify", "verify_dane", m.ca_checked_with_end_entity,
                                 "authorities are checked with DANE-EE"), tls_library="gnutls"),
           release(NEWEST, tls_library="gnutls")),
    Mutant("X14b", "GnuTLS: a trust anchor's chain with another name: the check by authorities decides",
           "Exim, all releases with GnuTLS", "required-dane",
           release(NEWEST, tls_library="gnutls"), release(NEWEST, _NAME_COUNTS, tls_library="gnutls")),
    Mutant("X15", "unusable TLSA records: tried again with ordinary verification, and delivered",
           "Exim 4.86, 4.87; mended by 4b0fe3193", "unusable-is-no-trust",
           release("4.87"), release("4.87", unusable_tlsa=UnusableTlsa.DEFER)),
)  # fmt: skip

_OTHERS = (
    Mutant("M1", "a failed TLSA lookup counts as no TLSA record",
           "KumoMTA 543, Stalwart 2328, Internet.nl 1534",
           "no-downgrade",
           release(NEWEST, cells_replaced("mta.transports.dane", "TLSA_RESULT", m.failure_is_no_tlsa,
                                          "a failed TLSA lookup means no TLSA")), release(NEWEST)),
    Mutant("M2", "TLSA is asked for although the host's address was insecure", "KumoMTA 543, maddy 292",
           "no-stronger-claim",
           release(NEWEST, Patch("mta.lookup.host_bydns", "_security_of", m.address_security_overlooked,
                                 "insecure addresses overlooked")), release(NEWEST)),
    Mutant("M3", "DANE is engaged although the MX answer was insecure", "Stalwart 2328", "no-stronger-claim",
           release(NEWEST, Patch("mta.lookup.host_bydns", "_ask_mx", m.mx_security_overlooked,
                                 "insecure MX answers overlooked")), release(NEWEST)),
    Mutant("M4", "DANE-TA needs a chain to a public root", "maddy 292", "match-is-enough",
           release(NEWEST, Patch("mta.certs.dane_openssl", "verify_dane", m.anchor_needs_public_root,
                                 "DANE-TA needs a public root")), release(NEWEST)),
    Mutant("M5", "DANE-TA is compared with the server's own certificate only", "MiniDNS 105",
           "match-is-enough",
           release(NEWEST, Patch("mta.certs.dane_openssl", "verify_dane", m.anchor_must_be_leaf,
                                 "DANE-TA matches the leaf only")), release(NEWEST)),
    Mutant("M6", "usages 0 and 1 count as usable", "maddy 292", "no-stronger-claim",
           release(NEWEST, Patch("mta.transports.tls_settings", "usable_records", m.pkix_usable,
                                 "usages 0 and 1 usable")), release(NEWEST)),
    Mutant("M7", "an unknown selector or matching type counts as usable", "maddy 292", "no-stronger-claim",
           release(NEWEST, Patch("mta.transports.tls_settings", "usable_records", m.unknown_numbers_usable,
                                 "unknown selectors and matching types usable")), release(NEWEST)),
    Mutant("M8", "DANE-EE checks the name and the dates", "RFC 7671, 5.1", "match-is-enough",
           release(NEWEST, Patch("mta.certs.dane_openssl", "verify_dane", m.end_entity_checked,
                                 "DANE-EE checks name and dates")), release(NEWEST)),
    Mutant("M9", "the AAAA lookup fails, A is secure: DANE is given up", "maddy 292", "no-downgrade",
           release(NEWEST, Patch("mta.lookup.host_bydns", "_set_addresses", m.failing_aaaa_counts,
                                 "a failed AAAA lookup makes the host insecure")), release(NEWEST)),
    Mutant("M10", "the MX host is an alias: TLSA is asked for at the alias, not where it leads",
           "Internet.nl 385, KumoMTA 545", "no-downgrade",
           release(NEWEST, Patch("mta.transports.dane", "tlsa_lookup", m.tlsa_at_alias,
                                 "TLSA asked for at the alias")),
           release(NEWEST)),
    Mutant("M10b", "the MX host is an insecure alias: it counts as secure", "Internet.nl 385, KumoMTA 545",
           "no-stronger-claim",
           release(NEWEST, Patch("world.rrsets", "ResolvedZones._reply", m.secure_by_last,
                                 "AD by the end of the CNAME chain")), release(NEWEST)),
    Mutant("M11", "no MX record by a secure answer: the domain itself is no destination for DANE",
           "Stalwart 2328", "no-downgrade",
           release(NEWEST, Patch("mta.lookup.host_bydns", "_by_address", m.implicit_mx_insecure,
                                 "an implicit MX is insecure")), release(NEWEST)),
    Mutant("M12", "AD counts in an answer whose CNAME chain has left the secure zone", "MiniDNS 105",
           "no-stronger-claim",
           release(NEWEST, Patch("world.rrsets", "ResolvedZones._reply", m.secure_by_first,
                                 "AD by the start of the CNAME chain")), release(NEWEST)),
    Mutant("M13", "usable and unusable records together count as unusable", "RFC 7671", "no-downgrade",
           release(NEWEST, Patch("mta.transports.tls_settings", "usable_records", m.mixture_unusable,
                                 "a mixture is unusable"), tls_library="gnutls"),
           release(NEWEST, tls_library="gnutls")),
    Mutant("M14", "a reply to an older query, or for another name or id, is accepted", "resolver practice",
           "no-downgrade",
           release(NEWEST, Patch("world.stub_resolver", "PRACTICE", m.any_datagram_taken,
                                 "any datagram is taken for the answer, whatever its id, its question and its"
                                 " age")), release(NEWEST)),
    Mutant("M15", "a truncated answer is used as it is, instead of asking again over TCP",
           "resolver practice", "no-downgrade",
           release(NEWEST, Patch("world.stub_resolver", "PRACTICE", m.truncated_is_enough,
                                 "a truncated answer is used as it is")), release(NEWEST)),
)  # fmt: skip

_MEASURED = (
    Mutant("N1", "GnuTLS: usage 2, another host's name, an authority that the client trusts: delivered",
           "Exim 4.96 to 4.99 with GnuTLS", "required-dane",
           release(NEWEST, tls_library="gnutls"), release(NEWEST, _NAME_COUNTS, tls_library="gnutls")),
    Mutant("N2", "GnuTLS: DANE is required, only unusable records: delivered",
           "Exim 4.96 to 4.99 with GnuTLS", "required-dane",
           release(NEWEST, tls_library="gnutls"),
           release(NEWEST, _NAME_COUNTS, _UNUSABLE_ENDS, tls_library="gnutls")),
    Mutant("N3", "OpenSSL: only unusable records: what follows is undefined", "Exim 4.96 to 4.99",
           "nothing-lost", release(NEWEST), release(NEWEST, unusable_tlsa=UnusableTlsa.DEFER)),
    Mutant("N4", "the first host is bad for the moment, the second has no TLSA, DANE is required: a bounce",
           "Exim, all releases", "another-hosts-lack",
           release(NEWEST), release(NEWEST, _NO_TLSA_IS_TEMPORARY)),
    Mutant("N5", "the callout accepts what a delivery bounces", "Exim since 4.89", "callout-agrees",
           release(NEWEST), release(NEWEST, _NO_TLSA_IS_TEMPORARY)),
    Mutant("N6", "the callout refuses for the first host's greeting where a delivery goes on",
           "Exim since 4.89", "callout-agrees", release(NEWEST), release(NEWEST, _GREETING)),
    Mutant("N7", "both verify lists are empty: the message goes in clear although TLS worked", "Exim 4.99",
           "looser-check-keeps-tls", release(NEWEST), release(NEWEST, empty_verify_hosts_is_unset=False)),
    Mutant("N8", "the line with error -36 names the wrong host", "Exim since 4.88-jh03", "log-names-the-host",
           release(NEWEST), release(NEWEST, _RIGHT_HOST)),
    Mutant("N9", "a message counts as delivered although no server has taken it", "Exim since 4.98",
           "nothing-lost", release(NEWEST, unusable_tlsa=UnusableTlsa.DEFER),
           release(NEWEST, unusable_tlsa=UnusableTlsa.DEFER, close_after_recipients_is_no_error=False)),
    Mutant("N10", "after a lost connection the next host is told of a message with less protection",
           "Exim since 4.95", "required-dane", release(NEWEST), release(NEWEST, lost_tls_stays_active=False)),
)  # fmt: skip

MUTANTS: Mapping[str, Mutant] = MappingProxyType(
    {mutant.id: mutant for mutant in (*_EXIM, *_OTHERS, *_MEASURED)}
)
"""Every mistake by its id: Exim's own, other programs', and those that were found by measurement."""
