"""Parts of a certificate for ``${certextract`` beyond its names (src/tlscert-openssl.c, src/tlscert-gnu.c).

Each function takes a certificate, the TLS library and the modifier that followed a comma in the field's name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, SignatureAlgorithmOID

from eximsim.errors import Unsupported
from eximsim.mta.base.string import join_items
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import Certificate

if TYPE_CHECKING:
    from eximsim.profiles import Profile

_GNUTLS_ALGORITHMS = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: "RSA-SHA1",
    SignatureAlgorithmOID.RSA_WITH_SHA256: "RSA-SHA256",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "RSA-SHA384",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "RSA-SHA512",
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: "ECDSA-SHA1",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ECDSA-SHA256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ECDSA-SHA384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ECDSA-SHA512",
    SignatureAlgorithmOID.ED25519: "EdDSA-Ed25519",
}
_OPENSSL_ALGORITHMS = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: "sha1WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA256: "sha256WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "sha384WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "sha512WithRSAEncryption",
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: "ecdsa-with-SHA1",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
    SignatureAlgorithmOID.ED25519: "ED25519",
}


def not_before(cert: Certificate, library: str, modifier: str | None) -> str:
    """From when on it is valid."""
    return _moment(cert.not_before, library, modifier)


def not_after(cert: Certificate, library: str, modifier: str | None) -> str:
    """Until when it is valid."""
    return _moment(cert.not_after, library, modifier)


def _moment(at: float, library: str, modifier: str | None) -> str:
    if modifier == "int":
        return str(int(at))
    moment = datetime.fromtimestamp(at, UTC)
    zone = "GMT" if library == GNUTLS or modifier == "raw" else "+0000"
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S} {moment.year} {zone}"


def signature(cert: Certificate, library: str, modifier: str | None) -> str:
    """The octets of the signature."""
    return _loaded(cert).signature.hex(" " if library == GNUTLS else ":")


_PRINTED_OCTETS = 18


def printed_signature(cert: Certificate, profile: Profile) -> str:
    """The same as OpenSSL prints it: in lines of 18 octets. OpenSSL 3 puts a heading before them."""
    value = _loaded(cert).signature
    headed = profile.tls_library == "openssl-3" and profile.signature_headed
    indented = "\n".ljust(9 if headed else 10)
    lines = (value[at : at + _PRINTED_OCTETS].hex(":") for at in range(0, len(value), _PRINTED_OCTETS))
    text = f":{indented}".join(lines)
    return f"    Signature Value:{indented}{text}\n" if headed else f"{indented[1:]}{text}\n"


def signature_algorithm(cert: Certificate, library: str, modifier: str | None) -> str:
    """The library's name for how it is signed."""
    oid = _loaded(cert).signature_algorithm_oid
    name = (_GNUTLS_ALGORITHMS if library == GNUTLS else _OPENSSL_ALGORITHMS).get(oid)
    if name is None:
        raise Unsupported(f"certextract of sig_algorithm, where that is {oid.dotted_string}")
    return name


_KINDS: dict[str, tuple[type[x509.GeneralName], str]] = {
    "dns": (x509.DNSName, "DNS"),
    "uri": (x509.UniformResourceIdentifier, "URI"),
    "mail": (x509.RFC822Name, "MAIL"),
}


def alternative_names(cert: Certificate, library: str, modifier: str | None) -> str | None:
    """The names of the subject besides the distinguished one, OpenSSL's last one first."""
    separator, wanted = _name_modifiers(modifier or "", strict=library == GNUTLS)
    try:
        found = _loaded(cert).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    names = list(found)
    parts: list[str] = []
    for name in names if library == GNUTLS else reversed(names):
        for kind, (known, tag) in _KINDS.items():
            if isinstance(name, known) and wanted in (None, kind):
                value = str(name.value)
                parts.append(f"{tag}={value}" if wanted is None else value)
    return join_items(parts, separator) if parts else None


def _name_modifiers(text: str, *, strict: bool) -> tuple[str, str | None]:
    """The separator, and the kind of names that is wanted; GnuTLS builds end at the first odd word."""
    separator, wanted = "\n", None
    while text:
        kind = next((one for one in _KINDS if text.startswith(one)), None)
        if text.startswith(">") and len(text) > 1:
            separator, text = text[1], text[2:]
        elif kind is not None:
            wanted, text = kind, text[len(kind) :]
        elif strict:
            break
        else:
            text = text[1:]
        if text.startswith(","):
            text = text[1:]
        elif strict:
            break
    return separator, wanted


def ocsp_uris(cert: Certificate, library: str, modifier: str | None) -> str | None:
    """Where its status can be asked for."""
    try:
        found = _loaded(cert).extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    uris = [
        str(one.access_location.value)
        for one in found
        if one.access_method == AuthorityInformationAccessOID.OCSP
    ]
    return join_items(uris, _separator(modifier)) if uris else None


def crl_uris(cert: Certificate, library: str, modifier: str | None) -> str | None:
    """Where lists of revoked certificates are."""
    try:
        found = _loaded(cert).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return None
    uris = [
        str(name.value)
        for point in found
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]
    return join_items(uris, _separator(modifier)) if uris else None


def _separator(modifier: str | None) -> str:
    return modifier[1] if modifier is not None and modifier.startswith(">") and len(modifier) > 1 else "\n"


def _loaded(cert: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(cert.der)
