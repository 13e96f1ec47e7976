"""The items of string expansion, ``${name{...}...}``, that are not about lists (src/expand.c)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from eximsim.mta.base.errnos import EACCES
from eximsim.mta.base.numbers import c_int, int32
from eximsim.mta.base.string import (
    SPACES,
    from_octets,
    in_quotes,
    octets,
    skip_spaces,
    string_dequote,
)
from eximsim.mta.config import expansion_names
from eximsim.mta.expand import expand_outside
from eximsim.mta.expand.expand_conditions import run_acl
from eximsim.mta.expand.expand_json import dewrap, dewrap_rest, json_nextinlist
from eximsim.mta.expand.expand_lists import iterate_item, sort_item
from eximsim.mta.expand.expand_lookups import search_findtype_partial
from eximsim.mta.expand.expand_srs import srs_encode
from eximsim.mta.expand.expand_text import ascii_lower, compute_hash, compute_nhash, extract_substr
from eximsim.mta.expand.expand_tree import Fault, Item, Operator, Template
from eximsim.mta.expand.expander import Expander, ExpansionFailed, ItemFunction
from eximsim.mta.expand.imap_utf7 import imapfolder
from eximsim.mta.expand.marks import taint_of
from eximsim.mta.expand.named_file import read_named_file
from eximsim.mta.process import upward
from eximsim.mta.process.reading import open_failed, runs_as
from eximsim.mta.records.lookups import SearchType

_NUMBER = re.compile(r"-?[0-9]*")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+")
_PRVS = re.compile(r"prvs=([0-9])([0-9]{3})([A-F0-9]{6})=(.+)@(.+)", re.IGNORECASE | re.ASCII)


# ---- decisions --------------------------------------------------------------------------------------------


def _if(expander: Expander, item: Item, skipping: bool) -> str:
    process = expander.process
    numeric, value = process.numeric, process.variables.get("value")
    assert item.condition is not None
    yes = expander.condition(item.condition, skipping=skipping)
    current = process.variables.get("value")
    result = expander.answer("if", item.answer, yes, current, skipping=skipping)
    expander.set_value(value)
    process.numeric = numeric
    return result


def _acl(expander: Expander, item: Item, skipping: bool) -> str:
    values = expander.subs(item, skipping=skipping)
    return "" if skipping else run_acl(expander.process, values)[1] or ""


def _lookup(expander: Expander, item: Item, skipping: bool) -> str:
    complete = item.fault is None and bool(item.word)
    values = [expander.string(arg, skipping=skipping) for arg in (item.args[:-1] if complete else item.args)]
    if not item.word and item.fault is not None:
        raise expander.failure(item.fault)
    if "," in item.word and not expander.process.profile.lookup_options_known:
        raise ExpansionFailed(f"unknown lookup type {expander.told(item.word)}")
    kind = search_findtype_partial(item.word, expander.process.profile.build_lacks, expander.told)
    if kind.name == "json" and not expander.process.profile.json_looked_up:
        raise ExpansionFailed('unknown lookup type "json"')
    keyed = bool(values)
    if kind.single_key and not keyed:
        raise ExpansionFailed(f"missing {{key}} for single-key {expander.told(item.word)} lookup")
    if keyed and not kind.single_key:
        raise ExpansionFailed(
            f"a single key was given for lookup type {expander.told(item.word)},"
            " which is not a single-key lookup type"
        )
    if item.fault is not None:
        raise expander.failure(item.fault)
    query = _searched(expander, kind, item.args[-1], skipping)

    def find() -> str | None:
        found = upward.search_find(expander.process, kind, values[0] if keyed else None, query)
        if found.deferred:
            key = values[0] if keyed else query
            raise ExpansionFailed(
                f"lookup of {expander.told(key)} gave DEFER: {_quoted(expander, found.error)}", defer=True
            )
        if found.numeric:
            expander.process.numeric = (*(expander.process.numeric[:1] or ("",)), *found.numeric[1:])
        return found.value

    return expander.answered(item, item.answer, find, skipping)


def _searched(expander: Expander, kind: SearchType, template: Template, skipping: bool) -> str:
    """What is searched; the name of a file, or a query, is marked if it comes from outside."""
    profile = expander.process.profile
    if profile.tainted_search_refused if kind.single_key else profile.unquoted_query_logged:
        return expander.marked(template, skipping=skipping)
    return expander.string(template, skipping=skipping)


def _quoted(expander: Expander, text: str) -> str:
    return in_quotes(text) if expander.process.profile.expansion_errors_quoted else text


# ---- parts ------------------------------------------------------------------------------------------------


def _extract(expander: Expander, item: Item, skipping: bool) -> str:
    """The first argument decides at run time how many there are: a number takes three, a key two."""
    profile = expander.process.profile
    if not {"": True, "json": profile.json_extracted, "jsons": profile.json_texts_extracted}[item.word]:
        missing = "'}' closing" if skipping else "'{' for arg 1 of"
        raise ExpansionFailed(f"missing {missing} extract")
    if skipping:
        expander.subs(item, skipping=True)
        return ""
    values = [expander.string(item.args[0])] if item.args else []
    key = values[0].strip(SPACES) if values else ""
    if item.args and not key:
        raise ExpansionFailed('first argument of "extract" must not be empty')
    numbered = bool(_NUMBER.fullmatch(key)) and bool(item.args)
    wanted = 3 if numbered and not item.word else 2
    values.extend(_source(expander, key, arg) for arg in item.args[1:wanted])
    if len(values) < wanted:
        if item.fault is not None and len(item.args) >= wanted:
            raise expander.failure(item.fault)
        raise ExpansionFailed(f"missing '{{' for arg {len(values) + 1} of extract")
    answer = item.answers[wanted - 2]

    def find() -> str | None:
        number = _c_number(key) if numbered else None
        if item.word:
            return _extract_json(expander, key, number, values[1], item.word == "jsons")
        if number is not None:
            return _field(number, values[1], values[2])
        return expand_getkeyed(key, values[1])

    return expander.answered(item, answer, find, False)


def _source(expander: Expander, key: str, arg: Template) -> str:
    """What something is extracted from; of ``${stat:``, where only the size is wanted, no more than that.

    The size of a file that is given is known, and the rest of what stat() tells is not.
    """
    node, *more = arg.nodes or (None,)
    if more or key != "size" or not isinstance(node, Operator) or node.name != "stat":
        return expander.string(arg)
    if node.name in expander.process.forbidden_expansions:
        return expander.string(arg)
    return expand_outside.stat_size(expander, expander.string(node.body))


def _c_number(text: str) -> int:
    """The number as Exim counts it up, in a C int."""
    return int32(text.removeprefix("-") or "0") * (-1 if text.startswith("-") else 1)


def _field(number: int, separators: str, text: str) -> str | None:
    """A field by number, from 1, or from the end with a negative one (expand_gettokened())."""
    if number == 0:
        return text
    fields = re.split(f"[{re.escape(separators)}]", text) if separators else [text]
    index = number - 1 if number > 0 else len(fields) + number
    return fields[index] if 0 <= index < len(fields) else None


def expand_getkeyed(key: str, text: str) -> str | None:
    """The value of ``key`` in ``key=value key="quoted value" ...``, or None (src/expand.c)."""
    wanted = ascii_lower(key)
    position, end = skip_spaces(text, 0), len(text)
    while position < end:
        start = position
        while position < end and text[position] != "=" and text[position] not in SPACES:
            position += 1
        name = text[start:position]
        position = skip_spaces(text, position)
        if text.startswith("=", position):
            position = skip_spaces(text, position + 1)
        value, position = string_dequote(text, position)
        if ascii_lower(name) == wanted:
            return value
        position = skip_spaces(text, position)
    return None


def _extract_json(expander: Expander, key: str, number: int | None, text: str, strings: bool) -> str | None:
    kind = "object" if number is None else "array"
    inner = dewrap(text, "{}" if number is None else "[]", f"{{}} wrapping {kind} for extract json")
    elements = json_nextinlist(inner, texts_keep_commas=expander.process.profile.json_texts_keep_commas)
    if number is not None:
        if number <= 0:
            raise ExpansionFailed('first argument of "extract" must be greater than zero')
        found = next((e.rstrip(SPACES) for i, e in enumerate(elements, 1) if i == number), None)
    else:
        found = _json_member(key, elements)
    if strings and found is not None:
        return dewrap(found, '""', "{} wrapping string result for extract jsons")
    return found


def _json_member(key: str, elements: Iterator[str]) -> str | None:
    for element in elements:
        name, rest = dewrap_rest(element, '""', "{} wrapping string key for extract json")
        if name == key:
            value = rest.lstrip(SPACES)
            if not value.startswith(":"):
                raise ExpansionFailed("missing object value-separator for extract json")
            return value[1:].lstrip(SPACES)
    return None


def _listextract(expander: Expander, item: Item, skipping: bool) -> str:
    field = expander.part(item.args[0], skipping=skipping).strip(SPACES) if item.args else ""
    if item.args and not skipping and not field:
        raise ExpansionFailed('first argument of "listextract" must not be empty')
    if not _NUMBER.fullmatch(field):
        raise ExpansionFailed('first argument of "listextract" must be numeric')
    separator, source, profile = ":", "", expander.process.profile
    if len(item.args) > 1:
        separator, source = expander.list_argument(item.args[1], skipping=skipping)
    if item.fault is not None:
        raise expander.failure(item.fault)

    def find() -> str | None:
        number = _c_number(field)
        items = list(expander.list_items(source, separator))
        if number > 1 and separator != ":" and not source and not profile.list_separator_read_first:
            return "<"  # after the end the list is read anew, and its separator is an item
        if number < 0:  # what is further from the end than by one more is the first
            number = max(number + len(items) + 1, -1)
        return items[abs(number) - 1] if 0 < abs(number) <= len(items) else None

    return expander.answered(item, item.answer, find, skipping)


def _certextract(expander: Expander, item: Item, skipping: bool) -> str:
    if item.fault is not None and not item.args:
        raise expander.failure(item.fault)
    field = expander.string(item.args[0], skipping=skipping).strip(SPACES)
    for variable in item.args[1:]:
        expander.string(variable, skipping=skipping)
    if item.fault is not None:
        raise expander.failure(item.fault)
    name = item.word
    return expander.answered(
        item, item.answer, lambda: upward.expand_getcertele(expander.process, field, name), skipping
    )


def _substr(expander: Expander, item: Item, skipping: bool) -> str:
    """``hash``, ``length``, ``nhash`` and ``substr``: with two arguments one of the numbers is left out."""
    values = expander.subs(item, skipping=skipping)
    if not skipping:
        return _part_of(expander, item.name, values)
    if expander.process.profile.skipped_parts_evaluated:
        _part_of(expander, item.name, values)
    return ""


def _part_of(expander: Expander, name: str, values: list[str]) -> str:
    numbers: list[str | None] = list(values[:-1])
    if len(values) == 2:
        numbers = [None, values[0]] if name == "length" else [values[0], None]
    first, second = (_whole(expander, number, index, name) for index, number in enumerate(numbers))
    text = values[-1]
    if name == "hash":
        return compute_hash(expander.process, text, first or 0, -1 if second is None else second)
    if name == "nhash":
        guarded = expander.process.profile.nhash_by_zero_refused
        return compute_nhash(text, first or 0, -1 if second is None else second, guarded=guarded)
    return extract_substr(text, first or 0, -1 if second is None else second)


def _whole(expander: Expander, text: str | None, index: int, name: str) -> int | None:
    if text is None:
        return None
    value = c_int(int(text)) if _INTEGER.fullmatch(text) else None if text else 0
    if value is None or (index and value < 0):
        positive = " positive" if index else ""
        raise ExpansionFailed(f'{expander.told(text)} is not a{positive} number (in "{name}" expansion)')
    return value


# ---- changes ----------------------------------------------------------------------------------------------


def _sg(expander: Expander, item: Item, skipping: bool) -> str:
    process = expander.process
    numeric = process.numeric
    values = expander.subs(item, skipping=skipping)
    if skipping and not process.profile.skipped_parts_evaluated:
        return ""
    text, pattern, replacement = values
    out: list[str] = []
    made = 0
    for found in expander.regex(pattern).spans(text, process.trace, process.effort):
        out.append(found.before)
        if found.groups:
            process.numeric = found.groups
            out.append(expander.expand(replacement))
            made += len(out[-1])
            process.effort.spend(made)
    process.numeric = numeric
    return "" if skipping else "".join(out)


def _tr(expander: Expander, item: Item, skipping: bool) -> str:
    text, source, target = expander.subs(item, skipping=skipping)
    if skipping or not target:
        return "" if skipping else text
    data, wanted, given = octets(text), octets(source), octets(target)
    table = {octet: given[min(index, len(given) - 1)] for index, octet in enumerate(wanted)}
    return from_octets(bytes(table.get(octet, octet) for octet in data))


def _hmac(expander: Expander, item: Item, skipping: bool) -> str:
    algorithm, key, text = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    if algorithm not in ("md5", "sha1"):
        raise ExpansionFailed(f"hmac algorithm {expander.told(algorithm)} is not recognised")
    return hmac.new(octets(key), octets(text), algorithm).hexdigest()


def _listquote(expander: Expander, item: Item, skipping: bool) -> str:
    separator, text = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    return text.replace(separator[:1], separator[:1] * 2) if text and separator else text or " "


def _readfile(expander: Expander, item: Item, skipping: bool) -> str:
    path = expander.marked(item.args[0], skipping=skipping) if item.args else ""
    end = [expander.part(arg, skipping=skipping) for arg in item.args[1:]]
    if item.fault is not None:
        raise expander.failure(item.fault)
    if skipping:
        return ""
    process = expander.process
    try:
        text = from_octets(read_named_file(process, path, taint_of(path)))
    except OSError as error:
        if error.errno != EACCES and process.world.path_kind(path) == "folder":
            return ""  # it can be opened, and nothing is read
        raise ExpansionFailed(open_failed(path, error, runs_as(process))) from None
    return text.replace("\n", end[0]) if end else text


# ---- signed addresses -------------------------------------------------------------------------------------


def _prvs_hash(address: str, key: str, number: str, day: str) -> str:
    if len(octets(key)) > 64:
        raise ExpansionFailed("prvs hmac-sha1 conversion failed")
    return hmac.new(octets(key), octets(f"{number}{day}{address}"), "sha1").hexdigest()[:6]


def _day(expander: Expander, offset: int) -> str:
    return str((int(expander.process.world.now()) + offset * 86400) // 86400)[-3:].zfill(3)


def _prvs(expander: Expander, item: Item, skipping: bool) -> str:
    values = expander.subs(item, skipping=skipping)
    if skipping:
        return ""
    address, key = values[:2]
    local_part, at, domain = address.rpartition("@")
    if not at or not local_part or not domain:
        raise ExpansionFailed("prvs first argument must be a qualified email address")
    number = values[2] if len(values) > 2 else "0"
    if len(number) != 1 or number not in "0123456789":
        raise ExpansionFailed("prvs third argument must be a single digit")
    day = _day(expander, 7)
    return f"prvs={number}{day}{_prvs_hash(address, key, number, day)}={local_part}@{domain}"


def _prvscheck(expander: Expander, item: Item, skipping: bool) -> str:
    """The second and third arguments see what was found in the first, so they wait for it."""
    for name in ("prvscheck_result", "prvscheck_address", "prvscheck_keynum"):
        expander.set_variable(name, None)
    address = expander.string(item.args[0], skipping=skipping) if item.args else ""
    signed = None if skipping else _PRVS.fullmatch(address)
    if signed is None:
        unsigned = item.fault if item.answer is None else item.answer.fault
        fault = _of_prvscheck(expander, unsigned)
        expander.subs(replace(item, args=item.args[1:], fault=fault), skipping=skipping)
        return ""
    number, day, mac, local_part, domain = signed.groups()
    plain = f"{local_part}@{domain}"
    with expander.process.setting(prvscheck_address=plain, prvscheck_keynum=number):
        key = expander.string(item.args[1]) if len(item.args) > 1 else ""
        if _prvs_hash(plain, key, number, day) == mac and _still_valid(day, _day(expander, 0)):
            expander.set_variable("prvscheck_result", "1")
        result = expander.string(item.args[2]) if len(item.args) > 2 else ""
        if (fault := _of_prvscheck(expander, item.fault)) is not None:
            raise expander.failure(fault)
    return result or plain


def _of_prvscheck(expander: Expander, fault: Fault | None) -> Fault | None:
    """What is wrong with the item's arguments, told of the item that the release tells it of."""
    if fault is None or expander.process.profile.prvscheck_named:
        return fault
    return replace(fault, message=fault.message.replace("'prvscheck'", "'prvs'"))


def _still_valid(expires: str, today: str) -> bool:
    """Days are counted modulo 1000."""
    now = 0 if int(expires) < 7 and int(today) >= 993 else int(today)
    return int(expires) >= now


ITEMS: Mapping[str, ItemFunction] = expansion_names.complete(
    {
        "acl": _acl,
        "authresults": expand_outside.authresults_item,
        "certextract": _certextract,
        "dlfunc": expand_outside.dlfunc_item,
        "env": expand_outside.env_item,
        "extract": _extract,
        "filter": iterate_item,
        "hash": _substr,
        "hmac": _hmac,
        "if": _if,
        "imapfolder": imapfolder,
        "length": _substr,
        "listextract": _listextract,
        "listquote": _listquote,
        "lookup": _lookup,
        "map": iterate_item,
        "nhash": _substr,
        "perl": expand_outside.perl_item,
        "prvs": _prvs,
        "prvscheck": _prvscheck,
        "readfile": _readfile,
        "readsocket": expand_outside.readsocket_item,
        "reduce": iterate_item,
        "run": expand_outside.run_item,
        "sg": _sg,
        "sort": sort_item,
        "srs_encode": srs_encode,
        "substr": _substr,
        "tr": _tr,
    },
    expansion_names.ITEMS,
)
"""Every item by name."""

ASKED = frozenset(("authresults", "dlfunc", "env", "perl", "readsocket", "run"))
"""Items that reach out of the program."""
