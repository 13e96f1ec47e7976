"""The addresses that expansions are given (``string_is_ip_addressX()``, src/string.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.ip_syntax import IpAddress, is_copied, read_ip_address
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.process.address_copy import copy_tainted_address
from eximsim.switch_values import IpSyntax

if TYPE_CHECKING:
    from eximsim.mta.expand.expander import Expander
    from eximsim.profiles import Profile


def copies_addresses(profile: Profile) -> bool:
    """Whether it counts for an address that it comes from outside."""
    return profile.ip_syntax is IpSyntax.COPIED


def address_of(expander: Expander, text: str, *, mask: bool = False) -> IpAddress | None:
    """The address that a text is, with ``mask`` also one with a mask; None if it is none.

    Raises ``PanicDie`` where the text comes from outside and Exim copies a part of it.
    """
    profile, taint = expander.process.profile, taint_of(text)
    if copies_addresses(profile) and taint is not Taint.NONE and is_copied(text, mask=mask):
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether an address comes from outside: {text}")
        copy_tainted_address(expander.process, text, mask=mask)
    return read_ip_address(text, profile.ip_syntax, mask=mask)
