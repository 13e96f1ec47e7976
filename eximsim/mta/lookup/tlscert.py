"""Fields of a certificate for ``${certextract`` (src/tlscert-openssl.c, src/tlscert-gnu.c)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import list_items
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import Certificate, parse
from eximsim.mta.certs.x509_names import gnutls_text, rfc2253
from eximsim.mta.config.expansion_names import CERTIFICATES
from eximsim.mta.expand.expand_variables import is_known
from eximsim.mta.expand.expander import ExpansionFailed
from eximsim.mta.lookup import tlscert_parts
from eximsim.mta.process import upward
from eximsim.mta.process.local_time import offset

if TYPE_CHECKING:
    from cryptography.x509 import Name

    from eximsim.mta.process.globals import Process


def to_pem(der: bytes) -> str:
    """A certificate as the variables that hold one have it."""
    text = base64.b64encode(der).decode("ascii")
    lines = "".join(f"{text[start : start + 64]}\n" for start in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n"


def from_pem(text: str) -> bytes:
    """The DER in what ``to_pem`` or a file gave."""
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-")))


@upward.expand_getcertele.answer
def expand_getcertele(process: Process, field: str, variable: str) -> str | None:
    """The field of the certificate in ``$variable``; None if there is no certificate, or no such field in it.

    What follows a comma in ``field`` modifies it. Raises ``ExpansionFailed`` for an unknown name, and
    ``Unsupported`` for a field that the model does not read. Source: expand_getcertele(), src/expand.c.
    """
    if not is_known(process, variable):
        raise ExpansionFailed(f'no variable named "{variable}"')
    if variable not in CERTIFICATES:
        raise ExpansionFailed(f'"{variable}" is not a certificate')
    value = process.variables.get(variable)
    if not value:
        return None
    name = next((known for known in _FIELDS if field.startswith(known)), None)
    if name is None:
        if field[:1].isdigit():
            raise Unsupported("certextract of an extension")
        raise ExpansionFailed(f'bad field selector "{field}" for certextract')
    get = _FIELDS[name]
    rest = field.removeprefix(name)
    modifier = rest[1:] if rest.startswith(",") else None
    if name in ("notbefore", "notafter") and offset(process):
        where = process.config.main.where("timezone")
        raise Unsupported("the times of a certificate in another time zone than UTC", *where)
    profile = process.profile
    if name == "signature" and profile.tls_library != GNUTLS and not profile.signature_without_blanks:
        return tlscert_parts.printed_signature(parse(from_pem(value)), profile)
    return get(parse(from_pem(value)), profile.tls_library, modifier)


_Getter = Callable[[Certificate, str, "str | None"], "str | None"]


def _name(name: Name, library: str, modifier: str | None) -> str:
    text = gnutls_text(name) if library == GNUTLS else rfc2253(name)
    return text if modifier is None else tls_field_from_dn(text, modifier)


def tls_field_from_dn(name: str, modifier: str) -> str:
    """Attributes of a name as a list: ``CN`` gives those of that type, ``>x`` sets the separator."""
    separator, wanted = "\n", None
    for item in list_items(modifier, ","):
        if not item.startswith(">"):
            wanted = item
        elif len(item) > 1:
            separator = item[1]
    parts = list_items(name.replace("\\,", ",,"), ",")
    if wanted is None:
        return separator.join(parts)
    return separator.join(part[len(wanted) + 1 :] for part in parts if part.startswith(f"{wanted}="))


def _version(cert: Certificate, library: str, modifier: str | None) -> str:
    return str(cert.version if library == GNUTLS else cert.version - 1)


_FIELDS: MappingProxyType[str, _Getter] = MappingProxyType(
    {
        "version": _version,
        "serial_number": lambda cert, library, modifier: _hex(cert.serial, library),
        "subject": lambda cert, library, modifier: _name(cert.subject, library, modifier),
        "notbefore": tlscert_parts.not_before,
        "notafter": tlscert_parts.not_after,
        "issuer": lambda cert, library, modifier: _name(cert.issuer, library, modifier),
        "signature": tlscert_parts.signature,
        "sig_algorithm": tlscert_parts.signature_algorithm,
        "subj_altname": tlscert_parts.alternative_names,
        "ocsp_uri": tlscert_parts.ocsp_uris,
        "crl_uri": tlscert_parts.crl_uris,
    }
)
"""Every field, in the order in which Exim compares them."""


def _hex(number: int, library: str) -> str:
    digits = f"{number:x}"
    return digits if library == GNUTLS or len(digits) % 2 == 0 else f"0{digits}"
