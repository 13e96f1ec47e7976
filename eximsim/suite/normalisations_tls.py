"""Normalisations of TLS versions, cipher suites and library error texts.

Test machines have different TLS libraries, so no more than the authentication part of a suite is kept. The
runner's way of doing it changed four times within two years, and the goldens with it.
"""

from __future__ import annotations

import re

from eximsim.suite.normalisation import EVERYWHERE, LOG, STDOUT, Normalisation, drop, sub

_BEFORE = r"((?:(?:\b|\s)[(=])|\s)"
_SUITE = r"((EC)?DHE-)?(RSA|ECDSA)-AES(128|256)-(GCM-SHA(256|384)|SHA)"
_LIBRESSL = r"((EC)?DHE-)?(RSA|ECDSA)-(AES256|CHACHA20)-(GCM-SHA384|POLY1305)"


def _suite(
    when: str, name: str, pattern: str, replacement: str, before: str, after: str, unless: str | None = None
) -> Normalisation:
    example = (f" X=TLSv1:{before} C\n", f" X=TLSv1:{after} C\n")
    name = f"{when}: {name}"
    return sub(name, pattern, replacement, example, every=True, hint="AES", when=when, unless=unless)


_PLAIN = (
    _suite("cipher_plain", "AES128-GCM with bits", r"\bAES128-GCM-SHA256:128\b", "AES256-SHA:256",
           "AES128-GCM-SHA256:128", "AES256-SHA:256"),
    _suite("cipher_plain", "AES128-GCM", r"\bAES128-GCM-SHA256\b", "AES256-SHA", "AES128-GCM-SHA256",
        "AES256-SHA"),
    _suite("cipher_plain", "AES256-GCM", r"\bAES256-GCM-SHA384\b", "AES256-SHA", "AES256-GCM-SHA384:256",
           "AES256-SHA:256"),
    _suite("cipher_plain", "DHE-RSA", r"\bDHE-RSA-AES256-SHA\b", "AES256-SHA", "DHE-RSA-AES256-SHA:256",
           "AES256-SHA:256"),
)  # fmt: skip

_XXX = (
    _suite("cipher_xxx", "any suite", _SUITE, r"ke-\3-AES256-SHAxxx", "ECDHE-RSA-AES256-GCM-SHA384:256",
           "ke-RSA-AES256-SHAxxx:256"),
)  # fmt: skip


def _bits_hidden(when: str, alone: str, with_bits: str, tls13: str) -> tuple[Normalisation, ...]:
    """What the two last ways have in common: a suite alone, and one with its key length."""
    group = r"(?::[^\s*]*)?"
    return (
        _suite(when, "suite alone", rf"(?<!ke-){_SUITE}(?!:)", rf"ke-\3-{alone}",
            "ECDHE-RSA-AES256-GCM-SHA384", f"ke-RSA-{alone}"),
        _suite(when, "suite with bits", rf"(?<!ke-){_SUITE}:(?:128|256){group}", rf"ke-\3-{with_bits}",
               "ECDHE-RSA-AES256-GCM-SHA384:256", f"ke-RSA-{with_bits}"),
        _suite(when, "TLS 1.3 suite with bits", rf"TLS_AES(?:_256)?_GCM_SHA384:256{group}", tls13 + with_bits,
               "TLS_AES_256_GCM_SHA384:256", tls13 + with_bits),
        _suite(when, "TLS 1.3 suite alone", r"TLS_AES(_256)?_GCM_SHA384(?!:)", tls13 + alone,
               "TLS_AES_256_GCM_SHA384", tls13 + alone),
        _suite(when, "suite without authentication", r"(?<!-)(?:AEAD-)?(AES256-GCM-SHA384)", r"RSA-\1",
               "AES256-GCM-SHA384", "RSA-AES256-GCM-SHA384"),
        _suite(when, "LibreSSL suite alone", rf"(?<!ke-){_LIBRESSL}(?!:)", rf"ke-\3-{alone}",
            "RSA-AES256-GCM-SHA384", f"ke-RSA-{alone}"),
        _suite(when, "LibreSSL suite with bits", rf"(?<!ke-){_LIBRESSL}:256{group}", rf"ke-\3-{with_bits}",
               "RSA-AES256-GCM-SHA384:256", f"ke-RSA-{with_bits}"),
    )  # fmt: skip


