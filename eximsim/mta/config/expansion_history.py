"""Which names of src/expand.c, src/acl.c and src/globals.c came and went with each release from 4.86 on.

A key is ``GROUP.NAME``; the group is ``item``, ``operator``, ``condition`` (of ``${if``), ``variable``,
``control`` and ``verified`` (in an ACL), or ``selector`` (of log_selector). What a release does not mention
is as in the one before it. All names but those of selectors are in ``expansion_names.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from eximsim.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class NamesChanged:
    """One release against the one before: ``new`` and ``gone`` hold keys separated by blanks."""

    release: str
    new: str = ""
    gone: str = ""


NAMES_HISTORY: tuple[NamesChanged, ...] = (
    NamesChanged("4.85"),
    NamesChanged(
        "4.86",
        new="""item.env item.imapfolder operator.utf8_domain_from_alabel operator.utf8_domain_to_alabel
        operator.utf8_localpart_from_alabel operator.utf8_localpart_to_alabel variable.config_dir
        variable.config_file variable.exim_version variable.message_smtputf8 variable.sender_helo_dnssec
        variable.spam_action control.utf8_downconvert""",
    ),
    NamesChanged(
        "4.87",
        new="""operator.base64 operator.base64d operator.ipv6denorm operator.ipv6norm variable.callout_address
        variable.dkim_key_length variable.initial_cwd variable.prdr_requested variable.proxy_external_address
        variable.proxy_external_port variable.proxy_local_address variable.proxy_local_port
        selector.outgoing_interface""",
        gone="""variable.proxy_host_address variable.proxy_host_port variable.proxy_target_address
        variable.proxy_target_port""",
    ),
    NamesChanged(
        "4.88",
        new="""operator.base32 operator.base32d operator.escape8bit operator.sha3 variable.queue_name
        control.error
        selector.dnssec""",
        gone="variable.demime_errorlevel variable.demime_reason variable.found_extension",
    ),
    NamesChanged("4.89"),
    NamesChanged("4.90", new="variable.smtp_command_history selector.millisec"),
    NamesChanged(
        "4.91",
        new="""verified.arc
        item.authresults variable.arc_state variable.arc_state_reason variable.spf_result_guessed
        selector.dkim selector.dkim_verbose selector.receive_time""",
        gone="variable.dmarc_ar_header",
    ),
    NamesChanged(
        "4.92",
        new="""variable.arc_domains variable.arc_oldest_pass variable.requiretls control.requiretls
        selector.pipelining""",
    ),
    NamesChanged(
        "4.93",
        new="""operator.sha2 condition.forall_json condition.forall_jsons condition.forany_json
        condition.forany_jsons variable.tls_in_cipher_std variable.tls_in_resumption variable.tls_in_ver
        variable.tls_out_cipher_std variable.tls_out_resumption variable.tls_out_ver
        selector.msg_id selector.msg_id_created selector.tls_resumption""",
        gone="variable.requiretls control.requiretls",
    ),
    NamesChanged(
        "4.94.1",
        new="""item.listquote item.srs_encode operator.bless condition.inbound_srs
        variable.local_part_prefix_v variable.local_part_suffix_v variable.queue_size""",
    ),
    NamesChanged(
        "4.95",
        new="selector.protocol_detail selector.queue_time_exclusive selector.tainted",
        gone="operator.bless",
    ),
    NamesChanged(
        "4.96",
        gone="""variable.srs_db_address variable.srs_db_key variable.srs_orig_recipient
        variable.srs_orig_sender variable.srs_status selector.tainted""",
    ),
    NamesChanged(
        "4.97",
        new="""operator.headerwrap variable.recipients_list variable.regex_cachesize
        variable.sender_helo_verified selector.connection_id""",
    ),
    NamesChanged("4.98", new="operator.xtextd control.wellknown"),
    NamesChanged(
        "4.99",
        new="""variable.atrn_host variable.atrn_mode variable.connection_id variable.dkim_verify_signers
        variable.dmarc_alignment_dkim variable.dmarc_alignment_spf selector.tls_on_connect""",
    ),
    NamesChanged(
        "4.99-dev",
        gone="""condition.pwcheck variable.bmi_alt_location variable.bmi_base64_tracker_verdict
        variable.bmi_base64_verdict variable.bmi_deliver""",
    ),
)


def _names(keys: Iterable[str], group: str) -> Iterable[str]:
    return (key.removeprefix(f"{group}.") for key in keys if key.startswith(f"{group}."))


@dataclass(frozen=True, slots=True)
class Lacking:
    """The names that some other release has and this one has not, by group."""

    items: frozenset[str]
    operators: frozenset[str]
    conditions: frozenset[str]
    variables: frozenset[str]
    controls: frozenset[str]
    verified: frozenset[str]
    selectors: frozenset[str]


def _moving(group: str) -> frozenset[str]:
    keys = [key for changes in NAMES_HISTORY for key in f"{changes.new} {changes.gone}".split()]
    return frozenset(_names(keys, group))


@cache
def lacking(release: str, lacks: tuple[str, ...] = ()) -> Lacking:
    """What the release (``Profile.option_release``) does not know.

    ``lacks`` are the names that a program was built without (``Profile.build_lacks``). Raises ``KeyError``
    for what is no release.
    """
    known = [changes.release for changes in NAMES_HISTORY]
    if release not in known:
        raise KeyError(release)
    position = known.index(release) + 1
    absent = {key for changes in NAMES_HISTORY[:position] for key in changes.gone.split()}
    absent.update(key for changes in NAMES_HISTORY[position:] for key in changes.new.split())
    absent.update(lacks)

    def of(group: str) -> frozenset[str]:
        return frozenset(_names(absent, group))

    return Lacking(
        of("item"),
        of("operator"),
        of("condition"),
        of("variable"),
        of("control"),
        of("verified"),
        of("selector"),
    )


MOVING_VARIABLES = _moving("variable")
"""Variables that some release does not know."""
