"""What evaluates the trees: the engine under items, conditions and operators (src/expand.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from eximsim.errors import Unsupported
from eximsim.mta.base.regex_cache import Regex, RegexError, compile_pattern
from eximsim.mta.base.string import SPACES, in_quotes, list_items, split_separator
from eximsim.mta.config.expansion_history import lacking
from eximsim.mta.expand.expand_parse import parse
from eximsim.mta.expand.expand_tree import (
    Answer,
    Condition,
    Fault,
    Header,
    Item,
    Literal,
    Node,
    Numeric,
    Operator,
    Template,
    Variable,
)
from eximsim.mta.expand.expand_variables import (
    find_header,
    find_variable,
    headers_charset,
    is_known,
    unknown_variable_hint,
)
from eximsim.mta.expand.marks import Taint, taint_of
from eximsim.mta.process.log import log_write
from eximsim.mta.process.upward import Upward

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process


class ExpansionFailed(Exception):
    """The expansion gave no string.

    ``message`` is Exim's expand_string_message. ``forced`` tells a ``fail`` from an error, ``defer`` a lookup
    that could not say yes or no.
    """

    def __init__(self, message: str, *, forced: bool = False, defer: bool = False) -> None:
        self.message = message
        self.forced = forced
        self.defer = defer
        super().__init__(message)


ItemFunction = Callable[["Expander", Item, bool], str]
ConditionFunction = Callable[["Expander", Condition, bool], bool]
TextFunction = Callable[["Expander", str, "str | None", str], str]
"""An operator: takes the expanded text, what follows an underscore if anything, and the name as written."""

OperatorFunction = Callable[["Expander", Operator, bool], str]


string_marked: Upward[[Process, Template, bool], str] = Upward("string_marked")
"""Part of an expansion (skipped or not), with a mark if it comes from outside (``taint.py``)."""


def _says_separator(template: Template) -> bool:
    """Whether a list's text begins with the sign that changes the separator, before anything is expanded."""
    head = template.nodes[0] if template.nodes else None
    if not isinstance(head, Literal):
        return False
    if head.text.lstrip(SPACES) == "<":
        raise Unsupported("a list whose separator is a dollar sign or a closing brace")
    return split_separator(head.text) != (":", head.text.lstrip(SPACES))


