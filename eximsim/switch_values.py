"""What the switches of several values can be: what the words mean, and sets that releases add to.

The switches themselves are in ``switches.py``.
"""

from __future__ import annotations

from enum import Enum

OPENSSL_OPTIONS = """
    all allow_unsafe_legacy_renegotiation cipher_server_preference dont_insert_empty_fragments ephemeral_rsa
    legacy_server_connect microsoft_big_sslv3_buffer microsoft_sess_id_bug msie_sslv2_rsa_padding
    netscape_challenge_bug netscape_reuse_cipher_change_bug no_compression
    no_session_resumption_on_renegotiation no_sslv2 no_sslv3 no_ticket no_tlsv1 no_tlsv1_1 no_tlsv1_2
    safari_ecdhe_ecdsa_bug single_dh_use single_ecdh_use ssleay_080_client_dh_bug sslref2_reuse_cert_type_bug
    tls_block_padding_bug tls_d5_bug tls_rollback_bug
"""


class IpSyntax(Enum):
    """Which texts are IP addresses (``mta/base/ip_syntax.py``)."""

    DIGITS = "read by hand; an octet is up to three digits"
    NUMBERS = "read by hand; an octet is what strtol() takes of three characters, up to 255"
    COPIED = "what inet_pton() takes; a part of it that comes from outside and is copied ends the process"
    LIBRARY = "what inet_pton() takes"


class IncludeCheck(Enum):
    """How a redirect router makes sure that an included file is in its ``include_directory``."""

    NAMES = "each folder on the way is looked for by its name"
    FROM_ROOT = "each is opened as if it lay in the root folder, and so is the file"
    STEPS = "each is opened in the one before it"


class TlsaMap(Enum):
    """How the answer to a TLSA question becomes a decision (tables: ``mta/transports/dane.py``)."""

    FALLBACK = "fallback"
    NO_FALLBACK = "no-fallback"
    NXDOMAIN_IS_NO_DANE = "nxdomain-is-no-dane"
    NEGATIVE_IS_NO_DANE = "negative-is-no-dane"
    SIGNED_NEGATIVE_IS_NO_DANE = "signed-negative-is-no-dane"
    INSECURE_IS_NO_DANE = "insecure-is-no-dane"


class UnusableTlsa(Enum):
    """What becomes of a connection whose TLSA records are all unusable."""

    FAIL = "no TLS connection, fail"
    CA_ROOT = "retry with ordinary certificate verification if DANE is only requested"
    DEFER = "no TLS connection, defer"
    NULL_TEXT = "defer; the error text was never set and shows as NULL"
    EMPTY_TEXT = "defer; the error text was never set and shows empty"
    UNDEFINED = "the error text is an uninitialised pointer: anything can happen"


class DaneSni(Enum):
    """What server name a client asks for under DANE."""

    AS_CONFIGURED = "tls_sni"
    DOMAIN = "the domain of the first recipient"
    HOST = "the name of the host"


class DaneFailureLog(Enum):
    """When a failed DANE connection is logged apart from the address's own line, and how."""

    NEVER = "never"
    WHEN_UNUSABLE = "DANE attempt failed; no TLS connection to H [ip], only if no record was usable"
    ALWAYS = "DANE attempt failed; no TLS connection to H [ip]"
    WITH_REASON = "DANE attempt failed; TLS connection to H [ip]: reason"


class CalloutDaneFailure(Enum):
    """What a callout of the smtp_setup_conn() kind does when DANE rules a host out before the connection."""

    CLEAN = "the next host is tried; then the callout defers"
    STALE_CONTEXT = "writes to what an earlier host left: dies of signal 11, or logs an error of SSL_write"
    DIES_UNLESS_SET_UP = "dies of signal 11 unless a callout of this process has connected before"
    DIES = "dies of signal 11 at the first such host"
    NULL_CONTEXT = "writes 'null conn-context pointer' to main and panic log, and cannot answer a second RCPT"


class CalloutSize(Enum):
    """When a callout announces the size of the message, as far as its client has told it, in MAIL."""

    IF_KNOWN = "if it is known"
    ALWAYS = "always, be it 0"
    IF_KNOWN_AND_UNCACHED = "if it is known, for a recipient, and nothing is cached"


class ConnectTrace(Enum):
    """How the host-check trace shows a connection: smtp_connect() and smtp_sock_connect() in smtp_out.c."""

    ONE_LINE = "Connecting to .. ... connected"
    SPACED = "the outcome is set off by another blank"
    TWO_LINES = "the outcome has a line of its own"
    FAILURE_NAMED = "and a failure is a sock_connect failure"


class CommandLog(Enum):
    """Whether the host-check trace sums up a session as ``cmdlog: '220:EHLO:..'``."""

    NEVER = "never"
    AT_CLOSE = "when the connection is closed"
    AFTER_CALLOUT = "by do_callout(), which says (unset) for a connection that never was"


class ReadsocketTls(Enum):
    """What the option ``tls=`` of ``${readsocket`` is."""

    UNKNOWN = "nothing that is known"
    MISREAD = "TLS, whatever it is set to; ``no`` is looked for behind the end of the text"
    READ = "TLS, unless it is set to no"


class SieveMailtoHeaders(Enum):
    """What becomes of the headers in a mailto URI of Sieve's notify: parse_mailto_uri()."""

    TAKEN = "each is taken"
    VALUE_FOR_NAME = "the value is taken for the name, and stays empty itself"
    TAKEN_BUT_LINES = "to, subject and body are taken, others are not; values may have spaces"


class CrashLog(Enum):
    """What a process writes to main and panic log when it dies of a segmentation violation."""

    NOTHING = "nothing"
    SUPPOSITION = "one line that suspects a write to immutable memory"
    FACTS = "fault address, SEGV_MAPERR, null pointer, what it was doing"
    PURPOSE = "the same, and before the last what the process was made for"


EVENTS = frozenset(
    (
        *("tcp:connect", "tcp:close", "smtp:connect", "tls:cert", "msg:host:defer", "msg:delivery"),
        *("msg:fail:delivery", "msg:fail:internal", "msg:complete"),
    )
)
