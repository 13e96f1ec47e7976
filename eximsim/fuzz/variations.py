"""A situation varied in one respect, for laws that compare two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import Enum

from eximsim.fuzz.run import Run
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation


class Vary(Enum):
    """In what respect a situation is varied."""

    AGAIN = "the same again"
    KIND = "a callout in the place of the delivery, or the other way round"
    STRICTER = "one option made stricter"
    LOOSER_CHECK = "one option about verification made looser"
    RECORDS = "the records of one answer in the opposite order"
    HOSTS = "the hosts in the opposite order"
    ALONE = "one recipient alone"


@dataclass(frozen=True, slots=True)
class Varied:
    """A varied situation; ``words`` say what was varied, for people."""

    vary: Vary
    words: str
    situation: Situation
    kind: str
    seed: int

    @property
    def key(self) -> tuple[str, str]:
        """What tells variations of one situation apart."""
        return self.vary.name, self.words


STRICTER: tuple[Mapping[str, str], ...] = (
    {"hosts_require_dane": "*"},
    {"hosts_try_dane": "*"},
    {"hosts_require_tls": "*"},
    {"tls_verify_hosts": "*"},
    {"tls_tempfail_tryclear": "false"},
)
"""Settings of the transport that ask for more security."""

LOOSER: tuple[Mapping[str, str], ...] = (
    {"tls_verify_hosts": ""},
    {"tls_try_verify_hosts": ""},
    {"tls_verify_hosts": "", "tls_try_verify_hosts": ""},
)
"""Settings of the transport that ask for less of a certificate."""


def variations(vary: Vary, run: Run) -> Iterator[Varied]:
    """The variations of a run in one respect."""
    situation, kind = run.situation, run.kind
    if vary is Vary.AGAIN:
        yield Varied(vary, vary.value, situation, kind, run.seed)
    elif vary is Vary.KIND:
        other = "delivery" if run.is_callout else "callout"
        yield Varied(vary, f"as a {other}", replace(situation, kinds=(other,)), other, run.seed)
    elif vary is Vary.ALONE:
        for name in situation.recipients if len(situation.recipients) > 1 else ():
            yield Varied(vary, f"{name} alone", replace(situation, recipients=(name,)), kind, run.seed)
    elif vary in (Vary.STRICTER, Vary.LOOSER_CHECK):
        for settings in STRICTER if vary is Vary.STRICTER else LOOSER:
            if any(situation.transport.get(name) != value for name, value in settings.items()):
                words = ", ".join(f"{name} = {value}" for name, value in settings.items())
                changed = replace(situation, transport={**situation.transport, **settings})
                yield Varied(vary, words, changed, kind, run.seed)
    else:
        for words, changed in _reordered(situation, hosts=vary is Vary.HOSTS):
            yield Varied(vary, words, changed, kind, run.seed)


def _reordered(situation: Situation, *, hosts: bool) -> Iterator[tuple[str, Situation]]:
    for place, entry in enumerate(situation.zone):
        data = entry.get("data")
        if not isinstance(data, list) or len(data) < 2 or (entry["type"] == "MX") != hosts:
            continue
        if hosts:
            turned = _turned(data)
        elif entry["type"] == "TLSA":
            turned = data[::-1]
        else:
            continue  # Exim orders a host's addresses by chance
        zone = (*situation.zone[:place], {**entry, "data": turned}, *situation.zone[place + 1 :])
        yield f"{entry['name']} {entry['type']} turned round", replace(situation, zone=zone)


def _turned(data: list[list[object]]) -> list[list[object]]:
    """The hosts in the opposite order: of one preference by their places, of several by these."""
    if max(Counter(str(preference) for preference, _ in data).values()) > 1:
        return data[::-1]
    return [[preference, name] for (preference, _), (_, name) in zip(data, data[::-1], strict=True)]
