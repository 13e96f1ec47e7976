"""Which texts come from outside: taint tracking (``is_tainted()``, src/store.c, since 4.94).

It is followed where a text becomes the name of a file, is expanded again, or separates a list: what a
variable that a client had a say in brings is tainted, what a lookup finds is not, even if it was looked
up by something tainted. What ACL variables keep is marked from 4.94 on; 4.93 tracks it, and the model
takes it for untainted there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.string import words
from eximsim.mta.expand.expand import PlainExpander, evaluate
from eximsim.mta.expand.expand_tree import Header, Item, Numeric, Operator, Variable
from eximsim.mta.expand.expander import string_marked
from eximsim.mta.expand.marks import (
    CleanText,
    QuotedText,
    Taint,
    marked,
    taint_of,
)
from eximsim.mta.expand.refused import is_refused

if TYPE_CHECKING:
    from eximsim.mta.expand.expand_tree import Answer, Condition, Node, Template
    from eximsim.mta.process.globals import Process


_OUTSIDE = words(
    """
    address_file address_pipe authenticated_fail_id authenticated_id authenticated_sender
    bounce_recipient domain local_part local_part_prefix local_part_prefix_v local_part_suffix
    local_part_suffix_v mime_boundary mime_charset mime_content_description mime_content_disposition
    mime_content_id mime_content_transfer_encoding mime_content_type mime_filename message_body
    message_body_end message_headers message_headers_raw
    original_domain original_local_part parent_domain parent_local_part received_for recipients
    recipients_list reply_address return_path sender_address sender_address_domain
    sender_address_local_part sender_fullhost sender_helo_name sender_host_name sender_ident
    sender_rcvhost smtp_command smtp_command_argument thisaddress tls_in_peerdn tls_in_sni
    tls_out_peerdn
    """
)
"""Variables that hold what others have said."""

_KEPT = frozenset(("address_data", "address_file", "address_pipe", "dkim_domain", "dkim_selector", "home"))
"""Variables whose values are marked when they are set, as are those of routers and ACLs."""

_DEPENDS = words("host host_address self_hostname sender_address_data dnslist_text")
_COUNTED = words("eval eval10 listcount md5 nh nhash sha1 sha2 sha256 sha3 strlen time_eval time_interval")
"""Operators that make a text of their own."""


def expand_tainted(process: Process, text: str) -> tuple[str, Taint]:
    """As ``expand``, and whether the result is tainted."""
    value, level = _followed(process, text)
    return value, Taint.TAINTED if level is Taint.QUOTED else level


def _followed(process: Process, text: str) -> tuple[str, Taint]:
    tracking = _TaintExpander(process)
    value = evaluate(process, text, tracking)
    return value, tracking.level if value else Taint.NONE


def refused_setup(process: Process, text: str, what: str) -> bool:
    """Whether a text that decides how mail goes out is refused, as it comes from outside."""
    return process.profile.tainted_setup_refused and is_refused(process, taint_of(text), what)


def expand_marked(process: Process, text: str) -> str:
    """As ``expand``; the result is marked if it is tainted, under releases that mind."""
    if not process.profile.tainted_paths_refused or "$" not in text:
        return evaluate(process, text)
    return marked(*_followed(process, text))


@string_marked.answer
def marked_string(process: Process, template: Template, skipping: bool) -> str:
    """Part of an expansion, marked if it is tainted."""
    tracking = _TaintExpander(process)
    value = tracking.string(template, skipping=skipping)
    return marked(value, tracking.level) if value else value


def _keeps_apart(node: Node) -> bool:
    """Whether the first argument of an item is only looked at, and the result made of something else."""
    return isinstance(node, Item) and node.name in ("extract", "map") and bool(node.args)


def _quotes(node: Operator) -> bool:
    """Whether an operator quotes for a lookup: ``quote_mysql`` and its like."""
    return node.name.startswith("quote_") and node.name != "quote_local_part"


class _TaintExpander(PlainExpander):
    """Notes in ``level`` what parts of the result come from."""

    __slots__ = ("apart", "clean_groups", "items_level", "level", "looked_up")

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.level = Taint.NONE
        self.looked_up: list[Taint] = []
        self.apart: set[int] = set()
        """Arguments (by identity) that are no part of the result: the key of extract, the list of map."""
        self.items_level = Taint.NONE
        """Of the list whose items a map goes through."""
        self.clean_groups = False
        """What numbers stand for in the replacement of an sg is part of a text that is not tainted."""

    def marked(self, template: Template, *, skipping: bool) -> str:
        before, self.level = self.level, Taint.NONE
        value = self.string(template, skipping=skipping)
        level = self.items_level if id(template) in self.apart else self.level
        self.level = max(before, self.level)
        return marked(value, level) if value else value

    def string(self, template: Template, *, skipping: bool = False) -> str:
        if id(template) not in self.apart:
            return super().string(template, skipping=skipping)
        before, self.level = self.level, Taint.NONE
        value = super().string(template, skipping=skipping)
        self.items_level, self.level = self.level, before
        return value

    def subs(self, item: Item, *, skipping: bool) -> list[str]:
        before, self.level = self.level, Taint.NONE
        values = super().subs(item, skipping=skipping)
        self.clean_groups = item.name == "sg" and self.level is Taint.NONE
        self.level = max(before, self.level)
        return values

    def _node(self, node: Node, skipping: bool) -> str:
        clean_groups = self.clean_groups
        try:
            return self._marking(node, skipping)
        finally:
            self.clean_groups = clean_groups

    def _marking(self, node: Node, skipping: bool) -> str:
        before = self.level
        is_lookup = isinstance(node, Item) and node.name == "lookup"
        if is_lookup:
            self.looked_up.append(before)
        value = self._apart(node, skipping) if _keeps_apart(node) else super()._node(node, skipping)
        if is_lookup:
            self.looked_up.pop()
        if skipping or not value:
            self.level = before
        elif isinstance(node, Variable):
            self.level = max(before, self._of_variable(node.name, value))
        elif isinstance(node, Header):
            self.level = Taint.TAINTED
        elif isinstance(node, Numeric):
            clean = self.clean_groups or isinstance(self.process.numeric[node.number], CleanText)
            self.level = max(before, Taint.NONE if clean else Taint.UNKNOWN)
        elif isinstance(node, Item) and node.name == "acl":
            self.level = max(before, taint_of(value))  # the ACL's message, and not what it was asked about
        elif isinstance(node, Operator) and (node.name in _COUNTED or self._blesses(node)):
            self.level = before
        elif isinstance(node, Operator) and _quotes(node) and self.level is Taint.TAINTED:
            self.level = max(before, Taint.QUOTED)
        return value

    def _blesses(self, node: Operator) -> bool:
        return node.name == "bless" and self.process.machine.test_harness

    def _apart(self, node: Node, skipping: bool) -> str:
        assert isinstance(node, Item)
        first, items_level = id(node.args[0]), self.items_level
        self.apart.add(first)
        try:
            return super()._node(node, skipping)
        finally:
            self.apart.discard(first)
            self.items_level = items_level

    def _of_variable(self, name: str, value: str) -> Taint:
        if name == "item":
            return self.items_level
        if name in _KEPT or name.startswith(("r_", "acl_c", "acl_m")):
            return Taint.QUOTED if isinstance(value, QuotedText) else taint_of(value)
        if name in _OUTSIDE:
            return Taint.NONE if isinstance(value, CleanText) else Taint.TAINTED
        return Taint.UNKNOWN if name in _DEPENDS or name.startswith("acl_") else taint_of(value)

    def condition(self, condition: Condition, *, skipping: bool) -> bool:
        before = self.level
        holds = super().condition(condition, skipping=skipping)
        self.level = before
        return holds

    def answer(
        self, name: str, answer: Answer | None, yes: bool, saved_value: str | None, *, skipping: bool
    ) -> str:
        if name == "lookup" and self.looked_up:
            self.level = self.looked_up[-1]
        return super().answer(name, answer, yes, saved_value, skipping=skipping)
