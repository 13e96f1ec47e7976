"""Adding a set to the ARC chain of a message that goes out (``arc_sign()``, src/miscmods/arc.c)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base import errnos
from eximsim.mta.base.numbers import read_long
from eximsim.mta.base.string import from_octets, list_items, octets
from eximsim.mta.config.macro_predef import SIGN_HEADERS
from eximsim.mta.miscmods.arc_lines import AAR, AMS, AS, ArcLine, ArcSet, BadLine, Chain, ordered, try_header
from eximsim.mta.miscmods.dkim_sign import unopened
from eximsim.mta.miscmods.pdkim.canon import RELAXED, SIMPLE, body_hash, read_content, relax_header
from eximsim.mta.miscmods.pdkim.keys import KeyFault, signing_init
from eximsim.mta.process.log import log_write
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_MONTH = 30 * 24 * 3600
_HASH = "sha256"
_WIDTH, _SIGNATURE_WIDTH, _FIRST_COLUMN = 78, 74, 3
_FOLD = b"\r\n\t  "
_SIGNED = [octets(name) for name in f"DKIM-Signature:{SIGN_HEADERS}".split(":")]
_RESULTS = b"Authentication-Results:"
_FWS = b" \t\r\n"
_IDENTITY = re.compile(r"[A-Za-z0-9.-]*")


class _CannotSign(Exception):
    """The message goes without a new set."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """arc_sign in its parts; times are 0 unless they are wanted."""

    identity: bytes
    selector: bytes
    key: bytes
    created: int | None = None
    expires: int | None = None


def arc_sign(process: Process, spec: str, signatures: bytes, message: bytes, *, ended: bool) -> bytes:
    """``signatures`` (header lines that DKIM made), with those of a new ARC set before them if one is made.

    ``message`` has CRLF in its header; ``ended``: see ``body_hash``. Why no set is made is logged.
    """
    try:
        made = _new_set(process, _read_spec(process, spec), signatures, message, ended)
    except _CannotSign as why:
        if why.args:
            log_write(process, str(why.args[0]))
        return signatures
    return made + signatures


def _read_spec(process: Process, spec: str) -> _Spec:
    identity, selector, key, options, *_ = [*list_items(spec), "", "", "", ""]
    for name, value in (("identity", identity), ("selector", selector), ("privkey", key)):
        if not value:
            raise _CannotSign(f"ARC: bad signing-specification ({name} empty) '{spec}'")
    for name, value in (("identity", identity), ("selector", selector)):
        if not _IDENTITY.fullmatch(value):
            raise _CannotSign(f"ARC: bad signing-specification ({name} chars) '{spec}'")
    pem = octets(key)
    if key.startswith("/"):
        try:
            pem = process.world.read_file(key)
        except OSError as error:
            log_write(process, unopened(process, key, error.errno or errnos.ENOENT), panic=True)
            raise _CannotSign from None
    created, expires = _times(int(process.world.now()), options)
    return _Spec(octets(identity), octets(selector), pem, created, expires)


def _times(now: int, options: str) -> tuple[int | None, int | None]:
    created = expires = None
    for option in list_items(options, ","):
        if option == "timestamps":
            created = now
        elif option.startswith("expire=+"):
            expires = now + (_number(option[8:]) or _MONTH)
        elif option.startswith("expire="):
            expires = _number(option[7:])
        elif option.startswith("expire"):
            expires = now + _MONTH
    return created, expires


def _number(text: str) -> int:
    return max(0, read_long(text))


def _new_set(process: Process, spec: _Spec, signatures: bytes, message: bytes, ended: bool) -> bytes:
    content = read_content(message)
    chain: Chain = {}
    for line in content.headers:
        try:
            try_header(chain, line, signing=True)
        except BadLine:
            continue
    headers = [*read_content(signatures).headers, *content.headers]
    results = _results(headers, spec.identity)
    if results is None:
        raise _CannotSign("ARC: no Authentication-Results header for signing")
    if content.error is not None:
        raise _CannotSign("ARC: bad message body-hash")
    instance = max(chain, default=0) + 1
    client = b""
    if process.profile.arc_client_noted:
        client = b" smtp.remote-ip=%s;" % octets(process.variables.get("sender_host_address", "NULL"))
    aar = b"%s i=%d; %s;%s\r\n\t%s" % (AAR, instance, spec.identity, client, results)
    digest, _ = body_hash(content, SIMPLE, _HASH, -1, ended=ended)
    ams = _message_signature(process, spec, instance, digest, headers[::-1])
    new = chain[instance] = ArcSet(instance, {AAR: ArcLine(aar), AMS: ArcLine(ams)})
    return _seal(process, spec, new, chain, results) + aar + ams


def _results(headers: list[bytes], identity: bytes) -> bytes | None:
    """What the first Authentication-Results: line of ``identity`` says (``arc_sign_find_ar()``)."""
    for line in headers:
        if not line.startswith(_RESULTS):
            continue
        text = line[len(_RESULTS) :].lstrip(_FWS)
        if text.startswith(identity):
            rest = text[len(identity) :].removeprefix(b";").lstrip(_FWS)
            if rest:
                return rest
    return None


def _message_signature(
    process: Process, spec: _Spec, instance: int, digest: bytes, headers: list[bytes]
) -> bytes:
    """The ARC-Message-Signature line (``arc_sign_append_ams()``)."""
    line = b"%s i=%d; a=rsa-sha256; c=%s; d=%s; s=%s" % (
        *(AMS, instance, octets(RELAXED), spec.identity, spec.selector),
    )
    line += b"" if spec.created is None else b"; t=%d" % spec.created
    line += b"" if spec.expires is None else b"; x=%d" % spec.expires
    line += b";\r\n\tbh=%s;\r\n\th=" % base64.b64encode(digest)
    column, data = _FIRST_COLUMN, b""
    for header in headers:
        name = next((name for name in _SIGNED if header[: len(name)].lower() == name.lower()), None)
        if name is None:
            continue
        if column + len(name) > _WIDTH:
            line, column = line + _FOLD, _FIRST_COLUMN
        line += name + b":"
        column += len(name) + 1
        data += relax_header(header, end=True)
    line = line.removesuffix(b":") + b";\r\n\tb=;"
    return _signed(process, spec, line, data + relax_header(line, end=False), "AMS")


def _seal(process: Process, spec: _Spec, new: ArcSet, chain: Chain, results: bytes) -> bytes:
    """The ARC-Seal line; it covers the new set alone if the chain has failed (``arc_sign_prepend_as()``)."""
    status = _status(results)
    line = b"%s i=%d; cv=%s; a=rsa-sha256; d=%s; s=%s" % (
        *(AS, new.instance, status, spec.identity, spec.selector),
    )
    line += b"" if spec.created is None else b"; t=%d" % spec.created
    line += b";\r\n\t b=;"
    new.lines[AS] = ArcLine(line)
    data = b""
    for one in [new] if status == b"fail" else ordered(chain):
        if any(name not in one.lines for name in (AAR, AMS, AS)):
            raise _CannotSign
        for name in (AAR, AMS, AS):
            data += relax_header(one.lines[name].text, end=not (name == AS and one is new))
    return _signed(process, spec, line, data, "AS")


def _status(results: bytes) -> bytes:
    for item in list_items(from_octets(results), ";"):
        if item.startswith("arc="):
            return octets(re.split(r"[; \r\n]", item[4:])[0])
    return b"none"


def _signed(process: Process, spec: _Spec, line: bytes, data: bytes, what: str) -> bytes:
    """``line``, which ends in ``b=;``, with the signature of ``data`` (``arc_sign_append_sig()``)."""
    try:
        key = signing_init(spec.key, process.profile)
    except KeyFault as fault:
        log_write(process, f"ARC: {what} signing: {fault.args[0]}\n")
        raise _CannotSign("ARC: bad message body-hash" if what == "AMS" else "") from None
    if key.keytype != "rsa":
        raise Unsupported("an ARC signature by a key that is not RSA")
    coded = base64.b64encode(key.sign(data, _HASH))
    parts = [coded[at : at + _SIGNATURE_WIDTH] for at in range(0, len(coded), _SIGNATURE_WIDTH)]
    return line.removesuffix(b";") + _FOLD.join(parts) + b";\r\n"
