"""The finite space of one or two MX hosts: DNS answers, servers' replies and option settings as axes.

Each value of an axis is written once, in the form that a situation has for it: an entry of the zone, a key of
a server's script, a setting. The lazy zone, servers and options are made from the same values, so that a leaf
of the exploration and its ``situation()`` are the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from eximsim.explore.choices import Axis, Choices
from eximsim.explore.lazy_world import FAILURES, ZEROES, RRset
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation
from eximsim.suite.stand_configuration import SERVER_PORT

_SECURE: RRset = {"ad": True}
_FAILURES: Mapping[str, RRset] = MappingProxyType(
    {
        "NODATA": {"ad": True},
        "NXDOMAIN": {"ad": True, "rcode": "NXDOMAIN"},
        **FAILURES,
        "NODATA insecure": {"ad": False},
        "NXDOMAIN insecure": {"ad": False, "rcode": "NXDOMAIN"},
    }
)
"""Answers without data, by the word for them."""

_TLSA: Mapping[str, RRset] = MappingProxyType(
    {
        "match": {**_SECURE, "data": ["3 1 1 @cert:good"]},
        "mismatch": {**_SECURE, "data": ["030101" + ZEROES]},
        "unusable": {**_SECURE, "data": ["1 1 1 @cert:good", "3 1 3 @cert:good"]},
        "authority": {**_SECURE, "data": ["2 0 1 @cert:root"]},
        "match, unusable": {**_SECURE, "data": ["3 1 1 @cert:good", "010101" + ZEROES]},
        "unusable, match": {**_SECURE, "data": ["010101" + ZEROES, "3 1 1 @cert:good"]},
        "match, mismatch": {**_SECURE, "data": ["3 1 1 @cert:good", "030101" + ZEROES]},
        "mismatch, match": {**_SECURE, "data": ["030101" + ZEROES, "3 1 1 @cert:good"]},
        "insecure": {"ad": False, "data": ["3 1 1 @cert:good"]},
    }
)
"""Answers to the TLSA question that hold records."""

_SILENT = {"lines": [], "then": "silence"}
_CLOSES = {"lines": [], "then": "close"}

SERVER_STEPS: Mapping[str, Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "connect": {"answered": {}, "refused": {"listen": False}},
        "banner": {
            "220": {},
            "421": {"banner": {"lines": ["421 busy"], "then": "close"}},
            "554": {"banner": "554 no service"},
            "silence": {"banner": _SILENT},
        },
        "EHLO": {
            "STARTTLS": {},
            "no STARTTLS": {"extensions": ["HELP"]},
            "502": {"ehlo": "502 not implemented"},
            "421": {"ehlo": {"lines": ["421 busy"], "then": "close"}},
        },
        "STARTTLS": {
            "220": {},
            "454": {"starttls": "454 not now"},
            "554": {"starttls": "554 never"},
            "closes": {"starttls": _CLOSES},
            "silence": {"starttls": _SILENT},
        },
        "handshake": {
            "completes": {},
            "fails": {"starttls": {"lines": ["220 go ahead"], "then": "garbage"}},
            "closes": {"starttls": {"lines": ["220 go ahead"], "then": "close"}},
        },
        "certificate": {
            name: {"chain": name} if name != "good" else {}
            for name in ("good", "selfsigned", "wrongname", "expired")
        },
        "MAIL": {
            "250": {}, "450": {"mail": "450 later"}, "550": {"mail": "550 not you"},
            "closes": {"mail": _CLOSES},
        },
        "RCPT": {
            "250": {}, "550": {"rcpt": "550 unknown"}, "450": {"rcpt": "450 later"},
            "closes": {"rcpt": _CLOSES},
        },
        "DATA": {
            "354": {}, "451": {"data": "451 fault"}, "554": {"data": "554 no"}, "closes": {"data": _CLOSES},
        },
        "end of data": {
            "250": {}, "451": {"end_of_data": "451 fault"}, "554": {"end_of_data": "554 spam"},
            "closes": {"end_of_data": _CLOSES},
        },
    }
)  # fmt: skip
"""What a server can do at each step: the keys of its script, by step and by the word for it."""

OPTIONS: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "hosts_try_dane": {"everybody": "*", "nobody": ""},
        "hosts_require_dane": {"nobody": "", "everybody": "*"},
        "hosts_require_tls": {"nobody": "", "everybody": "*"},
        "tls_tempfail_tryclear": {"true": "true", "false": "false"},
        "tls_verify_hosts": {"not set": None, "everybody": "*", "nobody": ""},
        "tls_try_verify_hosts": {"everybody": "*", "nobody": ""},
    }
)
"""The transport's options that are axes, and the settings that each value stands for; None: not set."""

