"""The program that belongs to a tree: a release, taken back to the day of the tree.

A tree between two releases was tested with the program of its own commit. The table below is the history of
the program as far as a profile can express it, oldest first. A tree has reached a point if its commit
descends from the point's or, where there is no history to ask, if the tree holds the point's marker or that
of a later point. The newest point reached names the release in the making; what is younger than the tree is
undone in that profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from eximsim.profiles import BEFORE, PROFILES, TlsaMap


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that ``file`` (its path seen from ``test/``) holds from the point on, maybe not for ever."""

    file: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the program's history: a commit that changed ``switches``.

    ``release`` is the profile in whose making it was, ``picks`` the commits that brought the same to
    another's fixes branch. ``between`` has a switch's value before the commit if it was changed more than
    once for that release. ``marker`` lies in ``test/``; ``beside`` is nearer, but outside ``test/``, and
    counts where its file is there. A commit that changed nothing in ``test/`` but goldens has the marker of
    a neighbour. ``always``: a tree older than this has it undone even if the release was chosen by hand.
    """

    commit: str
    release: str
    switches: tuple[str, ...] = ()
    marker: Marker | None = None
    beside: Marker | None = None
    picks: Mapping[str, str] = field(default_factory=dict)
    always: bool = False
    between: Mapping[str, object] = field(default_factory=dict)

    @property
    def releases(self) -> tuple[str, ...]:
        """The profiles in whose making it was, the oldest first."""
        return (*self.picks.values(), self.release)

    @property
    def before(self) -> dict[str, object]:
        """The switches as they were until then: as the release before has them."""
        earlier = PROFILES[BEFORE[self.releases[0]]] if self.switches else None
        return {switch: self.between.get(switch, getattr(earlier, switch, None)) for switch in self.switches}


def _point(
    commit: str,
    release: str,
    switches: str,
    marker: tuple[str, str] | None = None,
    *,
    beside: tuple[str, str] | None = None,
    picks: Mapping[str, str] | None = None,
    always: bool = False,
    **between: object,
) -> Point:
    return Point(
        commit,
        release,
        tuple(switches.split()),
        Marker(*marker) if marker else None,
        Marker(*beside) if beside else None,
        MappingProxyType(dict(picks or {})),
        always,
        MappingProxyType(between),
    )


_486_DEV, _490_DEV = "4.86-dev-4cea764f3", "4.90-dev-5d6bdf01a"
_5840 = "scripts/5840-DANE-OpenSSL/5840"
_SMTP_C = "../src/src/transports/smtp.c"
_OPENSSL_C = "../src/src/tls-openssl.c"

POINTS: Sequence[Point] = (
    _point("360c04926", "4.85", "", (_5840, "")),
    # 4.86
    _point("01a4a5c5c", _486_DEV, "option_release", ("confs/5601", "tls_verify_cert_hostnames =")),
    _point("6ebd79ec0", _486_DEV, "unusable_tlsa", ("confs/0023", "acl_V4NET_99_99:")),
    _point("4c01d6abf", _486_DEV, "verify_error_names_peer", ("confs/0481", "Remove-Me-Too2"),
        beside=(_OPENSSL_C, '"[%s] SSL verify error: depth')),
    _point("93a6fce2e", _486_DEV, "name_mismatch_blank_line", ("src/server.c", "initial_pause"),
        beside=(_OPENSSL_C, r'name mismatch: \"%s\"",')),
    _point("bf7aabb41", _486_DEV, "callout_tlsa_before_connect", (_5840, "### Recipient callout")),
    _point("4cea764f3", _486_DEV, "dane_outcome_in_address", (_5840, "no_msglog_check")),
    _point("6aa849d38", "4.86", "tlsa_failure_ignored_if_requested tlsa_failure_logged",
        (_5840, "dane.no.1")),
    # 4.87
    _point("5ef5dd52d", "4.87", "events"),
    _point("f2f2c91b1", "4.87", "dane_failure_overridden",
        ("scripts/2100-OpenSSL/2112", "fail the crypt requirement"), always=True),
    # 4.88
    _point("4b0fe3193", "4.88-jh03",
        "tlsa_map tlsa_failure_ignored_if_requested unusable_tlsa dane_failure_log",
        ("confs/5840", 'errors_to = ""')),
    _point("2d5fdd539", "4.88", "tlsa_map callout_forced_failure_ends",
        ("confs/2120", "primary_hostname = thishost.test.ex"),
        beside=(_SMTP_C, "FAIL_FORCED\tNo TLSA record")),
    _point("fc16abb4d", "4.88", "dnssec_status_logged", ("confs/4804", "")),
    _point("8b9476ba5", "4.88", "callout_cache_trace_names_key"),
    _point("ef3a1a30b", "4.88", "tlsa_map", tlsa_map=TlsaMap.NXDOMAIN_IS_NO_DANE),
    _point("27b9e5f4d", "4.88", "fake_reject_arrival_mark",
        ("scripts/0000-Basic/0555", "# Long response lines for fakedefer/fakereject")),
    _point("aa368db3c", "4.88", "option_release",
        ("aux-var-src/tls_conf_prefix", "chunking_advertise_hosts =")),
    _point("1435d4b24", "4.88", "fail_defer_domains_first", ("confs/0099", "mxnonexist.test.ex")),
    _point("58fc5fb2e", "4.88", "client_flush_traced"),
    _point("a57ce043b", "4.88", "helo_loss_tells_ehlo_reply helo_copy_overlaps"),
    _point("3cc3f7625", "4.88", "connect_acl_reject_selectable", ("confs/0021", "LOG_SELECTOR=")),
    _point("ae5afa611", "4.88", "callout_tls_failure_retries_in_clear dane_failure_log callout_close_traced",
        ("confs/2100", ".ifdef _HAVE_TLS")),
    _point("fb05276aa", "4.88", "fast_open_asked"),
    _point("8688d1775", "4.88", "insecure_cname_clears_aa", ("runtest", "if (not $force_continue)")),
    _point("2760b518e", "4.88", "callout_quit_reply_read", ("runtest", "run-summary.log")),
    # 4.89
    _point("b999c4832", "4.89", "name_mismatch_names_host",
        ("runtest", "# optional IDN2 variant conversions"), beside=(_OPENSSL_C, r'DN=\"%s\" H=\"%s\"')),
    _point("29f678881", "4.89", "relative_includes"),
    _point("bbc8ed071", "4.89", "vrfy_advertised"),
    _point("02b41d710", "4.89",
        "callout_uses_setup_conn callout_size callout_forced_failure_ends callout_connect_failure_worded",
        ("runtest", "Server return code %d for test %d")),
    _point("e1d04f48a", "4.89", "acl_debug_indented"),
    # 4.90
    _point("cf0c61644", _490_DEV, "tls_error_logged unusable_tlsa dane_failure_log",
        ("runtest", r"(TLS session: \(SSL")),
    _point("2546388c2", _490_DEV, "insecure_host_defers"),
    _point("875512a36", _490_DEV, "tls_proxied_for_next_message"),
    _point("fc3f96af4", _490_DEV, "daemon_ports_grouped", ("confs/4011", "")),
    _point("58c30e478", _490_DEV, "tlsa_before_connect callout_dane_failure"),
    _point("5d6bdf01a", _490_DEV, "tlsa_map", ("src/fakens.c", "    yield = NO_DATA;"),
        beside=(_SMTP_C, "sec ? FAIL_FORCED : DEFER")),
    _point("ce889807c", _490_DEV, "", (_5840, "\nexim -odq CALLER@dane.no.3")),
    _point("2ddb4094c", "4.90", "random_acceptance_ends"),
    _point("6b5242044", "4.90", "tlsa_map", (_5840, "\nexim -odq CALLER@dane.no.3"),
        beside=("../doc/doc-txt/ChangeLog", "commandline_checks_require_admin")),
    _point("f77197ae2", "4.90", "verify_error_names_callout", ("confs/4012", "")),
    _point("e69636bc9", "4.90", "setup_5xx_tries_next_host", ("confs/0211", ".ifdef LIST"),
        picks={"4b9e57976": "4.89"}),
    _point("14de8063d", "4.90", "callout_size",
        ("confs/0227", "recipient/callout=no_cache,use_sender,random"), picks={"f1a8a73ce": "4.89.1"}),
    _point("833c70bc6", "4.90", "route_option_transport_anywhere",
        ("runtest", r"if not grep { /^\Q$test_config\E$/ }")),
    _point("2ac258501", "4.90", "lost_connection_duration_logged",
        ("scripts/4500-DKIM/4503", "rsa-sha512")),
    _point("2cee425af", "4.90", "delivery_pipe_read_checked", ("confs/4020", "interface =\t\tHOSTIPV4")),
    _point("e5ab0ba9e", "4.90", "helo_copy_overlaps"),
    _point("72934ba73", "4.90", "unknown_named_list_defers", ("confs/0275", "+no_such_list")),
    _point("ec62d0a95", "4.90", "message_error_names_host",
        ("scripts/2100-OpenSSL/2102", "# Make RSA authentication the only")),
    # 4.91
    _point("899b8bbc6", "4.91", "tlsa_map tlsa_insecure_log_names_host", ("confs/5820", "# DANE/GnuTLS")),
    _point("66387a737", "4.91", "route_option_ipv4", ("confs/1009", "route_data = ROUTE_DATA OPT")),
    _point("c4b57fddc", "4.91", "events", ("confs/5861", "")),
    # 4.92
    _point("d8d9f9301", "4.92", "cname_loops_option",
        ("aux-var-src/tls_conf_prefix", "dns_cname_loops = 9")),
    _point("74f1a4230", "4.92", "callout_dane_failure"),
    _point("1b76ad22a", "4.92", "short_tlsa_skipped", ("confs/0618", "")),
    _point("ffbc20ed9", "4.92", "ignored_failure_raises_event"),
    _point("ee8b80906", "4.92", "second_hello_may_be_refused",
        ("aux-var-src/tls_conf_prefix", ".ifdef _HAVE_PIPE_CONNECT")),
    # 4.93
    _point("c5040dfdb", "4.93", "chunk_needs_recipient"),
    _point("897024f1b", "4.93", "acl_debug_names_line", ("runtest", "AES256-SHAnnn:xxx")),
    _point("fc243e944", "4.93", "gnutls_first_read_fails_handshake"),
    _point("d9acfc1ce", "4.93", "gnutls_suite_described"),
    _point("96eb7d2a5", "4.93", "option_release", ("confs/3451", "hosts_noproxy_tls = PEX")),
    _point("3f63e4619", "4.93", "callout_connect_failure_worded",
        ("confs/4050", "hosts_try_fastopen =\t:")),
    _point("efad2f414", "4.93", "fast_open_by_default", ("confs/4050", "hosts_try_fastopen =\t:")),
    _point("adb21834f", "4.93", "connect_trace"),
    _point("dbbf21a75", "4.93", "retry_local_part_if_preconditions", ("confs/0264", "r_remain:")),
    _point("6219e0ec4", "4.93", "dns_name_check_skips_service", ("runtest", r"|10\.250)")),
    _point("8e78571a8", "4.93", "events"),
    _point("ab0e957b0", "4.93", "dnsdb_asks_dnssec", ("scripts/0000-Basic/0904", "Server rejects RCPT")),
    _point("da40b1ec6", "4.93", "tls_version_without_v", ("confs/2002", "cipher_ $tls_in_cipher_std")),
    # 4.94
    _point("258dfd012", "4.94.1", "header_names_globbed"),
    _point("c58803fd1", "4.94.1", "callout_dane_failure"),
    _point("78598e6a6", "4.94.1", "events"),
    _point("d8024efa3", "4.94.1", "check_local_user_sets_data", ("confs/0005", "$local_part_data")),
    _point("fa0798c02", "4.94.1", "list_match_gives_data", ("confs/0624", "")),
    # 4.95
    _point("0851a3bbf", "4.95", "cert_name_before_cname", picks={"3fe5ec41e": "4.94.1"}),
    _point("9eed571fd", "4.95", "verify_options_in_big_buffer", picks={"ecf1e77ac": "4.94.1"}),
    _point("7044dd8fd", "4.95", "dane_sni sni_log_unquoted", ("confs/5840", "+tls_sni"),
        picks={"d8e99d604": "4.94.1"}),
    _point("99350dede", "4.95", "dane_one_domain_per_connection", ("confs/5801", ""),
        picks={"a505cf777": "4.94.1"}),
    _point("0bfae1bfb", "4.95", "retry_errno_moved"),
    _point("6a9cf7f89", "4.95", "queue_run_preloads_anchors", ("confs/1102", "")),
    _point("843edb383", "4.95", "pipelined_commands_marked"),
    _point("ca22cc0ab", "4.95", "circumflex_hides_next"),
    _point("001bf8f58", "4.95", "quit_pipelined lost_tls_stays_active"),
    _point("cf39dad3d", "4.95", "continued_mark_by_transport"),
    _point("79aa468aa", "4.95", "dane_sni",
        ("scripts/0000-Basic/0002", "ipv6norm:2a00:2:3:4:5:6:7:8}trailing_text"),
        beside=(_SMTP_C, "conn_args.host->name; /* force SNI */"), picks={"e8ac8be0a": "4.94.2+fixes"}),
    _point("36237af9c", "4.95", "dnssec_separates_batches", ("confs/5802", "")),
    _point("eae427c64", "4.95", "received_date_on_own_line", ("confs/0420", "${quote:h: <")),
    _point("2f8e0a5f6", "4.95", "option_release", ("confs/0070", "hosts_require_helo =")),
    _point("1f1633046", "4.95", "crash_log", ("confs/5710", "# output list separator changes")),
    # 4.96
    _point("5ddebd0ec", "4.96", "continued_call_takes_chunks"),
    _point("ef2e5890d", "4.96", "events"),
    _point("dd09071d4", "4.96", "crash_log", ("runtest", "# Time-only, in debug output")),
    _point("b249717db", "4.96", "callout_dane_failure"),
    _point("376d3790b", "4.96", "list_trace_indented",
        ("scripts/0000-Basic/0471", "exim -d -odq r5@test.ex")),
    _point("564960ff8", "4.96", "list_match_sets_value"),
    _point("5800e3234", "4.96", "command_log", ("confs/0101", "$local_part_data'")),
    # 4.97
    _point("7a97480c2", "4.97", "events", ("aux-fixed/event-logger-acl", "auth fail")),
    _point("b855ee2fb", "4.97", "ptr_name_chars_checked", ("runtest", "# Postgre DB server PID")),
    _point("1d38781da", "4.97", "again_means_nonexist_recursion_ends"),
    _point("6fc54bd18", "4.97", "list_trace_shows_elements"),
    _point("30520c8f8", "4.97", "tlsa_ignores_again_means_nonexist",
        ("scripts/2100-OpenSSL/2149", "EC-groups negotiation")),
    _point("aae673d7d", "4.97", "closed_connection_duration_logged"),
    _point("3b06efc10", "4.97", "malformed_ip_named"),
    _point("46a36afae", "4.97", "message_id_long", ("runtest", "000000005vi")),
    _point("8dcd332fb", "4.97", "client_name_in_big_buffer"),
    # 4.98
    _point("44e35f5f5", "4.98", "callout_dane_failure"),
    _point("b0e63c7ef", "4.98", "malformed_ipv6_recognised",
        ("confs/0475", "log_selector = +unknown_in_list")),
    _point("5bb786d5a", "4.98", "data_needs_crlf", picks={"fbb270d48": "4.97"}),
    _point("d0e4bb183", "4.98", "no_pending_address_ends_host_loop close_after_recipients_is_no_error",
        ("scripts/0000-Basic/0905", "#RCPT TO:<b@test.ex>")),
    _point("4fd2b1700", "4.98", "events"),
    _point("1d2868b2d", "4.98", "router_lists_named list_trace_shows_sublists connect_trace"),
    _point("9d7795dba", "4.98", "dns_debug_nested", ("runtest", r"mx=\S+ sort=\K\S+/xx/")),
    _point("b97c55112", "4.98", "missing_helo_is_protocol_error", ("confs/0637", "")),
    # 4.99
    _point("f3ee1d51e", "4.99",
        "batches_share_connection next_message_in_background continued_call_verified command_log",
        ("scripts/0000-Basic/0209", "450 Temporary error 3")),
    _point("19c4ea037", "4.99", "events"),
    _point("1589cfb04", "4.99", "crash_log", ("runtest", "/dynmodules/*.so")),
    _point("4f05f0f1d", "4.99", "acl_debug_names_acl", ("aux-fixed/4137.list", "")),
    _point("aa7920076", "4.99", "fallback_hosts_expanded", ("confs/0109", "fallback_hosts = OPTION")),
    _point("593058763", "4.99", "deferred_rcpt_colon", ("runtest", "Listening...$/n")),
    _point("717a9055f", "4.99", "check_srv_is_list",
        ("scripts/0000-Basic/0467", "-DSRV=nosuch1:smtp2:nosuch2")),
    _point("78e481bba", "4.99", "host_debug_indented"),
    _point("1cc26cd7a", "4.99", "empty_verify_hosts_is_unset",
        ("confs/4060", "tls_verify_cert_hostnames = :")),
    _point("ef0a7560d", "4.99", "cv_needs_client_certificate", ("confs/4061", "CONNECTCOND="),
        beside=("../src/src/receive.c", "add_tls_info_for_log")),
    _point("e574e6fad", "4.99", "smtps_banner_command"),
    _point("7b411755d", "4.99", "failed_address_colon_spaced", ("confs/1160", "+protocol_detail")),
    _point("dba85d116", "4.99", "route_debug_nested", ("runtest", r"next if /^\s*host_fake_gethostbyname")),
    _point("46ff3250f", "4.99", "connect_trace"),
    _point("24e159d7b", "4.99", "expansion_errors_quoted",
        ("scripts/4650-DMARC/4650", "CALLER@not-exist.test.ex")),
    _point("b3a32a6cc", "4.99", "inlist_sets_value", ("confs/0640", "")),
)  # fmt: skip
"""Oldest first, as far as the history is a line."""
