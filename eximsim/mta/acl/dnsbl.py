"""``dnslists``: lists of hosts and domains that are in the DNS (src/dnsbl.c, up to 4.94 src/verify.c).

A list whose domain the scenario's zones do not hold is asked for (``World.ask``), item by item.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unanswered
from eximsim.mta.acl.acl_run import AclRun, Where
from eximsim.mta.base.ipaddr import invert_address
from eximsim.mta.base.string import from_octets, list_items, string_is_ip_address
from eximsim.mta.lookup.dns import dns_basic_lookup, dns_init
from eximsim.mta.process.log import log_write, quoted
from eximsim.mta.records.lookups import Listing
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Rc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eximsim.mta.config.acl_read import AclCondition
    from eximsim.mta.process.globals import Process
    from eximsim.ports import DnsAnswer, Told

_UNKNOWN = {"+include_unknown": Rc.OK, "+exclude_unknown": Rc.FAIL, "+defer_unknown": Rc.DEFER}
_ITEM = re.compile(r"(?P<domains>[^=&]*?)(?P<not>!?)(?:(?P<sign>=[=&]?|&)(?P<addresses>.*))?", re.DOTALL)
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 256
_TTL = 3600


@dataclass(frozen=True, slots=True)
class _Item:
    """One item: the domain with the addresses and the one with the texts, and what has to match."""

    written: str
    domain: str
    text_domain: str
    addresses: str | None
    bitmask: bool
    negated: bool
    every: bool

    @property
    def sign(self) -> str:
        """How the trace shows what has to match."""
        return f"{'=' if self.every else ''}{'&' if self.bitmask else '='}{self.addresses}"


def verify_check_dnsbl(run: AclRun, condition: AclCondition, text: str) -> Rc:
    """OK if the client, or one of an item's keys, is listed. Source: verify_check_dnsbl()."""
    process = run.process
    no_client = run.where in (Where.NOTSMTP, Where.NOTSMTP_START)
    if no_client and not process.profile.dnslists_take_keys_anywhere:
        run.log_message = f"cannot test dnslists condition in {run.where.label} ACL"
        return Rc.ERROR
    unknown = Rc.FAIL
    dns_init(process, False, False, False)
    for written in list_items(text):
        named = process.profile.dnslists_named_in_trace
        process.hdebug(f"{'dnslists' if named else 'DNS list'} check: {written}")
        if written.startswith("+"):
            if written.lower() in _UNKNOWN:
                unknown = _UNKNOWN[written.lower()]
            else:
                log_write(process, f"unknown item in dnslist (ignored): {written}", panic=True)
            continue
        head, slash, keys = written.partition("/")
        rc = _one_item(run, condition, _read(written, head), keys if slash else None, unknown)
        if rc is not Rc.FAIL:
            return rc
    return Rc.FAIL


def _read(written: str, head: str) -> _Item:
    found = _ITEM.fullmatch(head)
    assert found is not None
    text_domain, comma, domain = found["domains"].partition(",")
    sign = found["sign"] or ""
    return _Item(
        written,
        domain if comma else text_domain,
        text_domain,
        found["addresses"],
        bitmask="&" in sign or not sign,
        negated=bool(found["not"]),
        every=len(sign) > 1,
    )


def _one_item(run: AclRun, condition: AclCondition, item: _Item, keys: str | None, unknown: Rc) -> Rc:
    process = run.process
    for domain in dict.fromkeys((item.domain, item.text_domain)):
        if _STRANGE.search(domain):
            log_write(
                process,
                f"dnslists domain {quoted(process, domain)} contains strange characters - is this right?",
            )
    if keys is None:
        if run.where in (Where.NOTSMTP, Where.NOTSMTP_START):
            run.log_message = f"cannot test auto-keyed dnslists condition in {run.where.label} ACL"
            return Rc.ERROR
        client = process.variables.get("sender_host_address")
        if client is None:
            return Rc.FAIL
        keys_asked: Sequence[str] = (client,)
    else:
        keys_asked = tuple(list_items(keys))
    given = _given(run, condition, item)
    if given is not None:
        return _as_given(process, item, keys_asked[0] if keys is None else keys, given, unknown)
    deferred = False
    for key in keys_asked:
        rc = _one_key(process, item, key, unknown)
        if rc is Rc.OK:
            process.variables |= {"dnslist_domain": item.text_domain, "dnslist_matched": key}
            process.hdebug(f"=> that means {key} is listed at {item.text_domain}")
            return rc
        deferred |= rc is Rc.DEFER
    return Rc.DEFER if deferred else Rc.FAIL