_FULL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "order": ("as written", "the other way"),
        "MX": ("secure", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "time-out"),
        "A": ("secure", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "time-out"),
        "AAAA": ("none", "none, insecure", "SERVFAIL"),
        "TLSA": (*_TLSA, *_FAILURES),
        **{step: tuple(values) for step, values in SERVER_STEPS.items()},
        **{option: tuple(values) for option, values in OPTIONS.items()},
    }
)
_SHORT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **_FULL,
        "MX": ("secure", "insecure"),
        "A": ("secure", "insecure"),
        "AAAA": ("none",),
        "TLSA": (
            "match", "mismatch", "unusable", "insecure", "NODATA", "NXDOMAIN", "SERVFAIL", "FORMERR",
        ),
        "banner": ("220",),
        "EHLO": ("STARTTLS", "no STARTTLS"),
        "STARTTLS": ("220", "454", "554"),
        "handshake": ("completes", "fails"),
        "certificate": ("good", "selfsigned"),
        "MAIL": ("250",),
        "RCPT": ("250", "550", "450"),
        "DATA": ("354",),
        "end of data": ("250",),
    }
)  # fmt: skip
DETAILS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({"short": _SHORT, "full": _FULL})
"""How finely the world is divided: the values of each kind of axis.

``short`` has the inputs that decide about security (of hosts, TLSA, STARTTLS, TLS, verification, the reply to
RCPT); ``full`` all replies at all steps, failures of MX and address questions, and mixtures of records.
"""


