"""The settings of one place while it is being read: readconf_handle_option() in src/readconf.c."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field

from eximsim.errors import InputError, Malformed, Unsupported
from eximsim.mta.base.string import SPACES, join_items, list_items, split_separator
from eximsim.mta.config.config_lines import ConfigLine
from eximsim.mta.config.option_values import read_value
from eximsim.mta.config.optionlist import FLAG_KINDS, Kind, Option, Status, Value
from eximsim.mta.config.options import Options, Schema, can_matter
from eximsim.quick_dataclass import dataclass

_SETTING = re.compile(
    r"(?:hide(?![A-Za-z0-9_])[ \t\n\v\f\r]*)?([A-Za-z][A-Za-z0-9_]*)[ \t\n\v\f\r]*(=?)[ \t\n\v\f\r]*"
)
_NEGATION = re.compile(r"not?_")


@dataclass(slots=True)
class Settings:
    """What has been set so far, and where."""

    schema: Schema
    tolerate: Callable[[str, Unsupported], None] | None = None
    """Told of an option (its name) that the model does not have; without it that is raised."""
    values: dict[str, Value] = field(default_factory=dict)
    where: dict[str, tuple[str, int]] = field(default_factory=dict)

    def handle(self, line: ConfigLine, unknown: str) -> None:
        """Obey one setting.

        Raises ``InputError``, for an unknown option with the words ``unknown`` in front of its name, and
        ``Unsupported`` for an option that the model does not have, if this value of it can matter.
        """
        match = _SETTING.match(line.text)
        if match is None:
            raise InputError(f"option setting expected: {line.text}", line.path, line.line)
        name, rest = match[1], line.text[match.end() :]
        negation = _NEGATION.match(name)
        option = self.schema.settable.get(name[negation.end() :] if negation else name)
        if option is None:
            raise InputError(f'{unknown} "{name}" unknown', line.path, line.line)
        try:
            _check_form(option, name, bool(match[2]), rest)
            value = read_value(option, rest, negated=negation is not None)
        except Malformed as error:
            raise error.at(line.path, line.line) from None
        self._keep(option, value, line)

    def _keep(self, option: Option, value: Value, line: ConfigLine) -> None:
        name, place = option.name, (line.path, line.line)
        join = _JOIN.get(option.kind)
        if name in self.where and join is None:
            raise InputError(f'"{name}" option set for the second time', *place)
        asked = self.schema.modelled and not self.schema.lazy
        if option.status is Status.UNSUPPORTED and asked and can_matter(option, value):
            problem = Unsupported(f"{self.schema.what} option {name}", *place)
            if self.tolerate is None:
                raise problem
            self.tolerate(name, problem)
        if join is not None:
            old = self.values.get(name)
            value = join(name, None if old is None else str(old), str(value))
        self.where.setdefault(name, place)
        if option.kind is Kind.FLAG_PAIR:
            self.values[f"{name}_sender"] = self.values[f"{name}_recipient"] = value
        else:
            self.values[option.stands_for or name] = value

    def options(self) -> Options:
        """The finished options."""
        return Options(self.schema, self.values, self.where)


def _check_form(option: Option, name: str, equals: bool, rest: str) -> None:
    if option.kind in FLAG_KINDS:
        if (rest and not equals) or (equals and name != option.name):
            raise Malformed(f"extra characters follow boolean option {name}")
        return
    if name != option.name:
        raise Malformed("negation prefix applied to a non-boolean option", name)
    if not equals:
        if not rest:
            raise Malformed(f"unexpected end of line (data missing) after {name}", '"=" expected')
        raise Malformed(f'missing "=" after {name}')


def _join_conditions(name: str, old: str | None, new: str) -> str:
    if old is None:
        return new
    return f"${{if and{{{{bool_lax{{{old}}}}}{{bool_lax{{{new}}}}}}}}}"


def _join_lists(name: str, old: str | None, new: str) -> str:
    separator = _LIST_SEPARATORS.get(name, ":")
    given = new.lstrip(SPACES).startswith("<")
    found, rest = split_separator(new) if given else (separator, new)
    joined = join_items(list(list_items(rest, found)), separator)
    return joined if old is None else f"{old}{separator}{joined}"


_LIST_SEPARATORS = {"headers_add": "\n", "set": ";"}

_JOIN: dict[Kind, Callable[[str, str | None, str], str]] = {
    Kind.TEXT_AND: _join_conditions,
    Kind.TEXT_LIST: _join_lists,
}
