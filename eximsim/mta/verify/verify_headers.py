"""Checks on the header lines of a message that comes in (the part of src/verify.c without routing)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, Extracted, parse_find_address_end
from eximsim.mta.base.string import SPACES
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import printed

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.records.spool import Header

_SENDER_KINDS = frozenset("FS")
_ADDRESS_KINDS = frozenset("FSRTCB")
_LONGEST_SHOWN = 1024


def header_addresses(
    process: Process, text: str, *, joined: bool = False, utf8: bool = False
) -> Iterator[tuple[str, Extracted | AddressError]]:
    """Each address in the content of a header line: how it stands there, and what it comes to.

    ``joined``: it is read without its newlines. ``utf8`` allows domains in UTF-8, whatever the options say.
    """
    position, in_group = 0, False
    while True:
        while position < len(text) and text[position] in SPACES:
            position += 1
        if position >= len(text):
            return
        end = parse_find_address_end(text, position)
        shown = text[position:end]
        found: Extracted | AddressError
        try:
            read = shown.replace("\n", "") if joined else shown
            found = extract_address(process, read, literals=True, group=True, in_group=in_group, utf8=utf8)
        except AddressError as error:
            found = error
        in_group = found.in_group
        yield shown, found
        position = end + 1


def verify_check_headers(reception: Reception) -> str | None:
    """The first syntax error in the address headers, in Exim's words; None if all is well.

    Source: verify_check_headers(), src/verify.c.
    """
    for header in reception.headers:
        if header.kind not in _ADDRESS_KINDS:
            continue
        name, _, content = header.text.partition(":")
        for text, found in header_addresses(reception.process, content):
            problem = _problem(reception, header, found)
            if problem is not None:
                shown = text.rstrip(SPACES)
                verb = "is" if len(shown) <= _LONGEST_SHOWN else "begins"
                where = f'failing address in "{name.rstrip(SPACES)}:" header {verb}'
                return printed(reception.process, f"{problem}: {where}: {shown[:_LONGEST_SHOWN]}")
    return None


def _problem(reception: Reception, header: Header, found: Extracted | AddressError) -> str | None:
    if isinstance(found, AddressError):
        return None if found.message == "empty address" else found.message
    if found.domain_at:
        return None
    from_sender = header.kind in _SENDER_KINDS
    allowed = reception.allow_unqualified_sender if from_sender else reception.allow_unqualified_recipient
    return None if allowed else "unqualified address not permitted"


def verify_check_header_names_ascii(reception: Reception) -> str | None:
    """The first header line whose name is not ASCII, in Exim's words.

    Source: verify_check_header_names_ascii(), src/verify.c.
    """
    for header in reception.headers:
        name = header.text.partition(":")[0]
        if any(not "!" <= char <= "~" for char in name):
            return f'Invalid character in header "{name}" found'
    return None


def verify_check_notblind(reception: Reception, *, caseless: bool) -> str | None:
    """``bcc recipient detected`` if an envelope recipient stands in no To: or Cc: line.

    Source: verify_check_notblind(), src/verify.c. Domains are compared without regard to case, local parts
    only with ``caseless``.
    """
    named: set[str] = set()
    for header in reception.headers:
        if header.kind in "TC":
            for _, found in header_addresses(reception.process, header.text.partition(":")[2]):
                if isinstance(found, Extracted) and found.domain_at:
                    named.add(_fold(found.address, caseless))
    blind = any(_fold(r.address, caseless) not in named for r in reception.envelope.recipients)
    return "bcc recipient detected" if blind else None


def _fold(address: str, caseless: bool) -> str:
    local, at, domain = address.rpartition("@")
    return address.lower() if caseless else f"{local}{at}{domain.lower()}"