def _given(run: AclRun, condition: AclCondition, item: _Item) -> Told | None:
    """What is given as the answer to a whole item; None if the DNS is to be asked."""
    world = run.process.world
    try:
        return world.ask("dnslists", item.written)
    except Unanswered as problem:
        if world.holds_domain(item.domain):
            return None
        raise problem.at(condition.path, condition.line) from None


def _as_given(process: Process, item: _Item, matched: str, said: Told, unknown: Rc) -> Rc:
    if said.deferred:
        return unknown
    if said.value is None:
        return Rc.FAIL
    value, _, why = said.value.partition(" ")
    process.variables |= {
        "dnslist_domain": item.text_domain,
        "dnslist_value": value,
        "dnslist_text": why,
        "dnslist_matched": matched,
    }
    return Rc.OK


def _one_key(process: Process, item: _Item, key: str, unknown: Rc) -> Rc:
    """Ask at the domain with the addresses, then at the one with the texts. Source: one_check_dnsbl()."""
    rc = _check(process, item, item.domain, key, unknown)
    if rc is Rc.OK and not _is_found(process, f"{_prefix(key)}.{item.domain}"):
        return rc  # by +include_unknown
    if rc is Rc.OK and item.text_domain != item.domain:
        rc = _check(process, replace(item, addresses=None), item.text_domain, key, unknown)
    if rc is Rc.OK and _is_found(process, f"{_prefix(key)}.{item.text_domain}"):
        _keep(process, f"{_prefix(key)}.{item.text_domain}")
    return rc


def _is_found(process: Process, query: str) -> bool:
    return process.dnsbl_cache[query].result is DnsResult.SUCCEED


def _prefix(key: str) -> str:
    return invert_address(key) if string_is_ip_address(key)[0] else key


def _check(process: Process, item: _Item, domain: str, key: str, unknown: Rc) -> Rc:
    query = f"{_prefix(key)}.{domain}"
    if len(query) >= _LONGEST:
        log_write(process, f"dnslist query is too long (ignored): {query}...", panic=True)
        return Rc.FAIL
    listing = _cached(process, query)
    if listing.result is DnsResult.SUCCEED:
        process.hdebug(f"DNS lookup for {query} succeeded (yielding {', '.join(listing.addresses)})")
        if item.addresses is None:
            fits = _is_sound(process, listing.addresses, key, domain)
        else:
            fits = _fits(process, item, listing.addresses, key)
        return Rc.OK if fits else Rc.FAIL
    if listing.result not in (DnsResult.NOMATCH, DnsResult.NODATA):
        then = {Rc.OK: "assumed in list", Rc.FAIL: "assumed not in list"}.get(unknown, "returned DEFER")
        text = f"DNS list lookup defer (probably timeout) for {query}: {then}"
        log_write(process, text, when="dnslist_defer")
        return unknown
    process.hdebug(f"DNS lookup for {query} failed")
    process.hdebug(f"=> that means {key} is not listed at {domain}")
    return Rc.FAIL


# ---- the DNS ---------------------------------------------------------------------------------------


