"""Options of routers and transports: src/route.c, src/transport.c, src/routers/, src/transports/.

As in ``options_main.py`` a table holds every name of 4.85 to 4.99. Drivers that the model does not have keep
their options as read; using such a driver is what is unsupported, and so is a local transport with an
option that is not modelled. To send never has to wait here, so that data_timeout is inert too.
"""

from __future__ import annotations

from eximsim.mta.config.optionlist import Kind, Status, Table, flags, numbers, of_kind, table, texts
from eximsim.mta.config.options_main import HOUR, MINUTE

_M, _I, _U = Status.MODELLED, Status.INERT, Status.UNSUPPORTED

ROUTER = table(
    texts(
        _M,
        """address_data cannot_route_message debug_print dnssec_request_domains dnssec_require_domains domains
        driver errors_to fallback_hosts ignore_target_hosts local_part_prefix local_part_suffix
        local_parts pass_router redirect_router require_files router_home_directory senders transport
        transport_current_directory transport_home_directory translate_ip_address""",
        self="freeze",
    ),
    texts(_U, "bmi_rule"),
    of_kind(Kind.TEXT_AND, _M, None, "condition"),
    of_kind(Kind.TEXT_LIST, _M, None, "headers_add headers_remove set"),
    of_kind(Kind.FLAG_OR_TEXT, _M, True, "more"),
    of_kind(Kind.FLAG_OR_TEXT, _M, False, "unseen"),
    of_kind(Kind.FLAG_PAIR, _M, None, "verify fail_verify"),
    flags(
        _M,
        on="address_test expn verify_recipient verify_sender",
        off="""caseful_local_part check_local_user fail_verify_recipient fail_verify_sender
        local_part_prefix_optional local_part_suffix_optional pass_on_timeout
        verify_only""",
        unset="log_as_local retry_use_local_part",
    ),
    flags(_M, off="disable_logging dsn_lasthop"),
    flags(_U, off="bmi_deliver_alternate bmi_deliver_default bmi_dont_deliver"),
    flags(_I, off="initgroups"),
    of_kind(Kind.NAMES, _M, None, "user group"),
)
"""Options that every router has."""

ROUTER_SHARED = flags(_M, on="repeat_use", off="same_domain_copy_routing")
"""Values that every router has, though only some drivers let a configuration set them."""

_DNSLOOKUP = table(
    texts(
        _M,
        """check_srv dnssec_request_domains dnssec_require_domains fail_defer_domains ipv4_only
        ipv4_prefer mx_domains mx_fail_domains srv_fail_domains widen_domains""",
    ),
    flags(
        _M,
        on="qualify_single rewrite_headers",
        off="check_secondary_mx same_domain_copy_routing search_parents",
    ),
)

_REDIRECT = table(
    texts(
        _M,
        """data directory_transport file file_transport include_directory pipe_transport
        qualify_domain reply_transport sieve_enotify_mailto_owner sieve_inbox sieve_subaddress
        sieve_useraddress sieve_vacation_directory syntax_errors_text syntax_errors_to""",
    ),
    texts(_U, "srs srs_alias srs_condition srs_dbinsert srs_dbselect"),
    flags(
        _M,
        on="filter_prepend_home repeat_use rewrite",
        off="""allow_defer allow_fail allow_filter allow_freeze check_ancestor forbid_blackhole
        forbid_exim_filter forbid_file forbid_filter_dlfunc forbid_filter_existstest
        forbid_filter_logwrite forbid_filter_lookup forbid_filter_perl forbid_filter_readfile
        forbid_filter_readsocket forbid_filter_reply forbid_filter_run forbid_include forbid_pipe
        forbid_sieve_filter forbid_smtp_code hide_child_in_errmsg ignore_eacces ignore_enotdir one_time
        qualify_preserve_domain skip_syntax_errors""",
    ),
    flags(_M, unset="check_group check_owner"),
    numbers(Kind.OCTAL, _M, modemask=0o022),
    of_kind(Kind.NAMES, _M, None, "owners owngroups"),
)

_MANUALROUTE = table(
    texts(_M, "route_data route_list", host_all_ignored="defer", host_find_failed="freeze"),
    flags(_M, off="hosts_randomize same_domain_copy_routing"),
)

