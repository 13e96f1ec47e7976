"""What each release from 4.86 on changed in the option tables of src/readconf.c, src/globals.c, the drivers.

A key is ``GROUP.NAME``; the group is ``main``, ``router``, ``transport``, the name of a driver, ``acl`` for
ACL conditions and modifiers, or ``driver``. What a release does not mention is as in the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from eximsim.mta.config.optionlist import Kind, Value
from eximsim.mta.config.options_main import RECEIVED_HEADER_WITH_VERSION
from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Changes:
    """One release against the one before: ``new`` and ``gone`` hold keys separated by blanks."""

    release: str
    new: str = ""
    gone: str = ""
    defaults: Mapping[str, Value] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    features: str = ""
    """What the release says it is built with, as far as the model has it: built-in macros ``_HAVE_...``."""


_FEATURES = "CRYPTEQ DANE DKIM DNSSEC EVENT I18N ICONV IPV6 OCSP PRDR TLS LOOKUP_LSEARCH LOOKUP_DNSDB"
_SINCE_4_90 = f"{_FEATURES} DKIM_SIGN_HEADERS"
_SINCE_4_93 = f"{_SINCE_4_90} TLS1_3 TLS_OCSP TLS_OCSP_LIST"
_SINCE_4_94 = f"{_SINCE_4_93} DKIM_OVERSIGN_HEADERS PIPE_CONNECT"
_SINCE_4_95 = f"{_SINCE_4_94} TLS_RESUME RESUME_DECODE TLS_ALPN"

HISTORY: tuple[Changes, ...] = (
    Changes("4.85"),
    Changes(
        "4.86",
        new="""main.add_environment main.dns_trust_aa main.keep_environment main.slow_lookup_log
        main.smtputf8_advertise_hosts main.tls_eccurve router.dnssec_request_domains
        router.dnssec_require_domains dnslookup.fail_defer_domains smtp.socks_proxy""",
        gone="dnslookup.dnssec_request_domains dnslookup.dnssec_require_domains",
        defaults={
            "main.acl_smtp_data_prdr": "accept",
            "main.rfc1413_hosts": "@[]",
            "main.rfc1413_query_timeout": 0,
            "main.tls_verify_certificates": "system",
            "smtp.hosts_try_prdr": "*",
            "smtp.hosts_verify_avoid_tls": None,
            "smtp.tls_try_verify_hosts": "*",
            "smtp.tls_verify_cert_hostnames": "*",
            "smtp.tls_verify_certificates": "system",
        },
        kinds={
            "main.smtp_receive_timeout": Kind.TIME_OR_TEXT,
            "smtp.multi_domain": Kind.FLAG_OR_TEXT,
            "smtp.retry_include_ip_address": Kind.FLAG_OR_TEXT,
        },
    ),
    Changes(
        "4.87",
        new="main.bounce_return_linesize_limit main.hosts_proxy main.perl_taintmode transport.max_parallel",
        gone="main.proxy_required_hosts",
        defaults={"main.tls_advertise_hosts": "*"},
    ),
    Changes(
        "4.88",
        new="""main.chunking_advertise_hosts main.syslog_pid smtp.hosts_try_chunking smtp.hosts_try_fastopen
        acl.queue driver.queuefile""",
        gone="""acl.demime main.gnutls_require_kx main.gnutls_require_mac main.gnutls_require_protocols
        smtp.gnutls_require_kx smtp.gnutls_require_mac smtp.gnutls_require_protocols""",
        defaults={
            "main.check_log_inodes": 100,
            "main.check_log_space": 10 * 1024,
            "main.check_spool_inodes": 100,
            "main.check_spool_space": 10 * 1024,
            "main.queue_run_max": "5",
            "main.tls_eccurve": "auto",
        },
        kinds={"main.queue_run_max": Kind.TEXT},
        features=_FEATURES,
    ),
    Changes("4.89", new="main.debug_store"),
    Changes(
        "4.90",
        new="""main.commandline_checks_require_admin main.spool_wireformat smtp.dkim_hash smtp.dkim_identity
        smtp.hosts_noproxy_tls acl.set_dkim""",
        features=_SINCE_4_90,
    ),
    Changes(
        "4.91",
        new="""dnslookup.ipv4_only dnslookup.ipv4_prefer smtp.arc_sign smtp.dane_require_tls_ciphers""",
    ),
    Changes(
        "4.92",
        new="""main.dns_cname_loops main.tls_advertise_requiretls smtp.dkim_timestamps
        smtp.utf8_downconvert""",
    ),
    Changes(
        "4.93",
        new="""main.dkim_verify_hashes main.dkim_verify_keytypes main.dkim_verify_minimal main.exim_version
        main.tls_resumption_hosts router.set smtp.tls_resumption_hosts driver.external""",
        gone="main.tls_advertise_requiretls",
        features=_SINCE_4_93,
        defaults={
            "main.received_header_text": RECEIVED_HEADER_WITH_VERSION,
            "router.dnssec_request_domains": "*",
            "smtp.dnssec_request_domains": "*",
            "smtp.hosts_noproxy_tls": None,
            "smtp.hosts_try_dane": "*",
        },
    ),
    Changes(
        "4.94.1",
        new="""main.dkim_verify_min_keysizes main.notifier_socket main.pipelining_connect_advertise_hosts
        main.queue_fast_ramp main.spf_smtp_comment_template main.sqlite_dbfile smtp.hosts_pipe_connect""",
        defaults={
            "main.dkim_verify_hashes": "sha256:sha512",
            "main.recipients_max": 50000,
            "smtp.utf8_downconvert": "-1",
        },
        features=_SINCE_4_94,
    ),
    Changes(
        "4.95",
        new="""main.allow_insecure_tainted_data main.hosts_require_alpn main.hosts_require_helo
        main.limits_advertise_hosts main.proxy_protocol_timeout main.smtp_backlog_monitor main.tls_alpn
        smtp.hosts_require_alpn smtp.message_linelength_limit smtp.tls_alpn""",
        defaults={"main.smtp_accept_max_per_connection": "1000"},
        features=_SINCE_4_95,
        kinds={"main.smtp_accept_max_per_connection": Kind.TEXT},
    ),
    Changes(
        "4.96",
        new="smtp.host_name_extract acl.seen",
        gone="""main.allow_insecure_tainted_data main.srs_config main.srs_hashlength main.srs_hashmin
        main.srs_maxage main.srs_secrets main.srs_usehash main.srs_usetimestamp redirect.srs
        redirect.srs_alias redirect.srs_condition redirect.srs_dbinsert redirect.srs_dbselect""",
    ),
    Changes(
        "4.97",
        new="main.hosts_xclient main.panic_coredump",
        defaults={"main.queue_fast_ramp": True, "main.remote_max_parallel": 4, "smtp.max_rcpt": "100"},
        kinds={"smtp.max_rcpt": Kind.TEXT},
    ),
    Changes(
        "4.98",
        new="main.acl_smtp_wellknown main.wellknown_advertise_hosts",
        defaults={
            "main.limits_advertise_hosts": "*",
            "main.recipients_max": "50000",
            "smtp.host_name_extract": None,
        },
        kinds={"main.recipients_max": Kind.TEXT},
        features=f"{_SINCE_4_95} ESMTP_LIMITS",
    ),
    Changes(
        "4.99",
        new="""main.acl_smtp_atrn main.daemon_modules_load main.log_ports main.rfc1413_port
        main.tls_early_banner_hosts redirect.sieve_inbox acl.atrn_domains""",
        gone="main.tcp_wrappers_daemon_name",
        defaults={"smtp.protocol": None},
        kinds={"manualroute.hosts_randomize": Kind.FLAG_OR_TEXT, "smtp.hosts_randomize": Kind.FLAG_OR_TEXT},
    ),
    Changes("4.99-dev", gone="acl.bmi_optin main.drop_cr", defaults={"main.remote_max_parallel": 6}),
)
"""Oldest first. 4.99 holds what its development branch added up to December 2025 too."""
