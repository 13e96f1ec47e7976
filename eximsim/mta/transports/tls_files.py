"""What a client reads before a handshake: certificate, key, and the authorities that it trusts.

Stands for tls_expand_session_files() and setup_certs() in src/tls-openssl.c, and tls_set_remaining_x509() in
src/tls-gnu.c.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.certs.key_pairs import KeyFault, check_pair
from eximsim.mta.certs.tls_errors import file_fault
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import log_write
from eximsim.mta.transports.tls_failed import TlsStartFailed, failed, never_set
from eximsim.ports import TlsIdentity
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.profiles import Profile

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.S)

_PEM_CRL = re.compile(rb"-----BEGIN X509 CRL-----(.+?)-----END X509 CRL-----", re.S)


def expanded(sx: SmtpContext, name: str) -> str | None:
    """The transport's option ``name``, expanded; None if unset or forced to fail."""
    text = sx.transport.options.text(name)
    if not text:
        return text
    try:
        return expand(sx.process, text)
    except ExpansionFailed as fault:
        if fault.forced:
            return None
        gnutls = sx.process.profile.tls_library == GNUTLS
        called = "tls_out_sni" if gnutls and name == "tls_sni" else name
        what = f"expansion of {called} failed: {fault.message}"
        log_write(sx.process, what, panic=True)
        raise TlsStartFailed(Rc.FAIL, "Internal error") from None


def anchors(sx: SmtpContext) -> tuple[bytes, ...] | None:
    """The certificates of tls_verify_certificates (DER)."""
    path = expanded(sx, "tls_verify_certificates")
    if not path:
        return None
    if sx.process.machine.trust_store is not None:
        return sx.process.machine.trust_store
    try:
        return authorities(sx.process, path)
    except OSError as error:
        log_write(sx.process, _not_there(sx.process.profile, path, error.errno or errnos.ENOENT), panic=True)
        unset = sx.process.profile.unset_tls_text
        if unset is None:
            raise UndefinedBehaviour("the text of a TLS error that was never set is read") from None
        raise TlsStartFailed(Rc.DEFER, never_set(sx.process, unset, others_asked=sx.others_asked)) from None


def fixed_anchors(profile: Profile, options: Options) -> str | None:
    """The trust anchors of a transport that can be loaded before there is a connection, if there are any.

    Source: tls_client_creds_init(), src/tls-openssl.c and src/tls-gnu.c.
    """
    crl = () if profile.tls_library == GNUTLS else ("tls_crl",)
    needed = ("tls_verify_certificates", *crl)
    fixed = all("$" not in (options.text(name) or "") for name in needed)
    return options.text("tls_verify_certificates") if fixed else None


def preload_anchors(process: Process) -> None:
    """What the log has of trust anchors that a queue run misses when it loads them for its deliveries.

    A daemon loads at its start only what it can watch for changes, and so says nothing of what is not there.
    Source: tls_client_creds_reload() and tls_set_watch(), src/tls.c.
    """
    for transport in process.config.transports.values():
        if transport.driver != "smtp" or process.machine.trust_store is not None:
            continue
        path = fixed_anchors(process.profile, transport.options)
        if path:
            try:
                authorities(process, path)
            except OSError as error:
                number = error.errno or errnos.ENOENT
                log_write(process, _not_there(process.profile, path, number), panic=True)


def _not_there(profile: Profile, path: str, number: int) -> str:
    if profile.tls_library != GNUTLS:
        return f"failed to stat {path} for certificates"
    shown = f"'{path}'" if profile.gnutls_stat_quoted else path
    return f"could not stat {shown} (tls_verify_certificates): {errnos.strerror(number)}"


def crls(sx: SmtpContext) -> tuple[bytes, ...] | None:
    """The revocation lists of tls_crl (DER), None if the option is unset or empty."""
    path = expanded(sx, "tls_crl")
    return revocation_lists(sx.process, sx.transport.options, path) if path else None


_HASHED = re.compile(r"[0-9a-f]{8}\.\d+", re.ASCII)
"""How OpenSSL finds a certificate in a folder: a hash of its subject, and a number."""


def authorities(process: Process, path: str) -> tuple[bytes, ...]:
    """The certificates (DER) that tls_verify_certificates stands for; raises ``OSError`` if it is not there.

    It is a file, a folder, or ``system``, of which nothing is known here. OpenSSL's names of the files in a
    folder are believed, GnuTLS reads all.
    """
    cached = process.profile.system_anchors_cached and path.startswith("system,")
    if path == "system" or cached:
        return ()
    world = process.world
    if world.path_kind(path) != "folder":
        return pem_certificates(world.read_file(path))
    gnutls = process.profile.tls_library == GNUTLS
    names = [name for name in sorted(world.names_in(path)) if gnutls or _HASHED.fullmatch(name)]
    return tuple(der for name in names for der in pem_certificates(world.read_file(f"{path}/{name}")))


