"""Long lists of networks: what the index says is what going through the items says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from eximsim.mta.base.ipaddr import host_is_in_net
from eximsim.mta.lookup.net_index import net_index

_OCTET = st.integers(0, 3)
_V4 = st.tuples(_OCTET, _OCTET, _OCTET, _OCTET).map(lambda parts: ".".join(map(str, parts)))
_V6 = st.tuples(_OCTET, _OCTET).map(lambda parts: f"2001:db8:{parts[0]}::{parts[1]}")
_ADDRESS = _V4 | _V6 | _V4.map("::ffff:{}".format)
_NET = st.tuples(_V4 | _V6, st.none() | st.integers(0, 40)).map(
    lambda net: net[0] if net[1] is None else f"{net[0]}/{net[1]}"
)
_ITEM = st.tuples(st.booleans(), _NET).map(lambda item: f"{'! ' if item[0] else ''}{item[1]}")


def in_turn(items: list[str], address: str) -> bool:
    """The first item that fits decides; the end decides against the last one's sign."""
    for item in items:
        if host_is_in_net(address, item.removeprefix("! ")):
            return not item.startswith("!")
    return bool(items) and items[-1].startswith("!")


@settings(max_examples=200)
@given(st.lists(_ITEM, min_size=1, max_size=12), _ADDRESS)
def test_the_index_says_what_the_items_say_in_turn(items: list[str], address: str) -> None:
    index = net_index(f"<; {'; '.join(items)}")
    assert index is not None
    assert index.matches(address) == in_turn(items, address)


def test_a_list_with_anything_else_has_no_index() -> None:
    for other in ("mx.example", "*", "net-lsearch;/etc/nets", "+ignore_unknown", "10.0.0", "@[]"):
        assert net_index(f"10.0.0.0/8 : {other.replace(';', ';;')}") is None
