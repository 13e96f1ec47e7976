"""The main section's options: ``optionlist_config`` in src/readconf.c, defaults in src/globals.c.

The table holds every name of 4.85 to 4.99 with its type and default of 4.85, or of the release that brought
it; ``options_history.py`` says what changed when.

``INERT`` are options that cannot change what the model decides, logs or prints: ids, paths, privileges,
load limits (the model's load is 0), limits on memory and parallel work, and settings of features that are
unsupported where they are used (``perl_startup`` without ``${perl``, ``ldap_version`` without a lookup).
TLS sessions are never resumed here: no server of a scenario has an earlier one to come back to.
The machine's local time is UTC. Of ``timezone`` the values are modelled that ``mta/base/tod.py`` knows.
"""

from __future__ import annotations

from eximsim.mta.config.optionlist import Kind, Status, flags, numbers, of_kind, synonym, table, texts

_M, _I, _U = Status.MODELLED, Status.INERT, Status.UNSUPPORTED

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_RECEIVED = (
    "Received: ${if def:sender_rcvhost {from $sender_rcvhost\n\t}"
    "{${if def:sender_ident {from ${quote_local_part:$sender_ident} }}"
    "${if def:sender_helo_name {(helo=$sender_helo_name)\n\t}}}}"
    "by $primary_hostname "
)
_RECEIVED_END = (
    "(Exim $version_number)\n\t"
    "${if def:sender_address {(envelope-from <$sender_address>)\n\t}}"
    "id $message_exim_id"
    "${if def:received_for {\n\tfor $received_for}}"
)
RECEIVED_HEADER_WITH_CIPHER = (
    f"{_RECEIVED}${{if def:received_protocol {{with $received_protocol}}}} "
    f"${{if def:tls_cipher {{($tls_cipher)\n\t}}}}{_RECEIVED_END}"
)
"""The Received: header of releases that show ``$tls_cipher``."""

RECEIVED_HEADER_WITH_VERSION = (
    f"{_RECEIVED}${{if def:received_protocol {{with $received_protocol }}}}"
    f"${{if def:tls_in_ver        {{ ($tls_in_ver)}}}}"
    f"${{if def:tls_in_cipher_std {{ tls $tls_in_cipher_std\n\t}}}}{_RECEIVED_END}"
)
"""The Received: header of releases that show the TLS version and the standard's name of the cipher."""

_DELAY_WARNING_CONDITION = (
    "${if or {{ !eq{$h_list-id:$h_list-post:$h_list-subscribe:}{} }"
    "{ match{$h_precedence:}{(?i)bulk|list|junk} }"
    "{ match{$h_auto-submitted:}{(?i)auto-generated|auto-replied} }} {no}{yes}}"
)

