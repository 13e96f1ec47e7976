"""Reading of the conditions of ``${if`` (the reading half of eval_condition(), src/expand.c)."""

from __future__ import annotations

from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.config.expansion_names import COMPARISONS, ITERATIONS
from eximsim.mta.expand.expand_reader import NAME, NAME_MAX, Reader
from eximsim.mta.expand.expand_tree import Condition, Fault, Template

ONE_ARGUMENT = frozenset(("exists", "isip", "isip4", "isip6", "ldapauth", "pam", "pwcheck", "radius"))
_UNEXPANDED_SECOND = frozenset(("match_address", "match_domain", "match_ip", "match_local_part"))


class ConditionReader(Reader):
    """A reader that knows conditions."""

    __slots__ = ()

    def condition(self) -> Condition:
        """One condition with any exclamation marks before it (eval_condition())."""
        wanted = True
        while self.skip_spaces() == "!":
            wanted = not wanted
            self.position += 1
        name = self._condition_name()
        if not name:
            found = from_octets(octets(self.text[self.position : self.position + 16])[:16])
            return Condition("", fault=self.fault(f'condition name expected, but found "{found}"'))
        if name in COMPARISONS:
            return self._comparison(name, wanted)
        if name in ONE_ARGUMENT:
            args, fault = self._brace_arguments(name, 1)
            return Condition(name, wanted, args, fault=fault)
        reader = _CONDITION_READERS.get(name)
        if reader is None:
            return Condition(name, fault=self.fault(f'unknown condition "{name}"'))
        return reader(self, name, wanted)

    def _condition_name(self) -> str:
        char = self.peek()
        if char and char in "=<>":
            length = 2 if self.text.startswith("=", self.position + 1) else 1
            self.position += length
            return self.text[self.position - length : self.position]
        return self.read(NAME)[:NAME_MAX]

    def _brace_arguments(
        self, name: str, count: int, *, dollar_in_second: bool = True
    ) -> tuple[tuple[Template, ...], Fault | None]:
        args: list[Template] = []
        for index in range(count):
            if not self.accept("{"):
                message = (
                    f'missing 2nd string in {{}} after "{name}"' if index else f'missing {{ after "{name}"'
                )
                return tuple(args), self.fault(message)
            args.append(self.template(brace_ends=True, dollar=dollar_in_second or index == 0))
            if self.dead:
                break
            self.position += 1
        return tuple(args), None

    def _comparison(self, name: str, wanted: bool) -> Condition:
        args, fault = self._brace_arguments(name, 2, dollar_in_second=name not in _UNEXPANDED_SECOND)
        return Condition(name, wanted, args, fault=fault)

    def _def(self, name: str, wanted: bool) -> Condition:
        if self.peek() != ":":
            return Condition(name, fault=self.fault('":" expected after "def"'))
        self.position += 1
        return Condition(name, wanted, subject=self.plain_variable(braced=False))

    def _bare(self, name: str, wanted: bool) -> Condition:
        return Condition(name, wanted)

    def _boolean(self, name: str, wanted: bool) -> Condition:
        if self.skip_spaces() != "{":
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        args, fault = self.subs(1, 1, name, closed=False)
        return Condition(name, wanted, args, fault=fault)

    def _inbound_srs(self, name: str, wanted: bool) -> Condition:
        args, fault = self.subs(2, 2, name, closed=False)
        if fault is not None:
            fault = Fault(f"too few arguments or bracketing error for {name}")
        return Condition(name, wanted, args, fault=fault)

    def _call(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        args, fault = self.subs(*((1, 10) if name == "acl" else (2, 4)), name)
        if fault is not None and fault.curly:
            fault = Fault(f"too few arguments or bracketing error for {name}")
        return Condition(name, wanted, args, fault=fault)

    def _group(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        parts: list[Condition] = []
        fault: Fault | None = None
        while not self.dead and self.skip_spaces() != "}":
            if self.peek() != "{":
                fault = self.fault(
                    f'each subcondition inside an "{name}{{...}}" condition must be in its own {{}}'
                )
                break
            self.position += 1
            parts.append(self.condition())
            if not self.dead and not self.accept("}"):
                fault = self.fault(f'missing }} at end of condition inside "{name}" group')
        self.position += 1
        return Condition(name, wanted, parts=tuple(parts), fault=fault)

    def _iteration(self, name: str, wanted: bool) -> Condition:
        if not self.accept("{"):
            return Condition(name, fault=self.fault(f'missing {{ after "{name}"'))
        source = self.braced()
        if self.dead:
            return Condition(name, args=(source,))
        self.position += 1
        if not self.accept("{"):
            return Condition(name, args=(source,), fault=self.fault(f'missing {{ after "{name}"'))
        inner = self.condition()
        fault = None
        if not self.dead and not self.accept("}"):
            fault = self.fault(f'missing }} at end of condition inside "{name}"')
        return Condition(name, wanted, (source,), (inner,), fault=fault)


_CONDITION_READERS = {
    "acl": ConditionReader._call,
    "and": ConditionReader._group,
    "bool": ConditionReader._boolean,
    "bool_lax": ConditionReader._boolean,
    "def": ConditionReader._def,
    "first_delivery": ConditionReader._bare,
    "inbound_srs": ConditionReader._inbound_srs,
    "or": ConditionReader._group,
    "queue_running": ConditionReader._bare,
    "saslauthd": ConditionReader._call,
    **dict.fromkeys(ITERATIONS, ConditionReader._iteration),
}
