"""The client's side of TLS: what it verifies, with what it connects, how it words a failure.

Stands for tls_client_start() and what it leans on in src/tls-openssl.c and src/tls-gnu.c. Whether a
certificate is good is decided in ``tls_verify.py``.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table, yes_no
from eximsim.mta.certs.dane_match import usable_records
from eximsim.mta.certs.tls_errors import GNUTLS_ALERTS, SPOILT, openssl_error
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import log_intrusion, log_write
from eximsim.mta.process.sigsegv import null_pointer
from eximsim.mta.records.open_call import ClientTls
from eximsim.mta.transports import tls_alpn, tls_out, tls_resume, tls_status
from eximsim.mta.transports.tls_failed import TlsStartFailed, failed, log_tls_error
from eximsim.mta.transports.tls_files import anchors, client_identity, crls, expanded, pem_certificates
from eximsim.mta.transports.tls_suites import BadPriority, Suites, gnutls_description, suites
from eximsim.mta.transports.tls_verify import (
    TlsVerdict,
    VerifyMode,
    VerifySettings,
    during_verification,
    judge,
    peer_dn,
)
from eximsim.ports import (
    HandshakeError,
    HandshakeFault,
    TlsAlert,
    TlsOffer,
    TlsSession,
)
from eximsim.profiles import UnusableTlsa
from eximsim.status import Rc
from eximsim.trace import Rule

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.transports.smtp_context import SmtpContext

CERTIFICATE_VERIFIED = Rule(
    "certificate verified", "tls-openssl.c verify_callback, with DANE verify_callback_client_dane"
)
_CLIENT_HELLO = "\x16\x03\x01\x02\n\x16\x03"


def construct_cipher_name(process: Process, session: TlsSession) -> str:
    """What ``X=`` shows: version, cipher and key length."""
    version, cipher, profile = session.version, session.cipher, process.profile
    if profile.tls_library == GNUTLS:
        described = gnutls_description(cipher) if profile.gnutls_suite_described else cipher.replace("-", "_")
        return f"{version.replace('TLSv', 'TLS')}:{described}:{session.bits}"
    if profile.tls_version_without_v:
        version = version.replace("TLSv", "TLS")
    return f"{version}:{cipher}:{session.bits}"


def tls_client_start(sx: SmtpContext) -> ClientTls:
    """Do the handshake on the open dialogue; raises ``TlsStartFailed``, after logging what Exim logs.

    Raises ``ProcessDied`` where the real process does.
    """
    process, profile = sx.process, sx.process.profile
    process.variables.pop("tls_out_tlsa_usage", None)
    if profile.tls_library != GNUTLS:
        process.certificate_verified = False
    identity = client_identity(sx)
    asked = tls_status.ocsp_asked(sx)
    settings = _settings(sx)
    sni = _sni(sx)
    resuming = tls_resume.prepare(sx, sni, sx.option("tls_require_ciphers"))
    if settings.tlsa:
        process.variables["tls_out_tlsa_usage"] = str(sum({1 << record.usage for record in settings.tlsa}))
    ocsp = tls_status.ocsp_settled(sx, asked)
    verdicts: list[TlsVerdict] = []
    chains: list[tuple[bytes, ...]] = []
    stapled: list[bytes | None] = [None]
    stapling = tls_status.Stapling(
        sx, ocsp.required, () if identity is None else pem_certificates(identity.chain)[1:]
    )

    def look_at(chain: tuple[bytes, ...]) -> TlsAlert | None:
        chains.append(chain)
        verdict = judge(replace(settings, stapled=stapled[-1]), chain, process.world.now())
        if verdict.crash:
            raise null_pointer(process, f"delivering {process.message_id}")
        verdicts.append(tls_out.report(sx, verdict, settings.mode))
        if settings.mode in (VerifyMode.OPTIONAL, VerifyMode.REQUIRED):
            process.verify_overridden = settings.mode is VerifyMode.OPTIONAL and not verdicts[-1].verified
        return verdicts[-1].alert

    def look_at_status(response: bytes | None) -> bool:
        if profile.tls_library == GNUTLS:
            stapled.append(response)
            return True
        if not chains:
            return resuming.status_is_known() or stapling.without()
        return stapling.accepts(response, chains[-1], verdicts[-1])

    allowed = _suites(sx)
    offer = TlsOffer(
        look_at,
        sni=sni,
        ciphers=allowed.ciphers,
        max_version=allowed.max_version,
        min_version=allowed.min_version,
        identity=identity,
        judge_late=profile.tls_library == GNUTLS,
        status=look_at_status if ocsp.asked else None,
        alpn=tls_alpn.offered(expanded(sx, "tls_alpn")),
        watch=partial(tls_out.shown_under_gnutls, sx) if profile.tls_library == GNUTLS else None,
        keep=None if resuming.key is None else resuming.came.append,
        ticket=None if resuming.offered is None else resuming.offered.ticket,
    )
    try:
        session = sx.wire.connection.start_tls(offer, sx.command_timeout)
    except HandshakeError as error:
        process.libc_errno = 0
        if error.fault is HandshakeFault.STATUS_REFUSED:
            raise _status_refused(sx, stapling.failure, error) from None
        if error.session is not None:
            _note_peer(process, error.session)
        if error.fault is HandshakeFault.REFUSED and not verdicts:
            raise failed(sx, "gnutls_handshake", "Error in the certificate.") from None
        refused = verdicts[-1].error if verdicts and error.fault is HandshakeFault.REFUSED else None
        _tls_error(sx, error, refused, answered=bool(verdicts))
    process.libc_errno = 0
    if session.resumed:
        return _resumed(sx, session, resuming)
    verdict = verdicts[-1]
    if ocsp.asked and profile.tls_library == GNUTLS and not tls_status.gnutls_checked(sx, ocsp, verdict):
        sx.wire.connection.abandon()
        _note_peer(process, session)
        raise failed(sx, "certificate status check failed", "")
    if tls_alpn.is_missing(sx, session):
        raise failed(sx, "handshake", tls_alpn.REQUIRED)
    cv = "dane" if verdict.dane_verified else "yes" if verdict.verified else "no"
    process.dane_verified = cv == "dane"
    process.trace.record(
        CERTIFICATE_VERIFIED,
        cv,
        host=sx.host.name,
        dane=sx.dane,
        mode=settings.mode.name.lower(),
    )
    if process.verify_overridden and profile.override_outlives_session and profile.tls_library != GNUTLS:
        cv = "no"
    process.certificate_verified = cv != "no"
    overridden = process.verify_overridden and not verdict.verified
    resuming.settle(resumed=False, verified=verdict.verified, overridden=overridden)
    if identity is not None:
        session = replace(session, own_leaf=pem_certificates(identity.chain)[0])
    peerdn = peer_dn(session.peer_chain[0], profile.tls_library)
    _show(process, session, cv, peerdn)
    return ClientTls(session, cv, peerdn)


def _resumed(sx: SmtpContext, session: TlsSession, resuming: tls_resume.Resuming) -> ClientTls:
    """A session is taken up again: its certificate counts for what it did when the session was new."""
    process, record = sx.process, resuming.offered
    assert record is not None
    if record.ocsp != "0":
        process.variables["tls_out_ocsp"] = record.ocsp
    process.certificate_verified = record.verified and not record.overridden
    cv = "yes" if process.certificate_verified else "no"
    process.dane_verified = False
    resuming.settle(resumed=True, verified=record.verified, overridden=record.overridden)
    peerdn = peer_dn(session.peer_chain[0], process.profile.tls_library)
    _show(process, session, cv, peerdn)
    return ClientTls(session, cv, peerdn)


def _note_peer(process: Process, session: TlsSession) -> None:
    """Show who the server was of a session that is given up after its handshake (``peer_status()``)."""
    _show(process, replace(session, own_leaf=b""), None, None)


def _show(process: Process, session: TlsSession, cv: str | None, peerdn: str | None) -> None:
    shown = tls_out.variables_of(session, construct_cipher_name(process, session), cv, peerdn)
    process.variables.update({name: value for name, value in shown.items() if value is not None})


def tls_client_start_on_closed_socket(sx: SmtpContext) -> None:
    """What a handshake on a closed descriptor did: the ClientHello went to the log, which had got its number.

    Callouts of 4.86 and 4.87 do this when they try CA-root TLS after unusable TLSA records.
    """
    log_tls_error(sx, "SSL_connect", SPOILT[sx.process.profile.tls_library, HandshakeFault.CLOSED])
    log_intrusion(sx.process, _CLIENT_HELLO)


def _tls_error(sx: SmtpContext, error: HandshakeError, refused: str | None, *, answered: bool) -> None:
    """Log and raise a failed handshake (``tls_error()``); ``answered``: the server's certificate has come."""
    library = sx.process.profile.tls_library
    prefix = "SSL_connect" if library != GNUTLS else "gnutls_handshake"
    if refused is not None:
        text = refused
        if library == GNUTLS:
            prefix = "certificate verification failed"
    elif error.fault is HandshakeFault.TIMEOUT:
        text = "timed out"
    elif error.fault is HandshakeFault.BAD_CIPHERS:
        prefix = "SSL_CTX_set_cipher_list"
        text = openssl_error(error.detail, library, prefix)
    elif error.fault is HandshakeFault.ALERT and library == GNUTLS:
        text = sx.process.profile.gnutls_alert_text.format(alert=GNUTLS_ALERTS[error.detail])
    elif error.fault is HandshakeFault.ALERT:
        text = openssl_error(
            error.detail, library, "ssl3_read_bytes" if answered else "SSL23_GET_SERVER_HELLO"
        )
    else:
        text = SPOILT[library, error.fault]
    raise failed(sx, prefix, text) from None