_TEXTS = table(
    texts(
        _M,
        """smtp_reserve_hosts smtp_ratelimit_hosts smtp_ratelimit_mail smtp_ratelimit_rcpt
        acl_not_smtp acl_not_smtp_mime acl_not_smtp_start acl_smtp_auth acl_smtp_connect acl_smtp_data
        acl_smtp_mime acl_smtp_data_prdr
        acl_smtp_dkim acl_smtp_etrn acl_smtp_expn acl_smtp_helo acl_smtp_mail acl_smtp_mailauth
        acl_smtp_notquit bi_command freeze_tell hosts_proxy hosts_xclient
        tls_resumption_hosts
        ignore_fromline_hosts local_from_prefix local_from_suffix
        queue_only_file unknown_login
        acl_smtp_predata acl_smtp_quit acl_smtp_rcpt acl_smtp_starttls acl_smtp_vrfy
        bounce_message_file bounce_message_text bounce_sender_authentication
        system_filter system_filter_directory_transport system_filter_file_transport
        system_filter_pipe_transport system_filter_reply_transport
        add_environment dns_again_means_nonexist dns_ipv4_lookup dns_trust_aa
        dsn_advertise_hosts errors_copy errors_reply_to event_action exim_path syslog_facility
        extra_local_interfaces gecos_name gecos_pattern
        helo_accept_junk_hosts helo_try_verify_hosts helo_verify_hosts hold_domains host_lookup
        host_reject_connection hosts_connection_nolog hosts_require_alpn hosts_treat_as_local keep_environment
        limits_advertise_hosts localhost_number log_file_path log_selector message_id_header_domain
        message_id_header_text openssl_options percent_hack_domains perl_startup primary_hostname
        qualify_domain qualify_recipient queue_domains queue_smtp_domains recipient_unqualified_hosts
        remote_sort_domains sender_unqualified_hosts
        smtp_accept_max_per_host smtp_active_hostname smtp_etrn_command spool_directory sqlite_dbfile
        tls_advertise_hosts tls_certificate tls_dhparam tls_ocsp_file
        tls_on_connect_ports tls_privatekey tls_require_ciphers
        tls_crl tls_try_verify_hosts tls_verify_certificates tls_verify_hosts untrusted_set_sender
        warn_message_file""",
        auth_advertise_hosts="*",
        callout_random_local_part="$primary_hostname-$tod_epoch-testing",
        chunking_advertise_hosts="*",
        daemon_smtp_ports="smtp",
        delay_warning_condition=_DELAY_WARNING_CONDITION,
        dkim_verify_hashes="sha256:sha512:sha1",
        dkim_verify_keytypes="ed25519:rsa",
        dkim_verify_min_keysizes="rsa=1024 ed25519=250",
        dkim_verify_signers="$dkim_signers",
        dns_check_names_pattern=r"(?i)^(?>(?(1)\.|())[^\W](?>[a-z0-9/_-]*[^\W])?)+(\.?)$",
        dsn_from="Mail Delivery System <Mailer-Daemon@$qualify_domain>",
        headers_charset="ISO-8859-1",
        helo_allow_chars="",
        helo_lookup_domains="@ : @[]",
        host_lookup_order="bydns:byaddr",
        hosts_require_helo="*",
        local_interfaces="<; ::0 ; 0.0.0.0",
        message_size_limit="50M",
        notifier_socket="$spool_directory/exim_daemon_notify",
        pipelining_advertise_hosts="*",
        tls_early_banner_hosts="",
        pipelining_connect_advertise_hosts="*",
        received_header_text=RECEIVED_HEADER_WITH_CIPHER,
        rfc1413_hosts="*",
        smtp_accept_max_nonmail_hosts="*",
        smtp_banner="$smtp_active_hostname ESMTP Exim $version_number $tod_full",
        smtputf8_advertise_hosts="*",
        timezone="UTC",
        tls_alpn="smtp:esmtp",
        tls_eccurve="prime256v1",
    ),
    texts(
        _U,
        """acl_smtp_atrn acl_smtp_wellknown
        exim_version
        gnutls_require_kx gnutls_require_mac gnutls_require_protocols
        local_scan_path log_ports
        uucp_from_pattern wellknown_advertise_hosts""",
        proxy_required_hosts="",
        tls_advertise_requiretls="*",
        uucp_from_sender="$1",
    ),
    texts(
        _I,
        """bmi_config_file daemon_modules_load dmarc_forensic_sender
        dmarc_history_file dmarc_tld_file ibase_servers ldap_ca_cert_dir
        ldap_ca_cert_file ldap_cert_file ldap_cert_key ldap_cipher_suite ldap_default_servers
        ldap_require_cert mysql_servers oracle_servers pgsql_servers pid_file_path
        process_log_path redis_servers spf_smtp_comment_template srs_config srs_secrets
        tcp_wrappers_daemon_name
        unknown_username""",
        av_scanner="sophie:/var/run/sophie",
        dccifd_address="/usr/local/dcc/var/dccifd",
        dccifd_options="header",
        spamd_address="127.0.0.1 783",
        spf_guess="v=spf1 a/24 mx/24 ptr ?all",
        syslog_processname="exim",
    ),
)