_GNUTLS_OLD = r"TLS1.[012]:((EC)?DHE_)?(RSA|ECDSA)_AES_(256|128)_(CBC|GCM)_SHA(1|256|384):(256|128)"
_GNUTLS = (
    r"TLS1.[x0123](?:-PKIX)?:"
    r"(?:(?:EC)?DHE(?:_(?:(?P<psk>PSK)_)?(?:(?P<auth1>RSA|ECDSA)_)?(?:SECP(?:256|521)R1|X25519))?__?)?"
    r"(?:(?P<auth2>RSA|ECDSA)(?:(?:_PSS_RSAE)?_SHA(?:512|256))?__?)?"
    r"(?P<with>WITH_)?AES_(?:256|128)_(?:CBC|GCM)(?:__?AEAD)?(?:__?SHA(?:1|256|384))?:(?:256|128)(?::[^\s*]*)?"
)


def _gnutls_suite(match: re.Match[str]) -> str:
    kept = "".join(match[name] or "" for name in ("psk", "auth1", "auth2", "with"))
    return f"TLS1.x:ke-{kept}-AES256-SHAnnn:xxx"


_RECEIVED = r"^(\s+by \S+ with .+ ) \(TLS1(?:\.[0-3])?\) tls TLS_"

CIPHERS: tuple[Normalisation, ...] = (
    sub("suite of a Received: header", _RECEIVED + r".*?([^_]+)_WITH.+$",
        r"\1(TLS1.x:ke-\2-AES256-SHAnnn:xxx)",
        ("\tby a.test.ex with esmtps  (TLS1.2) tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n",
        "\tby a.test.ex with esmtps (TLS1.x:ke-RSA-AES256-SHAnnn:xxx)\n"), hint=" tls TLS_"),
    sub("TLS 1.3 suite of a Received: header", _RECEIVED + ".+$", r"\1(TLS1.x:ke-RSA-AES256-SHAnnn:xxx)",
        ("\tby a.test.ex with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n",
         "\tby a.test.ex with esmtps (TLS1.x:ke-RSA-AES256-SHAnnn:xxx)\n"), hint=" tls TLS_"),
    sub("standard suite name", r" cipher_ TLS_.*?([^_]+)_WITH.+$", r" cipher_ TLS1.x:ke_\1_WITH_ci_mac",
        ("x cipher_ TLS_ECDHE_RSA_WITH_AES_256\n", "x cipher_ TLS1.x:ke_RSA_WITH_ci_mac\n"),
        hint=" cipher_ "),
    sub("standard TLS 1.3 suite name", r" cipher_ TLS_.*$", " cipher_ TLS1.x:ke_RSA_WITH_ci_mac",
        ("x cipher_ TLS_AES_256\n", "x cipher_ TLS1.x:ke_RSA_WITH_ci_mac\n"), hint=" cipher_ "),
    sub("TLS version as 1", _BEFORE + r"TLSv1\.[123]:", r"\1TLSv1:", (" X=TLSv1.2:x\n", " X=TLSv1:x\n"),
        every=True, hint="TLSv1.", unless="cipher_nnn"),
    sub("TLS version as 1.x", _BEFORE + r"TLSv?1(\.[123])?:", r"\1TLS1.x:", (" X=TLS1.3:x\n",
        " X=TLS1.x:x\n"), every=True, hint="TLS", when="cipher_nnn"),
    *_PLAIN,
    *_XXX,
    *_bits_hidden("cipher_bits_hidden", "AES256-SHA", "AES256-SHA:xxx", "TLS-"),
    *_bits_hidden("cipher_nnn", "AES256-SHAnnn", "AES256-SHAnnn:xxx", "ke-RSA-"),
    sub("GnuTLS suite, oldest form", _GNUTLS_OLD, "TLS1.x:xxxxRSA_AES_256_CBC_SHAnnn:256",
        (" X=TLS1.2:RSA_AES_256_CBC_SHA1:256 C\n", " X=TLS1.x:xxxxRSA_AES_256_CBC_SHAnnn:256 C\n"),
        every=True, hint="_AES_", when="cipher_plain", unless="cipher_xx"),
    sub("GnuTLS suite, older form", _GNUTLS_OLD, r"TLS1.x:ke_\3_AES_256_CBC_SHAnnn:256",
        (" X=TLS1.2:RSA_AES_256_CBC_SHA1:256 C\n", " X=TLS1.x:ke_RSA_AES_256_CBC_SHAnnn:256 C\n"), every=True,
        hint="_AES_", when="cipher_xx"),
    sub("GnuTLS suite", _GNUTLS, _gnutls_suite, (" X=TLS1.2:ECDHE_SECP256R1__RSA_SHA256__AES_256_GCM:256 C\n",
        " X=TLS1.x:ke-RSA-AES256-SHAnnn:xxx C\n"), every=True, hint="AES_", when="cipher_nnn"),
    _suite("cipher_plain", "ECDHE-RSA", r"\b(ECDHE-RSA-AES256-SHA|DHE-RSA-AES256-SHA256)\b", "AES256-SHA",
           "ECDHE-RSA-AES256-SHA:256", "AES256-SHA:256", unless="cipher_xx"),
    _suite("cipher_xx", "ECDHE", r"\b(ECDHE-(RSA|ECDSA)-AES256-SHA|DHE-RSA-AES256-SHA256)\b",
        r"ke-\2-AES256-SHAxx", "ECDHE-RSA-AES256-SHA:256", "ke-RSA-AES256-SHAxx:256"),
    sub("TLS version alone", r"ver:    TLS1(\.[0-3])?$", "ver:    TLS1.x", ("ver:    TLS1.3\n",
        "ver:    TLS1.x\n"), hint="ver:", when="cipher_nnn"),
    sub("TLS version in brackets", r" \(TLS1(\.[0-3])?\) ", " (TLS1.x) ", ("esmtps (TLS1.3) x\n",
        "esmtps (TLS1.x) x\n"), hint=" (TLS1", when="cipher_nnn"),
    sub("no certificate", "No certificate was found|Certificate is required",
        "The peer did not send any certificate", ("No certificate was found.\n",
        "The peer did not send any certificate.\n"), every=True, hint="ertificate"),
    sub("no common suite", r"\(gnutls_priority_set\): No or insufficient priorities were set",
        "(gnutls_handshake): Could not negotiate a supported cipher suite",
        ("(gnutls_priority_set): No or insufficient priorities were set\n",
        "(gnutls_handshake): Could not negotiate a supported cipher suite\n"), every=True,
        hint="gnutls_priority"),
    sub("no suite found", r"(\(gnutls_handshake\): )No supported cipher suites have been found\.$",
        r"\1Could not negotiate a supported cipher suite.",
        ("(gnutls_handshake): No supported cipher suites have been found.\n",
         "(gnutls_handshake): Could not negotiate a supported cipher suite.\n"), hint="cipher suites have"),
    sub("pull function", r"TLS error on connection \(gnutls_handshake\): Error in the pull function\.",
        "a TLS session is required but an attempt to start TLS failed",
        ("TLS error on connection (gnutls_handshake): Error in the pull function.\n",
         "a TLS session is required but an attempt to start TLS failed\n"), every=True, hint="pull function"),
    sub("short packet",
        r"TLS error on connection from \[127.0.0.1\] \(recv\): A TLS packet with unexpected length was "
        r"received\.", "TLS error on connection from [127.0.0.1] (recv): The TLS connection was non-properly "
        "terminated.",
        ("TLS error on connection from [127.0.0.1] (recv): A TLS packet with unexpected length "
        "was received.\n",
        "TLS error on connection from [127.0.0.1] (recv): The TLS connection was non-properly "
        "terminated.\n"), every=True, hint="unexpected length"),
)  # fmt: skip

