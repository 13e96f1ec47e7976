"""The messages that have to be tried, so that everything which a configuration tells apart is seen at work.

Trying each sender with each local part at each domain would be far too much, and trying them one by one too
little: a router may look at local parts of some domains only, or after another one has passed the message
on. So the routers themselves say what belongs together. Domains of which they make the same are one class;
every local part is tried at one domain of each class, and at all domains of a class in which local parts
matter; every sender with what has come of that. What one router or one verb of an ACL names is tried
together, whatever came before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import product

from eximsim.gate.named import ANYBODY, Named
from eximsim.gate.routes import Mail

ANY_DOMAIN = "destination.example"
"""Stands for every domain that the configuration does not name."""

_MOST = 1200
"""So many messages of a kind are tried, of local parts and of senders."""
_MOST_TOGETHER = 200
"""So many of one router each with each."""

Course = Callable[[Mail], Hashable]
"""What the routers of all policies make of a message."""


class Messages:
    """The messages to try: those that somebody asked for first, then to anybody, then to all names.

    ``course`` tells messages apart. ``untried`` are names that were too many, in words.
    """

    def __init__(
        self, named: Named, recipients: Sequence[str], senders: Sequence[str], course: Course
    ) -> None:
        self._named, self._course = named, course
        self._recipients, self._senders = recipients, senders
        self._found: dict[Mail, None] = {}
        self.untried: dict[str, None] = {}

    def all(self) -> tuple[Mail, ...]:
        """All of them, each once."""
        domains = tuple(dict.fromkeys((ANY_DOMAIN, *self._named.domains)))
        anybody = Mail(f"{ANYBODY}@{ANY_DOMAIN}")
        self._add(Mail(one, sender) for one in self._recipients for sender in self._senders or (None,))
        if not (self._recipients and self._senders):
            self._add(Mail(anybody.recipient, sender) for sender in self._senders)
        plain = self._add(Mail(f"{ANYBODY}@{domain}") for domain in domains)
        plain += self._add(Mail(one) for one in self._named.mailboxes)
        self._add_senders((*map(Mail, self._recipients), anybody))
        kinds = self._classes(plain)
        known = [*self._classes([*(kind[0] for kind in kinds), *self._add_locals(kinds)])]
        self._add_senders(kind[0] for kind in known)
        for part in self._named.together:
            self._add_together(part)
        return tuple(self._found)

    def _add(self, mails: Iterable[Mail]) -> list[Mail]:
        """Those of some messages that Exim takes for such."""
        good = [mail for mail in mails if all(map(_is_address, (mail.recipient, mail.sender or "a@b")))]
        self._found.update(dict.fromkeys(good))
        return good

    def _classes(self, mails: Iterable[Mail]) -> tuple[tuple[Mail, ...], ...]:
        """Messages of which the routers make the same."""
        found: dict[Hashable, list[Mail]] = {}
        for mail in mails:
            found.setdefault(self._course(mail), []).append(mail)
        return tuple(map(tuple, found.values()))

    def _add_locals(self, kinds: Sequence[Sequence[Mail]]) -> list[Mail]:
        """Every local part in each class; where they matter, one of each sort at all domains of the class."""
        names = self._fewer("local parts", list(self._named.locals), len(kinds))
        found: list[Mail] = []
        for kind in kinds:
            there = self._add(Mail(f"{name}@{kind[0].domain}") for name in names)
            sorts = [sort[0] for sort in self._classes([kind[0], *there])][1:]
            for sort in sorts:
                local = sort.recipient.rpartition("@")[0]
                self._add(Mail(f"{local}@{other.domain}") for other in kind[1:])
            found += sorts
        return found

    def _add_senders(self, mails: Iterable[Mail]) -> None:
        """Every sender with some messages."""
        mails = tuple(mails)
        senders = self._fewer("senders", list(self._named.senders), len(mails))
        self._add(Mail(mail.recipient, sender) for sender in senders for mail in mails)

    def _fewer(self, what: str, names: list[str], times: int) -> list[str]:
        """As many names as can be tried so many times."""
        most = max(_MOST // max(times, 1), 1)
        if len(names) > most:
            self.untried[f"{len(names) - most} of {len(names)} {what}"] = None
        return names[:most]

    def _add_together(self, part: Named) -> None:
        """What one part of a configuration names, each with each."""
        locals_ = list(part.locals) or [ANYBODY]
        affixed = [one for one in locals_ if ANYBODY in one and one != ANYBODY]
        locals_ += [one.replace(ANYBODY, name) for one in affixed for name in locals_ if name not in affixed]
        axes = (list(part.domains) or [ANY_DOMAIN], locals_, [None, *part.senders])
        for domain, local, sender in _each_with_each(axes):
            self._add((Mail(f"{local}@{domain}", sender),))


def _each_with_each(
    axes: tuple[list[str], list[str], list[str | None]],
) -> Iterator[tuple[str, str, str | None]]:
    """All combinations; if they are too many, each value with those that come first of the others."""
    domains, locals_, senders = axes
    few = len(domains) * len(locals_) * len(senders) <= _MOST_TOGETHER
    numbered = product(enumerate(domains), enumerate(locals_), enumerate(senders))
    for (a, domain), (b, local), (c, sender) in numbered:
        if few or (a > 1) + (b > 1) + (c > 1) <= 1:
            yield domain, local, sender


def _is_address(text: str) -> bool:
    return _ADDRESS.fullmatch(text) is not None


_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ADDRESS = re.compile(rf"[\w+=/-]+(?:\.[\w+=/-]+)*@{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
"""What Exim takes for an address, as far as names of configurations go."""