_IPLOOKUP = table(
    texts(_M, "hosts query reroute response_pattern"),
    texts(_I, protocol="udp"),
    flags(_M, off="optional"),
    numbers(Kind.INTEGER, _M, port=-1),
    numbers(Kind.TIME, _M, timeout=5),
)

_QUERYPROGRAM = table(
    texts(_M, "command", current_directory="/"),
    of_kind(Kind.NAMES, _M, None, "command_group command_user"),
    numbers(Kind.TIME, _M, timeout=HOUR),
)

ROUTERS: dict[str, Table] = {
    "accept": {},
    "dnslookup": _DNSLOOKUP,
    "ipliteral": {},
    "iplookup": _IPLOOKUP,
    "manualroute": _MANUALROUTE,
    "queryprogram": _QUERYPROGRAM,
    "redirect": _REDIRECT,
}
"""Options that a router of one driver has besides."""

MODELLED_ROUTERS = frozenset(
    {"accept", "dnslookup", "ipliteral", "iplookup", "manualroute", "queryprogram", "redirect"}
)
"""Router drivers that the model has."""

TRANSPORT = table(
    texts(
        _M,
        """current_directory debug_print driver event_action home_directory max_parallel message_size_limit
        return_path
        shadow_condition shadow_transport""",
    ),
    texts(_M, "transport_filter"),
    of_kind(Kind.TEXT_LIST, _M, None, "headers_add headers_remove"),
    of_kind(Kind.REWRITE, _M, None, "headers_rewrite"),
    flags(
        _M,
        off="""body_only delivery_date_add envelope_to_add headers_only rcpt_include_affixes
        return_path_add""",
        unset="retry_use_local_part",
    ),
    flags(_M, off="disable_logging"),
    flags(_I, off="initgroups"),
    numbers(Kind.TIME, _M, transport_filter_timeout=5 * MINUTE),
    of_kind(Kind.NAMES, _M, None, "user group"),
)
"""Options that every transport has."""

TRANSPORT_SHARED = table(
    flags(
        _M,
        on="multi_domain",
        off="log_defer_output log_fail_output log_output return_fail_output return_output",
    ),
    numbers(Kind.INTEGER, _M, batch_max=1, connection_max_messages=500, max_rcpt=100),
)
"""Values that every transport has, though only some drivers let a configuration set them."""

_SMTP = table(
    texts(
        _M,
        """arc_sign authenticated_sender dane_require_tls_ciphers
        dkim_canon dkim_domain dkim_identity dkim_private_key
        dkim_selector dkim_sign_headers dkim_strict dkim_timestamps dnssec_request_domains
        dnssec_require_domains fallback_hosts hosts hosts_avoid_esmtp hosts_avoid_pipelining hosts_avoid_tls
        hosts_nopass_tls hosts_pipe_connect hosts_require_alpn hosts_require_auth
        hosts_require_dane hosts_require_ocsp hosts_require_tls hosts_try_auth hosts_try_dane
        hosts_try_fastopen hosts_try_prdr interface port serialize_hosts socks_proxy tls_alpn tls_certificate
        tls_crl tls_privatekey tls_require_ciphers
        tls_resumption_hosts tls_sni tls_try_verify_hosts tls_verify_cert_hostnames
        tls_verify_certificates tls_verify_hosts""",
        dkim_hash="sha256",
        helo_data="$primary_hostname",
        hosts_request_ocsp="*",
        hosts_try_chunking="*",
        hosts_noproxy_tls="*",
        hosts_verify_avoid_tls="*",
        protocol="smtp",
        host_name_extract=(
            r"${if and {{match{$host}{.outlook.com\$}} {match{$item}{\N^250-([\w.]+)\s\N}}} {$1}}"
        ),
    ),
    texts(
        _U,
        """gnutls_require_kx gnutls_require_mac gnutls_require_protocols""",
    ),
    texts(
        _I,
        "dscp utf8_downconvert",
    ),
    flags(
        _M,
        on="""address_retry_include_sender delay_after_cutoff dns_qualify_single multi_domain
        retry_include_ip_address tls_tempfail_tryclear""",
        off="""allow_localhost authenticated_sender_force dns_search_parents gethostbyname
        hosts_override hosts_randomize lmtp_ignore_quota""",
    ),
    flags(_I, on="keepalive"),
    numbers(
        Kind.INTEGER,
        _M,
        connection_max_messages=500,
        hosts_max_try=5,
        hosts_max_try_hardlimit=50,
        max_rcpt=100,
        message_linelength_limit=998,
        size_addition=1024,
    ),
    numbers(Kind.INTEGER, _I, tls_dh_min_bits=1024),
    numbers(Kind.TIME, _I, data_timeout=5 * MINUTE),
    numbers(
        Kind.TIME,
        _M,
        command_timeout=5 * MINUTE,
        connect_timeout=5 * MINUTE,
        final_timeout=10 * MINUTE,
    ),
)

