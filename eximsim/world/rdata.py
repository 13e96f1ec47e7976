"""The data of resource records: from a zone file's fields, and to and from the wire.

A value has the form that ``ports.DnsRecord`` promises for its type: text for addresses and names,
tuples for MX and SRV, raw octets for everything else.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import dnslib
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dnslib.label import DNSBuffer, DNSLabel

from eximsim.errors import InputError
from eximsim.ports import RData
from eximsim.quick_dataclass import dataclass
from eximsim.world import names

TYPE_NUMBERS: Mapping[str, int] = {
    name: number for number, name in dnslib.QTYPE.forward.items() if dnslib.QTYPE.reverse[name] == number
}
_TYPE_NAMES = {number: name for name, number in TYPE_NUMBERS.items()}
_GENERIC_TYPE = re.compile(r"TYPE([0-9]{1,5})")
_NAME_TYPES = frozenset({"CNAME", "NS", "PTR"})
_MAX_RDATA = 0xFFFF
_CERTIFICATE = "@cert:"
_MOST_LINES = 50_000
_MOST_CHARACTERS = 5_000_000
_DIGESTS: Mapping[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}

CertificateSource = Callable[[str], bytes]
"""Gives the DER form of the scenario's certificate of that name; raises ``KeyError`` if there is none."""


class BadData(ValueError):
    """Record data that does not say what its type needs; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the fields of a record are read against.

    ``name`` turns a name as the file writes it into the text form of ``world.names`` (raising ``BadName``),
    ``certificate`` resolves a ``@cert:NAME`` reference.
    """

    name: Callable[[str], str]
    certificate: CertificateSource | None = None


def check_length(files: Mapping[str, str]) -> None:
    """Raise ``InputError`` if zone files, given as path -> text, are longer together than is ever meant."""
    lines = characters = 0
    for path, text in files.items():
        lines, characters = lines + text.count("\n"), characters + len(text)
        if lines > _MOST_LINES:
            raise InputError(f"more than {_MOST_LINES:,} lines of zone files", path)
        if characters > _MOST_CHARACTERS:
            raise InputError(f"more than {_MOST_CHARACTERS:,} characters of zone files", path)


def type_name(number: int) -> str:
    """A type's mnemonic, or ``TYPE123`` (RFC 3597, 5) for one without."""
    return _TYPE_NAMES.get(number) or f"TYPE{number}"


def type_number(name: str) -> int:
    """The number of a type by its mnemonic (upper case) or its ``TYPE123`` form; raises ``KeyError``."""
    number = TYPE_NUMBERS.get(name)
    if number is not None:
        return number
    match = _GENERIC_TYPE.fullmatch(name)
    if match is None or int(match[1]) > 0xFFFF:
        raise KeyError(name)
    return int(match[1])


# ---- from a zone file's fields -------------------------------------------------------------------------


def from_fields(type: str, fields: Sequence[str], context: Context) -> RData:
    """The data of a record from the words of its line; TXT and generic data have functions of their own.

    Raises ``BadData`` for a type without a text form here and for fields that do not fit the type.
    """
    reader = _FIELD_READERS.get(type)
    if reader is None:
        raise BadData(f"record type {type} is not known here; expected {', '.join(TEXT_TYPES)}")
    shape, read = reader
    if len(fields) != len(shape.split()) and not (shape.endswith("HEX") and len(fields) > shape.count(" ")):
        raise BadData(f"{type} data is {' '.join(fields)!r}; expected {shape}")
    return read(fields, context)


def text_strings(chunks: Sequence[bytes]) -> bytes:
    """The RDATA of a TXT record: each chunk behind its length octet."""
    if not chunks:
        raise BadData("TXT without text; expected at least one string")
    for chunk in chunks:
        if len(chunk) > 255:
            raise BadData(f"a TXT string of {len(chunk)} octets; expected at most 255")
    return _bounded(b"".join(bytes([len(chunk)]) + chunk for chunk in chunks))


def _bounded(octets: bytes) -> bytes:
    if len(octets) > _MAX_RDATA:
        raise BadData(f"data of {len(octets)} octets; expected at most {_MAX_RDATA}")
    return octets