_FLAGS = table(
    flags(
        _M,
        on="""accept_8bitmime check_rfc2047_length delivery_date_remove envelope_to_remove
        extract_addresses_remove_arguments local_from_check message_logs queue_only_load_latch
        queue_only_override return_path_remove smtp_check_spool_space smtp_enforce_sync smtp_etrn_serialize
        syslog_duplication syslog_pid syslog_timestamp write_rejectlog bounce_return_body
        bounce_return_message dns_csa_use_reverse""",
        off="""allow_domain_literals allow_insecure_tainted_data allow_mx_to_ip allow_utf8_domains
        deliver_drop_privilege disable_ipv6 mua_wrapper dkim_verify_minimal local_sender_retain
        log_timezone message_body_newlines move_frozen_messages
        prdr_enable queue_only queue_run_in_order recipients_max_reject
        smtp_return_error_details spool_wireformat strict_acl_vars
        strip_excess_angle_brackets strip_trailing_dot
        tls_remember_esmtp
        ignore_fromline_local print_topbitchars""",
    ),
    flags(
        _U,
        off="""queue_fast_ramp""",
    ),
    flags(
        _I,
        on="""prod_requires_admin queue_list_requires_admin smtp_accept_keepalive
        srs_usehash srs_usetimestamp
        tcp_nodelay""",
        off="""commandline_checks_require_admin dcc_direct_add_header
        debug_store disable_fsync drop_cr gnutls_allow_auto_pkcs11
        gnutls_compat_mode ldap_start_tls panic_coredump perl_at_start perl_taintmode
        preserve_message_logs split_spool_directory""",
    ),
)

_NUMBERS = table(
    numbers(
        Kind.INTEGER,
        _M,
        "dns_retry smtp_accept_queue smtp_accept_reserve",
        dns_cname_loops=1,
        dns_csa_search_limit=5,
        dns_dnssec_ok=-1,
        dns_use_edns0=-1,
        header_line_maxsize=0,
        slow_lookup_log=0,
        header_maxsize=1024 * 1024,
        message_body_visible=500,
        received_headers_max=30,
        recipients_max=0,
        remote_max_parallel=2,
        rfc1413_port=113,
        smtp_accept_max_nonmail=10,
        smtp_accept_max_per_connection=1000,
        smtp_accept_max=20,
        smtp_backlog_monitor=0,
        smtp_accept_queue_per_connection=10,
        smtp_max_synprot_errors=3,
        smtp_max_unknown_commands=3,
        tls_dh_max_bits=2236,
    ),
    numbers(
        Kind.INTEGER,
        _I,
        "check_log_inodes check_spool_inodes finduser_retries max_username_length",
        daemon_startup_retries=9,
        ldap_version=-1,
        lookup_open_max=25,
        queue_run_max=5,
        smtp_connect_backlog=20,
        sqlite_lock_timeout=5,
        srs_hashlength=6,
        srs_hashmin=-1,
        srs_maxage=31,
    ),
    numbers(
        Kind.INTEGER,
        _M,
        bounce_return_linesize_limit=998,
        bounce_return_size_limit=100 * 1024,
    ),
    numbers(Kind.KILO, _M, "check_log_space check_spool_space"),
    numbers(Kind.FIXED, _M, queue_only_load=-1),
    numbers(Kind.FIXED, _I, deliver_queue_load_max=-1, smtp_load_reserve=-1),
)

_TIMES = table(
    numbers(
        Kind.TIME,
        _M,
        "auto_thaw dns_retrans receive_timeout timeout_frozen_after",
        callout_domain_negative_expire=3 * HOUR,
        callout_domain_positive_expire=7 * DAY,
        callout_negative_expire=2 * HOUR,
        callout_positive_expire=DAY,
        ignore_bounce_errors_after=10 * WEEK,
        retry_data_expire=7 * DAY,
        proxy_protocol_timeout=3,
        retry_interval_max=DAY,
        rfc1413_query_timeout=5,
    ),
    numbers(
        Kind.TIME,
        _I,
        daemon_startup_sleep=30,
        keep_malformed=4 * DAY,
        local_scan_timeout=5 * MINUTE,
    ),
    of_kind(Kind.TIME_OR_TEXT, _M, 5 * MINUTE, "smtp_receive_timeout"),
    of_kind(Kind.TIME_LIST, _M, (DAY,), "delay_warning"),
)

MAIN = table(
    _TEXTS,
    _FLAGS,
    _NUMBERS,
    _TIMES,
    of_kind(
        Kind.NAMES,
        _I,
        None,
        """admin_groups exim_group""",
    ),
    of_kind(
        Kind.NAMES,
        _M,
        None,
        "exim_user never_users system_filter_group system_filter_user trusted_groups trusted_users",
    ),
    synonym("daemon_smtp_port", "daemon_smtp_ports", Kind.TEXT, _M),
    synonym("return_size_limit", "bounce_return_size_limit", Kind.INTEGER, _M),
)
"""Options of the main section, by name."""
