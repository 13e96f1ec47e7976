"""The expansion variables: every name that Exim knows, and where the model has its value (src/expand.c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.rfc2047 import rfc2047_decode
from eximsim.mta.base.tod import Tod, tod_stamp

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXTS = _names(
    """
    acl_arg1 acl_arg2 acl_arg3 acl_arg4 acl_arg5 acl_arg6 acl_arg7 acl_arg8 acl_arg9 acl_verify_message
    address_data address_file address_pipe authenticated_fail_id authenticated_id authenticated_sender
    bounce_recipient callout_address csa_status dnslist_domain dnslist_matched dnslist_text
    dnslist_value domain domain_data event_data event_name home host host_address host_data
    interface_address item local_part local_part_data local_part_prefix local_part_prefix_v
    local_part_suffix local_part_suffix_v local_scan_data lookup_dnssec_authenticated mailstore_basename
    message_exim_id original_domain original_local_part parent_domain parent_local_part
    proxy_external_address proxy_local_address prvscheck_address prvscheck_keynum prvscheck_result
    queue_name received_for received_protocol recipient_data recipient_verify_failure return_path
    router_name self_hostname sender_address sender_address_data sender_data sender_fullhost
    sender_helo_name sender_host_address sender_host_authenticated sender_ident sender_rate
    sender_rate_limit sender_rate_period sender_rcvhost sender_verify_failure sending_ip_address
    smtp_active_hostname smtp_command smtp_command_argument smtp_notquit_reason srs_recipient
    thisaddress tls_in_cipher tls_in_cipher_std tls_in_peerdn tls_in_sni tls_in_ver tls_out_cipher
    tls_out_cipher_std tls_out_peerdn tls_out_sni tls_out_ver transport_name value verify_mode
    warnmsg_delay warnmsg_recipients
    """
)
"""Texts that are empty until something sets them."""

_NUMBERS = _names(
    """
    acl_narg authentication_failed body_linecount body_zerocount event_defer_errno host_lookup_deferred
    host_lookup_failed host_port localhost_number max_received_linelength message_age message_body_size
    message_linecount message_size proxy_external_port proxy_local_port rcpt_count rcpt_defer_count
    rcpt_fail_count received_count received_time recipients_count runrc sender_host_port
    smtp_count_at_connection_start tls_in_bits tls_in_certificate_verified tls_in_ocsp tls_in_resumption
    tls_out_bits tls_out_certificate_verified tls_out_ocsp tls_out_resumption tls_out_tlsa_usage
    """
)
"""Numbers that are 0 until something sets them."""

_NOBODY = frozenset(("local_user_gid", "local_user_uid"))
"""Numbers that are (uid_t)(-1) until something sets them."""

_PORTS = frozenset(("interface_port", "sending_port"))
"""Numbers that are -1 until something sets them."""

_TRUTHS = _names(
    """
    message_smtputf8 prdr_requested proxy_session sender_helo_dnssec sender_host_dnssec tls_out_dane
    """
)
"""``yes`` or ``no``, and ``no`` until something sets them."""

_SYNONYMS = {
    "exim_version": "version_number",
    "message_id": "message_exim_id",
    "received_ip_address": "interface_address",
    "received_port": "interface_port",
    "return_size_limit": "bounce_return_size_limit",
    "tls_bits": "tls_in_bits",
    "tls_certificate_verified": "tls_in_certificate_verified",
    "tls_cipher": "tls_in_cipher",
    "tls_peerdn": "tls_in_peerdn",
    "tls_sni": "tls_in_sni",
    "warn_message_delay": "warnmsg_delay",
    "warn_message_recipient": "warnmsg_recipients",
    "warn_message_recipients": "warnmsg_recipients",
    "warnmsg_recipient": "warnmsg_recipients",
}

CERTIFICATES = frozenset(("tls_in_ourcert", "tls_in_peercert", "tls_out_ourcert", "tls_out_peercert"))
"""Variables that hold a certificate; ``process.variables`` has it as PEM."""

LACKING = _names(
    """
    arc_domains arc_oldest_pass arc_state arc_state_reason av_failed bmi_alt_location
    bmi_base64_tracker_verdict bmi_base64_verdict bmi_deliver caller_gid caller_uid compile_date
    compile_number config_dir connection_id dcc_header dcc_result dkim_algo dkim_bodylength
    dkim_canon_body dkim_canon_headers dkim_copiedheaders dkim_created dkim_cur_signer dkim_domain
    dkim_expires dkim_headernames dkim_identity dkim_key_granularity dkim_key_length
    dkim_key_nosubdomains dkim_key_notes dkim_key_srvtype dkim_key_testing dkim_selector dkim_signers
    dkim_verify_reason dkim_verify_signers dkim_verify_status dmarc_alignment_dkim dmarc_alignment_spf
    dmarc_ar_header dmarc_domain_policy dmarc_status dmarc_status_text dmarc_used_domain exim_gid
    exim_uid headers_added initial_cwd inode ldap_dn load_average log_inodes log_space malware_name
    message_body message_body_end mime_anomaly_level mime_anomaly_text
    mime_boundary mime_charset mime_content_description mime_content_disposition mime_content_id
    mime_content_size mime_content_transfer_encoding mime_content_type mime_decoded_filename
    mime_filename mime_is_coverletter mime_is_multipart mime_is_rfc822 mime_part_count originator_gid
    originator_uid queue_size recipients recipients_list regex_cachesize regex_match_string
    sender_helo_verified smtp_command_history spam_action spam_bar spam_report spam_score spam_score_int
    spf_guess spf_header_comment spf_received spf_result spf_result_guessed spf_smtp_comment
    spool_inodes spool_space srs_db_address srs_db_key srs_orig_recipient srs_orig_sender srs_status
    """
)
"""Names that have a value only if something puts one into ``process.variables``."""


def _option(name: str) -> Callable[[Process], str]:
    return lambda process: process.config.main.text(name) or ""


def _time(style: Tod) -> Callable[[Process], str]:
    return lambda process: tod_stamp(process.world, style)


def _primary_hostname(process: Process) -> str:
    return process.config.main.text("primary_hostname") or process.machine.hostname


def _qualify_domain(process: Process) -> str:
    return process.config.main.text("qualify_domain") or _primary_hostname(process)


def _sender_host_name(process: Process) -> str:
    """Looked up when first wanted, if the client has an address (vtype_host_lookup)."""
    variables = process.variables
    if variables.get("sender_host_address") and variables.get("host_lookup_failed", "0") == "0":
        from eximsim.mta.lookup import host  # src/host.c and src/expand.c need each other

        host.host_name_lookup(process)
    return variables.get("sender_host_name", "")


def _sender_parts(process: Process) -> tuple[str, str]:
    sender = process.variables.get("sender_address", "")
    local_part, at, domain = sender.rpartition("@")
    return (local_part, domain) if at else (sender, "")


def _reply_address(process: Process) -> str:
    found = find_header(process, "reply-to:", raw=True)
    if not found or not found.strip():
        found = find_header(process, "from:", raw=True)
    return (found or "").strip().replace("\n", " ")


_COMPUTED: dict[str, Callable[[Process], str]] = {
    "bounce_return_size_limit": lambda process: str(process.config.main.number("bounce_return_size_limit")),
    "config_file": lambda process: process.config.path,
    "exim_path": _option("exim_path"),
    "message_exim_id": lambda process: process.message_id,
    "message_headers": lambda process: find_header(process, None) or "",
    "message_headers_raw": lambda process: find_header(process, None, raw=True) or "",
    "pid": lambda process: str(process.pid),
    "primary_hostname": _primary_hostname,
    "qualify_domain": _qualify_domain,
    "qualify_recipient": lambda process: (
        process.config.main.text("qualify_recipient") or _qualify_domain(process)
    ),
    "reply_address": _reply_address,
    "sender_address_domain": lambda process: _sender_parts(process)[1],
    "sender_address_local_part": lambda process: _sender_parts(process)[0],
    "sender_host_name": _sender_host_name,
    "spool_directory": _option("spool_directory"),
    "tod_bsdinbox": _time(Tod.BSDIN),
    "tod_epoch": _time(Tod.EPOCH),
    "tod_epoch_l": _time(Tod.EPOCH_L),
    "tod_full": _time(Tod.FULL),
    "tod_log": _time(Tod.LOG),
    "tod_logfile": _time(Tod.LOG_DATESTAMP_DAILY),
    "tod_zone": _time(Tod.ZONE),
    "tod_zulu": _time(Tod.ZULU),
    "version_number": lambda process: process.profile.version,
}

_UNSET: dict[str, str] = {
    **dict.fromkeys(_TEXTS, ""),
    **dict.fromkeys(_NUMBERS, "0"),
    **dict.fromkeys(_PORTS, "-1"),
    **dict.fromkeys(_NOBODY, "4294967295"),
    **dict.fromkeys(_TRUTHS, "no"),
    **dict.fromkeys(CERTIFICATES, ""),
}


VARIABLES = frozenset((*_UNSET, *_COMPUTED, *_SYNONYMS, *LACKING))
"""Every name that Exim knows, but for those that a configuration or a lookup numbers or makes up."""


def is_known(process: Process, name: str) -> bool:
    """Whether a reference to ``name`` is allowed now, whatever its value."""
    if name in _UNSET or name in _COMPUTED or name in _SYNONYMS or name in LACKING:
        return True
    if _is_user_variable(name):
        return name in process.variables or not process.config.main.flag("strict_acl_vars")
    return _is_indexed(name, "auth", 4) or _is_indexed(name, "regex", 9)


def find_variable(process: Process, name: str) -> str | None:
    """The value of ``$name`` (its empty form if it has none), or None if Exim knows no such variable.

    Raises ``Unsupported`` for a variable that Exim has and the model does not. ``$acl_c...``, ``$acl_m...``
    and ``$r_...`` that nothing set are empty, or unknown under ``strict_acl_vars``. Source:
    find_variable(), src/expand.c.
    """
    value = process.variables.get(name)
    if value is not None:
        return value if name not in CERTIFICATES else "<cert>"
    compute = _COMPUTED.get(name)
    if compute is not None:
        return compute(process)
    unset = _UNSET.get(name)
    if unset is not None:
        return unset
    if name in _SYNONYMS:
        return find_variable(process, _SYNONYMS[name])
    if name in LACKING:
        raise Unsupported(f"the variable ${name}")
    return "" if is_known(process, name) else None


def unknown_variable_hint(name: str) -> str:
    """What the message on an unknown ``acl_`` name adds (check_variable_error_message(), src/expand.c)."""
    if not name.startswith("acl_"):
        return ""
    if name[4:5] not in ("c", "m"):
        return " (user-defined ACL variables must start acl_c or acl_m)"
    if name[5:6].isalpha():
        return " (6th character of a user-defined ACL variable must be a digit or underscore)"
    return " (strict_acl_vars is set)"


def _is_user_variable(name: str) -> bool:
    return (name.startswith(("acl_c", "acl_m")) and not name[5:6].isalpha()) or name.startswith("r_")


def _is_indexed(name: str, stem: str, most: int) -> bool:
    digits = name.removeprefix(stem)
    return digits != name and digits.isdigit() and 0 < int(digits) <= most


# ---- headers ------------------------------------------------------------------------------------------

_ADDRESS_KINDS = frozenset("BCFRST")
_INSERT_MAX = 64 * 1024


def header_list(process: Process) -> Sequence[Header]:
    """The header lines of the message that is received or delivered."""
    if process.header_list or process.message is None:
        return process.header_list
    return process.message.headers


def find_header(
    process: Process, name: str | None, *, raw: bool = False, as_list: bool = False, decode: bool = False
) -> str | None:
    """The content of all header lines that begin with ``name`` (with its colon); None if there is none.

    ``name`` None takes all lines whole. Contents are stripped and joined with newlines, those of address
    headers with commas too; ``raw`` joins them as they are; ``as_list`` gives an Exim list of the lines.
    ``decode`` undoes RFC 2047 coding (no character set: ``$bh_``). At most 64K are returned. Source:
    find_header(), src/expand.c.
    """
    wanted = "" if name is None else name.lower()
    size = len(wanted)
    found = [h for h in header_list(process) if h.kind != "*" and h.text[:size].lower() == wanted]
    if not found:
        return None if name is not None else ""
    lines = [header.text[size:] for header in found]
    if as_list:
        return ":".join(line.rstrip("\n").replace(":", "::") for line in lines)[:_INSERT_MAX]
    if raw:
        return "".join(lines)[:_INSERT_MAX]
    comma = name is not None and any(header.kind in _ADDRESS_KINDS for header in found)
    separator = ",\n" if comma else "\n"
    joined = separator.join(filter(None, (line.strip(" \t\n\r\v\f") for line in lines)))[:_INSERT_MAX]
    if decode and "=?" in joined:
        options = process.config.main
        charset = options.text("headers_charset") or "UTF-8"
        return rfc2047_decode(joined, charset, check_length=options.flag("check_rfc2047_length"))[0]
    return joined
