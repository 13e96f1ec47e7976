"""Names in certificates: the text of a distinguished name, and which host names a certificate is good for.

Three rules for host names exist side by side: OpenSSL's X509_check_host() for ordinary verification,
dane-openssl.c's own for trust anchors under DANE, and GnuTLS's for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from types import MappingProxyType

from cryptography import x509

from eximsim.errors import Unsupported
from eximsim.mta.certs.x509 import Certificate

OPENSSL_SHORT_NAMES = MappingProxyType(
    {
        "2.5.4.3": "CN",
        "2.5.4.4": "SN",
        "2.5.4.5": "serialNumber",
        "2.5.4.6": "C",
        "2.5.4.7": "L",
        "2.5.4.8": "ST",
        "2.5.4.9": "street",
        "2.5.4.10": "O",
        "2.5.4.11": "OU",
        "2.5.4.12": "title",
        "2.5.4.13": "description",
        "2.5.4.17": "postalCode",
        "2.5.4.41": "name",
        "2.5.4.42": "GN",
        "2.5.4.43": "initials",
        "2.5.4.44": "generationQualifier",
        "2.5.4.45": "x500UniqueIdentifier",
        "2.5.4.46": "dnQualifier",
        "2.5.4.65": "pseudonym",
        "2.5.4.97": "organizationIdentifier",
        "0.9.2342.19200300.100.1.1": "UID",
        "0.9.2342.19200300.100.1.25": "DC",
        "1.2.840.113549.1.9.1": "emailAddress",
        "1.2.840.113549.1.9.2": "unstructuredName",
        "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
        "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
        "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    }
)

GNUTLS_SHORT_NAMES = MappingProxyType(
    {
        **OPENSSL_SHORT_NAMES,
        "2.5.4.4": "surName",
        "2.5.4.42": "givenName",
        "1.2.840.113549.1.9.1": "EMAIL",
        "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionOfIncorporationLocalityName",
        "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionOfIncorporationStateOrProvinceName",
        "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionOfIncorporationCountryName",
    }
)

_ONELINE_LIMIT = 255
"""Exim's buffer for a name holds 256 octets; OpenSSL leaves out what does not fit, whole attributes."""

_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
_ANY_PURPOSE = "2.5.29.37.0"


# ---- distinguished names as text ------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def oneline(name: x509.Name, *, escaped: bool) -> str:
    """``name`` as OpenSSL's X509_NAME_oneline() writes it: ``/C=UK/O=The Exim Maintainers/CN=a.test.ex``.

    ``escaped`` is the form since OpenSSL 3: a slash or plus sign in a value gets a backslash, and a second
    attribute of one RDN follows a plus sign.
    """
    text = ""
    for position, attribute in _attributes(name):
        separator = "+" if escaped and position else "/"
        label = OPENSSL_SHORT_NAMES.get(attribute.oid.dotted_string, attribute.oid.dotted_string)
        item = f"{separator}{label}={_octets_as_text(_octets(attribute), escaped)}"
        if len(text) + len(item) > _ONELINE_LIMIT:
            break
        text += item
    return text


@lru_cache(maxsize=1024)
def gnutls_text(name: x509.Name) -> str:
    """``name`` as gnutls_x509_crt_get_dn() writes it: ``C=UK,O=The Exim Maintainers,CN=a.test.ex``.

    RFC 4514's quoting, but in the order of the certificate. Raises ``Unsupported`` for an attribute whose
    short name is not known.
    """
    text = ""
    for position, attribute in _attributes(name):
        separator = "" if not text else "+" if position else ","
        label = GNUTLS_SHORT_NAMES.get(attribute.oid.dotted_string)
        if label is None:
            raise Unsupported(f"name attribute {attribute.oid.dotted_string} in GnuTLS's text form")
        text += f"{separator}{label}={_rfc4514_value(str(attribute.value))}"
    return text


@lru_cache(maxsize=1024)
def rfc2253(name: x509.Name) -> str:
    """``name`` as OpenSSL's XN_FLAG_RFC2253 writes it: ``CN=a.test.ex,O=The Exim Maintainers,C=UK``.

    Raises ``Unsupported`` for an attribute whose short name is not known.
    """
    text = ""
    for rdn in reversed(name.rdns):
        for position, attribute in enumerate(reversed(list(rdn))):
            label = OPENSSL_SHORT_NAMES.get(attribute.oid.dotted_string)
            if label is None:
                raise Unsupported(f"name attribute {attribute.oid.dotted_string} in RFC 2253's text form")
            quoted = _rfc4514_value(str(attribute.value))
            value = "".join(_octets_as_hex(char) if not " " <= char <= "~" else char for char in quoted)
            text += f"{'' if not text else '+' if position else ','}{label}={value}"
    return text


def _octets_as_hex(char: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in char.encode())


