"""What a group of tests requires of the program under test (``REQUIRES``), and what a subject offers."""

from __future__ import annotations

from collections.abc import Iterable

from eximsim.profiles import Profile
from eximsim.quick_dataclass import dataclass

_MODELLED = """
    DANE Experimental_DANE DNSSEC DKIM Experimental_ARC Event Exim_filter Sieve_filter I18N OCSP SRS iconv()
    PRDR ESMTP_Limits Experimental_QUEUEFILE PIPECONNECT PROXY SOCKS
    Experimental_XCLIENT TLS_resume Experimental_SRV_smtps
"""
_ASKING = ("SPF", "crypteq", "Perl", "Expand_dlfunc", "Content_Scanning")
"""What reaches out of the program, and wants answers."""
_SUPPORT = frozenset((*_MODELLED.split(), *_ASKING))
_TRANSPORTS = frozenset(
    {
        *("appendfile", "appendfile/maildir", "appendfile/mailstore", "appendfile/mbx"),
        *("autoreply", "lmtp", "smtp"),
    }
)
_LIBRARIES = {"OpenSSL": "openssl", "GnuTLS": "gnutls"}
_ROUTERS = frozenset(
    {"accept", "dnslookup", "ipliteral", "iplookup", "manualroute", "queryprogram", "redirect"}
)
_MALWARE = frozenset({"avast", "aveserver", "f-prot6d", "f-protd", "fsecure", "sock", "sophie"})
_LOOKUPS = frozenset(
    {
        *("cdb", "dbm", "dnsdb", "dsearch", "iplsearch", "json", "lmdb", "lsearch", "nwildlsearch"),
        *("sqlite", "testdb", "wildlsearch"),
    }
)
_AUTHENTICATORS = frozenset({"cram_md5", "external", "plaintext", "tls"})
_CRYPTO = {"_CRYPTO_HASH_SHA3", "_CRYPTO_SIGN_ED25519"}
_FEATURES = frozenset(
    {
        *("_HAVE_DANE", "_HAVE_NATIVE_SRS", "_HAVE_TLS", "_HAVE_TLS1_3", "_HAVE_TLS_OCSP"),
        *("_HAVE_TLS_ALPN", "_OPT_OPENSSL_NO_TLSV1_3_X", "_HAVE_TLS_OCSP_LIST", *_CRYPTO),
    }
)


@dataclass(frozen=True, slots=True)
class Lack:
    """A requirement that is not met: by the model (``unsupported``), or in another build only."""

    reason: str
    unsupported: bool


def required_library(requirements: Iterable[str]) -> str | None:
    """The TLS library that a test is about, ``"openssl"`` or ``"gnutls"``; None if it does not say."""
    for requirement in requirements:
        kind, _, name = requirement.partition(" ")
        if kind == "support" and name in _LIBRARIES:
            return _LIBRARIES[name]
    return None


def lack(requirement: str, profile: Profile, *, ipv6: bool) -> Lack | None:
    """None if the requirement (one line of ``REQUIRES``) is met."""
    kind, _, name = requirement.partition(" ")
    if kind == "support" and name in _LIBRARIES:
        if profile.tls_library.startswith(_LIBRARIES[name]):
            return None
        return Lack(f"needs {name}, the profile has {profile.tls_library}", unsupported=False)
    if requirement in ("support IPv6", "running IPv6", "ipv6-non-linklocal"):
        return None if ipv6 else Lack("needs IPv6", unsupported=False)
    met = (
        requirement == "running IPv4"
        or (kind == "support" and name in _SUPPORT)
        or (kind == "router" and name in _ROUTERS)
        or (kind == "transport" and name in _TRANSPORTS)
        or (kind == "authenticator" and name in _AUTHENTICATORS)
        or (kind == "lookup" and name in _LOOKUPS)
        or (kind == "malware" and name in _MALWARE)
        or (kind == "feature" and name in _FEATURES)
        or requirement.startswith("not feature ")
    )
    return None if met else Lack(f"requires {requirement}", unsupported=True)
