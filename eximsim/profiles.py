"""Exim releases as sets of named switches.

A profile is a frozen record. Code asks a switch by its name; nothing compares version numbers. Each
release is written as what it changed against the one before it, so the chain below reads as the history of
Exim's outbound policy.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from types import MappingProxyType

from eximsim.errors import InputError
from eximsim.profile import (
    CalloutDaneFailure as CalloutDaneFailure,
)
from eximsim.profile import (
    CalloutSize as CalloutSize,
)
from eximsim.profile import (
    CommandLog as CommandLog,
)
from eximsim.profile import (
    ConnectTrace as ConnectTrace,
)
from eximsim.profile import (
    CrashLog as CrashLog,
)
from eximsim.profile import (
    DaneFailureLog as DaneFailureLog,
)
from eximsim.profile import (
    DaneSni as DaneSni,
)
from eximsim.profile import (
    Profile as Profile,
)
from eximsim.profile import (
    TlsaMap as TlsaMap,
)
from eximsim.profile import (
    UnusableTlsa as UnusableTlsa,
)

_BEFORE: dict[str, str] = {}


def _then(previous: Profile, name: str, /, **changes: object) -> Profile:
    """The next profile of the chain: ``previous`` with ``changes``; its version is its name."""
    _BEFORE[name] = previous.name
    return replace(previous, name=name, **{"version": name, **changes})  # type: ignore[arg-type]  # by name


_P485 = Profile(name="4.85")
_P486_DEV = _then(
    _P485,
    "4.86-dev-4cea764f3",
    option_release="4.86",
    version="4.86",
    dane_outcome_in_address=True,
    unusable_tlsa=UnusableTlsa.CA_ROOT,
    callout_tlsa_before_connect=False,
    verify_error_names_peer=True,
    name_mismatch_blank_line=False,
)
_P486 = _then(
    _P486_DEV,
    "4.86",
    option_release="4.87",
    tlsa_failure_ignored_if_requested=True,
    tlsa_failure_logged=False,
)
_P487 = _then(
    _P486,
    "4.87",
    dane_failure_overridden=False,
    address_test_negates_ad=False,
    events=_P486.events | {"msg:rcpt:host:defer", "msg:rcpt:defer"},
)
_P488_JH03 = _then(
    _P487,
    "4.88-jh03",
    version="4.87",
    tlsa_map=TlsaMap.NO_FALLBACK,
    tlsa_failure_ignored_if_requested=False,
    unusable_tlsa=UnusableTlsa.DEFER,
    dane_failure_log=DaneFailureLog.WHEN_UNUSABLE,
)
_P488 = _then(
    _P488_JH03,
    "4.88",
    option_release="4.88",
    helo_loss_tells_ehlo_reply=True,
    helo_copy_overlaps=True,
    tls_library="openssl-3",
    tlsa_map=TlsaMap.NEGATIVE_IS_NO_DANE,
    dane_failure_log=DaneFailureLog.ALWAYS,
    callout_tls_failure_retries_in_clear=True,
    callout_forced_failure_ends=True,
    insecure_cname_clears_aa=True,
    fail_defer_domains_first=True,
    fake_reject_arrival_mark=True,
    connect_acl_reject_selectable=True,
    fast_open_asked=True,
    client_flush_traced=True,
    callout_close_traced=True,
    callout_quit_reply_read=True,
    callout_cache_trace_names_key=True,
    dnssec_status_logged=True,
    expired_hosts_named=True,
)
_P489 = _then(
    _P488,
    "4.89",
    option_release="4.89",
    relative_includes=True,
    setup_5xx_tries_next_host=True,
    name_mismatch_names_host=True,
    callout_uses_setup_conn=True,
    callout_size=CalloutSize.ALWAYS,
    callout_connect_failure_worded=True,
    callout_forced_failure_ends=False,
    vrfy_advertised=True,
    acl_debug_indented=True,
)
_P4891 = _then(_P489, "4.89.1", callout_size=CalloutSize.IF_KNOWN_AND_UNCACHED)
_P490_DEV = _then(
    _P489,
    "4.90-dev-5d6bdf01a",
    option_release="4.90",
    version="4.90",
    tlsa_map=TlsaMap.SIGNED_NEGATIVE_IS_NO_DANE,
    tlsa_before_connect=True,
    tls_proxied_for_next_message=True,
    callout_dane_failure=CalloutDaneFailure.STALE_CONTEXT,
    setup_5xx_tries_next_host=False,
    daemon_ports_grouped=True,
    tls_error_logged=False,
    unusable_tlsa=UnusableTlsa.NULL_TEXT,
    dane_failure_log=DaneFailureLog.WITH_REASON,
    insecure_host_defers=True,
)
_P490 = _then(
    _P490_DEV,
    "4.90",
    random_acceptance_ends=True,
    helo_copy_overlaps=False,
    message_error_names_host=True,
    tlsa_map=TlsaMap.NEGATIVE_IS_NO_DANE,
    setup_5xx_tries_next_host=True,
    verify_error_names_callout=True,
    callout_size=CalloutSize.IF_KNOWN_AND_UNCACHED,
    delivery_pipe_read_checked=True,
    route_option_transport_anywhere=True,
    lost_connection_duration_logged=True,
    unknown_named_list_defers=True,
)
_P491 = _then(
    _P490,
    "4.91",
    option_release="4.91",
    tlsa_map=TlsaMap.INSECURE_IS_NO_DANE,
    tlsa_insecure_log_names_host=True,
    events=_P490.events | {"dane:fail"},
    route_option_ipv4=True,
)
_P492 = _then(
    _P491,
    "4.92",
    option_release="4.92",
    second_hello_may_be_refused=True,
    short_tlsa_skipped=True,
    ignored_failure_raises_event=True,
    callout_dane_failure=CalloutDaneFailure.DIES_UNLESS_SET_UP,
    cname_loops_option=True,
    deferred_rcpt_port=True,
    outgoing_interface_colon=False,
)
_P493 = _then(
    _P492,
    "4.93",
    chunk_needs_recipient=True,
    option_release="4.93",
    callout_connect_failure_worded=False,
    gnutls_first_read_fails_handshake=True,
    retry_local_part_if_preconditions=True,
    dns_name_check_skips_service=False,
    acl_debug_names_line=True,
    connect_trace=ConnectTrace.SPACED,
    fast_open_by_default=True,
    events=_P492.events | {"smtp:ehlo"},
    gnutls_suite_described=True,
    dnsdb_asks_dnssec=True,
    tls_version_without_v=True,
    outgoing_interface_colon=True,
)
_P4941 = _then(
    _P493,
    "4.94.1",
    header_names_globbed=True,
    events=_P493.events | {"msg:defer"},
    option_release="4.94.1",
    verify_options_in_big_buffer=False,
    pipe_connect_offered=True,
    unusable_tlsa=UnusableTlsa.EMPTY_TEXT,
    dane_sni=DaneSni.DOMAIN,
    sni_log_unquoted=True,
    callout_dane_failure=CalloutDaneFailure.DIES,
    dane_one_domain_per_connection=True,
    check_local_user_sets_data=True,
    list_match_gives_data=True,
    cert_name_before_cname=True,
    queue_control_is_named=True,
)
_P4942_FIXES = _then(_P4941, "4.94.2+fixes", version="4.94.2", dane_sni=DaneSni.HOST)
_P495 = _then(
    _P4942_FIXES,
    "4.95",
    option_release="4.95",
    received_date_on_own_line=True,
    quit_pipelined=True,
    circumflex_hides_next=False,
    lost_tls_stays_active=True,
    unusable_tlsa=UnusableTlsa.NULL_TEXT,
    dnssec_separates_batches=True,
    retry_errno_moved=True,
    queue_run_preloads_anchors=True,
    crash_log=CrashLog.SUPPOSITION,
    continued_mark_by_transport=True,
    pipelined_commands_marked=True,
    tls_resumption_asked=True,
    continued_mark_in_host=True,
    deferral_names_own_end=True,
)
_P496 = _then(
    _P495,
    "4.96",
    continued_call_takes_chunks=True,
    option_release="4.96",
    pcre2=True,
    unusable_tlsa=UnusableTlsa.UNDEFINED,
    crash_log=CrashLog.FACTS,
    callout_dane_failure=CalloutDaneFailure.NULL_CONTEXT,
    list_trace_indented=True,
    list_match_sets_value=True,
    command_log=CommandLog.AT_CLOSE,
    events=_P495.events | {"tls:fail:connect"},
)
_P497 = _then(
    _P496,
    "4.97",
    option_release="4.97",
    client_name_in_big_buffer=False,
    expansion_macros=True,
    tlsa_ignores_again_means_nonexist=True,
    again_means_nonexist_recursion_ends=True,
    ptr_name_chars_checked=True,
    message_id_long=True,
    events=_P496.events | {"auth:fail"},
    data_needs_crlf=True,
    closed_connection_duration_logged=True,
    list_trace_shows_elements=True,
    malformed_ip_named=True,
)
_P498 = _then(
    _P497,
    "4.98",
    option_release="4.98",
    callout_dane_failure=CalloutDaneFailure.CLEAN,
    no_pending_address_ends_host_loop=True,
    close_after_recipients_is_no_error=True,
    missing_helo_is_protocol_error=True,
    dns_debug_nested=True,
    router_lists_named=True,
    list_trace_shows_sublists=True,
    malformed_ipv6_recognised=True,
    connect_trace=ConnectTrace.TWO_LINES,
    events=_P497.events | {"dns:fail"},
    oldest_waiting_first=True,
)
_P499 = _then(
    _P498,
    "4.99",
    option_release="4.99",
    first_phase_ignores_retry_data=True,
    failed_address_colon_spaced=True,
    check_srv_is_list=True,
    route_debug_nested=True,
    host_debug_indented=True,
    fallback_hosts_expanded=True,
    cv_needs_client_certificate=True,
    acl_debug_names_acl=True,
    inlist_sets_value=True,
    expansion_errors_quoted=True,
    crash_log=CrashLog.FACTS_WITHOUT_CODE,
    deferred_rcpt_colon=False,
    batches_share_connection=True,
    next_message_in_background=False,
    continued_call_verified=True,
    empty_verify_hosts_is_unset=True,
    smtps_banner_command="TLS-on-connect",
    connect_trace=ConnectTrace.FAILURE_NAMED,
    events=_P498.events | {"smtp:fail:protocol", "smtp:fail:syntax"},
    command_log=CommandLog.AFTER_CALLOUT,
    long_line_counted=True,
    protocol_checked=True,
)
_P499_DEV = _then(_P499, "4.99-dev-13835a3c1", version="4.99", first_phase_ignores_retry_data=False)
_P496_DEBIAN = _then(
    _P496,
    "4.96-debian12",
    version="4.96",
    tls_library="gnutls",
    exim_user="Debian-exim",
    tlsa_ignores_again_means_nonexist=True,
)

_CHAIN = (
    _P485, _P486_DEV, _P486, _P487, _P488_JH03, _P488, _P489, _P4891, _P490_DEV, _P490, _P491, _P492, _P493,
    _P4941, _P4942_FIXES, _P495, _P496, _P496_DEBIAN, _P497, _P498, _P499,
    _P499_DEV,
)  # fmt: skip

PROFILES: MappingProxyType[str, Profile] = MappingProxyType({p.name: p for p in _CHAIN})
"""Every profile by name, oldest first."""

BEFORE: MappingProxyType[str, str] = MappingProxyType(_BEFORE)
"""The profile that each one is written as changes of; the oldest has none."""

ALIASES: MappingProxyType[str, str] = MappingProxyType({})
"""Names that stand for a profile of the same behaviour."""

NEWEST = _P499.name
"""The default of every command."""


def profile(name: str) -> Profile:
    """The profile called ``name``; raises ``InputError`` listing the choices if there is none."""
    found = PROFILES.get(ALIASES.get(name, name))
    if found is None:
        raise InputError(f"unknown profile {name!r}; choose from {', '.join((*PROFILES, *ALIASES))}")
    return found


_RECORDED: MappingProxyType[str, str] = MappingProxyType(
    {"4.89": "4.89.1", "4.96-gnutls": "4.96-debian12", "4.97.1": "4.97", "4.98.2": "4.98"}
)
"""The profile of a recorded build whose label is no profile's name."""


TLS_LIBRARIES = ("openssl", "gnutls")
"""What ``with_tls`` can build a release with."""


def with_tls(profile: Profile, library: str) -> Profile:
    """The release as it is when built with ``library``; raises ``InputError`` unless it is one of
    ``TLS_LIBRARIES``."""
    if library not in TLS_LIBRARIES:
        raise InputError(f"unknown TLS library {library!r}; choose from {', '.join(TLS_LIBRARIES)}")
    if profile.tls_library.startswith(library):
        return profile
    return replace(profile, tls_library="gnutls" if library == "gnutls" else "openssl-3")


@lru_cache(maxsize=64)
def recorded_profile(release: str, tls: str) -> Profile:
    """The profile of a recording's release label and TLS library (``"openssl"`` or ``"gnutls"``)."""
    return with_tls(profile(_RECORDED.get(release, release.removesuffix("-gnutls"))), tls)


def differences(old: Profile, new: Profile) -> dict[str, tuple[object, object]]:
    """The switches in which two profiles differ, by name, each with its old and new value."""
    return {
        f.name: (getattr(old, f.name), getattr(new, f.name))
        for f in fields(Profile)
        if f.name not in ("name", "version") and getattr(old, f.name) != getattr(new, f.name)
    }
