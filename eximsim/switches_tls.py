"""The switches of what Exim makes of its TLS library: names, words, what it asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from eximsim.history import since, switch
from eximsim.switch_values import OPENSSL_OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsLibrarySwitches:
    """The part of a profile that is about the library."""

    gnutls_suite_described: bool = switch(
        False, "peer_status() in tls-gnu.c", since("4.93", "d9acfc1ce", item="JH/16")
    )
    """GnuTLS builds show a cipher suite as gnutls_session_get_desc() does, ``RSA__AES_128_CBC__SHA1``."""

    gnutls_alert_text: str = switch(
        "A TLS fatal alert has been received.",
        "tls_error_gnu() in tls-gnu.c",
        since("4.95", "c4b408623", "{alert}"),
        since("4.97", "520ef00f5", "rxd alert: {alert}"),
    )
    """How a GnuTLS build words an alert of the server's that ended the handshake."""

    openssl_option_names: frozenset[str] = switch(
        frozenset(OPENSSL_OPTIONS.split()),
        "exim_openssl_options[] in tls-openssl.c",
        since("4.92", "8442641ee", adds=("no_tlsv1_3",)),
        since("4.93", "2043336d3", adds=("no_renegotiation",)),
        since(
            "4.94.1", "c8b050fd1", published="4.94",
            adds=(
                "allow_no_dhe_kex", "cryptopro_tlsext_bug", "enable_middlebox_compat", "no_anti_replay",
                "no_encrypt_then_mac", "prioritize_chacha", "tlsext_padding",
            ),
        ),
    )  # fmt: skip
    """The words of openssl_options in a build with OpenSSL 3; an older library knows fewer."""

    no_ocsp_response_text: str = switch(
        "Received TLS status callback, null content",
        "tls_client_stapling_cb() in tls-openssl.c",
        since("4.93", "140036346", "Required TLS certificate status not received"),
    )
    """The log line on a server that staples no response where hosts_require_ocsp wants one."""

    ocsp_failure_named: bool = switch(
        False, "tls_client_stapling_cb() in tls-openssl.c", since("4.97", "415c5379a")
    )
    """What was wrong with a stapled response is the failure's text, in place of the library's."""

    gnutls_first_read_fails_handshake: bool = switch(False, "smtp_setup_conn()", since("4.93", "fc243e944"))
    """With GnuTLS, no reply to the EHLO over TLS counts as a failed handshake."""

    tls_version_without_v: bool = switch(False, "tlsver_name() in tls-openssl.c", since("4.93", "da40b1ec6"))
    """``X=TLS1.2:..`` instead of ``X=TLSv1.2:..``."""
