"""Expansion strings as trees: ``parse`` (the reading half of src/expand.c)."""

from __future__ import annotations

import re
from functools import lru_cache

from eximsim.mta.expand.expand_parse_conditions import ConditionReader
from eximsim.mta.expand.expand_reader import NAME, NAME_MAX, is_alpha
from eximsim.mta.expand.expand_tree import Answer, Condition, Fault, Item, Template

_LOOKUP_TYPE = re.compile(r"[^{ \t\n\v\f\r]*")

_SUBS = {
    "acl": (1, 10),
    "authresults": (1, 1),
    "dlfunc": (2, 10),
    "hash": (2, 3),
    "hmac": (3, 3),
    "imapfolder": (1, 3),
    "length": (2, 2),
    "listquote": (2, 2),
    "nhash": (2, 3),
    "perl": (1, 9),
    "prvs": (2, 3),
    "readfile": (1, 2),
    "sg": (3, 3),
    "srs_encode": (3, 3),
    "substr": (2, 3),
    "tr": (3, 3),
}
"""Items that are nothing but arguments, with the fewest and the most of them."""

_ANSWERED = {
    "env": ("",),
    "listextract": ("missing '{' for arg 1 of listextract", "missing '{' for arg 2 of listextract"),
    "certextract": (
        "missing '{' for field arg of certextract",
        "missing '{' for cert variable arg of certextract",
    ),
}
"""Items with arguments and then yes and no strings: what is said if an argument is missing."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """The tree of ``text``. Never fails: what cannot be read is a ``Fault`` in the tree."""
    return ItemReader(text).template(brace_ends=False, dollar=True)


@lru_cache(maxsize=256)
def parse_condition(text: str) -> Condition:
    """The tree of a condition without its ``${if``."""
    return ItemReader(text).condition()


class ItemReader(ConditionReader):
    """A reader that knows items."""

    __slots__ = ()

    def item(self, name: str) -> Item | None:
        """See ``Reader``."""
        if name in _SUBS:
            args, fault = self.subs(*_SUBS[name], name)
            return Item(name, args, fault=fault)
        reader = _ITEM_READERS.get(name)
        return None if reader is None else reader(self, name)

    def _if(self, name: str) -> Item:
        self.skip_spaces()
        condition = self.condition()
        return Item(name, condition=condition, answer=None if self.dead else self.answer(name))

    def _lookup(self, name: str) -> Item:
        args: list[Template] = []
        if self.accept("{"):
            args.append(self.braced())
            if self.dead:
                return Item(name, tuple(args))
            self.position += 1
        if not is_alpha(self.skip_spaces()):
            return Item(name, tuple(args), fault=self.fault("missing lookup type"))
        word = self.read(_LOOKUP_TYPE)[:NAME_MAX]
        query = self.argument("missing '{' for lookup file-or-query arg")
        if isinstance(query, Fault):
            return Item(name, tuple(args), word, fault=query)
        return Item(name, (*args, query), word, answer=None if self.dead else self.answer(name))

    def _extract(self, name: str) -> Item:
        """What follows the second argument, or the third, may be yes and no: that shows at run time."""
        word = ""
        if self.skip_spaces() != "{" and self.text.startswith("json", self.position):
            word = "jsons" if self.text.startswith("jsons", self.position) else "json"
            self.position += len(word)
        args: list[Template] = []
        starts: list[int] = []
        while len(args) < 5 and self.skip_spaces() == "{":
            starts.append(self.position)
            self.position += 1
            args.append(self.braced())
            if self.dead:
                break
            self.position += 1
        dead, tail = self.dead, self.position
        answers: list[Answer] = []
        for taken in (2, 3):
            answers.append(self._answer_of(name, args[taken:], [*starts[taken:], tail]))
            self.dead, self.position = dead, tail
        if dead:
            return Item(name, tuple(args), word, answers=tuple(answers))
        fail = self.text.startswith("fail", self.position)
        self.position += 4 * fail
        fault = None if self.accept("}") else self.fault("missing '}' closing extract", curly=True)
        return Item(name, tuple(args), word, answers=tuple(answers), fault=fault)

    def _answer_of(self, name: str, rest: list[Template], starts: list[int]) -> Answer:
        """The yes and no strings among what was read already, as ``answer()`` reads them."""
        if not rest or (self.dead and len(rest) == 1):
            return Answer(rest[0]) if rest else self.answer(name)
        self.position = starts[1]
        no: Template | None = None
        fail = False
        if len(rest) > 1:
            no = rest[1]
            if self.dead and len(rest) == 2:
                return Answer(rest[0], no)
            self.position = starts[2]
        elif self.peek() != "}":
            if self.read(NAME) != "fail":
                return Answer(rest[0], fault=self.fault(f'syntax error in "{name}" item - "fail" expected'))
            fail = True
        return self.answer_end(rest[0], no, fail)

    def _with_answer(self, name: str) -> Item:
        """``env`` (one argument), ``listextract`` and ``certextract`` (two), then yes and no."""
        args: list[Template] = []
        for message in _ANSWERED[name]:
            if name == "certextract" and args:
                return self._certificate(name, args[0], message)
            arg = self.argument(message)
            if isinstance(arg, Fault):
                return Item(name, tuple(args), fault=arg)
            args.append(arg)
            if self.dead:
                return Item(name, tuple(args))
        return Item(name, tuple(args), answer=self.answer(name))

    def _certificate(self, name: str, field: Template, missing: str) -> Item:
        """The end of ``certextract``: the word of the item is the variable, whose name is not expanded."""
        if not self.accept("{"):
            return Item(name, (field,), fault=self.fault(missing, curly=True))
        if self.peek() != "$":
            told = 'second argument of "certextract" must be a certificate variable'
            return Item(name, (field,), fault=self.fault(told))
        self.position += 1
        variable = self.template(brace_ends=True, dollar=False)
        if self.dead:
            return Item(name, (field, variable))
        self.position += 1
        return Item(name, (field,), variable.constant or "", answer=self.answer(name))

    def _iterate(self, name: str) -> Item:
        """``filter``, ``map`` and ``reduce``: a list, an initial value, and what to do with each item."""
        args: list[Template] = []
        for message in (f"missing '{{' for first arg of {name}", "missing '{' for second arg of reduce"):
            if len(args) == (2 if name == "reduce" else 1):
                break
            arg = self.argument(message)
            if isinstance(arg, Fault):
                return Item(name, tuple(args), fault=arg)
            args.append(arg)
            if self.dead:
                return Item(name, tuple(args))
        if not self.accept("{"):
            fault = self.fault(f"missing '{{' for last arg of {name}", curly=True)
            return Item(name, tuple(args), fault=fault)
        condition: Condition | None = None
        if name == "filter":
            condition = self.condition()
        else:
            args.append(self.braced())
        fault_ = None if self.dead else self._iterate_end(name)
        return Item(name, tuple(args), condition=condition, fault=fault_)

    def _iterate_end(self, name: str) -> Fault | None:
        if not self.accept("}"):
            return self.fault(
                f'missing }} at end of condition or expression inside "{name}"',
                hint="; could be an unquoted } in the content",
            )
        if not self.accept("}"):
            return self.fault(f'missing }} at end of "{name}"')
        return None

    def _sort(self, name: str) -> Item:
        args: list[Template] = []
        start = self.position
        for what in ("list", "comparator", "extractor"):
            if not self.accept("{"):
                fault = self.fault(f"missing '{{' for {what} arg of sort", curly=True)
                return Item(name, tuple(args), fault=fault)
            start = self.position
            args.append(self.template(brace_ends=True, dollar=what != "comparator"))
            if self.dead:
                return Item(name, tuple(args))
            self.position += 1
        word = self.text[start : self.position - 1]
        closed = self.peek() == "}"
        self.position += 1
        return Item(
            name, tuple(args), word, fault=None if closed else self.fault('missing } at end of "sort"')
        )

    def _prvscheck(self, name: str) -> Item:
        """The answer's fault is that of what is no signed address: the rest is read at once then."""
        address, fault = self.subs(1, 1, name, closed=False)
        if fault is not None or self.dead:
            return Item(name, address, fault=fault)
        start = self.position
        rest, unsigned = self.subs(1, 2, name)
        end, dead = self.position, self.dead
        self.position, self.dead = start, False
        _, fault = self.subs(1, 1, name, closed=False)
        if not self.dead:
            _, fault = self.subs(0, 1, name)
        self.position, self.dead = end, dead
        return Item(name, (*address, *rest), answer=Answer(fault=unsigned), fault=fault)

    def _run(self, name: str) -> Item:
        """The word of the item is its command as it is written, unless that is to be expanded as a whole."""
        whole = False
        while self.peek() == ",":
            self.position += 1
            whole = self.read(NAME) == "preexpand" or whole
        self.skip_spaces()
        start = self.position + 1
        arg = self.argument("missing '{' for command arg of run")
        if isinstance(arg, Fault):
            return Item(name, fault=arg)
        word = "" if whole else self.text[start : self.position - 1]
        return Item(name, (arg,), word, answer=None if self.dead else self.answer(name))

    def _readsocket(self, name: str) -> Item:
        args, fault = self.subs(2, 5, name)
        return Item(name, args, fault=fault)


_ITEM_READERS = {
    "certextract": ItemReader._with_answer,
    "env": ItemReader._with_answer,
    "extract": ItemReader._extract,
    "filter": ItemReader._iterate,
    "if": ItemReader._if,
    "listextract": ItemReader._with_answer,
    "lookup": ItemReader._lookup,
    "map": ItemReader._iterate,
    "prvscheck": ItemReader._prvscheck,
    "readsocket": ItemReader._readsocket,
    "reduce": ItemReader._iterate,
    "run": ItemReader._run,
    "sort": ItemReader._sort,
}