ERRORS: tuple[Normalisation, ...] = (
    sub("OpenSSL error, any connection", r"(TLS error on connection (?:from .* )?\(SSL_\w+\): error:)(.*)",
        r"\1 <<detail omitted>>", ("TLS error on connection (SSL_connect): error:1409:x\n",
        "TLS error on connection (SSL_connect): error: <<detail omitted>>\n"), hint="TLS error on",
        unless="session_errors"),
    sub("OpenSSL error of a session", r"(TLS session: \(SSL_\w+\): error:)(.*)", r"\1 <<detail omitted>>",
        ("TLS session: (SSL_connect): error:1409:x\n",
        "TLS session: (SSL_connect): error: <<detail omitted>>\n"), hint="TLS session: ",
        when="session_errors"),
    sub("closed session",
        r"(TLS error on connection from .*)\(SSL_accept\): error:.*:unexpected eof while reading$",
        r"\1(tls lib accept fn): TCP connection closed by peer",
        ("TLS error on connection from a (SSL_accept): error:0A:unexpected eof while reading\n",
        "TLS error on connection from a (tls lib accept fn): TCP connection closed by peer\n"),
        hint="unexpected eof", when="closed_tls_session"),
    sub("OpenSSL error of an incoming connection",
        r"(TLS error on connection from .* \(SSL_\w+\): error:)(.*)", r"\1 <<detail omitted>>",
        ("TLS error on connection from a (SSL_accept): error:1409:x\n",
        "TLS error on connection from a (SSL_accept): error: <<detail omitted>>\n"), hint="TLS error on",
        when="session_errors"),
    drop("certificate not trusted", "SSL verify error: depth=0 error=certificate not trusted",
        "SSL verify error: depth=0 error=certificate not trusted cert=/CN=a\n", hint="not trusted",
        files=EVERYWHERE, when="untrusted_dropped"),
    drop("weak Diffie-Hellman",
        r"TLS error \(D-H param setting .* error:.*(?:dh key too small|unknown security bits)",
        "TLS error (D-H param setting 'x'): error:dh key too small\n", hint="D-H param", files=EVERYWHERE,
        when="weak_parameters_dropped"),
    sub("weak Diffie-Hellman, named",
        r"(TLS error \(D-H param setting .* error:).*(?:dh key too small|unknown security bits)",
        r"\1xxxxxxxx:SSL routines::dh key too small",
        ("TLS error (D-H param setting 'x'): error:0A00018A:SSL routines::dh key too small\n",
        "TLS error (D-H param setting 'x'): error:xxxxxxxx:SSL routines::dh key too small\n"),
        hint="D-H param", files=EVERYWHERE, unless="weak_parameters_dropped"),
    sub("OpenSSL 1.1.1 key mismatch",
        r"error:0B080074:x509 certificate routines:X509_check_private_key(?=:key values)",
        "error:05800074:x509 certificate routines:",
        ("error:0B080074:x509 certificate routines:X509_check_private_key:key values mismatch\n",
        "error:05800074:x509 certificate routines::key values mismatch\n"), hint="0B080074",
        when="closed_tls_session"),
    sub("OpenSSL 1.1.1 file missing", r"error:02001002:system library:fopen(?=:No such file or directory$)",
        "error:80000002:system library:", ("error:02001002:system library:fopen:No such file or directory\n",
        "error:80000002:system library::No such file or directory\n"), hint="02001002",
        when="closed_tls_session"),
    sub("OpenSSL 1.1.1 PEM", r"error:0909006C:PEM routines:get_name(?=:no start line$)",
        "error:0480006C:PEM routines:", ("error:0909006C:PEM routines:get_name:no start line\n",
        "error:0480006C:PEM routines::no start line\n"), hint="0909006C", when="closed_tls_session"),
)  # fmt: skip