def _status_refused(sx: SmtpContext, failure: str, error: HandshakeError) -> TlsStartFailed:
    """What was said of the server's certificate, or that nothing was, ends the attempt.

    ``failure`` is Exim's own text for it, if there is one.
    """
    profile = sx.process.profile
    if failure:
        return TlsStartFailed(Rc.FAIL, failure)
    text = openssl_error(error.detail, profile.tls_library, "ssl3_get_cert_status")
    return failed(sx, "SSL_connect", text)


# ---- settings ----------------------------------------------------------------------------


def _settings(sx: SmtpContext) -> VerifySettings:
    process, profile, host = sx.process, sx.process.profile, sx.host
    assert host.address is not None
    remote = host.address
    during = ""
    if sx.verify and profile.verify_error_names_callout:
        during = during_verification("R", process.variables.get("sender_host_address"))
    if sx.dane:
        records = usable_records(sx.tlsa, profile.tls_library, skip_short=profile.short_tlsa_skipped)
        if not records:
            return _no_usable_records(sx, remote)
        gnutls = profile.tls_library == GNUTLS
        trusted = anchors(sx) if gnutls or _preloaded(sx) else None
        revoked = crls(sx) if trusted else None
        if revoked is not None and not gnutls:
            raise Unsupported("DANE with a tls_crl that is preloaded", *sx.transport.options.where("tls_crl"))
        return VerifySettings(
            profile.tls_library,
            remote,
            tlsa=records,
            dane_name=host.name,
            dane_failure_overridden=profile.dane_failure_overridden,
            anchors=trusted,
            crls=revoked,
        )
    return _ordinary_settings(sx, remote, during)