class Expander:
    """One expansion in one process, with what its parts share.

    Every method takes ``skipping``: a branch that is not taken is looked through for errors, as Exim does,
    but nothing in it is looked up.
    """

    __slots__ = ("lacking", "malformed_header", "process")

    items: ClassVar[Mapping[str, ItemFunction]]
    conditions: ClassVar[Mapping[str, ConditionFunction]]
    operators: ClassVar[OperatorFunction]

    def __init__(self, process: Process) -> None:
        self.process = process
        self.malformed_header = False
        self.lacking = lacking(process.profile.option_release, process.profile.build_lacks)

    def list_items(self, text: str, separator: str | None = None) -> Iterator[str]:
        """The items of a list, as the release takes it apart."""
        return list_items(text, separator, escaped_space=self.process.profile.list_keeps_escaped_space)

    def list_argument(self, template: Template, *, skipping: bool = False) -> tuple[str, str]:
        """The separator of a list, and what it separates.

        A text that comes from outside does not change the separator by beginning with a sign: it is one item,
        less the sign (matchlist_parse_sep(), string_nextinlist()).
        """
        if not self.process.profile.list_separator_read_first or _says_separator(template):
            return split_separator(self.string(template, skipping=skipping))
        value = self.marked(template, skipping=skipping)
        separator, rest = split_separator(value)
        if rest == value.lstrip(SPACES) or (taint := taint_of(value)) is Taint.NONE:
            return separator, rest
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether a list that changes its separator comes from outside: {value}")
        return "\0", rest.lstrip(SPACES)

    def marked(self, template: Template, *, skipping: bool) -> str:
        """As ``string``, with a mark if the value comes from outside."""
        return string_marked(self.process, template, skipping)

    def expand_again(self, text: str) -> str:
        """The value of a text that was expanded before; one that comes from outside is refused."""
        told = self.process.profile.tainted_expansion
        taint = taint_of(text) if told else Taint.NONE
        if taint is Taint.UNKNOWN:
            raise Unsupported(f"whether what is expanded again comes from outside: {text}")
        if taint is Taint.TAINTED:
            if told.startswith("Tainted") and self.process.config.main.flag("allow_insecure_tainted_data"):
                raise Unsupported(
                    "allow_insecure_tainted_data",
                    *self.process.config.main.where("allow_insecure_tainted_data"),
                )
            message = told.format(text)
            log_write(self.process, message, panic=True)
            raise ExpansionFailed(message)
        return self.expand(text)

    # ---- strings ----------------------------------------------------------------------------------

    def expand(self, text: str) -> str:
        """The value of a text that is itself the result of an expansion."""
        return self.string(parse(text))

    def string(self, template: Template, *, skipping: bool = False) -> str:
        """The value of a template; while skipping, an empty string."""
        if template.constant is not None:
            self.process.effort.spend()
            return "" if skipping else template.constant
        process = self.process
        process.debug_depth += 1
        try:
            made = "".join([self._node(node, skipping) for node in template.nodes])
            process.effort.spend(len(made))
            return made if "\0" not in made else made.partition("\0")[0]
        finally:
            process.debug_depth -= 1

    def _node(self, node: Node, skipping: bool) -> str:
        return _NODES[type(node)](self, node, skipping)

    def _literal(self, node: Literal, skipping: bool) -> str:
        return "" if skipping else node.text

    def _variable(self, node: Variable, skipping: bool) -> str:
        if skipping:
            value = "" if is_known(self.process, node.name) else None
        else:
            value = find_variable(self.process, node.name)
        if value is not None:
            return value
        name = node.name
        message = f'unknown variable in "${{{name}}}"' if node.braced else f'unknown variable name "{name}"'
        raise ExpansionFailed(message + unknown_variable_hint(name))

    def _header(self, node: Header, skipping: bool) -> str:
        value = self.header(node)
        return "" if value is None or skipping else value

    def header(self, node: Header) -> str | None:
        """The content of a header; None if there is none, which its name may be to blame for."""
        first = node.kind[0]
        if first == "l" and not self.process.profile.header_as_list:
            raise ExpansionFailed(f'unknown variable name "{node.kind}_{node.name[:-1]}"')
        value = find_header(
            self.process,
            node.name,
            raw=first == "r",
            as_list=first == "l",
            decode=first in "bh",
            charset=headers_charset(self.process) if first == "h" else None,
        )
        if value is None and "}" in node.name:
            self.malformed_header = True
        return value

    def _numeric(self, node: Numeric, skipping: bool) -> str:
        numeric = self.process.numeric
        return numeric[node.number] if not skipping and 0 <= node.number < len(numeric) else ""

    def _permit(self, name: str) -> None:
        """Fail if a filter must not use what has this name."""
        forbidden = self.process.forbidden_expansions
        if forbidden and name in forbidden:
            raise ExpansionFailed(forbidden[name])

    def _operator(self, node: Operator, skipping: bool) -> str:
        self._permit(node.name)
        return type(self).operators(self, node, skipping)

    def _item(self, node: Item, skipping: bool) -> str:
        self._permit(node.name)
        if node.name in self.lacking.items:
            told = f'"${{{node.name}" is not a known operator (or a }} is missing in a variable reference)'
            raise ExpansionFailed(told)
        return self.items[node.name](self, node, skipping)

    def _fault(self, node: Fault, skipping: bool) -> str:
        raise self.failure(node)

    def failure(self, fault: Fault) -> ExpansionFailed:
        """The error for what could not be read, with a word on header names where they are to blame."""
        message = fault.message
        if self.malformed_header:
            hint = " - could be header name not terminated by colon"
            if fault.curly:
                message = f"missing or misplaced {{ or }}{hint}"
            elif message == "missing } at end of string":
                message += hint
        return ExpansionFailed(message + fault.hint * self.process.profile.unquoted_brace_hinted)

    def told(self, text: str) -> str:
        """A text in a message, in quotes."""
        return in_quotes(text) if self.process.profile.expansion_errors_quoted else f'"{text}"'

    # ---- what items share ---------------------------------------------------------------------------

    def regex(self, pattern: str) -> Regex:
        """The compiled pattern."""
        try:
            return compile_pattern(pattern)
        except RegexError as error:
            told = error.told(pcre2=self.process.profile.pcre2)
            raise ExpansionFailed(f"regular expression error in {self.told(pattern)}: {told}") from None

    def subs(self, item: Item, *, skipping: bool) -> list[str]:
        """The item's arguments, expanded; raises what reading them raised."""
        values = [self.part(arg, skipping=skipping) for arg in item.args]
        if item.fault is not None:
            raise self.failure(item.fault)
        return values

    def part(self, template: Template, *, skipping: bool) -> str:
        """The value of an argument; of one that is skipped what there is without looking anything up.

        Only releases that put together what they skip (``skipped_text_kept``) have the latter.
        """
        value = self.string(template, skipping=skipping)
        if not skipping or not self.process.profile.skipped_text_kept:
            return value
        if template.constant is not None:
            return template.constant
        numeric = self.process.numeric
        return "".join(
            node.text if isinstance(node, Literal) else numeric[node.number]
            for node in template.nodes
            if isinstance(node, Literal) or (isinstance(node, Numeric) and 0 <= node.number < len(numeric))
        )

    def condition(self, condition: Condition, *, skipping: bool) -> bool:
        """Whether a condition holds; while skipping, always False."""
        process = self.process
        process.debug_depth += process.profile.condition_debug_nested
        process.effort.spend()
        self._permit(condition.name)
        try:
            if condition.name in self.lacking.conditions:
                raise ExpansionFailed(f'unknown condition "{condition.name}"')
            return self.conditions[condition.name](self, condition, skipping)
        finally:
            process.debug_depth -= process.profile.condition_debug_nested

    def answer(
        self, name: str, answer: Answer | None, yes: bool, saved_value: str | None, *, skipping: bool
    ) -> str:
        """The yes or no string of an item (process_yesno()); ``$value`` becomes ``saved_value`` in between.

        Without strings a true ``if`` gives ``true``, other items give ``$value``.
        """
        if answer is None:
            return ""
        if answer.yes is None:
            if answer.fault is not None:
                raise self.failure(answer.fault)
            value = "true" if name == "if" else self.process.variables.get("value", "")
            if name != "if":
                self.set_value(saved_value)
            return value if yes and not skipping else ""
        result = self.string(answer.yes, skipping=not yes)
        self.set_value(saved_value)
        if answer.no is not None:
            other = self.string(answer.no, skipping=yes or skipping)
            if not yes:
                result = other
        if answer.fault is not None:
            raise self.failure(answer.fault)
        if answer.fail and not yes and not skipping:
            raise ExpansionFailed(f'"{name}" failed and "fail" requested', forced=True)
        return result if not skipping else ""

    def answered(
        self, item: Item, answer: Answer | None, found: Callable[[], str | None], skipping: bool
    ) -> str:
        """The end of an item that sets ``$value`` to what it found, or fails."""
        process = self.process
        numeric, value = process.numeric, process.variables.get("value")
        result = None if skipping else found()
        self.set_value(result)
        text = self.answer(item.name, answer, result is not None, value, skipping=skipping)
        process.numeric = numeric
        return text

    def set_value(self, value: str | None) -> None:
        """Set or, with None, unset ``$value``."""
        self.set_variable("value", value)

    def set_variable(self, name: str, value: str | None) -> None:
        """Set or, with None, unset a variable of the process."""
        if value is None:
            self.process.variables.pop(name, None)
        else:
            self.process.variables[name] = value


_NODES: dict[type[Node], Callable[[Expander, Any, bool], str]] = {
    Fault: Expander._fault,
    Header: Expander._header,
    Item: Expander._item,
    Literal: Expander._literal,
    Numeric: Expander._numeric,
    Operator: Expander._operator,
    Variable: Expander._variable,
}