_BATCH = table(texts(_M, "batch_id"), numbers(Kind.INTEGER, _M, batch_max=1))

_APPENDFILE = table(
    _BATCH,
    texts(
        _M,
        """check_string directory escape_string file file_format mailbox_filecount mailbox_size maildir_tag
        maildirfolder_create_regex mailstore_prefix mailstore_suffix message_prefix message_suffix quota
        quota_directory quota_filecount quota_size_regex quota_warn_message quota_warn_threshold""",
        create_file="anywhere",
        directory_file="q${base62:$tod_epoch}-$inode",
    ),
    texts(_M, maildir_quota_directory_regex=r"^(?:cur|new|\..*)$"),
    of_kind(Kind.FLAG_OR_TEXT, _M, False, "maildir_use_size_file"),
    flags(
        _M,
        on="check_owner create_directory mode_fail_narrower quota_is_inclusive use_lockfile",
        off="allow_fifo check_group file_must_exist maildir_format mailstore_format use_bsmtp use_crlf",
    ),
    flags(_M, off="mbx_format use_mbx_lock use_flock_lock", on="use_fcntl_lock"),
    flags(_I, off="allow_symlink notify_comsat"),
    numbers(Kind.INTEGER, _M, lock_retries=10),
    numbers(Kind.INTEGER, _I, maildir_retries=10),
    numbers(Kind.OCTAL, _M, directory_mode=0o700, mode=0o600),
    numbers(Kind.OCTAL, _I, lockfile_mode=0o600),
    numbers(Kind.TIME, _M, lock_interval=3),
    numbers(Kind.TIME, _I, "lock_fcntl_timeout lock_flock_timeout", lockfile_timeout=30 * MINUTE),
)

_AUTOREPLY = table(
    texts(_M, "bcc cc file from headers log never_mail once once_repeat reply_to subject text to"),
    flags(_M, off="file_expand file_optional return_message"),
    numbers(Kind.INTEGER, _M, "once_file_size"),
    numbers(Kind.OCTAL, _M, mode=0o600),
)

_LMTP = table(
    _BATCH,
    texts(_M, "command socket"),
    flags(_M, off="ignore_quota"),
    numbers(Kind.TIME, _M, timeout=5 * MINUTE),
)

_PIPE = table(
    _BATCH,
    texts(
        _M,
        "allow_commands check_string command environment escape_string message_prefix message_suffix",
        path="/bin:/usr/bin",
        temp_errors="75:73",
    ),
    flags(
        _M,
        off="""force_command freeze_exec_fail freeze_signal ignore_status log_defer_output log_fail_output
        log_output restrict_to_path return_fail_output return_output timeout_defer use_bsmtp use_crlf
        use_shell""",
    ),
    flags(_U, off="pipe_as_creator"),
    flags(_I, off="permit_coredump use_classresources"),
    numbers(Kind.INTEGER, _M, max_output=20 * 1024),
    numbers(Kind.OCTAL, _M, umask=0o022),
    numbers(Kind.TIME, _M, timeout=HOUR),
)

TRANSPORTS: dict[str, Table] = {
    "appendfile": _APPENDFILE,
    "autoreply": _AUTOREPLY,
    "lmtp": _LMTP,
    "pipe": _PIPE,
    "queuefile": texts(_M, "directory"),
    "smtp": _SMTP,
}
"""Options that a transport of one driver has besides."""

LOCAL_TRANSPORTS = frozenset(TRANSPORTS) - {"smtp"}
"""Drivers that deliver on this machine."""

MODELLED_TRANSPORTS = frozenset({"appendfile", "autoreply", "lmtp", "pipe", "queuefile", "smtp"})
"""Transport drivers that the model has."""