def _preloaded(sx: SmtpContext) -> bool:
    """Whether OpenSSL has the trust anchors before it is known whether there is any use for them."""
    profile, options = sx.process.profile, sx.transport.options
    if profile.tls_library == GNUTLS or not profile.queue_run_preloads_anchors:
        return False
    fixed = all("$" not in (options.text(name) or "") for name in ("tls_verify_certificates", "tls_crl"))
    return sx.process.queue_running and fixed


def _ordinary_settings(sx: SmtpContext, remote: str, during: str) -> VerifySettings:
    profile = sx.process.profile
    mode = _verify_mode(sx)
    names: tuple[str, ...] = ()
    trusted = None
    if mode is not VerifyMode.NONE or _preloaded(sx):
        trusted = anchors(sx)
    if mode is not VerifyMode.NONE and sx.host_is_in("tls_verify_cert_hostnames"):
        names = (_name_to_verify(sx),)
    return VerifySettings(
        profile.tls_library,
        remote,
        mode,
        trusted,
        names,
        during=during,
        names_peer=profile.verify_error_names_peer,
        mismatch_names_host=profile.name_mismatch_names_host,
        mismatch_blank_line=profile.name_mismatch_blank_line,
        crls=None if trusted is None else crls(sx),
    )


def _name_to_verify(sx: SmtpContext) -> str:
    if not sx.process.profile.cert_name_before_cname:
        return sx.host.name
    if not sx.host.certname:
        raise UndefinedBehaviour("the name to verify of an ipliteral router's host was never set")
    return sx.host.certname


class Setting(Enum):
    """How a host list option stands in the configuration."""

    UNSET = "not set"
    EMPTY = "set to nothing"
    COLON = "a lone colon"
    HOSTS = "a list of hosts"


def _list_rows(*, empty_is_unset: bool, colon_requires: bool) -> Rows[VerifyMode]:
    nothing = (Setting.UNSET, Setting.EMPTY)
    neither = tuple(
        Row((must, may, ANY, ANY), VerifyMode.REQUIRED)
        for must in (nothing if empty_is_unset else nothing[:1])
        for may in nothing
    )
    return (
        *neither,
        *((Row((ANY, Setting.COLON, ANY, ANY), VerifyMode.REQUIRED),) if colon_requires else ()),
        Row((ANY, ANY, True, ANY), VerifyMode.REQUIRED),
        Row((ANY, ANY, False, True), VerifyMode.OPTIONAL),
        Row((ANY, ANY, False, False), VerifyMode.NONE),
    )


