"""What an expansion can hold, by name: the tables of src/expand.c.

The macros that tell a configuration what there is are made from these names (``macro_predef.py``). What an
expansion does for each is in the tables of ``mta/expand/``, which are held against them when they are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from eximsim.mta.base.string import words

_TEXTS = words(
    """
    acl_arg1 acl_arg2 acl_arg3 acl_arg4 acl_arg5 acl_arg6 acl_arg7 acl_arg8 acl_arg9 acl_verify_message
    address_data address_file address_pipe atrn_host atrn_mode authenticated_fail_id authenticated_id
    authenticated_sender bounce_recipient callout_address csa_status dnslist_domain dnslist_matched
    dnslist_text dnslist_value domain domain_data event_data event_name headers_added home host
    host_address host_data interface_address item local_part local_part_data local_part_prefix
    local_part_prefix_v local_part_suffix local_part_suffix_v local_scan_data
    lookup_dnssec_authenticated mailstore_basename malware_name message_exim_id mime_anomaly_text
    mime_boundary mime_charset mime_content_description mime_content_disposition mime_content_id
    mime_content_transfer_encoding mime_content_type mime_decoded_filename mime_filename original_domain
    original_local_part parent_domain parent_local_part proxy_external_address proxy_local_address
    prvscheck_address prvscheck_keynum prvscheck_result regex_match_string received_for
    received_protocol recipient_data recipient_verify_failure recipients recipients_list return_path
    router_name self_hostname sender_address sender_address_data sender_data sender_fullhost
    sender_helo_name sender_host_address sender_host_authenticated sender_ident sender_rate
    sender_rate_limit sender_rate_period sender_rcvhost sender_verify_failure sending_ip_address
    smtp_command smtp_command_argument smtp_notquit_reason spam_action spam_bar
    spam_score spam_score_int srs_recipient thisaddress tls_in_cipher tls_in_cipher_std tls_in_peerdn
    tls_in_sni tls_in_ver tls_out_cipher tls_out_cipher_std tls_out_peerdn tls_out_sni tls_out_ver
    transport_name value verify_mode warnmsg_delay warnmsg_recipients smtp_command_history
    """
)
"""Texts that are empty until something sets them."""

_NUMBERS = words(
    """
    acl_narg authentication_failed av_failed body_linecount body_zerocount event_defer_errno
    host_lookup_deferred host_lookup_failed host_port max_received_linelength
    message_age message_body_size message_linecount message_size mime_anomaly_level mime_content_size
    mime_is_coverletter mime_is_multipart mime_is_rfc822 proxy_external_port proxy_local_port rcpt_count
    rcpt_defer_count rcpt_fail_count received_count received_time recipients_count runrc
    sender_host_port smtp_count_at_connection_start tls_in_bits tls_in_certificate_verified tls_in_ocsp
    tls_in_resumption tls_out_bits tls_out_certificate_verified tls_out_ocsp tls_out_resumption
    tls_out_tlsa_usage
    """
)
"""Numbers that are 0 until something sets them."""

_NOBODY = frozenset(("local_user_gid", "local_user_uid"))
"""Numbers that are (uid_t)(-1) until something sets them."""

_PORTS = frozenset(("interface_port", "mime_part_count", "sending_port"))
"""Numbers that are -1 until something sets them."""

_TRUTHS = words(
    """
    message_smtputf8 prdr_requested proxy_session sender_helo_dnssec sender_host_dnssec tls_out_dane
    """
)
"""``yes`` or ``no``, and ``no`` until something sets them."""

SYNONYMS = {
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

LACKING_VARIABLES = words(
    """
    arc_domains arc_oldest_pass arc_state arc_state_reason bmi_alt_location bmi_base64_tracker_verdict
    bmi_base64_verdict bmi_deliver caller_gid caller_uid compile_date connection_id
    dcc_header dcc_result demime_errorlevel demime_reason dkim_algo dkim_bodylength dkim_canon_body
    dkim_canon_headers dkim_copiedheaders dkim_created dkim_cur_signer dkim_domain dkim_expires
    dkim_headernames dkim_identity dkim_key_granularity dkim_key_length dkim_key_nosubdomains
    dkim_key_notes dkim_key_srvtype dkim_key_testing dkim_selector dkim_signers dkim_verify_reason
    dkim_verify_signers dkim_verify_status dmarc_alignment_dkim dmarc_alignment_spf dmarc_ar_header
    dmarc_domain_policy dmarc_status dmarc_status_text dmarc_used_domain exim_gid exim_uid
    found_extension inode ldap_dn load_average log_inodes log_space originator_gid originator_uid
    proxy_host_address proxy_host_port proxy_target_address proxy_target_port regex_cachesize
    requiretls sender_helo_verified spam_report spf_guess spf_header_comment
    spf_received spf_result spf_result_guessed spf_smtp_comment spool_inodes spool_space srs_db_address
    srs_db_key srs_orig_recipient srs_orig_sender srs_status
    """
)
"""Names that have a value only if something puts one into ``process.variables``."""

OF_SIGNATURES = {
    **dict.fromkeys(
        words(
            """
            arc_domains arc_state arc_state_reason dkim_algo dkim_canon_body dkim_canon_headers
            dkim_copiedheaders dkim_cur_signer dkim_domain dkim_headernames dkim_identity
            dkim_key_notes dkim_selector dkim_signers dkim_verify_reason dkim_verify_status
            """
        ),
        "",
    ),
    **dict.fromkeys(
        ("arc_oldest_pass", "dkim_created", "dkim_key_length", "dkim_key_nosubdomains", "dkim_key_testing"),
        "0",
    ),
    **dict.fromkeys(("dkim_bodylength", "dkim_expires"), "9999999999999"),
    **dict.fromkeys(("dkim_key_granularity", "dkim_key_srvtype"), "*"),
}
"""What of these the signatures of a message set, and their values without one."""

BEFORE_ASKED = {
    "spam_report": "",
    "spf_header_comment": "",
    "spf_received": "",
    "spf_result": "",
    "spf_result_guessed": "no",
    "spf_smtp_comment": "",
}
"""What of these the conditions ``spam`` and ``spf`` set, and their values before one was tested."""

COMPARISONS = frozenset(
    {
        "<", "<=", "=", "==", ">", ">=", "crypteq", "eq", "eqi", "ge", "gei", "gt", "gti", "inlist",
        "inlisti", "le", "lei", "lt", "lti", "match", "match_address", "match_domain", "match_ip",
        "match_local_part",
    }
)  # fmt: skip

ITERATIONS = frozenset(("forall", "forall_json", "forall_jsons", "forany", "forany_json", "forany_jsons"))

UNSET: dict[str, str] = {
    **dict.fromkeys(_TEXTS, ""),
    **dict.fromkeys(_NUMBERS, "0"),
    **dict.fromkeys(_PORTS, "-1"),
    **dict.fromkeys(_NOBODY, "4294967295"),
    **dict.fromkeys(_TRUTHS, "no"),
    **dict.fromkeys(CERTIFICATES, ""),
}

COMPUTED = words(
    """
    bounce_return_size_limit compile_number config_dir config_file exim_path initial_cwd localhost_number
    message_body message_body_end message_exim_id message_headers message_headers_raw pid primary_hostname
    qualify_domain smtp_active_hostname
    qualify_recipient queue_name queue_size reply_address sender_address_domain sender_address_local_part
    sender_host_name spool_directory tod_bsdinbox tod_epoch tod_epoch_l tod_full tod_log tod_logfile
    tod_zone tod_zulu version_number
    """
)
"""Variables that are worked out when they are read."""

FILTER_NUMBERS = frozenset(f"{stem}{number}" for stem in ("n", "sn") for number in range(10))
"""Numbers that are known while a filter runs."""

VARIABLES = frozenset((*UNSET, *COMPUTED, *SYNONYMS, *LACKING_VARIABLES, *FILTER_NUMBERS))
"""Every variable that Exim knows, but for those that a configuration or a lookup numbers or makes up."""

CONDITIONS = words(
    """
    acl and bool bool_lax def exists first_delivery inbound_srs isip isip4 isip6 ldapauth or pam pwcheck
    queue_running radius saslauthd
    """
).union(COMPARISONS, ITERATIONS)
"""Every condition of ``${if``."""

ITEMS = words(
    """
    acl authresults certextract dlfunc env extract filter hash hmac if imapfolder length listextract listquote
    lookup map nhash perl prvs prvscheck readfile readsocket reduce run sg sort srs_encode substr tr
    """
)
"""Every item, ``${name{...}...}``."""

OPERATORS = words(
    """
    address addresses base32 base32d base62 base62d base64 base64d bless domain escape escape8bit eval eval10
    expand from_utf8 h hash headerwrap hex2b64 hexquote ipv6denorm ipv6norm l lc length listcount listnamed
    local_part mask md5 nh nhash quote quote_local_part randint reverse_ip rfc2047 rfc2047d rxquote s sha1
    sha2 sha256 sha3 stat str2b64 strlen substr time_eval time_interval uc utf8_domain_from_alabel
    utf8_domain_to_alabel utf8_localpart_from_alabel utf8_localpart_to_alabel utf8clean xtextd
    """
)
"""Every operator, ``${name:text}``."""

F = TypeVar("F")


def complete(table: Mapping[str, F], names: frozenset[str]) -> Mapping[str, F]:
    """``table``, once it is sure that it has exactly ``names``."""
    assert table.keys() == names, f"not in both: {', '.join(sorted(table.keys() ^ names))}"
    return table
