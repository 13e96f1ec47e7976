"""What a filter generates: addresses, and files to which a message is saved (parts of ``address_item``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generated:
    """One address, or with ``made_for`` (as in ``Address``) a file.

    ``errors_address``: who is told of a failure, None for whoever the message has for that;
    ``ignore_error``: a failure is no failure; ``mode`` of a file, -1 for the transport's.
    """

    address: str
    made_for: str = ""
    errors_address: str | None = None
    ignore_error: bool = False
    mode: int = -1