def _attributes(name: x509.Name) -> Iterator[tuple[int, x509.NameAttribute[str | bytes]]]:
    """Each attribute with its position in its RDN."""
    for rdn in name.rdns:
        yield from enumerate(rdn)


def _octets(attribute: x509.NameAttribute[str | bytes]) -> bytes:
    value = attribute.value
    return value if isinstance(value, bytes) else value.encode()


def _octets_as_text(octets: bytes, escaped: bool) -> str:
    return "".join(
        f"\\x{octet:02X}" if not 32 <= octet <= 126
        else f"\\{octet:c}" if escaped and octet in b"/+"
        else chr(octet)
        for octet in octets
    )  # fmt: skip


def _rfc4514_value(value: str) -> str:
    quoted = "".join(f"\\{c}" if c in ',+"\\<>;' else c for c in value)
    if quoted.startswith((" ", "#")):
        quoted = f"\\{quoted}"
    if value.endswith(" ") and len(value) > 1:
        quoted = f"{quoted[:-1]}\\ "
    return quoted


# ---- host names -------------------------------------------------------------------------------------------


def openssl_check_host(cert: Certificate, name: str) -> bool:
    """X509_check_host() with Exim's flags: no partial wildcards (verify_callback() in tls-openssl.c).

    The subject's CNs count only if there is no DNS name in the subject alternative names (RFC 6125, 6.4.4).
    """
    names = cert.dns_names or cert.common_names
    wanted = name.lower()
    return any(_openssl_matches(pattern.lower(), wanted) for pattern in names)


def _openssl_matches(pattern: str, name: str) -> bool:
    if len(name) > 1 and name.startswith("."):
        label, dot, parent = pattern.partition(".")
        return pattern == name or (label != "" and f"{dot}{parent}" == name)
    if not _is_star_pattern(pattern):
        return pattern == name
    label, dot, parent = name.partition(".")
    return f"{dot}{parent}" == pattern[1:] and (label == "*" or _is_ldh(label, "-"))


def _is_star_pattern(pattern: str) -> bool:
    """A ``*`` as the whole first label and at least two well-formed labels after it (valid_star())."""
    labels = pattern.split(".")
    return labels[0] == "*" and len(labels) >= 3 and all(map(_is_label, labels[1:]))


def _is_label(text: str) -> bool:
    return _is_ldh(text, "-") and not text.startswith("-") and not text.endswith("-")


def _is_ldh(text: str, extra: str) -> bool:
    return text != "" and all(c in extra or (c.isascii() and c.isalnum()) for c in text)


def dane_check_names(cert: Certificate, names: Iterable[str]) -> bool:
    """Whether ``cert`` is good for one of ``names`` under DANE (dane-openssl.c, name_check()).

    ``*.`` stands for exactly one label, whatever follows it. A DNS name among the subject alternative names,
    even a malformed one, rules the CN out; only the first CN counts.
    """
    identities = cert.dns_names or cert.common_names[:1]
    usable = [identity.lower() for identity in identities if _is_ldh(identity, "-.*")]
    return any(_dane_matches(identity, name.lower()) for name in names for identity in usable)


def _dane_matches(identity: str, name: str) -> bool:
    if len(name) > 1 and name.startswith("."):
        return len(identity) > len(name) and identity.endswith(name)
    if identity == name:
        return True
    _, dot, parent = name.partition(".")
    return len(identity) > 2 and identity.startswith("*.") and f"{dot}{parent}" == identity[1:]


def gnutls_check_hostname(cert: Certificate, name: str) -> bool:
    """gnutls_x509_crt_check_hostname(): a ``*`` may stand for the front part of one label.

    The CN counts only if it is alone, no DNS name or IP address stands beside it, and the certificate may
    serve TLS. An IP address is looked for among the IP addresses only.
    """
    addresses = [other.value for other in cert.other_names if isinstance(other, x509.IPAddress)]
    with suppress(ValueError):
        return ip_address(name) in addresses
    identities: tuple[str, ...] = cert.dns_names
    if not identities and not addresses and _is_for_servers(cert) and len(cert.common_names) == 1:
        identities = cert.common_names
    wanted = name.lower()
    return any(_gnutls_matches(i.lower(), wanted) for i in identities if i.isascii() and i.isprintable())


def _is_for_servers(cert: Certificate) -> bool:
    purposes = cert.extended_key_usage
    return purposes is None or not purposes.isdisjoint((_SERVER_AUTH, _ANY_PURPOSE))


def _gnutls_matches(identity: str, name: str) -> bool:
    if not identity.startswith("*"):
        return identity == name
    if identity.count(".") < 2 or identity.endswith("."):
        return False
    rest = identity[1:]
    return name.endswith(rest) and "." not in name[: len(name) - len(rest)]
