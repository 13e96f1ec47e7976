"""The kinds of lists, and what matching one comes to (src/match.c)."""

from __future__ import annotations

from enum import Enum

from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc


class Kind(Enum):
    """The kinds of lists; the value is the key in ``Config.named_lists`` (strings have no named lists)."""

    STRING = "string"
    DOMAIN = "domain"
    LOCALPART = "localpart"
    ADDRESS = "address"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class ListMatch:
    """What a list or an item came to: OK, FAIL, DEFER, or (an item of a host list) ERROR.

    ``value`` is the looked-up data or, for other items, the part of the pattern that matched (of a negated
    one, too: FAIL); ``error`` says why it is DEFER or ERROR.
    """

    rc: Rc
    value: str | None = None
    error: str = ""


MATCHED = ListMatch(Rc.OK)
FAILED = ListMatch(Rc.FAIL)

ListCache = dict[str, ListMatch]
"""What named lists came to for one subject, by name; lists that are expanded are not kept."""