LOG_ERRORS: tuple[Normalisation, ...] = (
    sub("OpenSSL file missing", r"(TLS error on connection [^:]*: error:)[0-9A-F]{8}(:system library):"
        r"(?:fopen|func\(4095\)|):(No such file or directory)$", r"\1xxxxxxxx\2:fopen:\3",
        ("TLS error on connection x: error:80000002:system library::No such file or directory\n",
        "TLS error on connection x: error:xxxxxxxx:system library:fopen:No such file or directory\n"),
        hint=":system library", files=LOG, when="dane_errors"),
    drop("eof in a session",
        r"TLS error \(SSL_read\): .*error:0A000126:SSL routines::unexpected eof while reading$",
        "TLS error (SSL_read): on x error:0A000126:SSL routines::unexpected eof while reading\n",
        hint="0A000126", files=LOG),
    sub("closed session, event", r"(EVDATA: )\(SSL_accept\): error:0A000126:SSL routines::unexpected eof "
        "while reading", r"\1SSL_accept: TCP connection closed by peer",
        ("EVDATA: (SSL_accept): error:0A000126:SSL routines::unexpected eof while reading\n",
        "EVDATA: SSL_accept: TCP connection closed by peer\n"), hint="EVDATA", files=LOG),
    sub("DANE verification",
        r"(DANE attempt failed.*error:)[0-9A-F]{8}(:SSL routines:)(?i:ssl3_get_server_certificate|"
        r"tls_process_server_certificate|CONNECT_CR_CERT|)(?=:certificate verify failed$)",
        r"\1xxxxxxxx\2ssl3_get_server_certificate",
        ("DANE attempt failed; x: (SSL_connect): error:0A000086:SSL routines::certificate verify " "failed\n",
        "DANE attempt failed; x: (SSL_connect): error:xxxxxxxx:SSL "
        "routines:ssl3_get_server_certificate:certificate " "verify failed\n"), hint="DANE attempt failed",
        files=LOG, when="dane_errors"),
    sub("client time-out", r"(session: )\((SSL_connect|gnutls_handshake)\): timed out",
        r"\1(tls lib connect fn): timed out", ("TLS session: (SSL_connect): timed out\n",
        "TLS session: (tls lib connect fn): timed out\n"), hint="timed out", files=LOG, when="tls_timeouts"),
    sub("server time-out", r"(TLS error on connection from .*)\((SSL_accept|gnutls_handshake)\): timed out",
        r"\1(tls lib accept fn): timed out", ("TLS error on connection from a (SSL_accept): timed out\n",
        "TLS error on connection from a (tls lib accept fn): timed out\n"), hint="timed out", files=LOG,
        when="tls_timeouts"),
    sub("client gone", r"(TLS error on connection from .*)(SSL_accept: TCP connection closed by peer|"
        r"\(gnutls_handshake\): The TLS connection was non-properly terminated\.)",
        r"\1(tls lib accept fn): TCP connection closed by peer",
        ("TLS error on connection from a SSL_accept: TCP connection closed by peer\n",
        "TLS error on connection from a (tls lib accept fn): TCP connection closed by peer\n"),
        hint="TLS error on", files=LOG, when="tls_timeouts"),
)  # fmt: skip

