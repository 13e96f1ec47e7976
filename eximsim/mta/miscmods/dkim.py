"""DKIM of incoming messages: results, variables, log lines (src/miscmods/dkim.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unanswered
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import octets
from eximsim.mta.expand.expand_items import expand_getkeyed
from eximsim.mta.lookup.dns import dns_lookup
from eximsim.mta.lookup.lookups.dnsdb import text_strings
from eximsim.mta.miscmods.pdkim.canon import read_content
from eximsim.mta.miscmods.pdkim.verify import Verifier, find_signatures, key_text, sort_signatures
from eximsim.mta.process.log import log_write, selector
from eximsim.mta.records.dkim import DkimResults, PublicKey, Signature, Verdict, Why
from eximsim.status import DnsResult

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_NAMED_REASONS = (Why.KEY_UNAVAILABLE, Why.KEY_RECORD, Why.KEY_IMPORT, Why.KEY_SIZE, Why.BODY, Why.MESSAGE)


# ---- what was found -----------------------------------------------------------------------------------


def smtp_reset(process: Process) -> None:
    """Forget the message (``dkim_smtp_reset()``)."""
    process.dkim = DkimResults()
    for name in _FORGOTTEN:
        process.variables.pop(name, None)


_FORGOTTEN = (
    *("dkim_cur_signer", "dkim_signers", "dkim_domain", "dkim_selector", "dkim_verify_status"),
    *("dkim_verify_reason", "dkim_key_length"),
)


def verify(process: Process, data: bytes) -> None:
    """Verify the signatures of a message as it came, without dots doubled; say so if it cannot be read.

    Source: dkim_exim_verify_feed() and dkim_exim_verify_finish().
    """
    dkim, main = process.dkim, process.config.main
    dkim.message = data
    content = read_content(data)
    found, excess = find_signatures(content, process.profile)
    problem = excess or content.error
    if problem is not None:
        message_id = process.message_id
        process.message_id = "" if excess else message_id
        log_write(process, f"DKIM: validation error: {problem}")
        process.message_id = message_id
        disabling = f"DKIM: Error during validation, disabling signature verification: {problem}"
        log_write(process, disabling)
        dkim.disabled = True
        return
    sizes = main.text("dkim_verify_min_keysizes") or ""
    minima = {keytype: read_long(expand_getkeyed(keytype, sizes) or "") for keytype in ("rsa", "ed25519")}
    verifier = Verifier(content, process.profile, partial(find_key_record, process), minima)
    dkim.signatures = _chosen(process, found)
    for sig in found:
        process.effort.spend_on_searching(len(data) // 10)
        verifier.check_body(sig)
    _verify_all(process, verifier)
    signers = [name for sig in dkim.signatures for name in (sig.domain, sig.identity) if name]
    if signers:
        process.variables["dkim_signers"] = ":".join(name.replace(":", "::") for name in signers)


def error_prefix(process: Process) -> str:
    """How lines of the library below begin."""
    return "DKIM" if process.profile.dkim_errors_named_dkim else "PDKIM"


def _chosen(process: Process, found: list[Signature]) -> list[Signature]:
    """The signatures that dkim_verify_hashes and dkim_verify_keytypes let through; all, without these."""
    main = process.config.main
    if not main.exists("dkim_verify_hashes"):
        return found
    hashes, keytypes = main.text("dkim_verify_hashes"), main.text("dkim_verify_keytypes")
    return sort_signatures(found, hashes or "", keytypes or "")


def _verify_all(process: Process, verifier: Verifier) -> None:
    main = process.config.main
    signers = main.text("dkim_verify_signers") or ""
    has_acl = process.profile.dkim_minimal_ends_acl and main.text("acl_smtp_dkim") and signers
    minimal = main.flag("dkim_verify_minimal") and not has_acl
    passed = False
    for sig in process.dkim.signatures:
        if sig.verdict is Verdict.FAIL and process.profile.dkim_failed_body_ends:
            continue
        if not verifier.verify(sig) and process.profile.dkim_key_failure_logged:
            log_write(
                process, f"{error_prefix(process)}: d={sig.domain} s={sig.selector} [failed key import]"
            )
        passed = passed or sig.verdict is Verdict.PASS
        if passed and minimal:
            break
    told = process.profile.dkim_mismatch_logged
    if told and process.dkim.signatures and not passed and verifier.error:
        log_write(process, f"DKIM: validation error: {verifier.error}")


def find_key_record(process: Process, name: str) -> str | None:
    """The key record that the DNS has under a name (``dkim_exim_query_dns_txt()``)."""
    found = dns_lookup(process, name, "TXT")
    if found.result is not DnsResult.SUCCEED:
        return None
    records = [record.data for record in found.records("TXT")]
    return key_text(
        [text_strings(data if isinstance(data, bytes) else octets(str(data))) for data in records]
    )


# ---- what is said of it -------------------------------------------------------------------------------


def log_all(process: Process) -> None:
    """A line for each signature, where no ACL is run (``dkim_exim_verify_log_all()``)."""
    for sig in process.dkim.signatures:
        log_signature(process, sig)


def log_signature(process: Process, sig: Signature) -> None:
    """Log one signature, and note what an ACL has made of it (``dkim_exim_verify_log_sig()``)."""
    dkim = process.dkim
    status = process.variables.get("dkim_verify_status")
    reason = process.variables.get("dkim_verify_reason", "")
    if not process.profile.dkim_acl_overrides:
        dkim.overridden = False
    by_status = dkim.first_pass is None and status is not None
    if status == "pass" if by_status else sig.verdict is Verdict.PASS:
        dkim.first_pass = sig.domain
    if status is not None and dkim.overridden:
        sig.is_policy, sig.why = True, None
        sig.verdict = next((one for one in Verdict if one.value == status), Verdict.NONE)
    if process.profile.dkim_log_selectable and not selector(process, "dkim_verbose"):
        return
    outcome = f" [{status} - {reason}]" if sig.is_policy else _outcome(sig)
    log_write(process, f"DKIM: {_described(sig)}{outcome}")


def _described(sig: Signature) -> str:
    parts = [f"d={_set(sig.domain)}", f"s={_set(sig.selector)}", f"c={sig.canon_headers}/{sig.canon_body}"]
    parts += [f"a={sig.algorithm}", f"b={len(sig.sighash or b'') * 8}"]
    if sig.identity is not None:
        parts.append(f"i={sig.identity}")
    if sig.created:
        parts.append(f"t={sig.created}")
    if sig.expires:
        parts.append(f"x={sig.expires}")
    if sig.bodylength > -1:
        parts.append(f"l={sig.bodylength}")
    return " ".join(parts)


def _set(text: str | None) -> str:
    return "<UNSET>" if text is None else text


_INVALID: Mapping[Why | None, tuple[str, str]] = {
    Why.KEY_UNAVAILABLE: ("public key record (currently?) unavailable", "tmperror (pubkey unavailable)"),
    Why.KEY_RECORD: ("syntax error in public key record", "neutral (public key record import problem)"),
    Why.KEY_IMPORT: ("syntax error in public key record", "neutral (public key record import problem)"),
    Why.TAGS: ("signature tag missing or invalid", "neutral (signature tag missing or invalid)"),
    Why.VERSION: ("unsupported DKIM version", "neutral (unsupported DKIM version)"),
}
"""What the log and an Authentication-Results: line say of a signature that is invalid."""

_FAILED: Mapping[Why | None, tuple[str, str]] = {
    Why.BODY: (
        "body hash mismatch (body probably modified in transit)",
        "body hash mismatch; body probably modified in transit",
    ),
    Why.MESSAGE: (
        "signature did not verify (headers probably modified in transit)",
        "signature did not verify; headers probably modified in transit",
    ),
    Why.KEY_SIZE: ("signature invalid (key too short)", "public key too short: {} bits"),
}
"""The same, of one that has failed."""


def _outcome(sig: Signature) -> str:
    if sig.verdict is Verdict.PASS:
        return " [verification succeeded]"
    if sig.verdict is Verdict.NONE:
        return " [not verified]"
    if sig.verdict is Verdict.INVALID:
        return f" [invalid - {_INVALID[sig.why][0] if sig.why in _INVALID else 'unspecified problem'}]"
    return f" [verification failed - {_FAILED[sig.why][0] if sig.why in _FAILED else 'unspecified reason'}]"


def authres(process: Process) -> str:
    """What an Authentication-Results: line says of each signature (``authres_dkim()``)."""
    return "".join(f";\n\tdkim={_result(process, sig)}{_properties(sig)}" for sig in process.dkim.signatures)


def _result(process: Process, sig: Signature) -> str:
    get = process.variables.get
    if sig.is_policy:
        return f"policy ({get('dkim_verify_status', '')} - {get('dkim_verify_reason', '')})"
    if sig.verdict in (Verdict.NONE, Verdict.PASS):
        return str(sig.verdict.value)
    if sig.verdict is Verdict.INVALID:
        said = _INVALID[sig.why][1] if sig.why in _INVALID else "permerror (unspecified problem)"
        return f"{said}\n\t\t"
    said = _FAILED[sig.why][1].format(sig.keybits) if sig.why in _FAILED else "unspecified reason"
    return f"fail ({said})\n\t\t"


def _properties(sig: Signature) -> str:
    named = (("d", sig.domain), ("i", sig.identity), ("s", sig.selector), ("a", sig.algorithm))
    return "".join(f" header.{letter}={value}" for letter, value in named if value is not None)


# ---- variables ----------------------------------------------------------------------------------------


_NO_KEY = PublicKey(b"")


def _key(sig: Signature) -> PublicKey:
    return sig.pubkey or _NO_KEY


_OF_SIGNATURE: Mapping[str, Callable[[Signature], str | None]] = {
    "dkim_algo": lambda sig: sig.algorithm,
    "dkim_bodylength": lambda sig: str(sig.bodylength) if sig.bodylength >= 0 else None,
    "dkim_canon_body": lambda sig: sig.canon_body,
    "dkim_canon_headers": lambda sig: sig.canon_headers,
    "dkim_copiedheaders": lambda sig: sig.copiedheaders,
    "dkim_created": lambda sig: str(sig.created) if sig.created else None,
    "dkim_expires": lambda sig: str(sig.expires) if sig.expires else None,
    "dkim_headernames": lambda sig: sig.headernames,
    "dkim_identity": lambda sig: sig.identity,
    "dkim_key_granularity": lambda sig: _key(sig).granularity,
    "dkim_key_nosubdomains": lambda sig: "1" if _key(sig).no_subdomains else None,
    "dkim_key_notes": lambda sig: _key(sig).notes,
    "dkim_key_srvtype": lambda sig: _key(sig).srvtype,
    "dkim_key_testing": lambda sig: "1" if _key(sig).testing else None,
}
"""The variables that tell of the signature at work (``dkim_exim_expand_query()``)."""


def show(process: Process, sig: Signature | None) -> None:
    """Make ``sig`` the signature that the variables tell of; None: there is none for the signer.

    Domain, selector and size of the key stay those of the signature before.
    """
    variables = process.variables
    for name, read in _OF_SIGNATURE.items():
        value = None if sig is None else read(sig)
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    process.dkim.overridden = False
    if sig is None:
        return
    variables["dkim_domain"], variables["dkim_selector"] = sig.domain or "", sig.selector or ""
    of_key = process.profile.dkim_key_length_of_key
    variables["dkim_key_length"] = str(sig.keybits if of_key else len(sig.sighash or b"") * 8)
    variables["dkim_verify_status"] = _status(process, sig)
    reason = sig.why.value if sig.why in _NAMED_REASONS and sig.why is not None else ""
    variables["dkim_verify_reason"] = reason


def _status(process: Process, sig: Signature) -> str:
    """The verdict; where the zones have no key, the one that is given."""
    if sig.why is Why.KEY_UNAVAILABLE:
        try:
            given = process.world.ask("variable", "dkim_verify_status").value
        except Unanswered:
            given = None
        if given:
            return given
    return sig.verdict.value
