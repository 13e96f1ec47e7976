"""The callout cache: what earlier callouts learnt of a domain and of an address (part of src/verify.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.records.hints import Cached, CalloutRecord

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


_EXPIRE = {
    ("domain", False): "callout_domain_positive_expire",
    ("domain", True): "callout_domain_negative_expire",
    ("address", False): "callout_positive_expire",
    ("address", True): "callout_negative_expire",
}
"""How long a record holds, by its kind and by whether it is negative: of a domain also by its postmaster."""


def get_callout_cache_record(
    process: Process, key: str, kind: str, *, holds: tuple[int, int] | None = None
) -> CalloutRecord | None:
    """The record of a ``"domain"`` or an ``"address"``, unless it is too old.

    ``holds``: for how many seconds a positive and a negative one hold, if not as the options say.
    """
    record = process.machine.hints.callout.get(f"{kind}:{key}")
    if record is None:
        process.hdebug(f"callout cache: no {kind} record found for {key}", indented=True)
        return None
    negative = record.result is not Cached.ACCEPT or (
        kind == "domain" and record.postmaster_result is Cached.REJECT
    )
    now = process.world.now()
    seconds = process.config.main.seconds(_EXPIRE[kind, negative]) if holds is None else holds[negative]
    if now - record.time_stamp > seconds:
        process.hdebug(f"callout cache: {kind} record expired for {key}", indented=True)
        return None
    if kind == "domain" and record.result is not Cached.REJECT:
        record = replace(record)
        if now - record.random_stamp > seconds:
            record.random_result = Cached.UNKNOWN
        if now - record.postmaster_stamp > seconds:
            record.postmaster_result = Cached.UNKNOWN
    process.hdebug(f"callout cache: found {kind} record for {key}", indented=True)
    return record


def write_domain(process: Process, domain: str, record: CalloutRecord) -> None:
    """Keep what was learnt of a domain."""
    record.time_stamp = process.world.now()
    process.machine.hints.callout[f"domain:{domain}"] = record
    named = f" for {domain}" if process.profile.callout_cache_trace_names_key else ""
    process.hdebug(f"wrote callout cache domain record{named}:", indented=True)
    process.hdebug(
        f"  result={int(record.result)} postmaster={int(record.postmaster_result)}"
        f" random={int(record.random_result)}",
        indented=True,
    )


def write_address(process: Process, key: str, record: CalloutRecord) -> None:
    """Keep what was learnt of an address."""
    record.time_stamp = process.world.now()
    process.machine.hints.callout[f"address:{key}"] = record
    sign = "positive" if record.result is Cached.ACCEPT else "negative"
    named = f" for {key}" if process.profile.callout_cache_trace_names_key else ""
    process.hdebug(f"wrote {sign} callout cache address record{named}", indented=True)