def revocation_lists(process: Process, options: Options, path: str) -> tuple[bytes, ...]:
    """The revocation lists (DER) of the file that the option tls_crl of ``options`` names.

    Raises ``Unsupported`` for a folder, a file that is not there or has no list, and one with certificates,
    which OpenSSL would trust.
    """
    where = options.where("tls_crl")
    if process.world.path_kind(path) == "folder":
        raise Unsupported("a folder of revocation lists", *where)
    try:
        data = process.world.read_file(path)
    except OSError:
        raise Unsupported("tls_crl with a file that cannot be read", *where) from None
    lists = tuple(base64.b64decode(block) for block in _PEM_CRL.findall(data))
    if not lists or pem_certificates(data):
        raise Unsupported("tls_crl with a file that has no revocation list, or has certificates", *where)
    return lists


@lru_cache(maxsize=64)
def pem_certificates(data: bytes) -> tuple[bytes, ...]:
    """All certificates (DER) in a PEM file, in its order."""
    return tuple(base64.b64decode(block) for block in _PEM.findall(data))


def client_identity(sx: SmtpContext) -> TlsIdentity | None:
    """What tls_certificate and tls_privatekey name; raises ``TlsStartFailed`` if that cannot be read.

    OpenSSL reads the certificate first, also one without a name, GnuTLS the key.
    """
    library = sx.process.profile.tls_library
    certificate = _expanded_file(sx, "tls_certificate")
    if certificate is None or (not certificate and library == GNUTLS):
        return None
    key = _expanded_file(sx, "tls_privatekey") or certificate
    if library == GNUTLS:
        return _gnutls_identity(sx, certificate, key)
    chain_function, key_function = "certificate_chain_file", "PrivateKey_file"
    chain = _read_for_openssl(sx, chain_function, certificate)
    if check_pair(chain, None) is not None:
        raise _openssl_failed(sx, chain_function, certificate, KeyFault.NO_CERTIFICATE)
    text = _read_for_openssl(sx, key_function, key)
    fault = _pair_fault(chain, text)
    if fault is not None:
        raise _openssl_failed(sx, key_function, key, fault)
    return TlsIdentity(chain, text)


def _read_for_openssl(sx: SmtpContext, function: str, path: str) -> bytes:
    world = sx.process.world
    if not path:
        raise _openssl_failed(sx, function, path, errnos.ENOENT)
    if world.path_kind(path) == "folder":
        return b""
    try:
        return world.read_file(path)
    except OSError as error:
        raise _openssl_failed(sx, function, path, error.errno or errnos.ENOENT) from None


def _openssl_failed(sx: SmtpContext, function: str, path: str, fault: KeyFault | int) -> TlsStartFailed:
    words = file_fault(sx.process.profile.tls_library, fault)
    return failed(sx, f"SSL_CTX_use_{function} file={path}", words)


_MARK_OF_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def _gnutls_identity(sx: SmtpContext, certificate: str, key: str) -> TlsIdentity:
    step = f"cert/key setup: cert={certificate} key={key}"
    try:
        text = sx.process.world.read_file(key)
        if _MARK_OF_KEY not in text:
            raise failed(sx, step, "The requested data were not available.")
        chain = sx.process.world.read_file(certificate)
    except OSError:
        raise failed(sx, step, "Error while reading file.") from None
    if check_pair(chain, None) is not None:
        marked = _MARK_OF_CERTIFICATE in chain
        raise failed(sx, step, "Base64 unexpected header error." if marked else "Base64 decoding error.")
    if _pair_fault(chain, text) is not None:
        raise failed(sx, step, "The certificate and the given key do not match.")
    return TlsIdentity(chain, text)


def _expanded_file(sx: SmtpContext, name: str) -> str | None:
    path = expanded(sx, name)
    if path is None and sx.transport.options.text(name) and sx.process.profile.forced_tls_file_ends:
        raise TlsStartFailed(Rc.DEFER, f"expansion of {name} failed")
    return path


_MARK_OF_KEY = b" PRIVATE KEY-----"


def _pair_fault(chain: bytes, key: bytes) -> KeyFault | None:
    """What is wrong with a key; one that cannot be read is a stand-in: recordings come without keys."""
    if _MARK_OF_KEY not in key:
        return KeyFault.NO_KEY
    fault = check_pair(chain, key)
    return None if fault is KeyFault.NO_KEY else fault
