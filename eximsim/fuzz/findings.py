"""Faults of releases that the laws have found: data, so that a search shows only what is new.

A finding is known by the law that is broken, the rule of the decision to blame, and the switches of the
profile that has it. ``docs/findings.md`` is made from these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.fuzz.expected import Tlsa
from eximsim.fuzz.run import Run
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.profiles import UnusableTlsa
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.fuzz.hold_laws import Broken
    from eximsim.profiles import Profile


def _any_run(_: Run) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a release.

    ``title`` and ``story`` are for administrators. ``laws`` maps the laws that it breaks to the rules of the
    decisions to blame (empty: none is to blame alone); ``of`` tells such a run from that of another fault.
    ``switches`` are the values in the profiles that have it, all profiles if there are none. ``path`` is the
    smallest scenario: what is not the plainest value in the space of two hosts; ``kind`` how it is run;
    ``compared`` what is different in the other run of a law that compares. ``reserved``: it could be used
    against a server, so that only its outcome is told. ``confirmed`` is where a real program did it.
    """

    id: str
    title: str
    story: str
    laws: Mapping[str, frozenset[str]]
    path: Mapping[str, str]
    kind: str = "delivery"
    compared: str = ""
    switches: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    of: Callable[[Run], bool] = _any_run
    reserved: bool = False
    confirmed: str = ""

    def is_in(self, profile: Profile) -> bool:
        """Whether a release has the fault."""
        return all(getattr(profile, name) in values for name, values in self.switches.items())

    def explains(self, broken: Broken) -> bool:
        """Whether a broken law is this fault."""
        run = broken.run
        return broken.rule in self.laws.get(broken.law.id, ()) and self.is_in(run.profile) and self.of(run)


def _blame(**laws: str) -> Mapping[str, frozenset[str]]:
    """Rules by law: ``later_host_tried="tlsa host, dane host policy"``."""
    return MappingProxyType(
        {law.replace("_", "-"): frozenset(rules.split(", ")) for law, rules in laws.items()}
    )


def _unusable(run: Run) -> bool:
    return any(host.tlsa is Tlsa.UNUSABLE for host in run.expected.hosts.values())


def _lacking(run: Run) -> bool:
    return any(run.lost())


def _counts_as_delivered(run: Run) -> bool:
    return any(result.result == "delivered" for result in run.results.values())


def _lost_under_tls(run: Run) -> bool:
    """Whether a connection that had TLS ended without QUIT before another one was opened."""
    connections = list(run.connections())
    return any(one.tls and "QUIT" not in one.events for one in connections[:-1])


_LACK = "tlsa host, dane host policy"
_END = "address outcome, verify"
_NOT_IN_CLEAR = "handshake failed, callout handshake failed"
_CERTIFICATE = "certificate verified"
_REQUIRED = {"hosts_require_dane": "everybody"}
_SELF_SIGNED = {"TLSA of h1": "no data", "certificate of h1": "self-signed"}
_GNUTLS = MappingProxyType({"tls_library": (GNUTLS,)})
_DEBIAN = "Debian 12's 4.96 and a 4.99, both with GnuTLS"
_MEASURED = "the recording of real programs (`testsuite/recordings/evidence.jsonl.gz`)"