VERIFY_LISTS: Table[VerifyMode] = Table(
    "verify lists",
    "Which list of hosts decides about the verification of a certificate, outside DANE. If neither is there,"
    " verification must succeed.",
    "tls-openssl.c tls_client_basic_ctx_init, tls-gnu.c tls_client_start",
    (
        Column("tls_verify_hosts", tuple(Setting)),
        Column("tls_try_verify_hosts", tuple(Setting)),
        yes_no("in tls_verify_hosts"),
        yes_no("in tls_try_verify_hosts"),
    ),
    {
        (library, empty, colon): _list_rows(
            empty_is_unset=empty and library != GNUTLS, colon_requires=colon and library != GNUTLS
        )
        for library in (*OPENSSL, GNUTLS)
        for empty in (False, True)
        for colon in (False, True)
    },
    switches=("tls_library", "empty_verify_hosts_is_unset", "lone_colon_verifies"),
)


def _verify_mode(sx: SmtpContext) -> VerifyMode:
    """tls_verify_hosts and tls_try_verify_hosts: must, may, or no verification."""
    return VERIFY_LISTS.decide(
        sx.process,
        _setting(sx, "tls_verify_hosts"),
        _setting(sx, "tls_try_verify_hosts"),
        lambda: sx.host_is_in("tls_verify_hosts"),
        lambda: sx.host_is_in("tls_try_verify_hosts"),
        host=sx.host.name,
    ).outcome


def _setting(sx: SmtpContext, name: str) -> Setting:
    text = sx.transport.options.text(name)
    known = {None: Setting.UNSET, "": Setting.EMPTY, ":": Setting.COLON}
    return known.get(text, Setting.HOSTS)


class Unusable(Enum):
    """What follows when none of a host's TLSA records is usable."""

    ORDINARY = "ordinary TLS, as if there were no DANE"
    NO_SESSION = "no session"
    UNDEFINED = "undefined: the text of the error was never set"


_NO_USABLE = "DANE error: No usable TLSA records"
_NEVER_SET = {UnusableTlsa.NULL_TEXT: "NULL"}


def _unusable_row(library: str, switch: UnusableTlsa) -> Row[Unusable]:
    if library == GNUTLS:
        return Row((), Unusable.ORDINARY, source="tls-gnu.c dane_tlsa_load")
    if switch is UnusableTlsa.UNDEFINED:
        return Row((), Unusable.UNDEFINED, log=_NO_USABLE)
    return Row((), Unusable.NO_SESSION, _NEVER_SET.get(switch, ""), _NO_USABLE)


UNUSABLE_TLSA: Table[Unusable] = Table(
    "unusable tlsa",
    "What follows when DANE is to be used and none of the host's TLSA records is usable. The text is the"
    " reason that the failure then has; see the table 'no tls session'.",
    "tls-openssl.c dane_tlsa_load",
    (),
    {
        (library, switch): (_unusable_row(library, switch),)
        for library in (*OPENSSL, GNUTLS)
        for switch in UnusableTlsa
    },
    switches=("tls_library", "unusable_tlsa"),
)


def _no_usable_records(sx: SmtpContext, remote: str) -> VerifySettings:
    """DANE was engaged, but no record can be used: what follows differs most between releases."""
    row = UNUSABLE_TLSA.decide(sx.process, host=sx.host.name)
    if row.outcome is Unusable.ORDINARY:
        return _ordinary_settings(sx, remote, "")
    log_write(sx.process, row.log)
    if row.outcome is Unusable.UNDEFINED:
        raise UndefinedBehaviour("the text of a TLS error that was never set is read")
    rc = Rc.FAIL if sx.process.profile.unusable_tlsa is UnusableTlsa.FAIL else Rc.DEFER
    raise TlsStartFailed(rc, row.text)


def _sni(sx: SmtpContext) -> str | None:
    state = sx.process.driver_state.get(sx.transport.name, {})
    if "tls_sni" in state:
        return str(state["tls_sni"])
    return expanded(sx, "tls_sni") or None


def _suites(sx: SmtpContext) -> Suites:
    text = expanded(sx, "dane_require_tls_ciphers") if sx.dane else None
    required = text or expanded(sx, "tls_require_ciphers")
    library = sx.process.profile.tls_library
    if required == "" and library != GNUTLS:
        step = "SSL_CTX_set_cipher_list"
        raise failed(sx, step, openssl_error("NO_CIPHER_MATCH", library, step))
    try:
        return suites(sx.process, required)
    except BadPriority as bad:
        raise failed(sx, bad.step, bad.text) from None
