"""The words of ``log_selector``: decode_bits() in src/log.c, ``log_options`` in src/globals.c."""

from __future__ import annotations

from functools import lru_cache

from eximsim.errors import InputError
from eximsim.mta.base.string import SPACES, words

_DEFAULT_SELECTORS = words(
    """
    acl_warn_skipped connection_reject delay_delivery dkim dnslist_defer etrn host_lookup_failed
    lost_incoming_connection msg_id outgoing_interface queue_run queue_time_exclusive rejected_header
    retry_defer sender_verify_fail size_reject skip_delivery smtp_confirmation tls_certificate_verified
    tls_cipher
    """
)
"""``log_default`` of the newest release; what an older one has no word for cannot be switched off there."""

SELECTORS = _DEFAULT_SELECTORS | words(
    """
    8bitmime address_rewrite all_parents arguments connection_id deliver_time delivery_size dkim_verbose
    dmarc dmarc_verbose dnssec ident_timeout incoming_interface incoming_port millisec msg_id_created
    outgoing_port pid pipelining protocol_detail proxy queue_time queue_time_overall receive_time
    received_recipients received_sender return_path_on_delivery sender_on_delivery smtp_connection
    smtp_incomplete_transaction smtp_mailauth smtp_no_mail smtp_protocol_error smtp_syntax_error spf
    spf_verbose subject tainted tls_on_connect tls_peerdn tls_resumption tls_sni unknown_in_list
    """
)
"""Every word that ``log_selector`` knows in some release, save ``all`` and the alias ``rejected_headers``."""

_ALIASES = {"rejected_headers": "rejected_header"}


@lru_cache(maxsize=64)
def parse_selector(
    text: str, path: str | None = None, line: int | None = None, lacks: frozenset[str] = frozenset()
) -> frozenset[str]:
    """The selectors that ``text`` leaves on, from the default set on; ``lacks`` are those of other releases.

    Raises ``InputError`` for an item without ``+`` or ``-`` and for an unknown word. Source: decode_bits(),
    src/debug.c and src/functions.h.
    """
    chosen = set(_DEFAULT_SELECTORS)
    rest = text.lstrip(SPACES)
    while rest:
        sign = rest[0]
        if sign not in "+-":
            raise InputError(
                f'malformed log_selector setting: + or - expected but found "{rest}"', path, line, subject=""
            )
        rest = rest[1:].lstrip(SPACES)
        size = 0
        while size < len(rest) and (rest[size].isalnum() or rest[size] == "_"):
            size += 1
        name, rest = rest[:size], rest[size:].lstrip(SPACES)
        name = _ALIASES.get(name, name)
        if name == "all":
            chosen = set(SELECTORS - lacks if sign == "+" else ()) | (_DEFAULT_SELECTORS & lacks)
        elif name not in SELECTORS or name in lacks:
            raise InputError(f"unknown log_selector setting: {sign}{name}", path, line, subject="")
        elif sign == "+":
            chosen.add(name)
        else:
            chosen.discard(name)
    return frozenset(chosen)
