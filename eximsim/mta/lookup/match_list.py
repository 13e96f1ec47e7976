"""Lists, and the patterns in them: what all kinds of lists have in common (src/match.c)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.effort import ITEM
from eximsim.mta.base.errnos import EACCES
from eximsim.mta.base.regex_cache import RegexError, compile_pattern
from eximsim.mta.base.string import SPACES, from_octets, list_items, matchlist_parse_sep
from eximsim.mta.config.places import placed
from eximsim.mta.expand.expand import ExpansionFailed
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.expand.marks import marked_like, taint_of
from eximsim.mta.expand.named_file import read_named_file
from eximsim.mta.expand.taint import expand_marked
from eximsim.mta.lookup import host_bydns, host_chain, search
from eximsim.mta.lookup.list_file import file_items
from eximsim.mta.lookup.match_trace import SILENT, ListTrace, Silent
from eximsim.mta.lookup.net_index import LONG
from eximsim.mta.process.ends import ProcessDied
from eximsim.mta.process.hostname import primary_hostname
from eximsim.mta.process.log import log_write, log_write_die, quoted
from eximsim.mta.process.reading import open_failed, runs_as
from eximsim.mta.process.sigsegv import SIGSEGV, immutable_memory
from eximsim.mta.records.lists import FAILED, MATCHED, Kind, ListCache, ListMatch
from eximsim.mta.records.lookups import SearchError, find_type
from eximsim.mta.records.structs import HostItem
from eximsim.quick_dataclass import dataclass
from eximsim.status import HostFind, Rc

if TYPE_CHECKING:
    from eximsim.mta.lookup.check import Check
    from eximsim.mta.process.globals import Process


_KIND_WORDS = {
    Kind.DOMAIN: " domain",
    Kind.HOST: " host",
    Kind.ADDRESS: " address",
    Kind.LOCALPART: " local part",
}


# ---- one pattern ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CheckString:
    """A domain, a local part or any other text (check_string()).

    ``setup`` is where captured text goes: nowhere if negative, ``$0`` and what follows if 0, ``$n`` and what
    follows if positive.
    """

    process: Process
    kind: Kind
    original: str
    caseless: bool
    setup: int = -1
    partial: bool = True
    at_special: bool = False
    anchored: bool = True
    subject: str = ""

    def __post_init__(self) -> None:
        self.subject = ascii_lower(self.original) if self.caseless else self.original

    @property
    def key(self) -> str:
        """See ``check.Check``."""
        return self.subject

    def make_caseful(self) -> None:
        """See ``check.Check``."""
        self.subject = self.original
        self.caseless = False

    @property
    def left(self) -> str | None:
        """See ``check.Check``."""
        return None

    @property
    def subject_for_expansion(self) -> str | None:
        """See ``check.Check``."""
        return self.subject if self.kind is Kind.DOMAIN else None

    def test(self, pattern: str) -> ListMatch:
        """A regular expression, a tail, a special name, a lookup, or the text itself.

        What was captured before is gone, whether it matches or not, except what an address list keeps.
        """
        if self.setup <= 0:
            self.process.numeric = ()
        first = pattern[:1]
        if first == "^":
            return self._regex(pattern)
        if first == "*":
            tail = pattern[1:]
            if not self._form(self.subject).endswith(self._form(tail)):
                return FAILED
            self._capture((self.subject, self.subject[: len(self.subject) - len(tail)]))
            return self._matched(pattern)
        if first == "@" and self.at_special:
            special = self._special(pattern)
            if special is not None:
                return special
            if pattern == "@":
                pattern = primary_hostname(self.process)
                if ";" in pattern and self.process.configuration_is_read_only:
                    raise immutable_memory(self.process, self.process.doing)
        if ";" in pattern:
            return self._lookup(pattern)
        if self._form(self.subject) != self._form(pattern):
            return FAILED
        self._capture((self.subject,))
        return self._matched(pattern)

    def _matched(self, pattern: str) -> ListMatch:
        return ListMatch(Rc.OK, pattern if self.process.profile.list_match_gives_data else None)

    def _form(self, text: str) -> str:
        return ascii_lower(text) if self.caseless else text

    def _capture(self, groups: tuple[str, ...]) -> None:
        """Set ``$0``, ``$1``... to a match and its parts."""
        if self.setup == 0:
            self.process.numeric = groups
        elif self.setup > 0 and len(groups) > 1:
            self.process.numeric = (*self.process.numeric[: self.setup], *groups[1:])

    def _regex(self, pattern: str) -> ListMatch:
        try:
            compiled = compile_pattern(pattern, self.caseless)
        except RegexError as error:
            told = error.told(pcre2=self.process.profile.pcre2)
            log_write_die(self.process, f"regular expression error: {told} while compiling {pattern}")
        found = compiled.search(self.original, self.process.trace, self.process.effort)
        if found is None:
            return FAILED
        self._capture((self.original, *found[1:]))
        return self._matched(pattern)

    def _special(self, pattern: str) -> ListMatch | None:
        """``@[]`` and ``@mx_...``; None if the pattern is neither."""
        if pattern == "@[]":
            text = self.subject
            if not (text.startswith("[") or text.endswith("]")):
                return FAILED
            if text[1:-1] not in host_chain.host_find_interfaces(self.process):
                return FAILED
            self._capture_whole(text)
            return self._matched(pattern)
        name, slash, rest = pattern.lower().partition("/")
        if name not in ("@mx_any", "@mx_primary", "@mx_secondary") or (
            slash and not rest.startswith("ignore=")
        ):
            return None
        resolver = self.process.resolver
        resolver.name_checked = self.subject
        found = host_bydns.host_find_bydns(
            self.process,
            HostItem(self.subject),
            mx=True,
            a=False,
            ignore_target_hosts=pattern[len(name) + 8 :] if slash else None,
            dnssec_lists=False,
        )
        checked, resolver.name_checked = resolver.name_checked, None
        if found.find is HostFind.AGAIN:
            return ListMatch(Rc.DEFER, error=f"DNS lookup of {quoted(self.process, self.subject)} deferred")
        local = found.find is HostFind.FOUND_LOCAL
        if (not local or name == "@mx_secondary") and (name == "@mx_primary" or not found.removed):
            return FAILED
        self._capture_whole(checked or self.subject)
        return self._matched(pattern)

    def _capture_whole(self, text: str) -> None:
        """Set ``$0`` alone; up to 4.93 such patterns leave it without a value."""
        if self.process.profile.lists_capture:
            self._capture((text,))
        elif self.setup == 0:
            self.process.numeric = ()

    def _lookup(self, pattern: str) -> ListMatch:
        type_name, _, rest = pattern.partition(";")
        lacks = self.process.profile.build_lacks
        try:
            kind = find_type(type_name, lacks)
            if not self.partial and kind.partial >= 0:
                kind = find_type(type_name.partition("-")[2], lacks)
            found = search.search_find(
                self.process,
                kind,
                self.subject if kind.single_key else None,
                marked_like(rest.lstrip(SPACES), pattern),
            )
        except SearchError as error:
            log_write_die(self.process, str(error))
        except ExpansionFailed as error:
            if error.defer:
                return ListMatch(Rc.DEFER, error=error.message)
            log_write_die(self.process, error.message)
        if found.value is None:
            return ListMatch(Rc.DEFER, error=found.error) if found.deferred else FAILED
        self._capture(found.numeric or (self.subject,))
        return ListMatch(Rc.OK, found.value)


# ---- a list -----------------------------------------------------------------------------------------------


def match_check_list(
    process: Process,
    check: Check,
    text: str | None,
    *,
    name: str,
    list_name: str | None = None,
    expanding: bool = True,
    single: bool = False,
    cache: ListCache | None = None,
) -> ListMatch:
    """Match the items of a list in turn until one decides; the end decides against the last item's sign.

    ``text`` None is an unset option. ``name`` stands for the subject in the host-check trace, ``list_name``
    for the list (without it, the list itself is shown). ``expanding`` expands the list first: a forced
    failure is FAIL, any other is logged and DEFER. ``single`` takes the whole text for one item.
    Source: match_check_list(), src/match.c.
    """
    trace = ListTrace(process, name, list_name) if process.host_checking else SILENT
    if text is None:
        trace.unset()
        return FAILED
    items = text
    if expanding:
        try:
            items = _expanded(process, check, text)
        except ExpansionFailed as error:
            return _not_expanded(process, trace, text, error)
    if len(items) >= LONG and trace is SILENT and not single:
        at_once = getattr(check, "at_once", None)  # only a host's address can be looked for in all of a list
        found: ListMatch | None = at_once(items) if at_once is not None else None
        if found is not None:
            return found
    says_separator = process.profile.list_separator_read_first and matchlist_parse_sep(text)[0] is not None
    trace.begin(matchlist_parse_sep(items)[1] if says_separator else items)
    scan = _Scan(process, check, trace, name, cache, items)
    scan.shown = list_name or quoted(process, text)
    try:
        kept = process.profile.list_keeps_escaped_space
        return scan.run(([items] if items else []) if single else list_items(items, escaped_space=kept))
    except Unsupported as problem:
        raise placed(problem, process.config, text) from None
    finally:
        trace.end()


def _expanded(process: Process, check: Check, text: str) -> str:
    """The list, with a mark if it is tainted: then all its items are."""
    if "$" not in text and "\\" not in text:
        return text
    domain = check.subject_for_expansion
    if domain is None or "domain" in process.variables:
        return expand_marked(process, text)
    with process.setting(domain=domain):
        return expand_marked(process, text)


def _not_expanded(process: Process, trace: Silent, text: str, error: ExpansionFailed) -> ListMatch:
    if error.forced:
        trace.line(f'expansion of "{text}" forced failure: assume not in this list')
        return FAILED
    message = f"failed to expand {quoted(process, text)} while checking a list: {error.message}"
    log_write(process, message, panic=True)
    return ListMatch(Rc.DEFER, error=error.message)


class _Scan:
    """One pass over one list."""

    __slots__ = ("cache", "check", "defer", "name", "negated", "process", "shown", "trace",
                 "unknown", "whole")  # fmt: skip

    def __init__(
        self, process: Process, check: Check, trace: Silent, name: str, cache: ListCache | None, whole: str
    ) -> None:
        self.process = process
        self.check = check
        self.trace = trace
        self.name = name
        self.cache = cache
        self.whole = whole
        self.unknown: str | None = None
        self.defer: str | None = None
        self.negated = False
        self.shown = ""

    def run(self, items: Iterator[str] | list[str]) -> ListMatch:
        for item in items:
            self.process.effort.spend_on_searching(ITEM)
            self.trace.element(item)
            if item[:1] == "+" and self._is_switch(item):
                continue
            self.negated = item[:1] == "!"
            pattern = item[1:].lstrip(SPACES) if self.negated else item
            if pattern[:1] == "/":
                result = self._file(item, pattern)
            elif pattern[:1] == "+" and self.check.kind is not Kind.STRING and self.check.anchored:
                result = self._sublist(item, pattern[1:])
            else:
                result = self._item(item, pattern)
            if result is not None:
                return result
        self.trace.exhausted(self.negated)
        decided = MATCHED if self.negated else FAILED
        return decided if self.check.left is None else replace(decided, value=self.check.left)

    def _is_switch(self, item: str) -> bool:
        kind = self.check.kind
        if item == "+caseful" and kind in (Kind.ADDRESS, Kind.LOCALPART):
            self.check.make_caseful()
            return True
        if kind is Kind.HOST:
            word, _, what = item[1:].partition("_")
            if word in ("include", "ignore") and what in ("unknown", "defer"):
                setattr(self, what, word)
                return True
        return False

    def _decided(self, value: str | None) -> ListMatch:
        return ListMatch(Rc.FAIL if self.negated else Rc.OK, value)

    def _item(self, item: str, pattern: str) -> ListMatch | None:
        found = self.check.test(marked_like(pattern, self.whole))
        if found.rc is Rc.OK:
            self.trace.verdict(not self.negated, f'matched "{item}"')
            return self._decided(found.value)
        if found.rc is Rc.FAIL:
            return None
        return self._undecided(item, found, pattern)

    def _undecided(
        self, item: str, found: ListMatch, pattern: str, *, in_file: bool = False
    ) -> ListMatch | None:
        """DEFER (the lookup of an item's data) or ERROR (of a host's name or address)."""
        deferred = found.rc is Rc.DEFER
        wordless = ";" in pattern and self.process.search_error == ""  # so is a lookup sometimes
        error = found.error or (
            f"DNS lookup of {quoted(self.process, pattern)} deferred" if deferred and not wordless else ""
        )
        what, mode = ("defer", self.defer) if deferred else ("unknown", self.unknown)
        if mode == "ignore":
            self.trace.line(f"{error}: item ignored by +ignore_{what}")
            return None
        if deferred and mode is None:
            if self.process.search_error is None:
                self.process.search_error = error
            self.trace.deferred(item)
            return ListMatch(Rc.DEFER, error=error)
        if not deferred:
            self.trace.verdict(mode is not None, error)
        if not in_file:
            self.trace.leave_open()
        if mode is None:
            log_write(self.process, f"list matching forced to fail: {error}", when="unknown_in_list")
            return FAILED
        log_write(self.process, f"{error}: accepted by +include_{what}")
        return MATCHED

    def _sublist(self, item: str, name: str) -> ListMatch | None:
        trace = self.trace
        trace.start_sublist(name)
        text = self.process.config.named_lists.get(self.check.kind.value, {}).get(name)
        if text is None:
            return self._no_such_list(item, name)
        found = self.cache.get(name) if self.cache is not None else None
        cached = found is not None
        if found is None:
            found = self._entered(name, text)
            trace.end_sublist(name)
            if found.rc is Rc.DEFER:
                trace.deferred(item)
                return found
            if self.cache is not None and "$" not in text:
                self.cache[name] = found
                trace.saved(name, self.check.key, found.value)
        else:
            trace.cached(name, found.rc is Rc.OK, found.value)
        if found.rc is not Rc.OK:
            return None
        trace.verdict(not self.negated, f'matched "{item}"{" - cached" if cached else ""}')
        return self._decided(found.value)

    def _entered(self, name: str, text: str) -> ListMatch:
        kind = self.check.kind.value
        if self.process.resolver.deciding_again:  # the DNS asks once, and is not asked again
            kind += " for dns_again_means_nonexist"
        with self.process.effort.in_list(kind, name, self.check.key) as endless:
            if not endless:
                return match_check_list(self.process, self.check, text, name=self.name, cache=self.cache)
            if "$" in text:
                raise Unsupported(f'a named list that refers to itself by an expansion: "+{name}"')
            raise ProcessDied(SIGSEGV)  # the stack is used up, so that no handler can say a word

    def _no_such_list(self, item: str, name: str) -> ListMatch:
        message = f'unknown named{_KIND_WORDS[self.check.kind]} list "+{name}"'
        if not self.process.profile.unknown_named_list_defers:
            log_write_die(self.process, message)
        log_write(self.process, message, panic=True)
        self.trace.deferred(item)
        return ListMatch(Rc.DEFER)

    def _file(self, item: str, path: str) -> ListMatch | None:
        """Each line of a file is an item; the sign before the file's name turns all of them round."""
        try:
            content = from_octets(read_named_file(self.process, path, taint_of(self.whole)))
        except OSError as error:
            if error.errno != EACCES and self.process.world.path_kind(path) == "folder":
                return None  # it can be opened, and has no lines
            log_write_die(
                self.process, open_failed(f"{item} when checking {self.shown}", error, runs_as(self.process))
            )
        outside = self.negated
        for line in file_items(content, self.check.kind):
            self.process.effort.spend_on_searching(ITEM)
            self.negated = outside != line.startswith("!")
            pattern = line.lstrip("!" + SPACES) if line.startswith("!") else line
            found = self.check.test(pattern)
            if found.rc is Rc.OK:
                self.trace.verdict(not outside, f'matched "{line}" in {path}')
                return self._decided(pattern if self.process.profile.list_match_gives_data else found.value)
            if found.rc is not Rc.FAIL:
                result = self._undecided(item, found, pattern, in_file=True)
                if result is not None:
                    return result
        return None
