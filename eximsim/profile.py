"""What a profile holds: one switch for each way in which releases of Exim differ, with its history.

The default of every switch is the state of 4.85.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
    ALWAYS = "always, be it 0 (02b41d710, 4.89)"
    IF_KNOWN_AND_UNCACHED = "if it is known, for a recipient, and nothing is cached (14de8063d, 4.90; 4.89.1)"


class ConnectTrace(Enum):
    """How the host-check trace shows a connection: smtp_connect() and smtp_sock_connect() in smtp_out.c."""

    ONE_LINE = "Connecting to .. ... connected"
    SPACED = "the outcome is set off by another blank (adb21834f, 4.93)"
    TWO_LINES = "the outcome has a line of its own (1d2868b2d, 4.98)"
    FAILURE_NAMED = "and a failure is a sock_connect failure (46ff3250f, 4.99)"


class CommandLog(Enum):
    """Whether the host-check trace sums up a session as ``cmdlog: '220:EHLO:..'``."""

    NEVER = "never"
    AT_CLOSE = "when the connection is closed (5800e3234, 4.96)"
    AFTER_CALLOUT = "by do_callout(), which says (unset) for a connection that never was (f3ee1d51e, 4.99)"


class CrashLog(Enum):
    """What a process writes to main and panic log when it dies of a segmentation violation."""

    NOTHING = "nothing"
    SUPPOSITION = "one line that suspects a write to immutable memory"
    FACTS = "fault address, SEGV_MAPERR, null pointer, what it was doing"
    FACTS_WITHOUT_CODE = "fault address, null pointer, what it was doing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One Exim release, or a named development point."""

    name: str
    version: str = "4.85"
    """What ``$version_number`` and the greeting show (src/version.c)."""

    tls_library: str = "openssl-1.0.2"
    """The TLS library: ``"openssl-1.0.2"``, ``"openssl-3"`` or ``"gnutls"``. The recordings up to
    4.88-jh03 were made with OpenSSL 1.0.2, the later ones with 3.0."""

    option_release: str = "4.85"
    """The release whose option names, types and defaults the configuration reader has: the last row of
    ``mta/config/options_history.py`` that applies. src/readconf.c, src/globals.c, the drivers."""

    expansion_macros: bool = False
    """Built-in macros ``_EXP_ITEM_..``, ``_EXP_OP_..``, ``_EXP_COND_..`` and ``_EXP_VAR_..``. Since fc37f2aca
    (4.97): macro_predef.c."""

    pcre2: bool = False
    """Regular expressions are PCRE2's, with its words for what is wrong with them, not PCRE's. Since
    22ed7a529 (4.96): regex_must_compile() in exim.c."""

    relative_includes: bool = False
    """``.include`` takes a path relative to the including file. Since 29f678881 (4.89): get_config_line()
    in readconf.c."""

    retry_local_part_if_preconditions: bool = False
    """A router's retry_use_local_part defaults to true if the router has any precondition but domains, not
    only check_local_user. Since dbbf21a75 (4.93 JH/35): route_init(), route.c."""

    # ---- DANE: which host may be used ---------------------------------------------------------------

    tlsa_map: TlsaMap = TlsaMap.FALLBACK
    """What the answer to a TLSA question means, as one map for all answers. 4b0fe3193 (4.88 JH/03), 2d5fdd539
    and ef3a1a30b (4.88), 5d6bdf01a (4.90, taken back by 6b5242044), 899b8bbc6 (4.91): tlsa_lookup() in
    transports/smtp.c, from 4.92 host.c."""

    tlsa_failure_ignored_if_requested: bool = False
    """A TLSA lookup that defers rules a host out only if DANE is required. Between 6aa849d38 (4.86) and
    4b0fe3193 (4.88 JH/03): smtp_deliver()."""

    tlsa_failure_logged: bool = True
    """``DANE error: TLSA lookup failed`` if there is no TLSA record and DANE is required. Ended by 6aa849d38
    (4.86): tlsa_lookup()."""

    dane_outcome_in_address: bool = False
    """A host that DANE rules out leaves errno and message in its addresses. Before, they kept the state of
    being worked on: with no further host they were deferred without a word. Since 4cea764f3 (4.86, bug
    1634): smtp_deliver()."""

    tlsa_before_connect: bool = False
    """TLSA is asked for before the connection is made. Since 58c30e478 (4.90): smtp_setup_conn()."""

    tlsa_insecure_log_names_host: bool = False
    """``DANE error: TLSA lookup for HOST not DNSSEC`` instead of ``TLSA lookup not DNSSEC``. Since
    899b8bbc6 (4.91): tlsa_lookup()."""

    tlsa_ignores_again_means_nonexist: bool = False
    """dns_again_means_nonexist does not apply to TLSA. Since 30520c8f8 (4.97): dns.c."""

    short_tlsa_skipped: bool = False
    """TLSA data of 3 octets or less is skipped. Since 1b76ad22a (4.92): dane_tlsa_load()."""

    unusable_tlsa: UnusableTlsa = UnusableTlsa.FAIL
    """What follows when no TLSA record is usable: ordinary TLS since 6ebd79ec0 (4.86), none since 4b0fe3193
    (4.88 JH/03). Since cf0c61644 (4.90) the reason is the text in a variable that nothing has set; what it
    holds is measured: dane_tlsa_load() and tls_client_start() in tls-openssl.c, smtp_setup_conn()."""

    dane_failure_overridden: bool = True
    """The DANE verify callback accepts what OpenSSL has found wrong, so any chain counts as verified by DANE.
    Ended by f2f2c91b1 (4.87): verify_callback_client_dane() in tls-openssl.c."""

    dane_failure_log: DaneFailureLog = DaneFailureLog.NEVER
    """When a failed handshake is followed by a line ``DANE attempt failed``, and how it goes. 4b0fe3193
    (4.88 JH/03), ae5afa611 (4.88), cf0c61644 (4.90): smtp_setup_conn(), until 4.88 smtp_deliver()."""

    dane_sni: DaneSni = DaneSni.AS_CONFIGURED
    """The SNI under DANE: 7044dd8fd and 79aa468aa (both 4.95), in 4.94.1 d8e99d604, on the 4.94 fixes branch
    e8ac8be0a: smtp_setup_conn(). The name stays in the transport's options for later hosts of the process."""

    dane_one_domain_per_connection: bool = False
    """Recipients of other domains wait for a second connection. Since 99350dede, b6054898a (4.94.1, 4.95):
    smtp_deliver()."""

    dnssec_separates_batches: bool = False
    """Addresses whose host lists differ in DNSSEC status are not delivered together. Since 36237af9c
    (4.95): same_hosts() in deliver.c."""

    no_pending_address_ends_host_loop: bool = False
    """No further host is tried once no recipient is pending. Since d0e4bb183 (4.98):
    smtp_transport_entry()."""

    # ---- DNS and routing ----------------------------------------------------------------------------

    cname_loops_option: bool = False
    """CNAMEs are followed dns_cname_loops times (default 1) instead of ten lookups long. Since d8d9f9301
    (4.92): dns_lookup()."""

    insecure_cname_clears_aa: bool = False
    """An insecure CNAME takes the AA bit from the chain's end too, not only AD. Since 8688d1775 (4.88):
    dns_set_insecure()."""

    dns_name_check_skips_service: bool = True
    """The syntax check leaves out the first two labels of SRV and TLSA names. Ended by 6219e0ec4 (4.93):
    dns_basic_lookup()."""

    again_means_nonexist_recursion_ends: bool = False
    """A lookup caused by searching dns_again_means_nonexist that itself defers is NOMATCH; before, the
    program recursed until it died. Since 1d38781da (4.97): dns_basic_lookup()."""

    insecure_host_defers: bool = False
    """dnssec_require_domains not met is HOST_FIND_SECURITY, ``host lookup done insecurely``, and no longer
    logged as ``dnssec fail on ..``. Since 2546388c2 (4.90): host_find_bydns()."""

    fail_defer_domains_first: bool = False
    """fail_defer_domains applies to a missing domain too. Since 1435d4b24 (4.88): routers/dnslookup.c."""

    check_srv_is_list: bool = False
    """check_srv is a list of services. Since 717a9055f (4.99): host_find_bydns()."""

    ptr_name_chars_checked: bool = False
    """A PTR name with other than letters, digits, hyphens and dots counts as none. Since b855ee2fb (4.97):
    host_name_lookup()."""

    route_option_transport_anywhere: bool = False
    """A transport named in a route item need not be its last word. Since 833c70bc6 (4.90):
    routers/manualroute.c."""

    route_option_ipv4: bool = False
    """Route items know ipv4_only and ipv4_prefer. Since 66387a737 (4.91): routers/manualroute.c."""

    check_local_user_sets_data: bool = False
    """check_local_user sets $local_part_data. Since d8024efa3 (4.94): check_router_conditions()."""

    dns_debug_nested: bool = False
    """The host-check trace names the DNSSEC lists of a domain's lookup, and sets that in. Since 9d7795dba
    (4.98): host_find_bydns()."""

    route_debug_nested: bool = False
    """The host-check trace of verification and routing is set in. Since dba85d116 (4.99): acl.c, route.c."""

    host_debug_indented: bool = False
    """So is that of hosts and their names. Since 78e481bba (4.99): host.c, check_host() in verify.c."""

    router_lists_named: bool = False
    """The host-check trace names the generic options of the router at work whose lists are searched. Since
    1d2868b2d (4.98): readconf_find_option()."""

    list_match_gives_data: bool = False
    """Any match of ``domains`` or ``local_parts`` sets $domain_data or $local_part_data, not only a lookup.
    Since fa0798c02 (4.94): check_string() in match.c."""

    fallback_hosts_expanded: bool = False
    """A router's fallback_hosts is expanded. Since aa7920076 (4.99): rf_queue_add()."""

    queue_run_preloads_anchors: bool = False
    """In a queue run OpenSSL has the transport's tls_verify_certificates loaded before the handshake, under
    DANE too: a chain that is good but does not match gets another alert. Since 6a9cf7f89 (4.95):
    tls_client_creds_init() in tls-openssl.c."""

    tls_proxied_for_next_message: bool = False
    """A TLS session is kept when a waiting message goes down the same connection, unless hosts_noproxy_tls
    matches. Since 875512a36 (4.90): smtp_deliver()."""

    continued_call_verified: bool = False
    """A TLS session that is used once more is logged as its first user verified it; before, with ``CV=no``.
    Since f3ee1d51e (4.99): par_read_pipe() in deliver.c."""

    continued_mark_by_transport: bool = False
    """``*`` after a host's address tells that a connection was used once more. Before, it told that there had
    been one to use, even if the transport then made another. Since cf39dad3d (4.95): d_hostlog() in
    deliver.c, smtp_setup_conn()."""

    next_message_in_background: bool = True
    """A waiting message goes down the connection in a process of its own, which nobody but a queue runner
    waits for. Ended by f3ee1d51e (4.99): transport_pass_socket() in transport.c."""

    oldest_waiting_first: bool = False
    """Of the messages that wait for a host the oldest goes first down the connection, not the newest. Since
    fbc48a247 (4.98): transport_check_waiting()."""

    first_phase_ignores_retry_data: bool = False
    """The first phase of a two-phase queue run does not ask the retry database whether an address may be
    routed yet. From 6748707c6 (4.99) to 140c289d1 (after 4.99, bug 3172): deliver_message()."""

    batches_share_connection: bool = False
    """Recipients of one message that are delivered in several batches go down one connection if they have a
    host in common. Since f3ee1d51e (4.99): do_remote_deliveries() in deliver.c."""

    # ---- set-up of a connection ---------------------------------------------------------------------

    header_names_globbed: bool = False
    """``X-*`` in headers_remove stands for all header lines that begin so. Since 258dfd012 (4.94, bug 159):
    transport_headers_send()."""

    chunk_needs_recipient: bool = False
    """Without PIPELINING no BDAT is said when all recipients were refused. Since c5040dfdb (4.93, bug 2454):
    smtp_deliver()."""

    continued_call_takes_chunks: bool = False
    """A message that goes down a connection of another goes by BDAT too. Since 5ddebd0ec (4.96):
    smtp_deliver()."""

    circumflex_hides_next: bool = True
    """In data to authenticate with, the character after a doubled circumflex is not looked at. Ended by
    ca22cc0ab (4.95, bug 2687): auth_client_item() in auths/get_data.c."""

    quit_pipelined: bool = False
    """With PIPELINING, QUIT goes out with the end of a message that is tried for the first time. With GnuTLS
    a server that does not close then is logged as an error. Since 001bf8f58 (4.95): smtp_deliver()."""

    lost_tls_stays_active: bool = False
    """A connection that was lost makes a difference to the next host. Since 001bf8f58 (4.95):
    smtp_deliver()."""

    close_after_recipients_is_no_error: bool = False
    """A lost connection may leave recipients counted as delivered. Since d0e4bb183 (4.98): smtp_deliver()."""

    received_date_on_own_line: bool = False
    """The date of the Received: line is on a line of its own. Since eae427c64 (4.95):
    received_header_gen()."""

    gnutls_first_read_fails_handshake: bool = False
    """With GnuTLS, no reply to the EHLO over TLS counts as a failed handshake. Since fc243e944 (4.93):
    smtp_setup_conn()."""

    helo_copy_overlaps: bool = False
    """The reply to HELO is copied over the one to EHLO with a function that leaves it open what becomes of
    texts that overlap. From a57ce043b (4.88) until e5ab0ba9e (4.90): smtp_setup_conn()."""

    helo_loss_tells_ehlo_reply: bool = False
    """A connection that is lost after HELO is logged with what EHLO was answered. Since a57ce043b (4.88):
    smtp_setup_conn()."""

    second_hello_may_be_refused: bool = False
    """A refusal of the EHLO or HELO over TLS is no failure: MAIL follows, and no extension is used. Since
    ee8b80906 (4.92): smtp_reap_ehlo()."""

    message_error_names_host: bool = False
    """A 4xx reply to MAIL, DATA or the message is logged with the host's name, and for the last host too.
    Since ec62d0a95 (4.90): smtp_deliver()."""

    setup_5xx_tries_next_host: bool = False
    """A 5xx greeting or HELO reply defers while hosts are left. Since e69636bc9 (4.90; measured in the
    4.89 fixes branch too): smtp_setup_conn()."""

    tls_error_logged: bool = True
    """A failed handshake writes ``H=.. TLS error on connection (..): ..`` and leaves the address with a
    fixed text. Ended by cf0c61644 (4.90), and the reason is in the address's message: tls_error() in
    tls-openssl.c, smtp_setup_conn()."""

    verify_error_names_peer: bool = False
    """``SSL verify error`` lines begin with the server's address. Since 4c01d6abf (4.86): verify_callback()
    in tls-openssl.c."""

    name_mismatch_blank_line: bool = True
    """A blank line follows ``certificate name mismatch`` in the log. Ended by 93a6fce2e (4.86); 4.85 looks at
    names only if built with EXPERIMENTAL_CERTNAMES: verify_callback() in tls-openssl.c."""

    name_mismatch_names_host: bool = False
    """``certificate name mismatch: DN=".." H=".."`` instead of ``: ".."``. Since b999c4832 (4.89):
    verify_callback() in tls-openssl.c."""

    protocol_checked: bool = False
    """``protocol`` knows ``submissions``, and a word that it does not know is an error; before, that was
    ``smtp``. Since 46799c27d and 746134b01 (4.99, bug 3156): smtp_setup_conn()."""

    smtps_banner_command: str | None = None
    """What messages name as the command before the greeting of an smtps server. ``TLS-on-connect`` since
    e574e6fad (4.99); before, whatever big_buffer held: in a delivery at first an empty line of the message's
    header file (test 1199's log at that commit shows both): smtp_setup_conn()."""

    verify_options_in_big_buffer: bool = True
    """The last option of a ``verify`` condition is left in big_buffer. Ended by 9eed571fd (4.94.1):
    acl_verify()."""

    client_name_in_big_buffer: bool = True
    """So is the client's name, as it is logged. Ended by 8dcd332fb (4.97): host_and_ident() in host.c."""

    empty_verify_hosts_is_unset: bool = False
    """``tls_verify_hosts`` set to nothing counts as not set, so that with both lists empty verification is
    required; and it is if ``tls_try_verify_hosts`` is a lone colon, whatever the other says. Since
    1cc26cd7a (4.99): tls_client_basic_ctx_init() in tls-openssl.c."""

    cert_name_before_cname: bool = False
    """The name to verify is the one before a CNAME was followed. Since 0851a3bbf (4.95 JH/06, in the 4.94
    fixes branch too; bug 2594): host_find_byname() and set_address_from_dns() in host.c."""

    verify_error_names_callout: bool = False
    """``SSL verify error (during R-verify for [..])`` in a callout. Since f77197ae2 (4.90):
    verify_callback() in tls-openssl.c."""

    # ---- callout --------------------------------------------------------------------------------------

    callout_uses_setup_conn: bool = False
    """The callout shares smtp_setup_conn() with the transport. Since 02b41d710 (4.89): do_callout()."""

    callout_tlsa_before_connect: bool = True
    """A callout asks for TLSA records before it knows the port, unless a router has set it: for ``_-1._tcp``.
    Ended by bf7aabb41 (4.86, bug 1602): do_callout()."""

    callout_connect_failure_worded: bool = False
    """A callout that cannot connect says ``could not connect: Connection refused``, not the bare reason.
    From 02b41d710 (4.89) to 3f63e4619 (4.93): smtp_setup_conn()."""

    callout_tls_failure_retries_in_clear: bool = False
    """Any TLS failure of a callout may be retried in clear, not only that of unusable TLSA records. Since
    ae5afa611 (4.88, bug 1897): do_callout()."""

    callout_dane_failure: CalloutDaneFailure = CalloutDaneFailure.CLEAN
    """What happens when DANE rules a host out before there is a connection, which it can since 58c30e478
    (4.90). Other memory is hit since 74f1a4230 (4.92) and c58803fd1 (4.94); b249717db (4.96) notices it,
    44e35f5f5 (4.98, bug 3030) mends it: do_callout()."""

    callout_forced_failure_ends: bool = False
    """A callout ends in FAIL_FORCED where DANE is only requested and there is no TLSA record: the recipient
    passes unasked. Between 2d5fdd539 (4.88) and 02b41d710 (4.89): do_callout()."""

    random_acceptance_ends: bool = False
    """A host that takes a random recipient has answered the callout; before, it had not. Since 2ddb4094c
    (4.90): do_callout()."""

    callout_size: CalloutSize = CalloutSize.IF_KNOWN
    """When a callout announces the size of the message. Changed by 02b41d710 (4.89) and 14de8063d (4.90):
    do_callout()."""

    callout_cache_trace_names_key: bool = False
    """The host-check trace names the key of the callout cache record that is written. Since 8b9476ba5 (4.88):
    verify.c."""

    delivery_pipe_read_checked: bool = False
    """A transport process that dies leaves ``Delivery status for A: got 0 of 7 bytes (pipeheader)`` in main
    and panic log. Since 2cee425af (4.90): par_read_pipe() in deliver.c."""

    tls_version_without_v: bool = False
    """``X=TLS1.2:..`` instead of ``X=TLSv1.2:..``. Since da40b1ec6 (4.93): tlsver_name() in tls-openssl.c."""

    # ---- reception ---------------------------------------------------------------------------------------

    message_id_long: bool = False
    """Message ids have 6, 11 and 4 digits (microseconds) instead of 6, 6 and 2. Since 46a36afae (4.97):
    receive_msg()."""

    data_needs_crlf: bool = False
    """A bare LF in SMTP data is no line end if the first line ended in CRLF, so it cannot end the message.
    Since 5bb786d5a (4.98, and 4.97.1): read_message_data_smtp()."""

    fake_reject_arrival_mark: bool = False
    """The arrival line of a message with a faked rejection begins with ``(=``. Since 27b9e5f4d (4.88):
    receive_msg()."""

    cv_needs_client_certificate: bool = False
    """No CV= in a server's log lines if the client sent no certificate. Since ef0a7560d (4.99):
    add_tls_info_for_log()."""

    sni_log_unquoted: bool = False
    """``SNI=name`` instead of ``SNI="name"``. Since 7044dd8fd (4.95, in 4.94.1 d8e99d604): s_tlslog()."""

    connect_acl_reject_selectable: bool = False
    """The selector connection_reject governs what acl_smtp_connect refuses too. Since 3cc3f7625 (4.88):
    smtp_handle_acl_fail()."""

    lost_connection_duration_logged: bool = False
    """``D=`` after ``unexpected disconnection while reading SMTP command``. Since 2ac258501 (4.90):
    smtp_setup_msg()."""

    closed_connection_duration_logged: bool = False
    """``D=`` before ``closed by QUIT`` and its kin. Since aae673d7d (4.97): log_close_event()."""

    pipe_connect_offered: bool = False
    """EHLO offers PIPECONNECT to pipelining_connect_advertise_hosts. Since 81344b40e (4.94), which built it
    in: smtp_setup_msg()."""

    missing_helo_is_protocol_error: bool = False
    """MAIL without HELO, where hosts_require_helo or helo_verify_hosts asks for it, is a protocol error.
    Since b97c55112 (4.98, bug 3096): smtp_setup_msg()."""

    vrfy_advertised: bool = False
    """EHLO offers VRFY if there is an ACL for it. Since bbc8ed071 (4.89): smtp_setup_msg()."""

    daemon_ports_grouped: bool = False
    """Ports of one address are logged together, ``[127.0.0.1]:{25,587}``. Since fc3f96af4 (4.90):
    daemon_go()."""

    acl_debug_indented: bool = False
    """The host-check trace of an ACL in an ACL is set in. Since e1d04f48a (4.89): acl.c, smtp_out.c,
    verify.c."""

    acl_debug_names_line: bool = False
    """``processing "accept" (file line)``. Since 897024f1b (4.93): acl_check_internal()."""

    acl_debug_names_acl: bool = False
    """``processing ACL "name" "accept"``, and no line number for an inline ACL. Since 4f05f0f1d (4.99):
    acl_check_internal()."""

    connect_trace: ConnectTrace = ConnectTrace.ONE_LINE
    """How the host-check trace shows a connection. adb21834f (4.93), 1d2868b2d (4.98), 46ff3250f (4.99):
    smtp_connect() and smtp_sock_connect() in smtp_out.c."""

    fast_open_asked: bool = False
    """hosts_try_fastopen is searched when a connection is made, and the host-check trace shows it in the
    middle of its line on the connection. Since fb05276aa (4.88): smtp_connect() in smtp_out.c."""

    fast_open_by_default: bool = False
    """hosts_try_fastopen has all hosts unless it is set. Since efad2f414 (4.93): transports/smtp.c."""

    client_flush_traced: bool = False
    """The host-check trace has ``cmd buf flush N bytes``. Since 58fc5fb2e (4.88): flush_buffer() in
    smtp_out.c."""

    command_log: CommandLog = CommandLog.NEVER
    """Whether the host-check trace sums up a session. 5800e3234 (4.96), f3ee1d51e (4.99):
    smtp_debug_cmd_report() in functions.h."""

    callout_close_traced: bool = False
    """The callout's own SMTP client has ``SMTP(close)>>`` in the host-check trace. Since ae5afa611 (4.88):
    do_callout()."""

    callout_quit_reply_read: bool = False
    """A callout waits a second for the reply to QUIT. Since 2760b518e (4.88): do_callout()."""

    tls_resumption_asked: bool = False
    """tls_resumption_hosts is searched when a client starts TLS. Since 2983e1a61 (4.95), which built it in:
    tls_client_start()."""

    events: frozenset[str] = frozenset(
        (
            *("tcp:connect", "tcp:close", "smtp:connect", "tls:cert", "msg:host:defer", "msg:delivery"),
            *("msg:fail:delivery", "msg:fail:internal", "msg:complete"),
        )
    )
    """The events that event_action is told of. New ones came with 5ef5dd52d (4.87), c4b57fddc (4.91),
    8e78571a8 (4.93), 78598e6a6 (4.94), ef2e5890d (4.96), 7a97480c2 (4.97), 4fd2b1700 (4.98) and 19c4ea037
    (4.99): event_raise() in deliver.c."""

    gnutls_suite_described: bool = False
    """GnuTLS builds show a cipher suite as gnutls_session_get_desc() does, ``RSA__AES_128_CBC__SHA1``. Since
    d9acfc1ce (4.93): peer_status() in tls-gnu.c."""

    ignored_failure_raises_event: bool = False
    """``msg:fail:delivery`` is raised when the failure of an address is ignored too. Since ffbc20ed9 (4.92):
    process_failed() in deliver.c."""

    dnssec_status_logged: bool = False
    """The log selector dnssec shows DS after the host's name in delivery lines. Since fc16abb4d (4.88):
    d_hostlog() in deliver.c."""

    address_test_negates_ad: bool = True
    """Under the test suite -bt and -bv show ``ad=yes`` or ``ad=no`` after each host; then ``AD`` if so.
    Ended by 08f3b11b3 (4.87): verify_address() in verify.c."""

    # ---- text ------------------------------------------------------------------------------------------

    outgoing_interface_colon: bool = True
    """``I=[address]:port``. From d12746bc1 (4.92) to 2d5bf0979 (4.93) without the colon:
    d_log_interface()."""

    continued_mark_in_host: bool = False
    """The mark of a connection that is used once more stands before ``I=``, in lines on failures, too. Since
    9604a8438 (4.95): d_hostlog()."""

    deferral_names_own_end: bool = False
    """``I=`` and all else that is said of a host in delivery lines is in lines on deferrals, too. Since
    5c161fa61 (4.95, bug 2675): deferral_log()."""

    long_line_counted: bool = False
    """``message has lines too long for transport`` is followed by the length. Since 77cbc05db (4.99, bug
    2871): smtp_transport_entry()."""

    expired_hosts_named: bool = False
    """``all hosts for 'D' have been failing for a long time`` instead of other words without the domain.
    Since c3f2eb9a7 (4.88, bug 1782): smtp_transport_entry()."""

    queue_control_is_named: bool = False
    """``first-pass only routing due to -odqs, queue_smtp_domains or control=queue`` instead of ``domain
    matches queue_smtp_domains, or -odqs set``. Since 9438970c9 (4.94): smtp_transport_entry()."""

    retry_errno_moved: bool = False
    """The numbers for "retry time not reached" are one lower (-52 to -56). Since 0bfae1bfb (4.95), which
    put a new number before them: macros.h."""

    pipelined_commands_marked: bool = False
    """The host-check trace shows a buffered command as ``SMTP|>``. Since 843edb383 (4.95):
    smtp_write_command() in smtp_out.c."""

    failed_address_colon_spaced: bool = False
    """``** addr R=r T=t : msg`` with a blank before the colon. Since 7b411755d (4.99): deliver.c."""

    deferred_rcpt_port: bool = False
    """In that line the log selector outgoing_port shows the port. Since 67ea939cf (4.92):
    sync_responses()."""

    deferred_rcpt_colon: bool = True
    """``H=host [ip]: SMTP error .. after RCPT``, logged while hosts are left, has the colon. Ended by
    593058763 (4.99): sync_responses() in transports/smtp.c."""

    crash_log: CrashLog = CrashLog.NOTHING
    """What a process that dies of a segmentation violation logs. 1f1633046 (4.95), dd09071d4 (4.96); the
    code is not there in 4.99 (measured): segv_handler() in exim.c."""

    ipv6: bool = True
    """Built with HAVE_IPV6; without it everything is as with disable_ipv6."""

    exim_user: str = "exim"
    """The user that the program was built to run as (EXIM_USER); bounces are ``U=`` that user's."""

    # ---- expansions and lists -------------------------------------------------------------------------

    unknown_named_list_defers: bool = False
    """A reference to a named list that does not exist defers; before, Exim ended with a panic log line.
    Since 72934ba73 (4.90), bug 1645: match_check_list()."""

    dnsdb_asks_dnssec: bool = False
    """dnsdb lookups behave as ``dnssec_lax`` unless told otherwise; before, as ``dnssec_never``. Since
    ab0e957b0 (4.93): dnsdb_find()."""

    list_match_sets_value: bool = False
    """``match_domain`` and its kin set ``$value``. Since 564960ff8 (4.96): eval_condition()."""

    inlist_sets_value: bool = False
    """``inlist`` sets ``$value`` to the item. Since b3a32a6cc (4.99): eval_condition()."""

    expansion_errors_quoted: bool = False
    """Errors from inside lookups and ``map`` are quoted in the message. Since 24e159d7b (4.99): expand.c."""

    list_trace_indented: bool = False
    """The host-check trace of lists is set in. Since 376d3790b (4.96): match_check_list()."""

    list_trace_shows_elements: bool = False
    """It shows the question before the search, and each item. Since 6fc54bd18 (4.97): match_check_list()."""

    list_trace_shows_sublists: bool = False
    """It shows where a named list begins and ends and what is cached, unset lists without a name, and makes
    white space in items visible. Since 1d2868b2d (4.98): match_check_list()."""

    malformed_ip_named: bool = False
    """``malformed IPv4 address or address mask`` says which. Since 3b06efc10 (4.97): check_host()."""

    malformed_ipv6_recognised: bool = False
    """A malformed IPv6 address in a host list is an error, too. Since b0e63c7ef (4.98, bug 3057):
    check_host()."""
