"""What comes from outside and may not name files: tainted data, as far as an option's text shows it.

Exim marks what a client, a message or the DNS says, and what is made of it. Here the text is looked at
before it is expanded: a variable that is put in as it is taints the result. Where the variable goes through
something that may take the taint off (a lookup, a condition), nobody has looked.
"""

from __future__ import annotations

import re

_WORDS = """
    address_data authenticated_fail_id authenticated_id authenticated_sender bounce_recipient dnslist_text
    domain host host_address local_part local_part_prefix local_part_prefix_v local_part_suffix
    local_part_suffix_v message_body message_body_end original_domain original_local_part parent_domain
    parent_local_part recipients received_for return_path sender_address sender_address_data
    sender_address_domain sender_address_local_part sender_fullhost sender_helo_name sender_host_name
    sender_ident sender_rcvhost smtp_command smtp_command_argument thisaddress tls_in_peerdn tls_in_sni
    tls_out_peerdn
"""
_TAINTED = frozenset(_WORDS.split())
_HEADER = re.compile(r"(?:r|b|l)?h(?:eader)?_")
_REFERENCE = re.compile(r"\$\{?(\w+)(\W?)", re.ASCII)


def taint(text: str) -> bool | None:
    """Whether the expansion of ``text`` is tainted; None if that cannot be told from the text."""
    names = _REFERENCE.findall(text.replace("\\$", ""))
    outside = any(name in _TAINTED or _HEADER.match(name) for name, _ in names)
    if not outside:
        return False
    items = text.count("${") - len(re.findall(r"\$\{\w+\}", text, re.ASCII))
    return None if items else True
