"""The text of a DKIM-Signature header line (``pdkim_create_header()``)."""

from __future__ import annotations

import base64

from eximsim.mta.base.string import octets
from eximsim.mta.records.dkim import Signature
from eximsim.quick_dataclass import dataclass

_WIDTH = 78
_QUERY = b"dns/txt"


@dataclass(slots=True)
class FoldedLine:
    """A header line that grows, and the column in which it ends.

    It is folded before or after tags and within long values; ``pad_first`` is how newer releases do it.
    Source: pdkim_headcat().
    """

    text: bytes
    column: int
    pad_first: bool = True

    def add(self, payload: bytes, intro: bytes = b"", *, pad: bytes = b"") -> None:
        """Append ``pad``, a space or a fold, and ``intro`` with ``payload``, not apart if they fit a line."""
        if not self.pad_first:
            self._add_as_one(payload, intro, pad)
            return
        padded = False
        if pad:
            if self.column < _WIDTH:
                self.text += pad
                self.column += 1
                pad, padded = b"", True
            else:
                self._fold()
        size = (2 if pad else int(padded)) + len(intro) + len(payload)
        if size < _WIDTH and self.column + size > _WIDTH:
            self._fold()
            padded = False
        if pad:
            self.text += pad + b" "
            self.column += 2
        elif padded and self.column < _WIDTH:
            self.text += b" "
            self.column += 1
        if intro:
            self.add(intro)
        while payload:
            if self.column >= _WIDTH:
                self._fold()
            room = _WIDTH - self.column
            self.text += payload[:room]
            self.column += len(payload[:room])
            payload = payload[room:]

    def _add_as_one(self, payload: bytes, intro: bytes, pad: bytes) -> None:
        """The same as older releases do it."""
        blank = b" " if pad else b""
        if pad:
            if self.column + len(pad) > _WIDTH:
                self._fold()
            self._put(pad)
        left = len(blank) + len(intro)
        if self.column + left > _WIDTH:
            self._fold()
            left = len(intro)
        left += len(payload)
        while left > _WIDTH - 1:
            if blank:
                self._put(blank)
                blank, left = b"", left - 1
            self._put(intro)
            intro, left = b"", left - len(intro)
            if payload:
                room = len(payload) if self.column + len(payload) < _WIDTH - 1 else _WIDTH - self.column
                self._put(payload[:room])
                payload, left = payload[room:], left - (room - 1)
            self._fold()
        if self.column + left > _WIDTH:
            self._fold()
            blank = b""
        self._put(blank + intro + payload)

    def _put(self, text: bytes) -> None:
        self.text += text
        self.column += len(text)

    def _fold(self) -> None:
        self.text += b"\r\n\t"
        self.column = 1


def signature_header(sig: Signature, body_digest: bytes, *, pad_first: bool = True) -> bytes:
    """The header line without its end; without ``sighash`` the text of which that is the signature."""
    line = FoldedLine(b"DKIM-Signature: v=1", len(b"DKIM-Signature: v=1"), pad_first)
    for intro, value in (
        (b"a=", octets(sig.algorithm)),
        (b"q=", _QUERY),
        (b"c=", octets(f"{sig.canon_headers}/{sig.canon_body}")),
        (b"d=", octets(sig.domain or "")),
        (b"s=", octets(sig.selector or "")),
    ):
        line.add(value, intro, pad=b";")
    names = octets(sig.headernames or "")
    if names:
        first, *others = names.split(b":")
        line.add(first, b"h=", pad=b";")
        for name in others if others[-1:] != [b""] else others[:-1]:
            line.add(b":")
            line.add(name)
    line.add(base64.b64encode(body_digest), b"bh=", pad=b";")
    if sig.identity is not None:
        line.add(octets(sig.identity), b"i=", pad=b";")
    if sig.created:
        line.add(b"%d" % sig.created, b"t=", pad=b";")
    if sig.expires:
        line.add(b"%d" % sig.expires, b"x=", pad=b";")
    if sig.sighash is None:
        line.add(b"", b"b=;", pad=b";")
    else:
        line.add(base64.b64encode(sig.sighash), b"b=", pad=b";")
        line.add(b"", b";")
    return line.text