@dataclass(frozen=True)
class Space:
    """A recipient in a domain with one or two MX hosts, and all that can be said about them.

    ``equal``: the hosts have the same preference, and both orders are tried. ``options`` are those of
    ``OPTIONS`` that are axes; the others are left out of the situation. ``values`` narrows kinds of axes
    (``{"TLSA": ("match", "NODATA")}``). Host ``n`` is ``hn-a.test.ex`` at ``10.9.n.1``.
    """

    hosts: int = 1
    kind: str = "delivery"
    equal: bool = False
    detail: str = "short"
    options: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domain: str = "one.test.ex"

    @property
    def recipient(self) -> str:
        """The one recipient."""
        return f"a@{self.domain}"

    @cached_property
    def axes(self) -> Mapping[str, Axis]:
        """All axes by name: those of a host are called ``h1 TLSA``."""
        names = [("MX", "MX")]
        if self.equal and self.hosts > 1:
            names.append(("order", "order"))
        for host in self.names:
            names += [(f"{host} {kind}", kind) for kind in ("A", "AAAA", "TLSA", *SERVER_STEPS)]
        names += [(option, option) for option in self.options]
        return {name: Axis(name, self._values(kind)) for name, kind in names}

    def _values(self, kind: str) -> tuple[str, ...]:
        return self.values.get(kind, DETAILS[self.detail][kind])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The hosts in the order of the MX records: ``h1``, ``h2``."""
        return tuple(f"h{number}" for number in range(1, self.hosts + 1))

    def value(self, choices: Choices, name: str) -> str:
        """The value of the axis ``name`` in a run."""
        return choices.choose(name, self.axes[name].values)

    # ---- the plain form

    def situation(self, path: Mapping[str, str]) -> Situation:
        """See ``Plan``; its ``params`` are the path."""
        whole = {name: path.get(name, axis.values[0]) for name, axis in self.axes.items()}
        zone = [self._mx(whole["MX"], whole.get("order", ""))]
        servers: dict[str, str | Mapping[str, object]] = {}
        for host in self.names:
            zone += [self._entry(host, kind, whole[f"{host} {kind}"]) for kind in ("A", "AAAA", "TLSA")]
            does = tuple([(step, whole[f"{host} {step}"]) for step in SERVER_STEPS])
            servers[self.address(host)] = script_of(does) or "ok"
        settings = {name: OPTIONS[name][whole[name]] for name in self.options}
        return Situation(
            id="",
            group="space",
            params=dict(path),
            recipients=(self.recipient,),
            zone=tuple(zone),
            main={},
            router={"dnssec_request_domains": "*"},
            transport={name: value for name, value in settings.items() if value is not None},
            servers=servers,
            kinds=(self.kind,),
        )

    @staticmethod
    def name(host: str) -> str:
        """The name of host ``"h1"`` in the DNS."""
        return f"{host}-a.test.ex"

    @property
    def exchanged(self) -> Mapping[str, str]:
        """Two hosts' names, each standing for the other."""
        first, second = map(self.name, self.names)
        return {first: second, second: first}

    @staticmethod
    def address(host: str) -> str:
        """The address of host ``"h1"``."""
        return f"10.9.{host[1:]}.1"

    def _mx(self, word: str, order: str) -> RRset:
        data = [
            [10 if self.equal else 10 * number, self.name(host)] for number, host in enumerate(self.names, 1)
        ]
        if order == self._values("order")[-1]:
            data.reverse()
        return {"name": self.domain, "type": "MX", **_answer(word, data)}

    def _entry(self, host: str, kind: str, word: str) -> RRset:
        """The zone's entry about a host, made once."""
        key = host, kind, word
        if key not in self._entries:
            self._entries[key] = self._new_entry(host, kind, word)
        return self._entries[key]

    @cached_property
    def _entries(self) -> dict[tuple[str, str, str], RRset]:
        return {}

    def _new_entry(self, host: str, kind: str, word: str) -> RRset:
        if kind == "TLSA":
            found = _TLSA.get(word) or _FAILURES[word]
            return {"name": f"_{SERVER_PORT}._tcp.{self.name(host)}", "type": kind, **found}
        if kind == "AAAA":
            word = {"none": "NODATA", "none, insecure": "NODATA insecure"}.get(word, word)
        return {"name": self.name(host), "type": kind, **_answer(word, [self.address(host)])}

    # ---- the lazy form

    def entry(self, name: str, type: str, choices: Choices) -> RRset | None:
        """The zone's entry that answers a question; None if no axis is about it."""
        if name == self.domain and type == "MX":
            word = self.value(choices, "MX")
            order = self.value(choices, "order") if "order" in self.axes and word in _DATA else ""
            return self._mx(word, order)
        owner = name.partition("._tcp.")[2] if type == "TLSA" and name.startswith("_") else name
        host = owner.partition("-")[0]
        if host not in self.names or owner != self.name(host) or type not in ("A", "AAAA", "TLSA"):
            return None
        return self._entry(host, type, self.value(choices, f"{host} {type}"))


_DATA = ("secure", "insecure")


def _answer(word: str, data: list[Any]) -> RRset:
    """An answer with data, secure or not, or without."""
    return {"ad": word == "secure", "data": data} if word in _DATA else _FAILURES[word]


@lru_cache(maxsize=65536)
def script_of(steps: tuple[tuple[str, str], ...]) -> Mapping[str, object]:
    """The script of a server that does this at these steps, and is as it should be for the rest.

    A step adds nothing to a key that an earlier one has spoilt already.
    """
    script: dict[str, object] = {}
    for step, word in steps:
        script.update({key: value for key, value in SERVER_STEPS[step][word].items() if key not in script})
    return script
