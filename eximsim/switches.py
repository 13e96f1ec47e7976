"""Exim's outbound policy as named switches: what each changes, where Exim has it, and its history.

A profile is a frozen record of them. Code asks a switch by its name; nothing compares version numbers. The
default of every switch is the state of 4.85; what came after is written beside it. The groups in
``switches_*.py`` are only there to be inherited: they get no methods of their own, as making those costs
every start of a command more than reading all the rest of them.
"""

from __future__ import annotations

from eximsim.history import since, switch
from eximsim.quick_dataclass import dataclass
from eximsim.switch_values import CrashLog
from eximsim.switches_smtp import SmtpSwitches


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(SmtpSwitches):
    """One Exim release, or a named development point."""

    name: str

    version: str = "4.85"
    """What ``$version_number`` and the greeting show (src/version.c)."""

    tls_library: str = "openssl-1.0.2"
    """The TLS library: ``"openssl-1.0.2"``, ``"openssl-3"`` or ``"gnutls"``. The recordings up to
    4.88-jh03 were made with OpenSSL 1.0.2, the later ones with 3.0."""

    signature_headed: bool = True
    """OpenSSL prints a heading before the signature of a certificate: 3.0 does, 1.1.1 did not."""

    option_release: str = switch(
        "4.85",
        "readconf.c, globals.c, the drivers",
        since("4.86-dev-4cea764f3", "01a4a5c5c", "4.86", item="JH/13"),
        since("4.88", "aa368db3c", "4.88"),
        since("4.93", "96eb7d2a5", "4.93"),
        since("4.95", "2f8e0a5f6", "4.95"),
        since("4.99-dev-13835a3c1", "9eddba647", "4.99-dev"),
    )
    """The release whose option names, types and defaults the configuration reader has: the last row of
    ``mta/config/options_history.py`` that applies. Most of them come with a release, not with one commit."""

    expansion_macros: bool = switch(False, "macro_predef.c", since("4.97", "fc37f2aca"))
    """Built-in macros ``_EXP_ITEM_..``, ``_EXP_OP_..``, ``_EXP_COND_..`` and ``_EXP_VAR_..``."""

    pcre2: bool = switch(False, "regex_must_compile() in exim.c", since("4.96", "22ed7a529", item="JH/02"))
    """Regular expressions are PCRE2's, with its words for what is wrong with them, not PCRE's."""

    relative_includes: bool = switch(False, "get_config_line() in readconf.c", since("4.89", "29f678881"))
    """``.include`` takes a path relative to the including file."""

    retry_local_part_if_preconditions: bool = switch(
        False, "route_init(), route.c", since("4.93", "dbbf21a75", item="JH/35, bug 2408")
    )
    """A router's retry_use_local_part defaults to true if the router has any precondition but domains, not
    only check_local_user."""

    tlsa_failure_logged: bool = switch(True, "tlsa_lookup()", since("4.86", "6aa849d38"))
    """``DANE error: TLSA lookup failed`` if there is no TLSA record and DANE is required."""

    tlsa_insecure_log_names_host: bool = switch(
        False, "tlsa_lookup()", since("4.91", "899b8bbc6", item="bug 1523")
    )
    """``DANE error: TLSA lookup for HOST not DNSSEC`` instead of ``TLSA lookup not DNSSEC``."""

    tlsa_ignores_again_means_nonexist: bool = switch(False, "dns.c", since("4.97", "30520c8f8", item="JH/20"))
    """dns_again_means_nonexist does not apply to TLSA."""

    short_tlsa_skipped: bool = switch(False, "dane_tlsa_load()", since("4.92", "1b76ad22a"))
    """TLSA data of 3 octets or less is skipped."""

    bare_list_sign_read_past: bool = switch(
        True, "string_nextinlist() in string.c", since("4.92", "b72f857fb", item="JH/36")
    )
    """A list that is ``<`` and nothing else is read on behind its end."""

    dane_failure_overridden: bool = switch(
        True, "verify_callback_client_dane() in tls-openssl.c", since("4.87", "f2f2c91b1", item="JH/30")
    )
    """The DANE verify callback accepts what OpenSSL has found wrong, so any chain counts as verified by
    DANE."""

    dns_buffer_small: bool = switch(
        True, "MAXPACKET in exim.h", since("4.92", "75c121f07", item="JH/30, bug 2329")
    )
    """Of an answer of the DNS, Exim sees the first 2,048 octets."""

    cname_loops_option: bool = switch(
        False, "dns_lookup()", since("4.92", "d8d9f9301", item="JH/11, bug 2264")
    )
    """CNAMEs are followed dns_cname_loops times (default 1) instead of ten lookups long."""

    insecure_cname_clears_aa: bool = switch(False, "dns_set_insecure()", since("4.88", "8688d1775"))
    """An insecure CNAME takes the AA bit from the chain's end too, not only AD."""

    dns_name_check_skips_service: bool = switch(True, "dns_basic_lookup()", since("4.93", "6219e0ec4"))
    """The syntax check leaves out the first two labels of SRV and TLSA names."""

    again_means_nonexist_recursion_ends: bool = switch(
        False, "dns_basic_lookup()", since("4.97", "1d38781da", item="JH/19, bug 2911")
    )
    """A lookup caused by searching dns_again_means_nonexist that itself defers is NOMATCH; before, the
    program recursed until it died."""

    insecure_host_defers: bool = switch(False, "host_find_bydns()", since("4.90-dev-5d6bdf01a", "2546388c2"))
    """dnssec_require_domains not met is HOST_FIND_SECURITY, ``host lookup done insecurely``, and no longer
    logged as ``dnssec fail on ..``."""

    fail_defer_domains_first: bool = switch(
        False, "routers/dnslookup.c", since("4.88", "1435d4b24", item="JH/18, bug 1867")
    )
    """fail_defer_domains applies to a missing domain too."""

    check_srv_is_list: bool = switch(False, "host_find_bydns()", since("4.99", "717a9055f"))
    """check_srv is a list of services."""

    srv_smtps: bool = switch(False, "host_find_bydns()", since("4.99", "4e53b29a8"))
    """A program can be built so that SRV records of the service smtp-tls mean TLS on connect, or STARTTLS."""

    ptr_name_chars_checked: bool = switch(
        False, "host_name_lookup()", since("4.97", "b855ee2fb", item="JH/06")
    )
    """A PTR name with other than letters, digits, hyphens and dots counts as none."""

    route_option_transport_anywhere: bool = switch(
        False, "routers/manualroute.c", since("4.90", "833c70bc6", item="PP/06")
    )
    """A transport named in a route item need not be its last word."""

    route_option_ipv4: bool = switch(
        False, "routers/manualroute.c", since("4.91", "66387a737", item="bug 2149")
    )
    """Route items know ipv4_only and ipv4_prefer."""

    check_local_user_sets_data: bool = switch(
        False, "check_router_conditions()", since("4.94.1", "d8024efa3", published="4.94")
    )
    """check_local_user sets $local_part_data."""

    dns_debug_nested: bool = switch(False, "host_find_bydns()", since("4.98", "9d7795dba"))
    """The host-check trace names the DNSSEC lists of a domain's lookup, and sets that in."""

    route_debug_nested: bool = switch(False, "acl.c, route.c", since("4.99", "dba85d116"))
    """The host-check trace of verification and routing is set in."""

    host_debug_all_indented: bool = switch(False, "host.c", since("4.99-dev-13835a3c1", "3c24de41a"))
    """And so are the addresses found, and why a host has none."""

    router_lists_named: bool = switch(False, "readconf_find_option()", since("4.98", "1d2868b2d"))
    """The host-check trace names the generic options of the router at work whose lists are searched."""

    encrypted_refused_at: tuple[str, ...] = switch(
        ("CONNECT", "HELO"),
        "acl.c",
        since("4.91", "e3a69b62f", ("HELO",)),
        since("4.97", "85f4056d7", ("CONNECT",)),
    )
    """The ACLs of a session in which ``encrypted`` cannot be tested."""

    downconvert_control_confined: bool = switch(False, "acl.c", since("4.91", "6741531cf", item="bug 2239"))
    """``control = utf8_downconvert`` is for the ACLs of RCPT and VRFY."""

    remove_header_in_dkim: bool = switch(False, "acl.c", since("4.99", "e7a31a822"))
    """``remove_header`` can be used in the DKIM ACL."""

    acl_domain_data_cleared: bool = switch(False, "acl_check()", since("4.91", "c679ee08b"))
    """$domain_data has no value once an ACL is at its end; before, the next one saw it."""

    list_match_gives_data: bool = switch(
        False, "check_string() in match.c", since("4.94.1", "fa0798c02", published="4.94")
    )
    """Any match in a list sets $domain_data, $local_part_data or their like, not only a lookup."""

    address_match_gives_whole: bool = switch(
        False, "check_address() in match.c", since("4.96", "faa73f190", item="JH/22")
    )
    """What $sender_data and its like get from a plain address in a list is all of it, not its domain."""

    configuration_is_read_only: bool = switch(
        False, "store_writeprotect() in store.c", since("4.95", "d56e798eb", item="JH/56")
    )
    """Once the configuration is read, a process that writes to it dies."""

    malformed_header_address: str = switch(
        "",
        "rewrite_one_header()",
        since("4.96", "376d3790b", "ends the process"),
        since("4.97", "e7ec50372", "logged where rules apply", item="bug 2903"),
        since("4.98", "12fab4b0a", "logged", item="bug 3061"),
    )
    """What comes of an address in a header line that cannot be read; ends the process: where rules apply, and
    after it was logged."""

    queue_run_preloads_anchors: bool = switch(
        False, "tls_client_creds_init() in tls-openssl.c", since("4.95", "6a9cf7f89")
    )
    """In a queue run the transports' tls_verify_certificates are loaded before the first delivery, and logged
    if they are not there. With OpenSSL a chain that is good but does not match gets another alert under DANE;
    where nothing is to be verified, a good chain is shown as verified."""

    anchors_preloaded_for_nothing: bool = switch(False, "queue_run() in queue.c", since("4.98", "5bb1dfe41"))
    """They are loaded when the queue run starts, even if it delivers nothing."""

    circumflex_hides_next: bool = switch(
        True, "auth_client_item() in auths/get_data.c", since("4.95", "ca22cc0ab", item="JH/36, bug 2687")
    )
    """In data to authenticate with, the character after a doubled circumflex is not looked at."""

    received_date_on_own_line: bool = switch(False, "received_header_gen()", since("4.95", "eae427c64"))
    """The date of the Received: line is on a line of its own."""

    skipped_warn_located: bool = switch(
        False, "acl_check_internal()", since("4.99", "f90a37225", item="bug 2897")
    )
    """``ACL 'warn' statement skipped`` tells in which ACL, and where; what is read while an ACL runs has the
    line of its statement."""

    dns_lists_name_others: bool = switch(
        False, "match_isinlist() as called in host.c and dns.c", since("4.95", "e2be2df5c", item="bug 2701")
    )
    """``+name`` in dnssec_request_domains, dns_again_means_nonexist and other lists of host and DNS lookups
    is the list of that name; before, it matched nothing."""

    verify_error_names_peer: bool = switch(
        False, "verify_callback() in tls-openssl.c", since("4.86-dev-4cea764f3", "4c01d6abf")
    )
    """``SSL verify error`` lines begin with the server's address."""

    name_mismatch_blank_line: bool = switch(
        True, "verify_callback() in tls-openssl.c", since("4.86-dev-4cea764f3", "93a6fce2e")
    )
    """A blank line follows ``certificate name mismatch`` in the log. 4.85 looks at names only if built with
    EXPERIMENTAL_CERTNAMES."""

    name_mismatch_names_host: bool = switch(
        False, "verify_callback() in tls-openssl.c", since("4.89", "b999c4832")
    )
    """``certificate name mismatch: DN=".." H=".."`` instead of ``: ".."``."""

    verify_options_in_big_buffer: bool = switch(
        True,
        "acl_verify()",
        since("4.95", "9eed571fd", item="JH/08, bug 2598", picks={"ecf1e77ac": "4.94.1"}),
    )
    """The last option of a ``verify`` condition is left in big_buffer."""

    client_name_in_big_buffer: bool = switch(True, "host_and_ident() in host.c", since("4.97", "8dcd332fb"))
    """So is the client's name, as it is logged."""

    transported_in_big_buffer: bool = switch(
        True, "previously_transported() in deliver.c", since("4.93", "f3ebb786e")
    )
    """So are the address and the transport that are about to be tried."""

    empty_verify_hosts_is_unset: bool = switch(
        False, "tls_client_basic_ctx_init() in tls-openssl.c", since("4.99", "1cc26cd7a", item="JH/22")
    )
    """``tls_verify_hosts`` set to nothing counts as not set, so that with both lists empty verification is
    required."""

    lone_colon_verifies: bool = switch(
        False, "tls_client_basic_ctx_init() in tls-openssl.c", since("4.95", "4cfb21b86", item="JH/25")
    )
    """Verification is required if ``tls_try_verify_hosts`` is a lone colon, whatever the other list says."""

    cert_name_before_cname: bool = switch(
        False,
        "host_find_byname() and set_address_from_dns() in host.c",
        since("4.95", "0851a3bbf", item="JH/06, bug 2594", picks={"3fe5ec41e": "4.94.1"}),
    )
    """The name to verify is the one before a CNAME was followed."""

    message_id_long: bool = switch(False, "receive_msg()", since("4.97", "46a36afae", item="JH/29"))
    """Message ids have 6, 11 and 4 digits (microseconds) instead of 6, 6 and 2."""

    data_needs_crlf: bool = switch(
        False,
        "read_message_data_smtp()",
        since("4.98", "5bb786d5a", item="bug 3063", picks={"fbb270d48": "4.97.1"}),
    )
    """A bare LF in SMTP data is no line end if the first line ended in CRLF, so it cannot end the message."""

    fake_reject_arrival_mark: bool = switch(False, "receive_msg()", since("4.88", "27b9e5f4d", item="JH/14"))
    """The arrival line of a message with a faked rejection begins with ``(=``."""

    connect_acl_reject_selectable: bool = switch(
        False, "smtp_handle_acl_fail()", since("4.88", "3cc3f7625", item="JH/29")
    )
    """The selector connection_reject governs what acl_smtp_connect refuses too."""

    lost_connection_duration_logged: bool = switch(False, "smtp_setup_msg()", since("4.90", "2ac258501"))
    """``D=`` after ``unexpected disconnection while reading SMTP command`` and ``SMTP connection lost``."""

    closed_connection_duration_logged: bool = switch(
        False, "log_close_event()", since("4.97", "aae673d7d", item="JH/21, bug 2434")
    )
    """``D=`` before ``closed by QUIT`` and its kin."""

    pipe_connect_renamed: bool = switch(False, "smtp_setup_msg()", since("4.96", "a375c22c1"))
    """The word is PIPECONNECT, and no longer PIPE_CONNECT."""

    pipe_connect_offered: bool = switch(
        False, "smtp_setup_msg()", since("4.94.1", "81344b40e", item="JH/02", published="4.94")
    )
    """EHLO offers early pipelining to pipelining_connect_advertise_hosts; before, that was not built in."""

    missing_recipients_logged: bool = switch(
        False, "receive_msg()", since("4.92", "569a8b23a", item="bug 2351")
    )
    """What -t finds no good recipients in is told in main and panic log."""

    id_doubled_without_recipients: bool = switch(True, "receive_msg()", since("4.98", "4f780c09d", False))
    """That line has the message's id twice."""

    pipe_connect_seen_off_sockets: bool = switch(False, "smtp_setup_msg()", since("4.99", "9682a4923"))
    """``L*`` for a client that has sent more than EHLO at once, even if no socket leads to it (``-bs``)."""

    quit_acl_says_toplevel: bool = switch(False, "acl_check_internal()", since("4.89", "4c04137d7"))
    """An ACL for QUIT that refuses is told of the ``toplevel`` ACL, not of the ``teplevel``."""

    nul_is_spelt: bool = switch(False, "smtp_setup_msg()", since("4.91", "ecce6d9ac", item="bug 2250"))
    """A command with a NUL is told of ``NUL`` characters, not of ``NULL``."""

    protocol_errors_with_history: bool = switch(
        False, "synprot_error() in smtp_in.c", since("4.94.1", "5990a2653", published="4.94")
    )
    """``too many syntax or protocol errors`` shows the session's commands, too."""

    sync_error_with_size: bool = switch(False, "smtp_setup_msg()", since("4.97", "3531d1a75"))
    """A synchronization error is logged with the number of octets shown."""

    address_maxlength: int = switch(
        512,
        "parse_extract_address()",
        since("4.95", "c1fb74d63", 256, picks={"a8bd24b96": "4.94.2+fixes"}),
    )
    """So many octets an address may have."""

    quota_verified: bool = switch(False, "acl_verify()", since("4.95", "5fbb51949", item="bug 163"))
    """``verify = recipient`` has an option ``quota``."""

    tainted_file_refused: bool = switch(
        False, "rda_get_file_contents() in rda.c", since("4.94.1", "7d99cba1d", published="4.94")
    )
    """A redirect router reads no file that a client or a message named."""

    macros_told: bool = switch(
        False, "macros_expand() in readconf.c", since("4.99-dev-13835a3c1", "e03a4451c")
    )
    """With -be and -d each use of a macro is told on standard output."""

    list_separator_read_first: bool = switch(
        False, "matchlist_parse_sep() in match.c", since("4.99", "9d66ba85a")
    )
    """The sign that changes a list's separator is read before the list is expanded: the list is shown
    without it, a text from outside cannot bring it, and the list of ``inlist`` is expanded twice."""

    connect_acl_before_tls: bool = switch(
        False, "smtp_start_session() in smtp_in.c", since("4.97", "4243a209f")
    )
    """Where TLS comes first a client is judged before it; one that is refused then hears nothing."""

    banner_may_close: bool = switch(False, "smtp_start_session()", since("4.97", "4f7a93c27"))
    """A forced failure of smtp_banner closes the connection."""

    recipients_cut_in_log: bool = switch(False, "log_vwrite() in log.c", since("4.98", "a600ccb4a"))
    """Recipients that do not fit into a log line end in ``<trunc>``."""

    bare_domain_literals: bool = switch(
        False, "read_domain() in parse.c", since("4.95", "889894461", item="bug 2805")
    )
    """An address without angle brackets may have anything for a domain literal, whatever the options say."""

    missing_helo_is_protocol_error: bool = switch(
        False, "smtp_setup_msg()", since("4.98", "b97c55112", item="JH/32, bug 3096")
    )
    """MAIL without HELO, where hosts_require_helo or helo_verify_hosts asks for it, is a protocol error."""

    vrfy_advertised: bool = switch(False, "smtp_setup_msg()", since("4.89", "bbc8ed071"))
    """EHLO offers VRFY if there is an ACL for it."""

    fatal_names_program: bool = switch(False, "exim_fail()", since("4.99", "13029e1cd"))
    """``exim: `` stands before what the program says of an -oMm or an option that it cannot take."""

    daemon_ports_grouped: bool = switch(
        False, "daemon_go()", since("4.90-dev-5d6bdf01a", "fc3f96af4", item="JH/04")
    )
    """Ports of one address are logged together, ``[127.0.0.1]:{25,587}``."""

    acl_debug_names_line: bool = switch(
        False, "acl_check_internal()", since("4.93", "897024f1b", item="JH/03")
    )
    """``processing "accept" (file line)``."""

    acl_debug_names_acl: bool = switch(False, "acl_check_internal()", since("4.99", "4f05f0f1d"))
    """``processing ACL "name" "accept"``, and no line number for an inline ACL."""

    tls_resumption_asked: bool = switch(False, "tls_client_start()", since("4.95", "2983e1a61"))
    """tls_resumption_hosts is searched when a client starts TLS; before, that was not built in."""

    tls_resumption_key_whole: bool = switch(
        False, "tls_client_resmption_key() in tls.c", since("4.96", "ec2a355fd")
    )
    """A session is kept for connections with the same settings, to the same server behind a balancer."""

    tls_resumption_on_connect: bool = switch(False, "smtp_setup_conn()", since("4.98", "5d5ad9fb1"))
    """Sessions are resumed where TLS comes first."""

    cutthrough_sender_chosen: bool = switch(
        False, "case CONTROL_CUTTHROUGH_DELIVERY in acl.c", since("4.99", "4e36acaf2", item="bug 3071")
    )
    """The control cutthrough_delivery takes ``sender=transport``."""

    replies_sent_at_once: bool = switch(False, "smtp_printf() in smtp_in.c", since("4.99", "aa2c0906d"))
    """A server's replies do not wait for the next one, and are not lost if the process dies."""

    crash_log: CrashLog = switch(
        CrashLog.NOTHING,
        "segv_handler() in exim.c",
        since("4.95", "1f1633046", CrashLog.SUPPOSITION),
        since("4.96", "dd09071d4", CrashLog.FACTS),
        since("4.99", "f3ee1d51e", CrashLog.PURPOSE),
    )
    """What a process that dies of a segmentation violation logs."""

    local_scan: bool = False
    """Built with a local_scan(): once a message has been through it, a crash of the process is not logged."""

    ipv6: bool = True
    """Built with HAVE_IPV6; without it everything is as with disable_ipv6."""

    build_lacks: tuple[str, ...] = ("main.local_scan_path",)
    """What the program was built without: options and ACL conditions, ``"main.dmarc_tld_file"``.

    ``local_scan_path`` is of a patch that Debian has.
    """

    build_paths: tuple[tuple[str, str], ...] = (
        ("exim_path", "/usr/exim/bin/exim"),
        ("spool_directory", "/var/spool/exim"),
    )
    """Main options whose value the program was built with, as ``-bP`` shows them if nothing sets them."""

    build_number: str = "1"
    """How often the program had been built in its folder, ``$compile_number``."""

    i18n: bool = False
    """Built with SUPPORT_I18N, so that EHLO offers SMTPUTF8 to smtputf8_advertise_hosts."""

    headers_charset: str = "ISO-8859-1"
    """The character set that the program was built with (HEADERS_CHARSET), the default of headers_charset."""

    unknown_charset_undecoded: bool = False
    """A header with a word in a character set that iconv does not know is not decoded (Debian's build)."""

    exim_user: str = "exim"
    """The user that the program was built to run as (EXIM_USER); bounces are ``U=`` that user's."""
