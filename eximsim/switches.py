"""Exim's outbound policy as named switches: what each changes, where Exim has it, and its history.

A profile is a frozen record of them. Code asks a switch by its name; nothing compares version numbers. The
default of every switch is the state of 4.85; what came after is written beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from eximsim.history import measured, since, switch
from eximsim.switch_values import (
    EVENTS,
    CalloutDaneFailure,
    CalloutSize,
    CommandLog,
    ConnectTrace,
    CrashLog,
    DaneFailureLog,
    DaneSni,
    TlsaMap,
    UnusableTlsa,
)
from eximsim.switches_spool import SpoolSwitches


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(SpoolSwitches):
    """One Exim release, or a named development point."""

    name: str
    version: str = "4.85"
    """What ``$version_number`` and the greeting show (src/version.c)."""

    tls_library: str = "openssl-1.0.2"
    """The TLS library: ``"openssl-1.0.2"``, ``"openssl-3"`` or ``"gnutls"``. The recordings up to
    4.88-jh03 were made with OpenSSL 1.0.2, the later ones with 3.0."""

    option_release: str = switch(
        "4.85",
        "readconf.c, globals.c, the drivers",
        since("4.86-dev-4cea764f3", "01a4a5c5c", "4.86", item="JH/13"),
        since("4.88", "aa368db3c", "4.88"),
        since("4.93", "96eb7d2a5", "4.93"),
        since("4.95", "2f8e0a5f6", "4.95"),
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

    # ---- DANE: which host may be used ---------------------------------------------------------------

    tlsa_map: TlsaMap = switch(
        TlsaMap.FALLBACK,
        "tlsa_lookup() in transports/smtp.c, from 4.92 host.c",
        since("4.88-jh03", "4b0fe3193", TlsaMap.NO_FALLBACK, item="JH/03"),
        since("4.88", "2d5fdd539", TlsaMap.NXDOMAIN_IS_NO_DANE),
        since("4.88", "ef3a1a30b", TlsaMap.NEGATIVE_IS_NO_DANE, item="JH/16"),
        since("4.90-dev-5d6bdf01a", "5d6bdf01a", TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE),
        since("4.90", "6b5242044", TlsaMap.NEGATIVE_IS_NO_DANE),
        since("4.91", "899b8bbc6", TlsaMap.INSECURE_IS_NO_DANE, item="bug 1523"),
    )
    """What the answer to a TLSA question means, as one map for all answers."""

    tlsa_failure_ignored_if_requested: bool = switch(
        False, "smtp_deliver()", since("4.86", "6aa849d38"), since("4.88-jh03", "4b0fe3193", item="JH/03")
    )
    """A TLSA lookup that defers rules a host out only if DANE is required."""

    tlsa_failure_logged: bool = switch(True, "tlsa_lookup()", since("4.86", "6aa849d38"))
    """``DANE error: TLSA lookup failed`` if there is no TLSA record and DANE is required."""

    dane_outcome_in_address: bool = switch(
        False, "smtp_deliver()", since("4.86-dev-4cea764f3", "4cea764f3", item="bug 1634")
    )
    """A host that DANE rules out leaves errno and message in its addresses. Before, they kept the state of
    being worked on: with no further host they were deferred without a word."""

    tlsa_before_connect: bool = switch(False, "smtp_setup_conn()", since("4.90-dev-5d6bdf01a", "58c30e478"))
    """TLSA is asked for before the connection is made."""

    tlsa_insecure_log_names_host: bool = switch(
        False, "tlsa_lookup()", since("4.91", "899b8bbc6", item="bug 1523")
    )
    """``DANE error: TLSA lookup for HOST not DNSSEC`` instead of ``TLSA lookup not DNSSEC``."""

    tlsa_ignores_again_means_nonexist: bool = switch(False, "dns.c", since("4.97", "30520c8f8", item="JH/20"))
    """dns_again_means_nonexist does not apply to TLSA."""

    short_tlsa_skipped: bool = switch(False, "dane_tlsa_load()", since("4.92", "1b76ad22a"))
    """TLSA data of 3 octets or less is skipped."""

    unusable_tlsa: UnusableTlsa = switch(
        UnusableTlsa.FAIL,
        "dane_tlsa_load() and tls_client_start() in tls-openssl.c, smtp_setup_conn()",
        since("4.86-dev-4cea764f3", "6ebd79ec0", UnusableTlsa.CA_ROOT),
        since("4.88-jh03", "4b0fe3193", UnusableTlsa.DEFER, item="JH/03"),
        since("4.90-dev-5d6bdf01a", "cf0c61644", UnusableTlsa.NULL_TEXT, item="JH/17"),
        measured("4.94.1", UnusableTlsa.EMPTY_TEXT),
        measured("4.95", UnusableTlsa.NULL_TEXT),
        measured("4.96", UnusableTlsa.UNDEFINED),
    )
    """What follows when no TLSA record is usable. From 4.90 on the reason is the text in a variable that
    nothing has set; what it holds is measured."""

    dane_failure_overridden: bool = switch(
        True, "verify_callback_client_dane() in tls-openssl.c", since("4.87", "f2f2c91b1", item="JH/30")
    )
    """The DANE verify callback accepts what OpenSSL has found wrong, so any chain counts as verified by
    DANE."""

    dane_failure_log: DaneFailureLog = switch(
        DaneFailureLog.NEVER,
        "smtp_setup_conn(), until 4.88 smtp_deliver()",
        since("4.88-jh03", "4b0fe3193", DaneFailureLog.WHEN_UNUSABLE, item="JH/03"),
        since("4.88", "ae5afa611", DaneFailureLog.ALWAYS, item="JH/30, bug 1897"),
        since("4.90-dev-5d6bdf01a", "cf0c61644", DaneFailureLog.WITH_REASON, item="JH/17"),
    )
    """When a failed handshake is followed by a line ``DANE attempt failed``, and how it goes."""

    dane_sni: DaneSni = switch(
        DaneSni.AS_CONFIGURED,
        "smtp_setup_conn()",
        since("4.95", "7044dd8fd", DaneSni.DOMAIN, item="bug 2265", picks={"d8e99d604": "4.94.1"}),
        since("4.95", "79aa468aa", DaneSni.HOST, item="bug 2265", picks={"e8ac8be0a": "4.94.2+fixes"}),
    )
    """The server name that a client asks for under DANE. It stays in the transport's options for later hosts
    of the process."""

    dane_one_domain_per_connection: bool = switch(
        False, "smtp_deliver()", since("4.95", "99350dede", item="bug 2265", picks={"a505cf777": "4.94.1"})
    )
    """Recipients of other domains wait for a second connection."""

    dnssec_separates_batches: bool = switch(False, "same_hosts() in deliver.c", since("4.95", "36237af9c"))
    """Addresses whose host lists differ in DNSSEC status are not delivered together."""

    no_pending_address_ends_host_loop: bool = switch(
        False, "smtp_transport_entry()", since("4.98", "d0e4bb183", item="JH/21, bug 3059")
    )
    """No further host is tried once no recipient is pending."""

    # ---- DNS and routing ----------------------------------------------------------------------------

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

    host_debug_indented: bool = switch(False, "host.c, check_host() in verify.c", since("4.99", "78e481bba"))
    """So is that of hosts and their names."""

    host_debug_all_indented: bool = switch(False, "host.c", since("4.99-dev-13835a3c1", "3c24de41a"))
    """And so are the addresses found, and why a host has none."""

    router_lists_named: bool = switch(False, "readconf_find_option()", since("4.98", "1d2868b2d"))
    """The host-check trace names the generic options of the router at work whose lists are searched."""

    acl_domain_data_cleared: bool = switch(False, "acl_check()", since("4.91", "c679ee08b"))
    """$domain_data has no value once an ACL is at its end; before, the next one saw it."""

    list_match_gives_data: bool = switch(
        False, "check_string() in match.c", since("4.94.1", "fa0798c02", published="4.94")
    )
    """Any match in a list sets $domain_data, $local_part_data or their like, not only a lookup."""

    fallback_hosts_expanded: bool = switch(
        False, "rf_queue_add(), smtp_transport_setup()", since("4.99", "aa7920076", item="bug 200")
    )
    """fallback_hosts of routers and of the smtp transport is expanded."""

    malformed_header_address_logged: bool = switch(
        False, "rewrite_one_header()", since("4.98", "12fab4b0a", item="bug 3061")
    )
    """An address in a header line that cannot be read is logged when addresses are qualified."""

    queue_run_preloads_anchors: bool = switch(
        False, "tls_client_creds_init() in tls-openssl.c", since("4.95", "6a9cf7f89")
    )
    """In a queue run OpenSSL has the transport's tls_verify_certificates loaded before the handshake, under
    DANE too: a chain that is good but does not match gets another alert."""

    tls_proxied_for_next_message: bool = switch(
        False, "smtp_deliver()", since("4.90-dev-5d6bdf01a", "875512a36", item="JH/03")
    )
    """A TLS session is kept when a waiting message goes down the same connection, unless hosts_noproxy_tls
    matches."""

    continued_call_verified: bool = switch(False, "par_read_pipe() in deliver.c", since("4.99", "f3ee1d51e"))
    """A TLS session that is used once more is logged as its first user verified it; before, with
    ``CV=no``."""

    continued_mark_by_transport: bool = switch(
        False, "d_hostlog() in deliver.c, smtp_setup_conn()", since("4.95", "cf39dad3d")
    )
    """``*`` after a host's address tells that a connection was used once more. Before, it told that there had
    been one to use, even if the transport then made another."""

    deliver_time_on_failures: bool = switch(
        False, "defer_log() and failure_log() in deliver.c", since("4.94.1", "a55697acf", item="bug 322")
    )
    """``+deliver_time`` puts ``DT=`` on the lines of deferrals and failures, too, not only of deliveries."""

    next_message_in_background: bool = switch(
        True, "transport_pass_socket() in transport.c", since("4.99", "f3ee1d51e")
    )
    """A waiting message goes down the connection in a process of its own, which nobody but a queue runner
    waits for."""

    oldest_waiting_first: bool = switch(
        False,
        "transport_check_waiting()",
        since("4.99", "fbc48a247", item="JH/34", picks={"eaf2c5051": "4.98"}),
    )
    """Of the messages that wait for a host the oldest goes first down the connection, not the newest."""

    first_phase_ignores_retry_data: bool = switch(
        False,
        "deliver_message()",
        since("4.99", "6748707c6", item="bug 3172"),
        since("4.99-dev-13835a3c1", "140c289d1", item="JH/11, bug 3172"),
    )
    """The first phase of a two-phase queue run does not ask the retry database whether an address may be
    routed yet."""

    batches_share_connection: bool = switch(
        False, "do_remote_deliveries() in deliver.c", since("4.99", "f3ee1d51e")
    )
    """Recipients of one message that are delivered in several batches go down one connection if they have a
    host in common."""

    # ---- set-up of a connection ---------------------------------------------------------------------

    header_names_globbed: bool = switch(
        False, "transport_headers_send()", since("4.94.1", "258dfd012", item="bug 159", published="4.94")
    )
    """``X-*`` in headers_remove stands for all header lines that begin so."""

    chunk_needs_recipient: bool = switch(
        False, "smtp_deliver()", since("4.93", "c5040dfdb", item="JH/42, bug 2454")
    )
    """Without PIPELINING no BDAT is said when all recipients were refused."""

    continued_call_takes_chunks: bool = switch(
        False, "smtp_deliver()", since("4.96", "5ddebd0ec", item="JH/26")
    )
    """A message that goes down a connection of another goes by BDAT too."""

    circumflex_hides_next: bool = switch(
        True, "auth_client_item() in auths/get_data.c", since("4.95", "ca22cc0ab", item="JH/36, bug 2687")
    )
    """In data to authenticate with, the character after a doubled circumflex is not looked at."""

    quit_pipelined: bool = switch(False, "smtp_deliver()", since("4.95", "001bf8f58"))
    """With PIPELINING, QUIT goes out with the end of a message that is tried for the first time. With GnuTLS
    a server that does not close then is logged as an error."""

    lost_tls_stays_active: bool = switch(False, "smtp_deliver()", since("4.95", "001bf8f58"))
    """A connection that was lost makes a difference to the next host."""

    close_after_recipients_is_no_error: bool = switch(
        False, "smtp_deliver()", since("4.98", "d0e4bb183", item="JH/21, bug 3059")
    )
    """A lost connection may leave recipients counted as delivered."""

    received_date_on_own_line: bool = switch(False, "received_header_gen()", since("4.95", "eae427c64"))
    """The date of the Received: line is on a line of its own."""

    helo_copy_overlaps: bool = switch(
        False,
        "smtp_setup_conn()",
        since("4.88", "a57ce043b", item="JH/24, bug 1832"),
        since("4.90", "e5ab0ba9e", item="JH/30"),
    )
    """The reply to HELO is copied over the one to EHLO with a function that leaves it open what becomes of
    texts that overlap."""

    helo_loss_tells_ehlo_reply: bool = switch(
        False, "smtp_setup_conn()", since("4.88", "a57ce043b", item="JH/24, bug 1832")
    )
    """A connection that is lost after HELO is logged with what EHLO was answered."""

    second_hello_may_be_refused: bool = switch(False, "smtp_reap_ehlo()", since("4.92", "ee8b80906"))
    """A refusal of the EHLO or HELO over TLS is no failure: MAIL follows, and no extension is used."""

    unwanted_report_named: bool = switch(
        False, "deliver_message()", since("4.93", "df98a6ff2", item="bug 2411")
    )
    """A failure that the sender does not want to be told of is ``error ignored``, and why."""

    skipped_warn_located: bool = switch(
        False, "acl_check_internal()", since("4.99", "f90a37225", item="bug 2897")
    )
    """``ACL 'warn' statement skipped`` tells in which ACL, and where."""

    bind_failure_logged: bool = switch(False, "ip_bind() in ip.c", since("4.97", "2b3ac4f13"))
    """``bind of [address]:port failed`` tells that a connection cannot come from its interface."""

    callout_misconfiguration_logged: bool = switch(False, "do_callout()", since("4.97", "cfd47d9e7"))
    """A callout whose connection fails for its transport's configuration names the transport in the logs."""

    callout_word_mended: bool = switch(False, "do_callout()", since("4.99", "c8b8b6c7b"))
    """That line says ``callout``, and no longer ``calloout``."""

    dns_lists_name_others: bool = switch(
        False, "match_isinlist() as called in host.c and dns.c", since("4.95", "e2be2df5c", item="bug 2701")
    )
    """``+name`` in dnssec_request_domains, dns_again_means_nonexist and other lists of host and DNS lookups
    is the list of that name; before, it matched nothing."""

    message_error_names_host: bool = switch(False, "smtp_deliver()", since("4.90", "ec62d0a95"))
    """A 4xx reply to MAIL, DATA or the message is logged with the host's name, and for the last host too."""

    setup_5xx_tries_next_host: bool = switch(
        False, "smtp_setup_conn()", since("4.90", "e69636bc9", item="JH/15", picks={"4b9e57976": "4.89.1"})
    )
    """A 5xx greeting or HELO reply defers while hosts are left."""

    setup_5xx_goes_on: bool = switch(
        False,
        "smtp_setup_conn()",
        since("4.89", "02b41d710"),
        since("4.90", "e69636bc9", item="JH/15", picks={"4b9e57976": "4.89.1"}),
    )
    """After a 5xx greeting or HELO reply the loop over the hosts goes on, though no recipient is left."""

    tls_error_logged: bool = switch(
        True,
        "tls_error() in tls-openssl.c, smtp_setup_conn()",
        since("4.90-dev-5d6bdf01a", "cf0c61644", item="JH/17"),
    )
    """A failed handshake writes ``H=.. TLS error on connection (..): ..`` and leaves the address with a fixed
    text; later, the reason is in the address's message."""

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

    protocol_checked: bool = switch(False, "smtp_setup_conn()", since("4.99", "746134b01", item="bug 3156"))
    """``protocol`` knows ``submissions``, and a word that it does not know is an error; before, that was
    ``smtp``."""

    smtps_banner_command: str | None = switch(
        None, "smtp_setup_conn()", since("4.99", "e574e6fad", "TLS-on-connect")
    )
    """What messages name as the command before the greeting of an smtps server. None: whatever big_buffer
    held, in a delivery at first an empty line of the message's header file."""

    verify_options_in_big_buffer: bool = switch(
        True,
        "acl_verify()",
        since("4.95", "9eed571fd", item="JH/08, bug 2598", picks={"ecf1e77ac": "4.94.1"}),
    )
    """The last option of a ``verify`` condition is left in big_buffer."""

    client_name_in_big_buffer: bool = switch(True, "host_and_ident() in host.c", since("4.97", "8dcd332fb"))
    """So is the client's name, as it is logged."""

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

    verify_error_names_callout: bool = switch(
        False, "verify_callback() in tls-openssl.c", since("4.90", "f77197ae2")
    )
    """``SSL verify error (during R-verify for [..])`` in a callout."""

    # ---- callout --------------------------------------------------------------------------------------

    callout_uses_setup_conn: bool = switch(False, "do_callout()", since("4.89", "02b41d710"))
    """The callout shares smtp_setup_conn() with the transport."""

    callout_tlsa_before_connect: bool = switch(
        True, "do_callout()", since("4.86-dev-4cea764f3", "bf7aabb41", item="bug 1602")
    )
    """A callout asks for TLSA records before it knows the port, unless a router has set it: for
    ``_-1._tcp``."""

    callout_connect_failure_worded: bool = switch(
        False, "smtp_setup_conn()", since("4.89", "02b41d710"), since("4.93", "3f63e4619")
    )
    """A callout that cannot connect says ``could not connect: Connection refused``, not the bare reason."""

    callout_tls_failure_retries_in_clear: bool = switch(
        False, "do_callout()", since("4.88", "ae5afa611", item="JH/30, bug 1897")
    )
    """Any TLS failure of a callout may be retried in clear, not only that of unusable TLSA records."""

    callout_dane_failure: CalloutDaneFailure = switch(
        CalloutDaneFailure.CLEAN,
        "do_callout()",
        since("4.90-dev-5d6bdf01a", "58c30e478", CalloutDaneFailure.STALE_CONTEXT),
        since("4.92", "74f1a4230", CalloutDaneFailure.DIES_UNLESS_SET_UP, item="JH/15"),
        since("4.94.1", "c58803fd1", CalloutDaneFailure.DIES, item="JH/08, bug 2491", published="4.94"),
        since("4.96", "b249717db", CalloutDaneFailure.NULL_CONTEXT),
        since("4.98", "44e35f5f5", CalloutDaneFailure.CLEAN, item="bug 3030"),
    )
    """What happens when DANE rules a host out before there is a connection. Which memory is hit differs."""

    callout_forced_failure_ends: bool = switch(
        False, "do_callout()", since("4.88", "2d5fdd539"), since("4.89", "02b41d710")
    )
    """A callout ends in FAIL_FORCED where DANE is only requested and there is no TLSA record: the recipient
    passes unasked."""

    delay_warned_without_attempt: bool = switch(False, "deliver_message()", since("4.92", "de6f74f29"))
    """A warning about a delay goes out in any queue run that is late enough, although no retry time has come.
    Bug 2341."""

    tainted_paths_refused: bool = switch(False, "appendfile_transport_entry()", since("4.94.1", "0d2e392e2"))
    """A message is not delivered to a file or folder whose name is tainted, as it comes from outside."""

    safe_folder_untaints: bool = switch(False, "appendfile_transport_entry()", since("4.95", "5cd1d1356"))
    """A tainted name is as good as any below the folder that create_file names, or below the home."""

    reports_have_references: bool = switch(False, "moan_write_references()", since("4.93", "d6c829b9a"))
    """Bounces, warnings and other reports have a References: line. Bug 2452."""

    references_fit_a_line: bool = switch(False, "moan_write_references()", since("4.97", "3607e3e00"))
    """Message ids are left out of it where it would be longer than 998 octets. Bug 2827."""

    reports_name_the_recipient: bool = switch(False, "print_dsn_addr_action()", since("4.93", "436bda2ac"))
    """Final-Recipient: is the recipient of the message, not what he was turned into; failures and delays have
    Original-Recipient:, too."""

    success_reports_use_dsn_from: bool = switch(False, "maybe_send_dsn()", since("4.93", "87abcb247"))
    """Reports of success come from whom dsn_from says. Bug 2404."""

    report_templates_expanded: bool = switch(False, "expand_open()", since("4.94.1", "40bffa31b"))
    """bounce_message_file and warn_message_file are expanded. Bug 2522."""

    diagnostics_in_reports_cut: bool = switch(
        False, "print_dsn_diagnostic_code()", since("4.95", "0de994525")
    )
    """Diagnostic-Code: has at most some 950 octets. Bug 1684."""

    reasons_in_reports_cut: bool = switch(False, "print_address_error()", since("4.97", "cfeaa009b"))
    """The reason that a report gives ends after some 254 octets. Bug 2979."""

    headers_in_reports_cut: bool = switch(False, "transport_headers_send()", since("4.97", "35d78f064"))
    """Of each header line of the message a report has 998 octets. Bug 1760."""

    local_host_has_errno: bool = switch(
        False, "smtp_transport_entry()", since("4.94.1", "6e0fddef0", published="4.94")
    )
    """A host that turns out to be this one defers under a number of its own, -50."""

    reply_timeout_is_whole: bool = switch(
        False, "smtp_read_response()", since("4.93", "0a5441fcd", item="JH/28")
    )
    """command_timeout and its kin are for a whole reply; before, each read had that much time."""

    size_on_continued_call: bool = switch(
        False,
        "smtp_deliver()",
        since("4.94.1", "5bf8a5168", item="bug 2525", published="4.94"),
    )
    """On a connection in clear that is used once more SIZE and DSN are still known to be offered."""

    limits_heeded: bool = switch(False, "ehlo_response_limits_apply()", since("4.98", "cd8cb71de"))
    """A server's extension LIMITS is heeded, and connection_max_messages within a run of a transport."""

    further_mail_after_452: bool = switch(
        False, "sync_responses()", since("4.94.1", "c46396610", item="JH/15", published="4.94")
    )
    """Recipients that a server answers with 452 are named again after another MAIL if others were decided."""

    callout_reply_cut: bool = switch(
        False, "do_callout()", since("4.93", "7b564712f", item="JH/35, bug 2409")
    )
    """What a host answered to a callout is passed on up to its first character that is not printing ASCII."""

    random_acceptance_ends: bool = switch(False, "do_callout()", since("4.90", "2ddb4094c"))
    """A host that takes a random recipient has answered the callout; before, it had not."""

    callout_size: CalloutSize = switch(
        CalloutSize.IF_KNOWN,
        "do_callout()",
        since("4.89", "02b41d710", CalloutSize.ALWAYS),
        since(
            "4.90",
            "14de8063d",
            CalloutSize.IF_KNOWN_AND_UNCACHED,
            item="JH/21, bug 2151",
            picks={"f1a8a73ce": "4.89.1"},
        ),
    )
    """When a callout announces the size of the message."""

    callout_cache_trace_names_key: bool = switch(False, "verify.c", since("4.88", "8b9476ba5"))
    """The host-check trace names the key of the callout cache record that is written."""

    delivery_pipe_read_checked: bool = switch(
        False, "par_read_pipe() in deliver.c", since("4.90", "2cee425af", item="HS/02")
    )
    """A transport process that dies leaves ``Delivery status for A: got 0 of 7 bytes (pipeheader)`` in main
    and panic log."""

    # ---- reception ---------------------------------------------------------------------------------------

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

    cv_needs_client_certificate: bool = switch(
        False, "add_tls_info_for_log()", since("4.99", "ef0a7560d", item="JH/26")
    )
    """No CV= in a server's log lines if the client sent no certificate."""

    sni_log_unquoted: bool = switch(
        False, "s_tlslog()", since("4.95", "7044dd8fd", item="bug 2265", picks={"d8e99d604": "4.94.1"})
    )
    """``SNI=name`` instead of ``SNI="name"``."""

    connect_acl_reject_selectable: bool = switch(
        False, "smtp_handle_acl_fail()", since("4.88", "3cc3f7625", item="JH/29")
    )
    """The selector connection_reject governs what acl_smtp_connect refuses too."""

    lost_connection_duration_logged: bool = switch(False, "smtp_setup_msg()", since("4.90", "2ac258501"))
    """``D=`` after ``unexpected disconnection while reading SMTP command``."""

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

    overriding_hosts_may_continue: bool = switch(False, "do_remote_deliveries()", since("4.90", "e39fdc855"))
    """Whether an open call suits an address is left to a transport whose own hosts override the router's."""

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

    list_separator_read_first: bool = switch(False, "match_check_list()", since("4.99", "9d66ba85a"))
    """A list is shown without the change of its separator at its head."""

    connect_acl_before_tls: bool = switch(
        False, "smtp_start_session() in smtp_in.c", since("4.97", "4243a209f")
    )
    """Where TLS comes first a client is judged before it; one that is refused then hears nothing."""

    banner_may_close: bool = switch(False, "smtp_start_session()", since("4.97", "4f7a93c27"))
    """A forced failure of smtp_banner closes the connection."""

    recipients_cut_in_log: bool = switch(False, "log_vwrite() in log.c", since("4.98", "a600ccb4a"))
    """Recipients that do not fit into a log line end in ``<trunc>``."""

    unfit_call_is_closed: bool = switch(False, "smtp_transport_entry()", since("4.91", "2577f55f6"))
    """A call that was left open, and is to none of the hosts, is closed, and the hosts are tried."""

    open_call_interface_checked: bool = switch(
        False, "smtp_transport_entry()", since("4.99", "237b2df13", item="bug 1141")
    )
    """A call that was left open has to come from the transport's interface."""

    removal_raises_events: bool = switch(
        False, "queue_action() in queue.c", since("4.92", "7ea1237c7", item="bug 2310")
    )
    """-Mrm raises msg:fail:internal for each recipient that is left, and msg:complete."""

    retry_key_brackets: bool = switch(
        False, "retry_host_key_build() in retry.c", since("4.98", "5e0ccec43", item="bug 3086")
    )
    """A host's key in the retry database has IP addresses for names, and IPv6 addresses, in brackets."""

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
    """``exim: `` stands before what the program says of an -oMm that it cannot take."""

    queue_ids_listed: bool = switch(False, "queue_list()", since("4.97", "8ff2ba119"))
    """``-bpi`` lists the ids of messages; before, it was an unknown option."""

    daemon_ports_grouped: bool = switch(
        False, "daemon_go()", since("4.90-dev-5d6bdf01a", "fc3f96af4", item="JH/04")
    )
    """Ports of one address are logged together, ``[127.0.0.1]:{25,587}``."""

    acl_debug_indented: bool = switch(False, "acl.c, smtp_out.c, verify.c", since("4.89", "e1d04f48a"))
    """The host-check trace of an ACL in an ACL is set in."""

    acl_debug_names_line: bool = switch(
        False, "acl_check_internal()", since("4.93", "897024f1b", item="JH/03")
    )
    """``processing "accept" (file line)``."""

    acl_debug_names_acl: bool = switch(False, "acl_check_internal()", since("4.99", "4f05f0f1d"))
    """``processing ACL "name" "accept"``, and no line number for an inline ACL."""

    connect_trace: ConnectTrace = switch(
        ConnectTrace.ONE_LINE,
        "smtp_connect() and smtp_sock_connect() in smtp_out.c",
        since("4.93", "adb21834f", ConnectTrace.SPACED),
        since("4.98", "1d2868b2d", ConnectTrace.TWO_LINES),
        since("4.99", "46ff3250f", ConnectTrace.FAILURE_NAMED),
    )
    """How the host-check trace shows a connection."""

    fast_open_asked: bool = switch(False, "smtp_connect() in smtp_out.c", since("4.88", "fb05276aa"))
    """hosts_try_fastopen is searched when a connection is made, and the host-check trace shows it in the
    middle of its line on the connection."""

    fast_open_by_default: bool = switch(False, "transports/smtp.c", since("4.93", "efad2f414", item="JH/25"))
    """hosts_try_fastopen has all hosts unless it is set."""

    client_flush_traced: bool = switch(False, "flush_buffer() in smtp_out.c", since("4.88", "58fc5fb2e"))
    """The host-check trace has ``cmd buf flush N bytes``."""

    command_log: CommandLog = switch(
        CommandLog.NEVER,
        "smtp_debug_cmd_report() in functions.h",
        since("4.96", "5800e3234", CommandLog.AT_CLOSE),
        since("4.99", "f3ee1d51e", CommandLog.AFTER_CALLOUT),
    )
    """Whether the host-check trace sums up a session."""

    callout_close_traced: bool = switch(
        False, "do_callout()", since("4.88", "ae5afa611", item="JH/30, bug 1897")
    )
    """The callout's own SMTP client has ``SMTP(close)>>`` in the host-check trace."""

    callout_quit_reply_read: bool = switch(False, "do_callout()", since("4.88", "2760b518e"))
    """A callout waits a second for the reply to QUIT."""

    tls_resumption_asked: bool = switch(False, "tls_client_start()", since("4.95", "2983e1a61"))
    """tls_resumption_hosts is searched when a client starts TLS; before, that was not built in."""

    events: frozenset[str] = switch(
        EVENTS,
        "event_raise() in deliver.c",
        since("4.87", "5ef5dd52d", adds=("msg:rcpt:defer", "msg:rcpt:host:defer"), item="JH/19"),
        since("4.91", "c4b57fddc", adds=("dane:fail",)),
        since("4.93", "8e78571a8", adds=("smtp:ehlo",)),
        since("4.94.1", "78598e6a6", adds=("msg:defer",), item="bug 2477", published="4.94"),
        since("4.96", "ef2e5890d", adds=("tls:fail:connect",)),
        since("4.97", "7a97480c2", adds=("auth:fail",)),
        since("4.98", "4fd2b1700", adds=("dns:fail",), item="bug 3011"),
        since("4.99", "19c4ea037", adds=("smtp:fail:protocol", "smtp:fail:syntax")),
    )
    """The events that event_action is told of."""

    cutthrough_sender_chosen: bool = switch(
        False, "case CONTROL_CUTTHROUGH_DELIVERY in acl.c", since("4.99", "4e36acaf2", item="bug 3071")
    )
    """The control cutthrough_delivery takes ``sender=transport``."""

    cutthrough_return_path_logged: bool = switch(False, "do_callout()", since("4.99", "9adabf8d8"))
    """The log selector return_path_on_delivery applies to messages that went on while they came in, too."""

    callout_hold: bool = switch(
        False, "do_callout(), delivery_re_exec()", since("4.90-dev-5d6bdf01a", "57cc27852")
    )
    """The callout option ``hold`` keeps the call for the delivery that follows; and whoever gives a held call
    up at the end of a session says QUIT."""

    held_callout_upgraded: bool = switch(
        False, "case CONTROL_CUTTHROUGH_DELIVERY in acl.c", since("4.95", "99bfcf2b6", item="JH/11, bug 2604")
    )
    """The control cutthrough_delivery takes over the call that a callout holds for the delivery."""

    cutthrough_from_any_callout: bool = switch(
        False, "do_callout()", since("4.99", "4e36acaf2", item="bug 3071")
    )
    """A callout in the name of the empty sender, too, can be kept open for the message."""

    ignored_failure_raises_event: bool = switch(
        False, "process_failed() in deliver.c", since("4.92", "ffbc20ed9", item="JH/28, bug 2314")
    )
    """``msg:fail:delivery`` is raised when the failure of an address is ignored too."""

    dnssec_status_logged: bool = switch(False, "d_hostlog() in deliver.c", since("4.88", "fc16abb4d"))
    """The log selector dnssec shows DS after the host's name in delivery lines."""

    address_test_negates_ad: bool = switch(True, "verify_address() in verify.c", since("4.87", "08f3b11b3"))
    """Under the test suite -bt and -bv show ``ad=yes`` or ``ad=no`` after each host; then ``AD`` if so."""

    # ---- text ------------------------------------------------------------------------------------------

    outgoing_interface_colon: bool = switch(
        True, "d_log_interface()", since("4.92", "d12746bc1"), since("4.93", "2d5bf0979")
    )
    """``I=[address]:port``; without it, ``I=[address]port``."""

    continued_mark_of_each: bool = switch(
        False, "smtp_deliver(), do_remote_deliveries()", since("4.99", "f3ee1d51e")
    )
    """The transport says of each recipient whether its connection was used before."""

    continued_mark_in_host: bool = switch(False, "d_hostlog()", since("4.95", "9604a8438", item="JH/34"))
    """The mark of a connection that is used once more stands before ``I=``, in lines on failures, too."""

    deferral_names_own_end: bool = switch(
        False, "deferral_log()", since("4.95", "5c161fa61", item="JH/29, bug 2675")
    )
    """``I=`` and all else that is said of a host in delivery lines is in lines on deferrals, too."""

    long_line_counted: bool = switch(
        False, "smtp_transport_entry()", since("4.99", "77cbc05db", item="bug 2871")
    )
    """``message has lines too long for transport`` is followed by the length."""

    expired_hosts_named: bool = switch(
        False, "smtp_transport_entry()", since("4.88", "c3f2eb9a7", item="bug 1782")
    )
    """``all hosts for 'D' have been failing for a long time`` instead of other words without the domain."""

    queue_control_is_named: bool = switch(
        False, "smtp_transport_entry()", since("4.94.1", "9438970c9", published="4.94")
    )
    """``first-pass only routing due to -odqs, queue_smtp_domains or control=queue`` instead of ``domain
    matches queue_smtp_domains, or -odqs set``."""

    retry_errno_moved: bool = switch(False, "macros.h", since("4.95", "0bfae1bfb"))
    """The numbers for "retry time not reached" are one lower (-52 to -56), as a new number came before
    them."""

    pipelined_commands_marked: bool = switch(
        False, "smtp_write_command() in smtp_out.c", since("4.95", "843edb383")
    )
    """The host-check trace shows a buffered command as ``SMTP|>``."""

    failed_address_colon_spaced: bool = switch(False, "deliver.c", since("4.99", "7b411755d"))
    """``** addr R=r T=t : msg`` with a blank before the colon."""

    deferred_rcpt_port: bool = switch(False, "sync_responses()", since("4.92", "67ea939cf"))
    """In the line on a deferred recipient the log selector outgoing_port shows the port."""

    deferred_rcpt_colon: bool = switch(
        True, "sync_responses() in transports/smtp.c", since("4.99", "593058763")
    )
    """``H=host [ip]: SMTP error .. after RCPT``, logged while hosts are left, has the colon."""

    crash_log: CrashLog = switch(
        CrashLog.NOTHING,
        "segv_handler() in exim.c",
        since("4.95", "1f1633046", CrashLog.SUPPOSITION),
        since("4.96", "dd09071d4", CrashLog.FACTS),
        since("4.99", "1589cfb04", CrashLog.FACTS_WITHOUT_CODE),
    )
    """What a process that dies of a segmentation violation logs."""

    ipv6: bool = True
    """Built with HAVE_IPV6; without it everything is as with disable_ipv6."""

    build_lacks: tuple[str, ...] = ()
    """What the program was built without: options and ACL conditions, ``"main.dmarc_tld_file"``."""

    i18n: bool = False
    """Built with SUPPORT_I18N, so that EHLO offers SMTPUTF8 to smtputf8_advertise_hosts."""

    exim_user: str = "exim"
    """The user that the program was built to run as (EXIM_USER); bounces are ``U=`` that user's."""
