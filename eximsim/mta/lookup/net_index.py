"""Long lists of nothing but addresses and networks: where an address is found is worked out once.

Such a list says the same as item by item: the first item that fits decides.
"""

from __future__ import annotations

from functools import lru_cache

from eximsim.mta.base.ipaddr import host_aton, host_mask
from eximsim.mta.base.string import SPACES, list_items, string_is_ip_address
from eximsim.quick_dataclass import dataclass

LONG = 4096
"""A list of fewer characters is gone through item by item."""


@dataclass(frozen=True, slots=True)
class NetIndex:
    """The networks of a list: of each the place of its first item, and whether that is negated.

    ``sizes`` are the widths of addresses and lengths of masks that occur; ``else_matches`` says what the end
    of the list decides.
    """

    places: dict[tuple[int, int, int], tuple[int, bool]]
    sizes: tuple[tuple[int, int], ...]
    else_matches: bool

    def matches(self, address: str) -> bool:
        """Whether an address is in the list."""
        value, width = host_aton(address)
        if width == 128 and value >> 32 == 0xFFFF:
            value, width = value & 0xFFFFFFFF, 32
        keys = ((width, bits, host_mask(value, width, bits)) for of, bits in self.sizes if of == width)
        found = [self.places[key] for key in keys if key in self.places]
        return not min(found)[1] if found else self.else_matches


@lru_cache(maxsize=32)
def net_index(items: str) -> NetIndex | None:
    """The index of a list; None if something else is in it."""
    places: dict[tuple[int, int, int], tuple[int, bool]] = {}
    negated = False
    for place, item in enumerate(list_items(items)):
        negated = item[:1] == "!"
        pattern = item[1:].lstrip(SPACES) if negated else item
        if not string_is_ip_address(pattern, mask=True)[0]:
            return None
        address, slash, mask = pattern.partition("/")
        value, width = host_aton(address)
        bits = int(mask) if slash else width
        places.setdefault((width, bits, host_mask(value, width, bits)), (place, negated))
    return NetIndex(places, tuple(dict.fromkeys(key[:2] for key in places)), negated)
