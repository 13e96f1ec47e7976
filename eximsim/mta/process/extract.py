"""Addresses as the configuration and the release have them (``parse_extract_address()`` and its globals)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.parse import Extracted, parse_extract_address

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


def extract_address(
    process: Process,
    text: str,
    *,
    allow_null: bool = False,
    literals: bool = False,
    group: bool = False,
    in_group: bool = False,
    utf8: bool = False,
    strip_dot: bool = False,
) -> Extracted:
    """The address in ``text``; ``literals``, ``utf8`` and ``strip_dot`` allow more than the options say.

    The rest is as for ``parse_extract_address()``. Raises ``AddressError``.
    """
    options = process.config.main
    return parse_extract_address(
        text,
        allow_null=allow_null,
        allow_domain_literals=literals or options.flag("allow_domain_literals"),
        bare_literals=process.profile.bare_domain_literals,
        allow_utf8_domains=utf8 or process.utf8_domains or options.flag("allow_utf8_domains"),
        strip_trailing_dot=strip_dot or options.flag("strip_trailing_dot"),
        strip_excess_angle_brackets=options.flag("strip_excess_angle_brackets"),
        group=group,
        in_group=in_group,
        longest=process.profile.address_maxlength,
    )