CLIENT_ERRORS: tuple[Normalisation, ...] = (
    drop("alert for no certificate",
        r"TLS error on connection \(recv\): .* (?:Decode error|peer did not send any certificate)",
        "H=a [b] TLS error on connection (recv): A TLS fatal alert has been received: Decode error\n",
        hint="(recv)", files=LOG),
    sub("first read", r"(TLS session: )error on first read:",
        r"\1(gnutls_handshake): A TLS fatal alert has been received.:",
        ("TLS session: error on first read: x\n",
        "TLS session: (gnutls_handshake): A TLS fatal alert has been received.: x\n"),
        hint="first read", files=LOG),
    sub("alert in a client's handshake",
        r"^[0-9A-Fa-f]+:error:[0-9A-Fa-f]+(:SSL routines:ssl3_read_bytes:(?:ssl|tls)v\d[^:]+:).*"
        r"(:SSL alert number \d\d)$", r"pppp:error:dddddddd\1[...]\2",
        ("12:error:0A:SSL routines:ssl3_read_bytes:sslv3 alert x:a.c:1:SSL alert number 40\n",
        "pppp:error:dddddddd:SSL routines:ssl3_read_bytes:sslv3 alert x:[...]:SSL alert number 40\n"),
        hint="SSL alert number", files=STDOUT),
    sub("alert in a client's session",
        r"^error:[^:]*:(?=SSL routines:ssl3_read_bytes:(?:tls|ssl)v\d+ alert)", "error:dddddddd:",
        ("error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required\n",
        "error:dddddddd:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required\n"),
        hint="ssl3_read_bytes", files=STDOUT),
)  # fmt: skip
