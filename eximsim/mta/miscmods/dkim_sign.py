"""Signing a message that goes out with DKIM (``dkim_exim_sign()``, src/miscmods/dkim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.config.macro_predef import SIGN_HEADERS
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.marks import marked, taint_of
from eximsim.mta.expand.named_file import read_named_file
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.miscmods.dkim import error_prefix
from eximsim.mta.miscmods.pdkim.canon import HASHES, RELAXED, SIMPLE, Content, read_content
from eximsim.mta.miscmods.pdkim.keys import KeyFault, signing_init
from eximsim.mta.miscmods.pdkim.sign import Wanted, sign
from eximsim.mta.process.log import log_write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.process.globals import Process

_NO_KEY = ("", "0", "false")
_ONLY_HASH = "sha256"
"""What releases without dkim_hash sign with."""


class SigningFailed(Exception):
    """The message cannot be signed; ``args[0]`` says why, empty if Exim does not say it to its transport."""


def is_configured(transport: DriverInstance) -> bool:
    """Whether the transport has what it takes to sign."""
    options = transport.options
    return all(options.text(name) for name in ("dkim_private_key", "dkim_domain", "dkim_selector"))


def dkim_exim_sign(
    process: Process, transport: DriverInstance, message: bytes, *, ended: bool = False, hashed: bool = False
) -> bytes:
    """The DKIM-Signature header lines for a message with CRLF in its header; empty if none is to be made.

    ``ended``: see ``body_hash``; ``hashed``: another signer needs the message read.

    What was signed for is noted for the delivery's log line. Raises ``SigningFailed``.
    """
    wanted = list(_wanted(process, transport))
    if not wanted and not hashed:
        return b""
    content = read_content(message)
    if content.error is not None:
        raise _failed(process, f"DKIM: signing failed: {content.error}", "")
    signed = b""
    for one in wanted:
        process.effort.spend_on_searching(len(message) // 10)
        signed += _signature(process, content, one, ended) + b"\r\n"
    return signed


def _signature(process: Process, content: Content, wanted: Wanted, ended: bool) -> bytes:
    try:
        key = signing_init(wanted.key, process.profile)
    except KeyFault as fault:
        log_write(process, f"signing_init: {fault.args[0]}", panic=True)
        raise _failed(process, "DKIM: signing failed: PRIVKEY", str(fault.args[0])) from None
    process.effort.spend_on_searching(key.work)
    return sign(content, wanted, key, ended=ended, pad_first=process.profile.dkim_pad_first)


def _failed(process: Process, logged: str, why: str) -> SigningFailed:
    log_write(process, logged, panic=True)
    return SigningFailed(why)


def _wanted(process: Process, transport: DriverInstance) -> Iterator[Wanted]:
    """Each signature that is wanted: for each domain once, with each of its selectors."""
    variables = process.variables
    domains = _expanded(process, transport, "dkim_domain") or ""
    for domain in dict.fromkeys(item.lower() for item in list_items(domains) if item):
        variables["dkim_domain"] = marked(domain, taint_of(domains))
        selectors = _expanded(process, transport, "dkim_selector") or ""
        for selector in list_items(selectors):
            variables["dkim_selector"] = marked(selector, taint_of(selectors))
            one = _one(process, transport, domain, selector)
            if one is not None:
                process.effort.spend_on_searching(len(process.dkim_signed))
                process.dkim_signed += (domain, selector)
                yield one


def _one(process: Process, transport: DriverInstance, domain: str, selector: str) -> Wanted | None:
    options = transport.options
    canon = _expanded(process, transport, "dkim_canon")
    if canon not in (None, RELAXED, SIMPLE):
        said = f"DKIM: unknown canonicalization method '{canon}', defaulting to 'relaxed'.\n"
        log_write(process, said)
    headers = _expanded(process, transport, "dkim_sign_headers", named="dkim_sign_header")
    key = _expanded(process, transport, "dkim_private_key") or ""
    if key in _NO_KEY:
        return None
    pem = _key_file(process, key) if key.startswith("/") else octets(key)
    hashtype = _expanded(process, transport, "dkim_hash") if options.exists("dkim_hash") else _ONLY_HASH
    identity = _expanded(process, transport, "dkim_identity")
    created = expires = 0
    timestamps = _expanded(process, transport, "dkim_timestamps")
    if timestamps is not None:
        now = int(process.world.now())
        lifetime = max(0, read_long(timestamps))
        created, expires = now, now + lifetime if lifetime else 0
    if hashtype is None or hashtype not in HASHES:
        raise _failed(process, f"{error_prefix(process)}: unrecognised hashname '{hashtype or ''}'", "")
    return Wanted(
        domain,
        selector,
        pem,
        hashtype,
        SIMPLE if canon == SIMPLE else RELAXED,
        SIGN_HEADERS if headers is None else headers,
        identity or None,
        created,
        expires,
    )


def _expanded(process: Process, transport: DriverInstance, name: str, *, named: str = "") -> str | None:
    """The option ``name`` with its variables replaced; messages call it ``named``."""
    text = transport.options.text(name)
    if text is None:
        return None
    try:
        return expand_marked(process, text)
    except ExpansionFailed as failure:
        said = f"failed to expand {named or name}: {failure.message}"
        raise _failed(process, said, said) from None


def _key_file(process: Process, path: str) -> bytes:
    """The key in a file; one whose name comes from outside is not opened."""
    try:
        return read_named_file(process, path, taint_of(path))
    except OSError as error:
        raise _failed(process, unopened(process, path, error.errno or errnos.ENOENT), "") from None


def unopened(process: Process, path: str, errno: int) -> str:
    """The line about a key file that cannot be opened (expand_file_big_buffer())."""
    name = from_octets(octets(path))
    if process.profile.unopened_key_explained:
        return f"unable to open file '{name}' for reading: {errnos.strerror(errno)}"
    return f"unable to open file for reading: {name}"