def number(text: str, what: str, limit: int) -> int:
    """A decimal number from 0 to ``limit``; raises ``BadData``."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= limit:
        return int(text)
    raise BadData(f"{what} is {text!r}; expected a number from 0 to {limit}")


def hexadecimal(text: str, what: str) -> bytes:
    """Octets in hexadecimal, two digits each; raises ``BadData``."""
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        raise BadData(f"{what} is {text[:80]!r}; expected hexadecimal digits in pairs") from None
    return _bounded(octets)


def address(family: socket.AddressFamily, text: str) -> str:
    """An IP address in the form that ``inet_ntop()`` gives; raises ``BadData``."""
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except (OSError, ValueError):
        version = "IPv4" if family == socket.AF_INET else "IPv6"
        raise BadData(f"{text!r} is not an address; expected an {version} address") from None


def soa(primary: str, mailbox: str, times: Sequence[int]) -> bytes:
    """The RDATA of an SOA record, names in text form; times are serial, refresh, retry, expire, minimum."""
    buffer = DNSBuffer()
    buffer.encode_name_nocompress(DNSLabel(names.from_text(primary)))
    buffer.encode_name_nocompress(DNSLabel(names.from_text(mailbox)))
    buffer.pack("!5I", *times)
    return bytes(buffer.data)


def _name(fields: Sequence[str], context: Context) -> RData:
    return _target(fields[0], context)


def _target(text: str, context: Context) -> str:
    try:
        return context.name(text)
    except names.BadName as error:
        raise BadData(f"{error}; expected a domain name") from None


def _mx(fields: Sequence[str], context: Context) -> RData:
    return number(fields[0], "MX preference", 0xFFFF), _target(fields[1], context)


def _srv(fields: Sequence[str], context: Context) -> RData:
    priority, weight, port = (
        number(field, f"SRV {what}", 0xFFFF)
        for what, field in zip(("priority", "weight", "port"), fields[:3], strict=True)
    )
    return priority, weight, port, _target(fields[3], context)


def _soa(fields: Sequence[str], context: Context) -> RData:
    whats = ("serial", "refresh", "retry", "expire", "minimum")
    times = [number(f, f"SOA {what}", 0xFFFFFFFF) for what, f in zip(whats, fields[2:], strict=True)]
    return soa(_target(fields[0], context), _target(fields[1], context), times)


def _tlsa(fields: Sequence[str], context: Context) -> RData:
    usage, selector, matching = (
        number(field, f"TLSA {what}", 0xFF)
        for what, field in zip(("usage", "selector", "matching type"), fields[:3], strict=True)
    )
    if fields[3].startswith(_CERTIFICATE):
        if len(fields) > 4:
            raise BadData(f"{fields[4]!r} after the certificate reference; expected nothing")
        data = _certificate_data(fields[3].removeprefix(_CERTIFICATE), selector, matching, context)
    else:
        data = hexadecimal("".join(fields[3:]), "TLSA certificate data")
    return _bounded(bytes([usage, selector, matching]) + data)


def _certificate_data(name: str, selector: int, matching: int, context: Context) -> bytes:
    """The data of the record, also of one that no client should use.

    An unknown selector takes the whole certificate, as 0 does, an unknown matching type SHA-256, as 1 does.
    """
    try:
        if context.certificate is None:
            raise KeyError(name)
        der = context.certificate(name)
    except KeyError:
        raise BadData(f"there is no certificate {name!r} here; expected the name of one") from None
    try:
        return _DIGESTS.get(matching, _DIGESTS[1])(_subject_public_key_info(der) if selector == 1 else der)
    except ValueError:
        raise BadData(f"certificate {name!r} cannot be read; expected X.509 in DER form") from None


@cache
def _subject_public_key_info(der: bytes) -> bytes:
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


_FieldReader = Callable[[Sequence[str], Context], RData]

_FIELD_READERS: Mapping[str, tuple[str, _FieldReader]] = {
    "A": ("ADDRESS", lambda fields, _: address(socket.AF_INET, fields[0])),
    "AAAA": ("ADDRESS", lambda fields, _: address(socket.AF_INET6, fields[0])),
    "CNAME": ("NAME", _name),
    "NS": ("NAME", _name),
    "PTR": ("NAME", _name),
    "MX": ("PREFERENCE NAME", _mx),
    "SRV": ("PRIORITY WEIGHT PORT NAME", _srv),
    "SOA": ("PRIMARY MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM", _soa),
    "TLSA": ("USAGE SELECTOR MATCHING HEX", _tlsa),
}

TEXT_TYPES = (*_FIELD_READERS, "TXT")
"""The types whose data a zone file can write in words."""


# ---- to and from the wire ------------------------------------------------------------------------------


def to_wire(type: str, data: RData) -> dnslib.RD:
    """The dnslib object that packs ``data`` into a message (names of MX, CNAME, NS, PTR compressed)."""
    match data:
        case bytes():
            return dnslib.RD(data)
        case (int(preference), str(host)):
            return dnslib.MX(DNSLabel(names.from_text(host)), preference)
        case (int(priority), int(weight), int(port), str(target)):
            return dnslib.SRV(priority, weight, port, DNSLabel(names.from_text(target)))
        case str() if type == "A":
            return dnslib.RD(socket.inet_pton(socket.AF_INET, data))
        case str() if type == "AAAA":
            return dnslib.RD(socket.inet_pton(socket.AF_INET6, data))
        case str():
            return dnslib.CNAME(DNSLabel(names.from_text(data)))
    raise TypeError(f"no wire form for {type} data {data!r}")


def from_wire(type: str, buffer: DNSBuffer, length: int) -> RData:
    """The data of a record whose RDATA of ``length`` octets starts at the buffer's offset.

    Names may be compressed. Raises ``BadData`` if the octets do not fit the type, and dnslib's
    ``BufferError`` if they run out.
    """
    end = buffer.offset + length
    data = _decode(type, buffer, length)
    if buffer.offset != end:
        raise BadData(f"{type} data of {length} octets; expected another length")
    return data


def _decode(type: str, buffer: DNSBuffer, length: int) -> RData:
    if type == "A" and length == 4:
        return socket.inet_ntop(socket.AF_INET, bytes(buffer.get(4)))
    if type == "AAAA" and length == 16:
        return socket.inet_ntop(socket.AF_INET6, bytes(buffer.get(16)))
    if type in ("A", "AAAA"):
        raise BadData(f"{type} data of {length} octets; expected {4 if type == 'A' else 16}")
    if type in _NAME_TYPES:
        return decode_name(buffer)
    if type == "MX":
        (preference,) = buffer.unpack("!H")
        return preference, decode_name(buffer)
    if type == "SRV":
        priority, weight, port = buffer.unpack("!3H")
        return priority, weight, port, decode_name(buffer)
    if type == "SOA":
        return soa(decode_name(buffer), decode_name(buffer), buffer.unpack("!5I"))
    return bytes(buffer.get(length))


def from_octets(type: str, octets: bytes) -> RData:
    """The data of a record from its RDATA alone; raises ``BadData``."""
    try:
        return from_wire(type, DNSBuffer(octets), len(octets))
    except (dnslib.buffer.BufferError, struct.error, names.BadName, RecursionError):
        raise BadData(f"{octets.hex()!r} is not the RDATA of a record of type {type}") from None


def decode_name(buffer: DNSBuffer) -> str:
    """A name, possibly compressed, at the buffer's offset, in text form.

    Raises dnslib's ``BufferError``, ``names.BadName``, or ``RecursionError`` for a maze of pointers.
    """
    labels = _plain_labels(buffer)
    if labels is None:
        labels = tuple(bytes(label) for label in buffer.decode_name().label)
    return names.to_text(names.check(labels))


def _plain_labels(buffer: DNSBuffer) -> names.Labels | None:
    """The labels of a name that is whole and not compressed, the usual case; None for any other."""
    data, offset = buffer.data, buffer.offset
    labels = []
    while offset < len(data) and 0 < (length := data[offset]) <= names.MAX_LABEL:
        labels.append(bytes(data[offset + 1 : offset + 1 + length]))
        offset += 1 + length
    if offset >= len(data) or data[offset]:
        return None
    buffer.offset = offset + 1
    return tuple(labels)
