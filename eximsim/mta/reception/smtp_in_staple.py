"""The OCSP responses that a server staples to its certificates: tls_ocsp_file.

Stands for ocsp_load_response() and tls_server_stapling_cb() in src/tls-openssl.c, and for what
creds_load_server_certs() in tls-gnu.c has of it.
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.string import list_items
from eximsim.mta.certs import gnutls_ocsp, ocsp
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.certs.x509 import parse
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.expand.expand_outside import environment_has
from eximsim.mta.process.log import log_write
from eximsim.mta.transports.tls_status import SKEW
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.reception.smtp_session import SmtpSession
    from eximsim.ports import TlsSession

_NO_RESPONSE, _NOT_TRIED, _VERIFIED = "1", "2", "4"
_PEM = re.compile(rb"-----BEGIN OCSP RESPONSE-----(.+?)-----END OCSP RESPONSE-----", re.S)
_TEST = "EXIM_TESTHARNESS_DISABLE_OCSPVALIDITYCHECK"
"""What a test sets in the environment to have bad responses served."""


class StatusNotLoaded(Exception):
    """The library does not take a file of tls_ocsp_file: there is no TLS."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A response, and the leaf (DER) to whose file it was given."""

    leaf: bytes
    der: bytes


def staple_for(session: SmtpSession, leaves: tuple[bytes, ...]) -> Callable[[bytes], bytes | None] | None:
    """What answers a client that asks for the status of a leaf; ``leaves`` (DER) are in their files' order.

    None if tls_ocsp_file is not set. Raises ``StatusNotLoaded``.
    """
    process, options = session.process, session.process.config.main
    if not options.text("tls_ocsp_file"):
        return None
    try:
        text = expand(process, options.text("tls_ocsp_file") or "")
    except ExpansionFailed as failure:
        if failure.forced:
            return None
        log_write(process, f"expansion of tls_ocsp_file failed: {failure.message}", panic=True)
        raise StatusNotLoaded("expansion of tls_ocsp_file failed") from None
    stored = []
    for leaf, (path, is_pem) in zip(leaves, _files(session, text), strict=False):
        der = _load(session, path, leaf, is_pem=is_pem)
        if der is not None:
            stored.append(_Stored(leaf, der))
    if process.profile.tls_library == GNUTLS:
        return partial(_gnutls_staple, session, stored)
    return partial(_openssl_staple, session, stored)


def _files(session: SmtpSession, text: str) -> list[tuple[str, bool]]:
    """The files of the list, each with whether it is in PEM form; a word holds for those after it, too."""
    if not session.process.profile.ocsp_files_listed:
        return [(text, False)] if text else []
    found, is_pem = [], False
    for item in list_items(text):
        word, _, rest = item.partition(" ")
        if word in ("PEM", "DER") and rest:
            item, is_pem = rest, word == "PEM"
        found.append((item, is_pem))
    return found


def _load(session: SmtpSession, path: str, leaf: bytes, *, is_pem: bool) -> bytes | None:
    process = session.process
    where = process.config.main.where("tls_ocsp_file")
    gnutls = process.profile.tls_library == GNUTLS
    try:
        data = process.world.read_file(path)
    except OSError:
        if gnutls and process.profile.gnutls_loads_status:
            raise _not_loaded("Error while reading file.") from None
        if process.profile.ocsp_file_errors_logged and not gnutls:
            raise Unsupported(f"a file of tls_ocsp_file that cannot be read: {path}", *where) from None
        return None
    if is_pem:
        blocks = _PEM.findall(data)
        if not blocks or (gnutls and len(blocks) > 1):
            raise Unsupported(f"a file of tls_ocsp_file with {len(blocks)} responses: {path}", *where)
        data = base64.b64decode(blocks[0])
    if gnutls:
        return _gnutls_taken(session, data, leaf) if process.profile.gnutls_loads_status else data
    return data if _openssl_takes(session, data) or _is_tested(session) else None


def _not_loaded(text: str) -> StatusNotLoaded:
    return StatusNotLoaded(f"(gnutls_certificate_set_ocsp_status_request_file2): {text}")


def _is_tested(session: SmtpSession) -> bool:
    process = session.process
    return process.machine.test_harness and environment_has(process, _TEST)


def _openssl_takes(session: SmtpSession, data: bytes) -> bool:
    """Whether a response is served: it must be good and current; its signature is not a must."""
    process = session.process
    try:
        response = ocsp.parse_response(data)
    except ocsp.NotOcsp as error:
        if not error.unsuccessful and process.profile.ocsp_file_errors_logged:
            where = process.config.main.where("tls_ocsp_file")
            raise Unsupported("a file of tls_ocsp_file that has no OCSP response", *where) from None
        return False
    if not response.singles:
        return False
    first = response.singles[0]
    return first.status is ocsp.CertStatus.GOOD and first.is_current(process.world.now(), SKEW)


def _openssl_staple(session: SmtpSession, stored: list[_Stored], leaf: bytes) -> bytes | None:
    process = session.process
    process.variables["tls_in_ocsp"] = _NO_RESPONSE
    for one in stored:
        if not process.profile.ocsp_files_listed or _serial(one.der) == parse(leaf).serial:
            process.variables["tls_in_ocsp"] = _VERIFIED
            return one.der
    return None


def _serial(der: bytes) -> int | None:
    try:
        return ocsp.parse_response(der).singles[0].serial
    except (ocsp.NotOcsp, IndexError):
        return None


# ---- GnuTLS -----------------------------------------------------------------------------------------------


def _gnutls_taken(session: SmtpSession, data: bytes, leaf: bytes) -> bytes:
    """What the library stores; it refuses what is revoked, out of date or of another certificate."""
    if _is_tested(session):
        return data
    where = session.process.config.main.where("tls_ocsp_file")
    try:
        first = ocsp.parse_response(data).singles[0]
    except (ocsp.NotOcsp, IndexError):
        raise Unsupported("a file of tls_ocsp_file that has no OCSP response", *where) from None
    if not gnutls_ocsp.is_about(first, parse(leaf)):
        raise _not_loaded("The OCSP response provided doesn't match the available certificates")
    is_over = gnutls_ocsp.valid_until(first, session.process.world.now()) is None
    if is_over or first.status is ocsp.CertStatus.REVOKED:
        raise _not_loaded("The session or certificate has expired.")
    return data


def _gnutls_staple(session: SmtpSession, stored: list[_Stored], leaf: bytes) -> bytes | None:
    der = next((one.der for one in stored if one.leaf == leaf), None)
    tried = _VERIFIED if session.process.profile.gnutls_loads_status else _NOT_TRIED
    if _is_tested(session):
        tried = _NOT_TRIED
    session.process.variables["tls_in_ocsp"] = _NO_RESPONSE if der is None else tried
    return der


def started(session: SmtpSession, tls: TlsSession) -> None:
    """With TLS 1.3, GnuTLS tells nobody that it has sent a response: it is not in a message of its own."""
    profile, variables = session.process.profile, session.process.variables
    hidden = profile.tls_library == GNUTLS and profile.gnutls_loads_status and tls.version == "TLSv1.3"
    if hidden and "tls_in_ocsp" in variables:
        variables["tls_in_ocsp"] = _NO_RESPONSE
