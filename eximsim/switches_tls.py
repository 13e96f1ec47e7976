"""The switches of what Exim makes of its TLS library: names, words, what it asks of it."""

from __future__ import annotations

from eximsim.history import measured, since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import OPENSSL_OPTIONS
from eximsim.switches_dkim import SignatureSwitches


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False, eq=False)
class TlsLibrarySwitches(SignatureSwitches):
    """The part of a profile that is about the library, with what comes before it."""

    gnutls_suite_described: bool = switch(
        False, "peer_status() in tls-gnu.c", since("4.93", "d9acfc1ce", item="JH/16")
    )
    """GnuTLS builds show a cipher suite as gnutls_session_get_desc() does, ``RSA__AES_128_CBC__SHA1``."""

    key_exchange_group_shown: bool = switch(
        False, "peer_status() in tls-gnu.c", since("4.99-dev-13835a3c1", "e35ada6dc", item="JH/09")
    )
    """GnuTLS builds show the group of the key exchange behind the key length. OpenSSL does so from 3.2
    on; what is modelled is OpenSSL 3.0."""

    gnutls_alert_text: str = switch(
        "A TLS fatal alert has been received.",
        "tls_error_gnu() in tls-gnu.c",
        since("4.95", "c4b408623", "{alert}"),
        since("4.97", "520ef00f5", "rxd alert: {alert}"),
    )
    """How a GnuTLS build words an alert of the server's that ended the handshake."""

    gnutls_stat_quoted: bool = switch(
        False, "tls_set_remaining_x509() in tls-gnu.c", since("4.93", "d896cef5f")
    )
    """GnuTLS builds put a name of tls_verify_certificates that is not there in quotes."""

    unset_tls_text: str | None = switch(
        "",
        "smtp_setup_conn()",
        since("4.90-dev-5d6bdf01a", "cf0c61644", "NULL", item="JH/17"),
        measured("4.96", None),
        measured("4.96-debian12", "NULL"),
    )
    """Why there is no session if tls_verify_certificates names nothing that is there. Since 4.90 that is the
    text in a variable that nothing has set; None: anything can happen."""

    unset_tls_text_of_further_host: str | None = switch(
        "",
        "smtp_setup_conn()",
        since("4.90-dev-5d6bdf01a", "cf0c61644", None, item="JH/17"),
        measured("4.95", "callout"),
        measured("4.96", None),
    )
    """What that variable holds in a callout that has asked another host before; None: the same."""

    forced_tls_file_ends: bool = switch(
        False, "tls_expand_session_files(), tls_set_remaining_x509()", since("4.97", "520ef00f5")
    )
    """A tls_certificate or tls_privatekey whose expansion is forced to fail ends a client's session."""

    accept_version_text: str = switch(
        "(SSL_accept): {error}",
        "tls_server_start() in tls-openssl.c",
        since("4.93", "fa9e4a1d0", "(SSL_accept (TLSv1.3)): {error}"),
        measured("4.95", "(SSL_accept): NULL (TLSv1.3)"),
        since("4.96", "ef2e5890d", "(SSL_accept): (TLSv1.3)"),
    )
    """How an OpenSSL build tells of a client that says something else than TLS: with its own version."""

    client_may_close_tls: bool = switch(
        False, "tls_close() in tls-openssl.c and tls-gnu.c", since("4.93", "bd231acd0", item="JH/34")
    )
    """A server goes on in clear after a client has closed TLS. Before, it could crash."""

    system_anchors_cached: bool = switch(
        False,
        "setup_certs() in tls-openssl.c, creds_load_cabundle() in tls-gnu.c",
        since("4.95", "6a9cf7f89"),
    )
    """tls_verify_certificates may be ``system,cache``."""

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

    openssl_options_expanded: bool = switch(
        False, "tls_openssl_options_parse() in tls-openssl.c", since("4.93", "86ede124f", item="bug 1466")
    )
    """openssl_options is expanded."""

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

    tls_on_connect_named: bool = switch(False, "smtp_setup_msg() in smtp_in.c", since("4.99", "b48617592"))
    """With the log selector tls_on_connect, ``P=`` is essmtp where TLS came first."""

    signature_without_blanks: bool = switch(
        False, "tls_cert_signature() in tlscert-openssl.c", since("4.97", "9b5fdee11")
    )
    """With OpenSSL ``${certextract`` of ``signature`` has digits and colons only; before, as the library
    prints it, in lines."""

    dh_parameters_deprecated: bool = switch(
        False, "std_dh_prime_named() in std-crypto.c", since("4.96", "ea98874e2", item="bug 1895")
    )
    """A server warns of tls_dhparam where that names parameters of RFC 5114."""

    unknown_curve_text: str = switch(
        "",
        "init_ecdh() in tls-openssl.c",
        since("4.97", "42f1855e9", "Unknown curve name in tls_eccurve '{curve}'", item="bug 2955"),
    )
    """What a server says of a curve that OpenSSL does not know; before, with the library's words after it."""

    refused_alpn_logged: bool = switch(
        False, "tls_server_alpn_cb() in tls-openssl.c and tls-gnu.c", since("4.97", "e1aca3375")
    )
    """A server logs the application protocols of a client that it turns away."""

    bad_alpn_ends_after_handshake: bool = switch(
        False, "tls_server_alpn_cb() in tls-openssl.c", since("4.99", "cb53c27eb")
    )
    """A server with OpenSSL completes the handshake before it turns a wrong application protocol away."""

    ocsp_unverifiable_text: str = switch(
        "Received TLS cert status response, itself unverifiable",
        "tls_client_stapling_cb() in tls-openssl.c",
        since("4.91", "57887eccb", "Received TLS cert status response, itself unverifiable: {reason}"),
        since(
            "4.97", "6d0500659",
            "[{address}] {host} Received TLS cert (DN: '{dn}') status response,"
            " itself unverifiable: {reason}",
        ),
    )  # fmt: skip
    """The log line on a stapled response whose signer cannot be trusted."""

    ocsp_trusts_dane_chain: bool = switch(
        False, "verify_callback_client_dane() in tls-openssl.c", since("4.91", "6fbf35995")
    )
    """What DANE has verified is what a stapled response is verified by."""

    ocsp_trust_explicit: bool = switch(
        True, "tls_client_stapling_cb() in tls-openssl.c", since("4.93", "86ede124f", item="bug 1466")
    )
    """A stapled response is about one certificate, and a signer that is not the authority's must be trusted
    for that."""

    ocsp_dates_text: str = switch(
        "Server OSCP dates invalid",
        "tls_client_stapling_cb() in tls-openssl.c",
        since("4.96", "78a84fffe", "OCSP dates invalid"),
    )
    """The log line on a stapled response that is too old, or not valid yet."""

    ocsp_store_is_verified_chain: bool = switch(
        False, "tls_client_stapling_cb() in tls-openssl.c", since("4.97", "415c5379a")
    )
    """A stapled response is verified by the chain that OpenSSL has built, with the server's own beside it."""

    ocsp_files_listed: bool = switch(
        False, "tls_expand_session_files() in tls-openssl.c", since("4.93", "5b2fd993e")
    )
    """tls_ocsp_file is a list, with a file for each certificate; before, one response went with any."""

    ocsp_file_errors_logged: bool = switch(
        False, "ocsp_load_response() in tls-openssl.c", since("4.95", "e7a0bf3f7")
    )
    """That a file of tls_ocsp_file cannot be read is a panic."""

    gnutls_requested_status_checked: bool = switch(
        False, "tls_client_start() in tls-gnu.c", since("4.93", "7a501c874")
    )
    """A GnuTLS build looks at a stapled response also where none is required."""

    gnutls_loads_status: bool = switch(
        False, "tls_expand_session_files() in tls-gnu.c", since("4.93", "e54893330")
    )
    """A GnuTLS build has the library load tls_ocsp_file, which refuses what is out of date."""

    server_makes_certificate: bool = switch(
        False, "tls_expand_session_files() in tls-openssl.c and tls-gnu.c", since("4.88", "23bb69826")
    )
    """A server without tls_certificate makes one up at the start of a session."""

    no_certificate_always_told: bool = switch(
        False,
        "tls_dropprivs_validate_require_cipher()",
        since("4.87", "23f3dc67a", item="bug 1709"),
        since("4.94.1", "d85cdeb5e", published="4.94"),
    )
    """Every program that reads the configuration warns that TLS is offered without a certificate; since 4.94
    only a daemon does."""

    sni_failure_is_fatal: bool = switch(
        False, "tls_servername_cb() in tls-openssl.c", since("4.92", "5a2a0989e")
    )
    """A server that has no certificate for the name that a client asks for ends the handshake."""

    certificate_failure_is_fault: bool = switch(
        False, "tls_expand_session_files() in tls-openssl.c and tls-gnu.c", since("4.97", "520ef00f5")
    )
    """A server's tls_certificate or tls_privatekey that is forced to fail is an error; before, it was as if
    unset."""

    invalid_session_passed_over: bool = switch(
        False, "record_io_error() in tls-gnu.c", since("4.99", "ee549a2ed", item="bug 3092")
    )
    """A GnuTLS build does not log that it reads on in a session that was lost."""

    gnutls_first_read_fails_handshake: bool = switch(False, "smtp_setup_conn()", since("4.93", "fc243e944"))
    """With GnuTLS, no reply to the EHLO over TLS counts as a failed handshake."""

    tls_version_without_v: bool = switch(False, "tlsver_name() in tls-openssl.c", since("4.93", "da40b1ec6"))
    """``X=TLS1.2:..`` instead of ``X=TLSv1.2:..``."""

    override_outlives_session: bool = switch(
        False, "verify_callback() and peer_cert() in tls-openssl.c", since("4.93", "4a1bd6b93")
    )
    """With OpenSSL, once tls_try_verify_hosts has let a certificate pass, no later session of the process
    counts as verified before one is verified without DANE: one that DANE has verified has ``CV=no``."""
