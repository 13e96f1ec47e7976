"""The ACL that sees each MIME part of a message (src/mime.c, run_mime_acl() in src/receive.c)."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.acl.acl import Where, acl_check
from eximsim.mta.acl.acl_content import mime_decode, spool_mbox
from eximsim.mta.acl.acl_run import AclResult
from eximsim.mta.base.mime import (
    LONGEST_HEADER,
    Stream,
    after_semicolon,
    is_boundary,
    parameter_value,
    read_header,
    rfc2231_to_2047,
)
from eximsim.mta.base.rfc2047 import rfc2047_decode
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.process.log import log_write
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.process.reception import Reception
    from eximsim.mta.records.mime import Scan

_HEADERS = {
    "content-type:": "mime_content_type",
    "content-disposition:": "mime_content_disposition",
    "content-transfer-encoding:": "mime_content_transfer_encoding",
    "content-id:": "mime_content_id",
    "content-description:": "mime_content_description",
}
_PARAMETERS = {
    "name": "mime_filename",
    "filename": "mime_filename",
    "charset": "mime_charset",
    "boundary": "mime_boundary",
}
_OF_A_PART = (
    "mime_anomaly_level", "mime_anomaly_text", "mime_boundary", "mime_charset", "mime_decoded_filename",
    "mime_filename", "mime_content_description", "mime_content_disposition", "mime_content_id",
    "mime_content_transfer_encoding", "mime_content_type", "mime_is_multipart", "mime_content_size",
)  # fmt: skip
_MOST_ATTACHED = 128
_ATTACHED = "__rfc822_"


def run_mime_acl(reception: Reception, acl: str) -> AclResult:
    """Show each part to the ACL, then those of attached messages; OK for what is no MIME message."""
    typed = any(
        line.kind != "*" and line.text.lower().startswith("content-type:") for line in reception.headers
    )
    if not typed:
        return AclResult(Rc.OK)
    process = reception.process
    scan = spool_mbox(reception)
    walk = _Walk(reception, scan, acl)
    walk.set("mime_is_rfc822", "0")
    result = walk.message(scan.text)
    while result.rc is Rc.OK:
        attached = next((name for name in scan.files if name.startswith(_ATTACHED)), None)
        if attached is None:
            break
        walk.set("mime_is_rfc822", "1")
        counted = process.variables.get("mime_part_count", "-1")
        result = walk.message(scan.files[attached])
        walk.set("mime_part_count", counted)
        del scan.files[attached]
    return result


class _Place(Enum):
    """Where in a multipart a part is: the first of most is the letter, and the others are attached."""

    ATTACHMENT = 0
    FIRST_IS_LETTER = 1
    ALL_ARE_LETTER = 2


@dataclass(slots=True)
class _Context:
    boundary: bytes
    place: _Place


class _Walk:
    """One run over all parts."""

    def __init__(self, reception: Reception, scan: Scan, acl: str) -> None:
        self.reception, self.scan, self.acl = reception, scan, acl
        self.variables = reception.process.variables
        self.result = AclResult(Rc.OK)

    def set(self, name: str, value: str | None) -> None:
        """Give a variable a value, or take it away."""
        if value is None:
            self.variables.pop(name, None)
        else:
            self.variables[name] = value

    def message(self, content: bytes) -> AclResult:
        """A whole message."""
        self.set("mime_part_count", "-1")
        self.result = AclResult(Rc.OK)
        self._parts(Stream(content), None)
        return self.result

    def _parts(self, stream: Stream, context: _Context | None) -> bool:
        """The parts up to the last boundary; whether to go on. Source: mime_acl_check()."""
        while True:
            self._reset()
            if context is not None and not _reach(stream, context.boundary):
                return True
            while (header := read_header(stream)) is not None:
                self._header(from_octets(header))
            kind, boundary = self.variables.get("mime_content_type"), self.variables.get("mime_boundary")
            multipart = kind is not None and kind.startswith("multipart")
            self.set("mime_is_multipart", "1" if multipart else None)
            self.set("mime_part_count", str(int(self.variables["mime_part_count"]) + 1))
            attached = context is not None and context.place is _Place.ATTACHMENT
            self.set("mime_is_coverletter", "0" if attached else "1")
            if not self._ask(stream, context):
                return False
            if kind is not None and multipart and boundary is not None:
                if not self._parts(stream, _Context(octets(boundary), _inside(kind, attached=attached))):
                    return False
            elif kind is not None and kind.startswith("message/rfc822") and not self._attach(stream, context):
                return False
            if context is None:
                self._reset()
                return True
            if context.place is _Place.FIRST_IS_LETTER:
                context.place = _Place.ATTACHMENT

    def _reset(self) -> None:
        for name in _OF_A_PART:
            self.variables.pop(name, None)

    def _ask(self, stream: Stream, context: _Context | None) -> bool:
        self.scan.stream, self.scan.boundary = stream, None if context is None else context.boundary
        self.result = acl_check(self.reception, Where.MIME, None, self.acl)
        self.scan.stream = self.scan.boundary = None
        return self._goes_on()

    def _goes_on(self) -> bool:
        if self.result.rc is not Rc.OK:
            self._reset()
        return self.result.rc is Rc.OK

    def _attach(self, stream: Stream, context: _Context | None) -> bool:
        """Put an attached message aside."""
        number = sum(name.startswith(_ATTACHED) for name in self.scan.files)
        if number >= _MOST_ATTACHED - 1:
            return True
        self.scan.stream, self.scan.boundary = stream, None if context is None else context.boundary
        done = mime_decode(self.reception, f"{self.scan.folder}/{_ATTACHED}{number:05}")
        self.scan.stream = self.scan.boundary = None
        if done is not Rc.OK:
            text = "MIME acl condition warning - could not decode RFC822 MIME part to file."
            log_write(self.reception.process, text)
            self.result = AclResult(Rc.DEFER)
        self.variables.pop("mime_decoded_filename", None)
        return self._goes_on()

    # ---- header lines

    def _header(self, header: str) -> None:
        name = next((name for name in _HEADERS if header.lower().startswith(name)), None)
        if name is None:
            return
        value, semicolon, rest = header[len(name) :].partition(";")
        self.set(_HEADERS[name], value.lower())
        names = _FileName()
        while semicolon and rest:
            rest = self._parameter(name, rest, names)
        if name == "content-disposition:" and names.failed:
            self.set("mime_filename", names.raw)

    def _parameter(self, header: str, rest: str, names: _FileName) -> str:
        """Take one parameter, if it counts; what follows its semicolon."""
        if not self.reception.process.profile.mime_names_continued:
            first = header == "content-disposition:" and not self.variables.get("mime_filename")
            if first and _starts(rest, "filename*"):
                value, rest = parameter_value(rest[9:].partition("=")[2])
                rest = names.first(value) or rest
                self.set("mime_filename", names.name)
                return after_semicolon(rest)
        parameter = next((one for one in _PARAMETERS if _starts(rest, one)), None)
        if parameter is None:
            return after_semicolon(rest)
        rest = rest[len(parameter) :]
        if rest.startswith("="):
            value, rest = parameter_value(rest[1:])
            self._set_parameter(_PARAMETERS[parameter], value)
        elif (found := _CONTINUED.match(rest)) and self.reception.process.profile.mime_names_continued:
            value, rest = parameter_value(rest[found.end() :])
            names.next(value)
            if _PARAMETERS[parameter] == "mime_filename" and names.name is not None:
                self.set("mime_filename", names.name)
        return after_semicolon(rest)

    def _set_parameter(self, variable: str, value: str) -> None:
        check = self.reception.process.config.main.flag("check_rfc2047_length")
        known = rfc2047_decode(value, None, check_length=check, nul=b" ")[0] if value else None
        self.set(variable, known)


_CONTINUED = re.compile(r"\*[0-9]*\*?=", re.ASCII)


class _FileName:
    """A file's name in the form of RFC 2231, perhaps in several pieces."""

    def __init__(self) -> None:
        self.raw = ""
        self.failed = False
        self.charset: str | None = None
        self.name: str | None = None

    def first(self, value: str) -> str:
        """The only piece that releases before 4.98 take; where their reader goes on, which is in the name."""
        if not value:
            return ""
        self.raw += value
        charset, _, name = value.partition("'")
        self.charset = charset or None
        name = name.lstrip("'")
        self._decode(name)
        return name or ";"

    def next(self, value: str) -> None:
        """One piece."""
        if not value:
            return
        self.raw += value
        if self.failed:
            return
        if self.charset is None and "'" in value:
            charset, _, value = value.partition("'")
            self.charset = charset or None
            value = value.lstrip("'")
        self._decode(value)

    def _decode(self, piece: str) -> None:
        word = rfc2231_to_2047(piece, self.charset)
        decoded = rfc2047_decode(word, None, check_length=False, nul=b" ")[0]
        if len(octets(decoded)) == len(octets(word)):
            self.failed = True
        else:
            self.name = (self.name or "") + decoded


def _starts(text: str, what: str) -> bool:
    return text[: len(what)].lower() == what


def _reach(stream: Stream, boundary: bytes) -> bool:
    """Go behind the next boundary; False at the last one, or at the end."""
    while line := stream.line(LONGEST_HEADER):
        if is_boundary(line, boundary):
            return not line[2 + len(boundary) :].startswith(b"--")
    return False


def _inside(kind: str, *, attached: bool) -> _Place:
    if attached:
        return _Place.ATTACHMENT
    if kind in ("multipart/alternative", "multipart/related"):
        return _Place.ALL_ARE_LETTER
    return _Place.FIRST_IS_LETTER
