"""What the client asks of a server's TLS: what to verify, which name to send, which ciphers to offer.

Stands for tls_client_basic_ctx_init(), dane_tlsa_load() and their kin in src/tls-openssl.c and src/tls-gnu.c.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.tables import ANY, Column, Row, Rows, Table, yes_no
from eximsim.mta.certs.dane_match import Tlsa, usable_records
from eximsim.mta.certs.tls_errors import openssl_error
from eximsim.mta.certs.tls_libraries import GNUTLS, OPENSSL
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import log_write
from eximsim.mta.transports.tls_failed import TlsStartFailed, failed, never_set
from eximsim.mta.transports.tls_files import anchors, crls, expanded, fixed_anchors
from eximsim.mta.transports.tls_suites import BadPriority, Suites, suites
from eximsim.mta.transports.tls_verify import VerifyMode, VerifySettings, during_verification
from eximsim.profiles import UnusableTlsa
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.transports.smtp_context import SmtpContext


def verify_settings(sx: SmtpContext, read: tuple[bytes, ...] | None = None) -> VerifySettings:
    """How the certificate of the host is to be verified; raises ``TlsStartFailed`` where that cannot be.

    ``read``: the trust anchors that GnuTLS has read before, in any case.
    """
    process, profile, host = sx.process, sx.process.profile, sx.host
    assert host.address is not None
    remote = host.address
    during, verifying = "", process.variables.get("verify_mode")
    if verifying and profile.verify_error_names_callout:
        during = during_verification(verifying, process.variables.get("sender_host_address"))
    if sx.dane:
        records = usable_tlsa(sx)
        if not records:
            return _no_usable_records(sx, remote, read)
        gnutls = profile.tls_library == GNUTLS
        trusted = read if gnutls else anchors(sx) if _preloaded(sx) else None
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
    return _ordinary_settings(sx, remote, during, read)


def usable_tlsa(sx: SmtpContext) -> tuple[Tlsa, ...]:
    """The TLSA records of the host that count; nothing else looks at ``SmtpContext.tlsa``."""
    profile = sx.process.profile
    return usable_records(sx.tlsa, profile.tls_library, skip_short=profile.short_tlsa_skipped)


def _preloaded(sx: SmtpContext) -> bool:
    """Whether OpenSSL has the trust anchors before it is known whether there is any use for them."""
    profile = sx.process.profile
    if profile.tls_library == GNUTLS or not profile.queue_run_preloads_anchors:
        return False
    return sx.process.queue_running and fixed_anchors(profile, sx.transport.options) is not None


def _ordinary_settings(
    sx: SmtpContext, remote: str, during: str, trusted: tuple[bytes, ...] | None
) -> VerifySettings:
    profile = sx.process.profile
    mode = _verify_mode(sx)
    names: tuple[str, ...] = ()
    if profile.tls_library != GNUTLS and (mode is not VerifyMode.NONE or _preloaded(sx)):
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


def _no_usable_records(sx: SmtpContext, remote: str, read: tuple[bytes, ...] | None) -> VerifySettings:
    """DANE was engaged, but no record can be used: what follows differs most between releases."""
    row = UNUSABLE_TLSA.decide(sx.process, host=sx.host.name)
    if row.outcome is Unusable.ORDINARY:
        return _ordinary_settings(sx, remote, "", read)
    log_write(sx.process, row.log)
    if row.outcome is Unusable.UNDEFINED:
        raise UndefinedBehaviour("the text of a TLS error that was never set is read")
    rc = Rc.FAIL if sx.process.profile.unusable_tlsa is UnusableTlsa.FAIL else Rc.DEFER
    raise TlsStartFailed(rc, never_set(sx.process, row.text, others_asked=sx.others_asked))


def server_name(sx: SmtpContext) -> str | None:
    """The name that the client sends (tls_sni), as the transport was set up with it."""
    state = sx.process.driver_state.get(sx.transport.name, {})
    if "tls_sni" in state:
        return str(state["tls_sni"])
    return expanded(sx, "tls_sni") or None


def offered_suites(sx: SmtpContext) -> Suites:
    """Ciphers and protocol versions of tls_require_ciphers or its kin; raises ``TlsStartFailed``."""
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
