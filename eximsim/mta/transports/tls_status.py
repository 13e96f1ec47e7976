"""The status of a server's certificate: stapled OCSP responses, seen from the client.

Stands for parts of tls_client_start() in src/tls-openssl.c and src/tls-gnu.c, and tls_client_stapling_cb().
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.certs import ocsp
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.certs.x509 import parse, parse_chain
from eximsim.mta.certs.x509_errors import rules_of
from eximsim.mta.certs.x509_names import oneline
from eximsim.mta.certs.x509_verify import verify_chain
from eximsim.mta.process.log import log_write, selector
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.certs.x509 import Certificate
    from eximsim.mta.transports.smtp_context import SmtpContext
    from eximsim.mta.transports.tls_verify import TlsVerdict

_DANE_OCSP = "${if or {{= {0}{$tls_out_tlsa_usage}}{= {4}{$tls_out_tlsa_usage}}} {*}{}}"
"""What hosts_request_ocsp becomes under DANE if it has its default: not for end entity records alone."""

_NO_RESPONSE, _FAILED, _VERIFIED = "1", "3", "4"
"""What $tls_out_ocsp says."""

SKEW = 300.0
"""How far the clocks of an authority and ours may be apart, in seconds (EXIM_OCSP_SKEW_SECONDS)."""


@dataclass(frozen=True, slots=True)
class Ocsp:
    """Whether a stapled response is wanted, and whether there must be one."""

    asked: bool
    required: bool


def ocsp_asked(sx: SmtpContext) -> Ocsp:
    """What the lists of hosts want, as it looks before TLSA records have been read."""
    profile = sx.process.profile
    default_under_dane = sx.dane and profile.tls_library != GNUTLS and sx.option("hosts_request_ocsp") == "*"
    if default_under_dane:
        sx.set_option("hosts_request_ocsp", _DANE_OCSP)
    required = sx.host_is_in("hosts_require_ocsp")
    asked = Ocsp(required or default_under_dane or sx.host_is_in("hosts_request_ocsp"), required)
    if sx.dane and profile.tls_library == OPENSSL[0] and profile.ocsp_store_is_verified_chain:
        return Ocsp(asked=False, required=False)  # that library has no way to get at the chain
    return asked


def ocsp_settled(sx: SmtpContext, asked: Ocsp) -> Ocsp:
    """Ask again if an answer hangs on the TLSA records."""
    if asked.asked and sx.process.profile.tls_library != GNUTLS and _depends_on_tlsa(sx):
        required = sx.host_is_in("hosts_require_ocsp")
        asked = Ocsp(required or sx.host_is_in("hosts_request_ocsp"), required)
    if asked.asked:
        sx.process.variables["tls_out_ocsp"] = _NO_RESPONSE
    return asked


def _depends_on_tlsa(sx: SmtpContext) -> bool:
    lists = (sx.option(name) or "" for name in ("hosts_require_ocsp", "hosts_request_ocsp"))
    return any("tls_out_tlsa_usage" in text for text in lists)


def gnutls_checked(sx: SmtpContext, wanted: Ocsp, verdict: TlsVerdict) -> bool:
    """Note what GnuTLS found; whether the session may stand."""
    if not wanted.required and not sx.process.profile.gnutls_requested_status_checked:
        return True
    sx.process.variables["tls_out_ocsp"] = _VERIFIED if verdict.status_checked else _FAILED
    return verdict.status_checked or not wanted.required


@dataclass(slots=True)
class Stapling:
    """What OpenSSL's callback is told, and what it leaves behind.

    ``own`` has the certificates (DER) that the client sends with its own. ``failure`` is the text of an error
    that is not the library's.
    """

    sx: SmtpContext
    required: bool
    own: tuple[bytes, ...] = ()
    failure: str = ""

    def accepts(self, response: bytes | None, sent: tuple[bytes, ...], verdict: TlsVerdict) -> bool:
        """Whether the handshake goes on (tls_client_stapling_cb()); ``sent`` is the server's chain (DER)."""
        profile = self.sx.process.profile
        if response is None:
            return self.without()
        if profile.tls_library == OPENSSL[0] and profile.ocsp_store_is_verified_chain:
            raise Unsupported("a stapled OCSP response with OpenSSL 1.0.2 and Exim since 4.97")
        try:
            read = ocsp.parse_response(response)
        except ocsp.NotOcsp as error:
            self._note(_FAILED)
            what = "error parsing response" if error.unsuccessful else "parse error"
            self._log_if_told(f"Received TLS cert status response, {what}")
            return False
        good = self._is_trusted(read, sent, verdict) and self._is_good(read)
        self._note(_VERIFIED if good else _FAILED)
        return good or not self.required

    def without(self) -> bool:
        """Whether the handshake goes on if there is no response."""
        if not self.required:
            return True
        text = self.sx.process.profile.no_ocsp_response_text
        self._log_if_told(text)
        self._fail(text)
        return False

    def _note(self, status: str) -> None:
        self.sx.process.variables["tls_out_ocsp"] = status

    def _fail(self, text: str) -> None:
        if self.sx.process.profile.ocsp_failure_named:
            self.failure = f"(SSL_connect) {text}"

    def _log_if_told(self, text: str) -> None:
        if selector(self.sx.process, "tls_cipher"):
            log_write(self.sx.process, text)

    # ---- whose word it is

    def _is_trusted(self, response: ocsp.Response, sent: tuple[bytes, ...], verdict: TlsVerdict) -> bool:
        process = self.sx.process
        library, at = process.profile.tls_library, process.world.now()
        fault = ocsp.basic_verify(response, self._trust(response, sent, verdict), at, library)
        if fault is None:
            return True
        profile = process.profile
        named = profile.ocsp_store_is_verified_chain and library != OPENSSL[0]
        if fault.reason == "signature failure" and not named and "{reason}" in profile.ocsp_unverifiable_text:
            raise Unsupported("OpenSSL's words for an OCSP response that is not signed as it should be")
        text = profile.ocsp_unverifiable_text.format(
            address=self.sx.host.address,
            host=self.sx.host.name,
            dn=oneline(parse(sent[0]).subject, escaped=rules_of(library).escapes_names)[:255],
            reason=fault.data if named else fault.reason,
        )
        self._log_if_told(text)
        return False

    def _trust(self, response: ocsp.Response, sent: tuple[bytes, ...], verdict: TlsVerdict) -> ocsp.Trust:
        profile = self.sx.process.profile
        if not profile.ocsp_store_is_verified_chain:
            return self._trust_of_callbacks(verdict)
        at, library = self.sx.process.world.now(), profile.tls_library
        chain = verdict.chain or verify_chain(sent, (), at, library).chain
        peer = parse_chain(sent)
        if not verdict.dane_verified:
            return ocsp.Trust(peer, (*parse_chain(self.own), *chain))
        if any(response.is_responder(cert) for cert in chain):
            return ocsp.Trust((*peer, *chain), verified=True)
        return ocsp.Trust(peer, (*parse_chain(self.own), *chain), partial=True)

    def _trust_of_callbacks(self, verdict: TlsVerdict) -> ocsp.Trust:
        """Up to 4.96: what Exim's callback for the verification has seen to be good."""
        profile = self.sx.process.profile
        above_leaf = not verdict.dane_verified
        seen: tuple[Certificate, ...] = tuple(
            step.certificate
            for step in verdict.steps
            if step.error is None and (step.depth > 0 or not above_leaf)
        )
        if verdict.dane_verified and not profile.ocsp_trusts_dane_chain:
            seen = ()
        return ocsp.Trust(seen, seen, explicit=profile.ocsp_trust_explicit)

    # ---- what it says

    def _is_good(self, response: ocsp.Response) -> bool:
        process = self.sx.process
        if len(response.singles) != 1 and process.profile.ocsp_trust_explicit:
            log_write(process, "OCSP stapling with multiple responses not handled")
            return False
        return all(self._single_is_good(single) for single in reversed(response.singles))

    def _single_is_good(self, single: ocsp.Single) -> bool:
        process = self.sx.process
        if not single.is_current(process.world.now(), SKEW):
            self._fail("Server certificate status is out-of-date")
            log_write(process, process.profile.ocsp_dates_text)
            return False
        if single.status is ocsp.CertStatus.GOOD:
            return True
        if single.status is ocsp.CertStatus.REVOKED:
            self._fail("Server certificate revoked")
            reason = f"; reason: {single.reason}" if single.reason else ""
            log_write(process, f"Server certificate revoked{reason}")
            return False
        self._fail("Server certificate has unknown status")
        log_write(process, "Server certificate status unknown, in OCSP stapling")
        return False
