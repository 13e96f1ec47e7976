"""Sender rewriting: ``${srs_encode`` and the condition ``inbound_srs`` (src/expand.c)."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, parse_extract_address
from eximsim.mta.base.string import octets
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.expand.expand_tree import Condition, Item
from eximsim.mta.expand.expander import Expander, ExpansionFailed
from eximsim.mta.process.globals import UndefinedBehaviour

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_SIGNED = re.compile(r"SRS0=([^=]+)=([A-Z2-7]{2})=([^=]*)=(.*)", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]*")
_CHECKSUM = 4
_DAYS = 10
_DAY = 86400
_ERA = 0x3FF


def _checksum(secret: str, address: str) -> str:
    return hmac.new(octets(secret), octets(address), "md5").hexdigest()[:_CHECKSUM]


def _today(process: Process) -> int:
    return int(process.world.now()) // _DAY


def srs_encode(expander: Expander, item: Item, skipping: bool) -> str:
    """The return path as an address of another domain, signed; empty for an empty one."""
    secret, path, domain = (*expander.subs(item, skipping=skipping), "", "", "")[:3]
    if skipping or not path:
        return ""
    day = _today(expander.process) & _ERA
    try:
        found = parse_extract_address(path)
    except AddressError as error:
        raise ExpansionFailed(str(error)) from None
    at = found.domain_at
    local_part = found.address[: at - 1] if at else found.address
    quoted = '"' in local_part and expander.process.profile.srs_quotes
    plain = local_part.replace('"', "") if quoted else local_part
    stamp = _BASE32[day >> 5] + _BASE32[day & 0x1F]
    old_domain = found.address[at:] if at else ""
    made = f"SRS0={_checksum(secret, ascii_lower(path))}={stamp}={old_domain}={plain}"
    return f'"{made}"@{domain}' if quoted else f"{made}@{domain}"


def inbound_srs(expander: Expander, condition: Condition, skipping: bool) -> bool:
    """Whether a local part was made by ``srs_encode`` with this secret (empty: any), not long ago.

    Sets ``$srs_recipient`` to the address that it stands for.
    """
    values = [expander.string(arg, skipping=skipping) for arg in condition.args]
    if condition.fault is not None:
        raise expander.failure(condition.fault)
    return not skipping and _is_signed(expander, *values) == condition.wanted


def _is_signed(expander: Expander, local_part: str, secret: str) -> bool:
    process = expander.process
    found = _SIGNED.fullmatch(local_part)
    if found is None:
        return False
    checksum, stamp, domain, plain = found.groups()
    quoted = process.profile.srs_quotes and not _PLAIN.fullmatch(local_part)
    mark = '"' if quoted else ""
    address = f"{mark}{ascii_lower(plain)}{mark}@{ascii_lower(domain)}"
    expander.set_variable("srs_recipient", address)
    if not secret:
        return True
    if stamp != ascii_lower(stamp):
        raise UndefinedBehaviour("the date of an SRS address in capitals is read from beside a table")
    day = _BASE32.index(stamp[0]) * 32 + _BASE32.index(stamp[1])
    if (_today(process) - day) & _ERA > _DAYS:
        return False
    return checksum == _checksum(secret, address)