def _cached(process: Process, query: str) -> Listing:
    """What the DNS says, or has said to this process."""
    known, named = process.dnsbl_cache.get(query), process.profile.dnslists_named_in_trace
    now = process.world.now()
    if known is not None and known.expiry > now:
        lookup = "lookup" if named else "DNS lookup"
        process.hdebug(f"{'dnslists: ' if named else ''}using result of previous {lookup}")
        return known
    before = "" if known is None else "cached data found but past valid time; "
    process.hdebug(f"{before}new DNS lookup for {query}")
    result, answer = dns_basic_lookup(process, query, "A")
    records = [record for record in answer.answers if record.type == "A"]
    if result is DnsResult.SUCCEED and not records:
        result = DnsResult.NODATA
    ttl = min([_TTL, *(record.ttl for record in records)])
    if result in (DnsResult.NOMATCH, DnsResult.NODATA) and named:
        ttl = _negative_ttl(answer) or ttl
    addresses = tuple(str(record.data) for record in records)
    listing = process.dnsbl_cache[query] = Listing(result, addresses, process.world.now() + ttl)
    if named:
        process.hdebug(f"dnslists: wrote cache entry, ttl={ttl}")
    return listing


def _negative_ttl(answer: DnsAnswer) -> int:
    """The last number of the SOA record that comes with a negative answer (``dns_expire_from_soa()``)."""
    soa = next((record.data for record in answer.authority if record.type == "SOA"), b"")
    return int.from_bytes(soa[-4:], "big") if isinstance(soa, bytes) else 0


def _keep(process: Process, query: str) -> None:
    """Set the variables of what is listed; the text is asked for once."""
    listing = process.dnsbl_cache[query]
    if not listing.text_asked:
        listing.text_asked = True
        result, answer = dns_basic_lookup(process, query, "TXT")
        if result is DnsResult.SUCCEED:
            texts = [one.data for one in answer.answers if one.type == "TXT" and isinstance(one.data, bytes)]
            listing.text = from_octets(texts[0][1 : 1 + texts[0][0]]) if texts else None
    variables = process.variables
    variables["dnslist_value"] = ", ".join(listing.addresses)
    variables.pop("dnslist_text", None)
    if listing.text is not None:
        variables["dnslist_text"] = listing.text


# ---- the addresses ---------------------------------------------------------------------------------


def _number(address: str) -> int | None:
    if string_is_ip_address(address)[0] != 4:
        return None
    return int.from_bytes(bytes(map(int, address.split("."))), "big")


def _discard(process: Process, key: str, domain: str, address: str) -> None:
    what = f"DNS list lookup for {key} at {domain} returned {address}; not in 127.0/8 and discarded"
    log_write(process, what)


def _is_loopback(address: str) -> bool:
    number = _number(address)
    return number is not None and number >> 24 == 127


def _is_sound(process: Process, addresses: Sequence[str], key: str, domain: str) -> bool:
    """Whether one of the addresses is one that lists use; others are logged."""
    if not process.profile.dnslists_return_loopback:
        return True
    sound = [address for address in addresses if _is_loopback(address)]
    for address in addresses:
        if address not in sound:
            _discard(process, key, domain, address)
    return bool(sound)


def _fits(process: Process, item: _Item, addresses: Sequence[str], key: str) -> bool:
    """Whether the addresses are those that the item is about."""
    wanted = tuple(list_items(item.addresses or "", ","))
    stopped = False
    for address in addresses:
        if item.bitmask:
            mask = _number(address) or 0
            if process.profile.dnslists_return_loopback and mask and not _is_loopback(address):
                _discard(process, key, item.domain, address)
                mask = 0
            numbers = [number for number in map(_number, wanted) if number is not None]
            matched = any(number & mask == number for number in numbers)
        else:
            matched = address in wanted
        if item.every != matched:
            stopped = True
            break
    # an address of the list was found, or with == one that is not in it
    if (item.negated != item.every) != (not stopped):
        _explain(process, item)
        return False
    return True


def _explain(process: Process, item: _Item) -> None:
    why = {
        (False, False): "was no match",
        (True, False): "was an exclude match",
        (False, True): "was an IP address that did not match",
        (True, True): "were no IP addresses that did not match",
    }[item.negated, item.every]
    process.hdebug("=> but we are not accepting this block class because")
    process.hdebug(f"=> there {why} for {item.sign}")
