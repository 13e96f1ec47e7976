"""The header lines of a message as a transport sends them (src/transport.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.mta.base.string import list_items
from eximsim.mta.config.rewrite_rules import transport_rewrites
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.routing.rewrite_header import rewrite_header

if TYPE_CHECKING:
    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.config.rewrite_rules import RewriteRule
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header
    from eximsim.mta.records.structs import Address

_OLD = "*"
"""The kind of a header line that was replaced or taken out."""


def transport_headers_send(process: Process, transport: DriverInstance, addr: Address) -> Iterator[str]:
    """The lines of the message that neither transport nor router takes out, then those that they add.

    Each ends in a newline, or a newline by itself comes next. Raises ``ExpansionFailed`` for headers_add and
    headers_remove of the transport.
    Source: transport_headers_send().
    """
    message = process.message
    assert message is not None
    globs = process.profile.header_names_globbed
    removed = [
        *_expanded(process, transport.options.text("headers_remove"), ":"),
        *list_items(addr.remove_headers or "", ":"),
    ]
    rules = transport_rewrites(transport.options)
    for header in message.headers:
        if header.kind != _OLD and not any(_names(header.text, name, globs=globs) for name in removed):
            yield _rewritten(process, header, rules) if rules else header.text
    yield from reversed(addr.extra_headers)
    for text in _expanded(process, transport.options.text("headers_add"), "\n"):
        if text:
            yield text
            if not text.endswith("\n"):
                yield "\n"


def _rewritten(process: Process, header: Header, rules: tuple[RewriteRule, ...]) -> str:
    """A line by the transport's rules; its addresses may lack domains if they might when it came in."""
    message = process.message
    assert message is not None
    rewritten = rewrite_header(
        process,
        header,
        rules,
        senders_qualified=message.unqualified_sender,
        recipients_qualified=message.unqualified_recipient,
    )
    return header.text if rewritten is None else rewritten


def _expanded(process: Process, text: str | None, separator: str) -> Iterator[str]:
    """The items of a list, each expanded; one whose expansion is made to fail is left out."""
    for item in list_items(text or "", separator):
        try:
            yield expand(process, item)
        except ExpansionFailed as failed:
            if not failed.forced:
                raise


def _names(line: str, name: str, *, globs: bool) -> bool:
    """Whether a header line has that name; ``X-*`` names all that begin so."""
    if globs and name.endswith("*"):
        return line[: len(name) - 1].lower() == name[:-1].lower()
    return line.partition(":")[0].rstrip(" \t").lower() == name.lower()
