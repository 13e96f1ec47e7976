"""All decision tables by the topic under which ``eximsim table`` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eximsim.mta.base.tables import Table
from eximsim.mta.transports.dane import HOST_POLICY, TLSA_CALLOUT, TLSA_HOST, TLSA_RESULT
from eximsim.mta.transports.smtp_decisions import (
    EHLO_REFUSED,
    HANDSHAKE_FAILED,
    NO_TLS_SESSION,
    RCPT_REPLY,
    SETUP_FAILED,
    STARTTLS_REPLY,
    TLS_REQUIRED,
    TRANSACTION_FAILED,
)
from eximsim.mta.transports.tls_settings import UNUSABLE_TLSA, VERIFY_LISTS
from eximsim.mta.transports.tls_verify import CERTIFICATE
from eximsim.mta.verify.verify_decisions import (
    CALLOUT_DANE_FAILED,
    CALLOUT_HANDSHAKE_FAILED,
    CALLOUT_REFUSED,
    CALLOUT_UNANSWERED,
    OWN_HANDSHAKE_FAILED,
    OWN_TLS_REQUIRED,
)

TOPICS: Mapping[str, tuple[Table[Any], ...]] = MappingProxyType(
    {
        "host-policy": (HOST_POLICY,),
        "dane": (TLSA_RESULT, TLSA_HOST),
        "setup": (EHLO_REFUSED, SETUP_FAILED),
        "starttls": (STARTTLS_REPLY,),
        "tls": (VERIFY_LISTS, CERTIFICATE, UNUSABLE_TLSA, NO_TLS_SESSION, HANDSHAKE_FAILED),
        "tls-required": (TLS_REQUIRED,),
        "transaction": (RCPT_REPLY, TRANSACTION_FAILED),
        "callout": (
            CALLOUT_REFUSED,
            TLSA_CALLOUT,
            CALLOUT_DANE_FAILED,
            CALLOUT_HANDSHAKE_FAILED,
            OWN_HANDSHAKE_FAILED,
            OWN_TLS_REQUIRED,
            CALLOUT_UNANSWERED,
        ),
    }
)
"""In the order in which a delivery meets them; callouts last."""