FINDINGS = (
    Finding(
        "N2",
        "GnuTLS: a host of which DANE is required, and none of whose TLSA records is usable, takes a message"
        " without DANE",
        "The message is delivered over TLS, as if DANE were not wanted.",
        _blame(required_dane=_CERTIFICATE, unusable_is_no_trust=_CERTIFICATE),
        {**_REQUIRED, "TLSA of h1": "unusable"},
        switches=_GNUTLS,
        of=_unusable,
        reserved=True,
        confirmed=_DEBIAN,
    ),
    Finding(
        "N1",
        "GnuTLS: a host of which DANE is required takes a message without DANE",
        "The message is delivered although no TLSA record vouches for the server's certificate.",
        _blame(required_dane=_CERTIFICATE, no_downgrade=f"{_CERTIFICATE}, tlsa host"),
        {**_REQUIRED, "TLSA of h1": "authority", "certificate of h1": "another name"},
        switches=_GNUTLS,
        reserved=True,
        confirmed=_DEBIAN,
    ),
    Finding(
        "N3",
        "OpenSSL: what becomes of a message to a host none of whose TLSA records is usable is left to chance",
        "The delivery may be deferred without a reason, or its process may die and leave the message frozen.",
        _blame(reason_given="unusable tlsa", nothing_lost="unusable tlsa"),
        {"TLSA of h1": "unusable"},
        switches={"unusable_tlsa": (UnusableTlsa.UNDEFINED,), "tls_library": OPENSSL},
        reserved=True,
        confirmed="releases from 4.96 on with OpenSSL",
    ),
    Finding(
        "N4",
        "A message is bounced although its first host was only bad for the moment",
        "DANE is required. The first host cannot be used now, the second has no TLSA records: the lack of the"
        " second decides, and the recipient fails for good.",
        _blame(another_hosts_lack=_LACK),
        {**_REQUIRED, "TLSA of h1": "SERVFAIL", "TLSA of h2": "no data"},
        confirmed=_MEASURED,
    ),
    Finding(
        "N5",
        "A delivery bounces at the first host without TLSA records; a callout asks the next",
        "DANE is required. The first host has no TLSA records, the second is well. The delivery does not try"
        " the second host; the callout does, and accepts the recipient.",
        _blame(later_host_tried=_LACK, callout_agrees=_END),
        {**_REQUIRED, "TLSA of h1": "no data"},
        compared="the same as a callout",
        of=_lacking,
        confirmed=_MEASURED,
    ),
    Finding(
        "N6",
        "A callout refuses a recipient for the greeting of one host, which a delivery reaches by the next",
        "The first host greets with 5xx. A delivery goes on to the second host; a callout takes the greeting"
        " for an answer about the recipient.",
        _blame(later_host_tried="callout refused, set-up failed", callout_agrees=_END),
        {"banner of h1": "5xx"},
        kind="callout",
        compared="the same as a delivery",
        of=lambda run: not any(run.lost()),
        confirmed=_MEASURED,
    ),
    Finding(
        "N7",
        "Verification that is switched off makes a message go in clear",
        "The host has a certificate that cannot be verified. With tls_try_verify_hosts empty and"
        " tls_verify_hosts not set (in 4.99 with OpenSSL also if it is empty) verification is not left out,"
        " but must succeed; it fails, and the message goes in clear. With the default it goes over TLS.",
        _blame(looser_check_keeps_tls=_END),
        _SELF_SIGNED,
        compared="tls_try_verify_hosts is empty",
        confirmed=_MEASURED,
    ),
    Finding(
        "N8",
        "The log names another host than the one that DANE ruled out",
        "The first host was called in vain, the TLSA question about the second fails: the line with -36 about"
        " the second host's TLSA records names the first.",
        _blame(log_names_the_host="address outcome, "),
        {"STARTTLS of h1": "4xx", "TLSA of h2": "SERVFAIL"},
        confirmed=_MEASURED,
    ),
    Finding(
        "N9",
        "A message counts as delivered although no server has taken it",
        "The log says so, the sender is not told, and no copy is kept.",
        _blame(nothing_lost="address outcome"),
        {"DATA of h1": "connection lost"},
        switches={"close_after_recipients_is_no_error": (True,)},
        of=_counts_as_delivered,
        reserved=True,
        confirmed="releases from 4.98 on",
    ),
    Finding(
        "N10",
        "After a connection that was lost the next host may be told of a message with less protection than"
        " was asked for",
        "The recipient is named in clear, although DANE is wanted or required and the host has TLSA records.",
        _blame(
            no_downgrade="tlsa host, dane host policy",
            required_dane="tlsa host, dane host policy",
            required_tls="tls required, starttls reply, dane host policy",
        ),
        {**_REQUIRED, "end of data of h1": "connection lost", "EHLO of h2": "no STARTTLS"},
        switches={"lost_tls_stays_active": (True,)},
        of=_lost_under_tls,
        reserved=True,
        confirmed="releases from 4.95 on",
    ),
    Finding(
        "X8",
        "What DANE changes for one host stays for the hosts after it",
        "The first host has TLSA records, the second has none. If the first cannot be used, the second is not"
        " used in clear after a failed STARTTLS, although tls_tempfail_tryclear allows it and the second host"
        " alone would be; and it is sent the first one's name as SNI.",
        _blame(
            host_order_irrelevant=f"starttls reply, tls required, {_NOT_IN_CLEAR}, ",
            sni_is_tlsa_base="dane host policy, tlsa host",
        ),
        {"connection of h1": "refused", "A of h2": "insecure", "STARTTLS of h2": "4xx"},
        compared="the hosts in the opposite order",
        confirmed=_MEASURED,
    ),
    Finding(
        "L1",
        "A stricter check makes a message go in clear",
        "The host has a certificate that cannot be verified. With the default the message goes over TLS; with"
        " tls_verify_hosts = * the handshake fails, and as tls_tempfail_tryclear is on and hosts_require_tls"
        " is not set, the message goes in clear. Whoever sets tls_verify_hosts has to set hosts_require_tls"
        " too.",
        _blame(stricter_not_looser=_END),
        _SELF_SIGNED,
        compared="tls_verify_hosts = *",
        confirmed=_MEASURED,
    ),
)
"""What the newest release has, by its id in the list of known mistakes; ``L`` is what only the laws found."""


def known(broken: Broken) -> Finding | None:
    """The finding that explains a broken law; None if it is new."""
    return next((finding for finding in FINDINGS if finding.explains(broken)), None)


def new(found: Iterable[Broken]) -> list[Broken]:
    """The broken laws that no finding explains."""
    return [broken for broken in found if known(broken) is None]
