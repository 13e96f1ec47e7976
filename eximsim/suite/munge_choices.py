"""The extra normalisations that a script chooses with ``munge NAME``, by name and output."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eximsim.suite.normalisation import Normalisation, Reading, drop, special, sub

_OPTIONAL_DSN = (
    r"^(X-(Remote-MTA-(smtp-greeting|helo-response)|Exim-Diagnostic|(body|message)-linecount):|"
    r"Remote-MTA: X-ip;)"
)
_OPTIONAL_OPTIONS = (
    r"^(dkim_(canon|domain|private_key|selector|sign_headers|strict|hash|identity|timestamps)"
    r"|gnutls_require_(kx|mac|protocols)|hosts_pipe_connect|hosts_(requ(est|ire)|try)_(dane|ocsp)"
    r"|dane_require_tls_ciphers|hosts_(avoid|nopass|noproxy|require|verify_avoid)_tls"
    r"|pipelining_connect_advertise_hosts|socks_proxy|tls_[^ ]*|utf8_downconvert)($|[ ]=)"
)


def _dn_with_slashes(line: str, reading: Reading) -> str:
    before, mark, after = line.partition(' DN="')
    if not mark:
        return line
    name, quote, rest = after.partition('"')
    name = ("/" + name if name.startswith("C=") else name).replace(",", "/", 3)
    return f"{before}{mark}{name}{quote}{rest}"


_SHORT_PACKET = r"\(recv\): A TLS packet with unexpected length was received."
_PUSH = "(gnutls_handshake): A TLS packet with unexpected length was received"
_BAD_CERTIFICATE = "(certificate verification failed): certificate invalid"
_NO_CERTIFICATE = "(gnutls_handshake): The peer did not send any certificate."
_NO_TLS = "A TLS fatal alert has been received.\nFailed to start TLS"
_SYNC = sub(
    "suppressed input", r"^(.* SMTP protocol synchronization error .* next input=.{8}).*$", r"\1<suppressed>",
    ("x SMTP protocol synchronization error y next input=abcdefghij\n",
     "x SMTP protocol synchronization error y next input=abcdefgh<suppressed>\n"),
)  # fmt: skip
_ANY_SUITE = sub(
    "any suite", r" X=TLS\S+ ", " X=TLS_proto_and_cipher ",
    ("a X=TLS1.3:x b\n", "a X=TLS_proto_and_cipher b\n"),
)  # fmt: skip

_ROWS: tuple[tuple[str, str, Normalisation], ...] = (
    ("dnssec", "stderr", drop(
        "reverse DNS", "^Reverse DNS security status: unverified\n",
        "Reverse DNS security status: unverified\n")),
    ("gnutls_unexpected", "mainlog", drop(
        "short packet", _SHORT_PACKET, "x (recv): A TLS packet with unexpected length was received.\n")),
    ("gnutls_handshake", "mainlog", sub(
        "push function", r"\(gnutls_handshake\): Error in the push function", _PUSH,
        ("(gnutls_handshake): Error in the push function\n", f"{_PUSH}\n"))),
    ("gnutls_bad_clientcert", "mainlog", sub(
        "client certificate", r"\(certificate verification failed\): certificate invalid", _NO_CERTIFICATE,
        (f"{_BAD_CERTIFICATE}\n", f"{_NO_CERTIFICATE}\n"))),
    ("gnutls_bad_clientcert", "stdout", sub(
        "start of TLS", "Succeeded in starting TLS", _NO_TLS,
        ("Succeeded in starting TLS\n", f"{_NO_TLS}\n"))),
    ("optional_events", "stdout", drop("events", "event_action =", "event_action = x\n")),
    ("optional_ocsp", "stderr", drop(
        "OCSP", "127.0.0.1 in hosts_requ(ire|est)_ocsp", ">>> 127.0.0.1 in hosts_require_ocsp? no\n")),
    ("optional_cert_hostnames", "stderr", drop(
        "certificate names", r"in tls_verify_cert_hostnames\? no",
        ">>> a in tls_verify_cert_hostnames? no\n")),
    ("loopback", "stdout", sub(
        "loopback address", r"\[(127\.0\.0\.1|::1)]", "[IP_LOOPBACK_ADDR]",
        ("from [::1]\n", "from [IP_LOOPBACK_ADDR]\n"))),
    ("scanfile_size", "stdout", sub(
        "content length", r"(Content-length:) \d\d\d", r"\1 ddd",
        ("Content-length: 312\n", "Content-length: ddd\n"))),
    ("delay_1500", "stderr", sub(
        "delay", r"(1[5-9]|23\d)\d\d msec", "ssss msec", ("1500 msec\n", "ssss msec\n"))),
    ("tls_anycipher", "mainlog", _ANY_SUITE),
    ("tls_anycipher", "mainlog", special(
        "DN with slashes", _dn_with_slashes, ('a DN="C=UK,O=x,CN=y" b\n', 'a DN="/C=UK/O=x/CN=y" b\n'))),
    ("tls_anycipher", "rejectlog", _ANY_SUITE),
    ("debug_pid", "stderr", sub(
        "debug process number", r"(?:^\s{0,4}|(?<=Process )|(?<=child ))\d{1,5}", "ppppp",
        ("1234 child 12 x\n", "ppppp child ppppp x\n"), every=True)),
    ("optional_dsn_info", "mail", drop("DSN information", _OPTIONAL_DSN, "X-message-linecount: 3\n")),
    ("optional_config", "stdout", drop("optional options", _OPTIONAL_OPTIONS, "tls_sni = x\n")),
    ("sys_bindir", "mainlog", sub(
        "program folder", "/(usr/(local/)?)?bin/", "SYSBINDIR/", ("run /usr/bin/x\n", "run SYSBINDIR/x\n"))),
    ("sync_check_data", "mainlog", _SYNC),
    ("sync_check_data", "rejectlog", _SYNC),
    ("timeout_errno", "mainlog", sub(
        "time-out's errno", r"((?:host|message) deferral .* errno) <\d+> ", r"\1 <EEE> ",
        ("host deferral x errno <110> y\n", "host deferral x errno <EEE> y\n"))),
    ("peer_terminated_conn", "stderr", sub(
        "reset", r"^(  SMTP\()Connection reset by peer(\)<<)$", r"\1closed\2",
        ("  SMTP(Connection reset by peer)<<\n", "  SMTP(closed)<<\n"))),
    ("perl_variants", "stdout", sub("Perl hash", "^> X/X$", "> X", ("> X/X\n", "> X\n"))),
)  # fmt: skip

Choice = tuple[tuple[str, Normalisation], ...]
"""Pairs of an output (``mainlog``, ``stdout``, ...) and what is done to its lines."""

CHOICES: Mapping[str, Choice] = MappingProxyType(
    {name: tuple((output, rule) for key, output, rule in _ROWS if key == name) for name, _, _ in _ROWS}
)
"""Each name that a script may give."""
