"""The program that belongs to a tree: a release, taken back to the day of the tree.

A tree between two releases was tested with the program of its own commit. The table below is the history of the
program as far as a profile can express it, oldest first. A tree has reached a point if its commit descends from
the point's, or, where there is no history to ask, if the tree holds the point's marker or that of a later point.
The newest point reached names the release in the making; what is younger than the tree is undone in its profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from eximsim.profiles import (
    CalloutDaneFailure,
    CrashLog,
    DaneFailureLog,
    DaneSni,
    TlsaMap,
    UnusableTlsa,
)


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that ``file`` (its path seen from ``test/``) holds from the point on, maybe not for ever."""

    file: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the program's history.

    ``release`` is the profile in whose making it was. ``before`` has the switches that the commit changed, as
    they were until then. ``picks`` are the commits that brought the same to the fixes branch of a release.
    ``always``: undone for a tree without it even if the release was chosen by hand, since nothing else has the
    goldens of such a tree. ``marker`` lies in ``test/``; ``beside`` is better, but not in ``test/``, and counts where its file is there.
    A commit that changed nothing but goldens has a marker of a neighbour.
    """

    commit: str
    release: str
    before: Mapping[str, object] = field(default_factory=dict)
    marker: Marker | None = None
    beside: Marker | None = None
    picks: Mapping[str, str] = field(default_factory=dict)
    always: bool = False


def _point(
    commit: str,
    release: str,
    marker: tuple[str, str] | None = None,
    *,
    beside: tuple[str, str] | None = None,
    picks: Mapping[str, str] | None = None,
    always: bool = False,
    **before: object,
) -> Point:
    return Point(
        commit,
        release,
        MappingProxyType(before),
        Marker(*marker) if marker else None,
        Marker(*beside) if beside else None,
        MappingProxyType(dict(picks or {})),
        always,
    )


_486_DEV, _490_DEV = "4.86-dev-4cea764f3", "4.90-dev-5d6bdf01a"
_5840 = "scripts/5840-DANE-OpenSSL/5840"
_SMTP_C = "../src/src/transports/smtp.c"
_OPENSSL_C = "../src/src/tls-openssl.c"

POINTS: Sequence[Point] = (
    _point("360c04926", "4.85", (_5840, "")),
    # 4.86
    _point("01a4a5c5c", _486_DEV, ("confs/5601", "tls_verify_cert_hostnames ="), option_release="4.85"),
    _point("6ebd79ec0", _486_DEV, ("confs/0023", "acl_V4NET_99_99:"), unusable_tlsa=UnusableTlsa.FAIL),
    _point("4c01d6abf", _486_DEV, ("confs/0481", "Remove-Me-Too2"),
        beside=(_OPENSSL_C, '"[%s] SSL verify error: depth'), verify_error_names_peer=False),
    _point("93a6fce2e", _486_DEV, ("src/server.c", "initial_pause"),
        beside=(_OPENSSL_C, r'name mismatch: \"%s\"",'), name_mismatch_blank_line=True),
    _point("bf7aabb41", _486_DEV, (_5840, "### Recipient callout"), callout_tlsa_before_connect=True),
    _point("4cea764f3", _486_DEV, (_5840, "no_msglog_check"), dane_outcome_in_address=False),
    _point("6aa849d38", "4.86", (_5840, "dane.no.1"), 
        tlsa_failure_ignored_if_requested=False, tlsa_failure_logged=True),
    # 4.87
    _point("f2f2c91b1", "4.87", ("scripts/2100-OpenSSL/2112", "fail the crypt requirement"),
        always=True, dane_failure_overridden=True),
    # 4.88
    _point("4b0fe3193", "4.88-jh03", ("confs/5840", 'errors_to = ""'),
        tlsa_map=TlsaMap.FALLBACK, tlsa_failure_ignored_if_requested=True,
        unusable_tlsa=UnusableTlsa.CA_ROOT, dane_failure_log=DaneFailureLog.NEVER),
    _point("2d5fdd539", "4.88", ("confs/2120", "primary_hostname = thishost.test.ex"),
        beside=(_SMTP_C, "FAIL_FORCED\tNo TLSA record"),
        tlsa_map=TlsaMap.NO_FALLBACK, callout_forced_failure_ends=False),
    _point("ef3a1a30b", "4.88", tlsa_map=TlsaMap.NXDOMAIN_IS_NO_DANE),
    _point("27b9e5f4d", "4.88", ("scripts/0000-Basic/0555", "# Long response lines for fakedefer/fakereject"),
        fake_reject_arrival_mark=False),
    _point("1435d4b24", "4.88", ("confs/0099", "mxnonexist.test.ex"), fail_defer_domains_first=False),
    _point("3cc3f7625", "4.88", ("confs/0021", "LOG_SELECTOR="), connect_acl_reject_selectable=False),
    _point("ae5afa611", "4.88", ("confs/2100", ".ifdef _HAVE_TLS"),
        callout_tls_failure_retries_in_clear=False, dane_failure_log=DaneFailureLog.WHEN_UNUSABLE),
    _point("8688d1775", "4.88", ("runtest", "if (not $force_continue)"), insecure_cname_clears_aa=False),
    # 4.89
    _point("b999c4832", "4.89", ("runtest", "# optional IDN2 variant conversions"),
        beside=(_OPENSSL_C, r'DN=\"%s\" H=\"%s\"'), name_mismatch_names_host=False),
    _point("29f678881", "4.89", relative_includes=False),
    _point("bbc8ed071", "4.89", vrfy_advertised=False),
    _point("02b41d710", "4.89", ("runtest", "Server return code %d for test %d"),
        callout_uses_setup_conn=False, callout_forced_failure_ends=True, callout_connect_failure_worded=False),
    _point("e1d04f48a", "4.89", acl_debug_indented=False),
    # 4.90
    _point("cf0c61644", _490_DEV, ("runtest", r"(TLS session: \(SSL"), tls_error_logged=True,
        unusable_tlsa=UnusableTlsa.DEFER, dane_failure_log=DaneFailureLog.ALWAYS),
    _point("2546388c2", _490_DEV, insecure_host_defers=False),
    _point("875512a36", _490_DEV, tls_proxied_for_next_message=False),
    _point("fc3f96af4", _490_DEV, ("confs/4011", ""), daemon_ports_grouped=False),
    _point("58c30e478", _490_DEV,
        tlsa_before_connect=False, callout_dane_failure=CalloutDaneFailure.CLEAN),
    _point("5d6bdf01a", _490_DEV, ("src/fakens.c", "    yield = NO_DATA;"),
        beside=(_SMTP_C, "sec ? FAIL_FORCED : DEFER"), tlsa_map=TlsaMap.NEGATIVE_IS_NO_DANE),
    _point("ce889807c", _490_DEV, (_5840, "\nexim -odq CALLER@dane.no.3")),
    _point("6b5242044", "4.90", (_5840, "\nexim -odq CALLER@dane.no.3"),
        beside=("../doc/doc-txt/ChangeLog", "commandline_checks_require_admin"),
        tlsa_map=TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE),
    _point("f77197ae2", "4.90", ("confs/4012", ""), verify_error_names_callout=False),
    _point("e69636bc9", "4.90", ("confs/0211", ".ifdef LIST"), picks={"4b9e57976": "4.89"},
        setup_5xx_tries_next_host=False),
    _point("833c70bc6", "4.90", ("runtest", r"if not grep { /^\Q$test_config\E$/ }"), route_option_transport_anywhere=False),
    _point("2ac258501", "4.90", ("scripts/4500-DKIM/4503", "rsa-sha512"), lost_connection_duration_logged=False),
    _point("2cee425af", "4.90", ("confs/4020", "interface =\t\tHOSTIPV4"), delivery_pipe_read_checked=False),
    _point("72934ba73", "4.90", ("confs/0275", "+no_such_list"), unknown_named_list_defers=False),
    # 4.91
    _point("899b8bbc6", "4.91", ("confs/5820", "# DANE/GnuTLS"),
        tlsa_map=TlsaMap.NEGATIVE_IS_NO_DANE, tlsa_insecure_log_names_host=False),
    _point("66387a737", "4.91", ("confs/1009", "route_data = ROUTE_DATA OPT"), route_option_ipv4=False),
    # 4.92
    _point("d8d9f9301", "4.92", ("aux-var-src/tls_conf_prefix", "dns_cname_loops = 9"), cname_loops_option=False),
    _point("1b76ad22a", "4.92", ("confs/0618", ""), short_tlsa_skipped=False),
    # 4.93
    _point("897024f1b", "4.93", ("runtest", "AES256-SHAnnn:xxx"), acl_debug_names_line=False),
    _point("96eb7d2a5", "4.93", ("confs/3451", "hosts_noproxy_tls = PEX"), option_release="4.92"),
    _point("3f63e4619", "4.93", ("confs/4050", "hosts_try_fastopen =\t:"), callout_connect_failure_worded=True),
    _point("dbbf21a75", "4.93", ("confs/0264", "r_remain:"), retry_local_part_if_preconditions=False),
    _point("6219e0ec4", "4.93", ("runtest", r"|10\.250)"), dns_name_check_skips_service=True),
    _point("ab0e957b0", "4.93", ("scripts/0000-Basic/0904", "Server rejects RCPT"), dnsdb_asks_dnssec=False),
    # 4.94
    _point("d8024efa3", "4.94.1", ("confs/0005", "$local_part_data"), check_local_user_sets_data=False),
    _point("fa0798c02", "4.94.1", ("confs/0624", ""), list_match_gives_data=False),
    # 4.95
    _point("7044dd8fd", "4.95", ("confs/5840", "+tls_sni"), picks={"d8e99d604": "4.94.1"},
        dane_sni=DaneSni.AS_CONFIGURED, sni_log_unquoted=False),
    _point("99350dede", "4.95", ("confs/5801", ""), picks={"a505cf777": "4.94.1"},
        dane_one_domain_per_connection=False),
    _point("0bfae1bfb", "4.95", retry_errno_moved=False),
    _point("6a9cf7f89", "4.95", ("confs/1102", ""), queue_run_preloads_anchors=False),
    _point("79aa468aa", "4.95", ("scripts/0000-Basic/0002", "ipv6norm:2a00:2:3:4:5:6:7:8}trailing_text"),
        beside=(_SMTP_C, "conn_args.host->name; /* force SNI */"), picks={"e8ac8be0a": "4.94.2+fixes"},
        dane_sni=DaneSni.DOMAIN),
    _point("36237af9c", "4.95", ("confs/5802", ""), dnssec_separates_batches=False),
    _point("1f1633046", "4.95", ("confs/5710", "# output list separator changes"), crash_log=CrashLog.NOTHING),
    # 4.96
    _point("dd09071d4", "4.96", ("runtest", "# Time-only, in debug output"), crash_log=CrashLog.SUPPOSITION),
    _point("376d3790b", "4.96", ("scripts/0000-Basic/0471", "exim -d -odq r5@test.ex"), list_trace_indented=False),
    _point("564960ff8", "4.96", ("confs/0101", "$local_part_data'"), list_match_sets_value=False),
    # 4.97
    _point("b855ee2fb", "4.97", ("runtest", "# Postgre DB server PID"), ptr_name_chars_checked=False),
    _point("1d38781da", "4.97", again_means_nonexist_recursion_ends=False),
    _point("6fc54bd18", "4.97", list_trace_shows_elements=False),
    _point("30520c8f8", "4.97", ("scripts/2100-OpenSSL/2149", "EC-groups negotiation"), tlsa_ignores_again_means_nonexist=False),
    _point("aae673d7d", "4.97", closed_connection_duration_logged=False),
    _point("3b06efc10", "4.97", malformed_ip_named=False),
    _point("46a36afae", "4.97", ("runtest", "000000005vi"), message_id_long=False),
    # 4.98
    _point("b0e63c7ef", "4.98", ("confs/0475", "log_selector = +unknown_in_list"), malformed_ipv6_recognised=False),
    _point("5bb786d5a", "4.98", picks={"fbb270d48": "4.97"}, data_needs_crlf=False),
    _point("d0e4bb183", "4.98", ("scripts/0000-Basic/0905", "#RCPT TO:<b@test.ex>"), no_pending_address_ends_host_loop=False),
    _point("1d2868b2d", "4.98", router_lists_named=False, list_trace_shows_sublists=False),
    _point("9d7795dba", "4.98", ("runtest", r"mx=\S+ sort=\K\S+/xx/"), dns_debug_nested=False),
    # 4.99
    _point("f3ee1d51e", "4.99", ("scripts/0000-Basic/0209", "450 Temporary error 3"),
        batches_share_connection=False, next_message_in_background=True),
    _point("1589cfb04", "4.99", ("runtest", "/dynmodules/*.so"), crash_log=CrashLog.FACTS),
    _point("4f05f0f1d", "4.99", acl_debug_names_acl=False),
    _point("aa7920076", "4.99", ("confs/0109", "fallback_hosts = OPTION"), fallback_hosts_expanded=False),
    _point("717a9055f", "4.99", ("scripts/0000-Basic/0467", "-DSRV=nosuch1:smtp2:nosuch2"), check_srv_is_list=False),
    _point("1cc26cd7a", "4.99", empty_verify_hosts_is_unset=False),
    _point("ef0a7560d", "4.99", ("confs/4061", "CONNECTCOND="),
        beside=("../src/src/receive.c", "add_tls_info_for_log"), cv_needs_client_certificate=False),
    _point("7b411755d", "4.99", ("confs/1160", "+protocol_detail"), failed_address_colon_spaced=False),
    _point("dba85d116", "4.99", ("runtest", r"next if /^\s*host_fake_gethostbyname"), route_debug_nested=False),
    _point("24e159d7b", "4.99", ("scripts/4650-DMARC/4650", "CALLER@not-exist.test.ex"), expansion_errors_quoted=False),
    _point("b3a32a6cc", "4.99", ("confs/0640", ""), inlist_sets_value=False),
)  # fmt: skip
"""Oldest first, as far as the history is a line."""
