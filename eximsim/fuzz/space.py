"""The finite space of one or two MX hosts: DNS answers, servers' replies and option settings as axes.

Each value of an axis is written once, in the form that a situation has for it: an entry of the zone, a key of
a server's script, a setting. The words are those of ``explore.vocabulary``. The lazy zone, servers and
options are made from the same values, so that a leaf of the exploration and its ``situation()`` are the same
run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from types import MappingProxyType

from eximsim.explore import vocabulary as words
from eximsim.explore.choices import Axis, Choices
from eximsim.explore.vocabulary import RRset
from eximsim.quick_dataclass import dataclass
from eximsim.suite.recording import Situation
from eximsim.suite.stand_configuration import SERVER_PORT

_OF_DNS = (words.A, words.AAAA, words.TLSA.name)
_SILENT = {"lines": [], "then": "silence"}
_CLOSES = {"lines": [], "then": "close"}
_BUSY = {"lines": ["421 busy"], "then": "close"}

SERVER_STEPS: Mapping[str, Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        words.CONNECT.name: {"accepted": {}, "refused": {"listen": False}},
        words.BANNER.name: {
            "2xx": {}, "4xx": {"banner": _BUSY}, "5xx": {"banner": "554 no service"},
            "none in time": {"banner": _SILENT},
        },
        words.EHLO.name: {
            "STARTTLS": {}, "no STARTTLS": {"extensions": ["HELP"]},
            "5xx": {"ehlo": "502 not implemented"}, "4xx": {"ehlo": _BUSY},
        },
        words.STARTTLS.name: {
            "2xx": {}, "4xx": {"starttls": "454 not now"}, "5xx": {"starttls": "554 never"},
            "connection lost": {"starttls": _CLOSES}, "none in time": {"starttls": _SILENT},
        },
        words.HANDSHAKE.name: {
            "completes": {},
            "fails": {"starttls": {"lines": ["220 go ahead"], "then": "garbage"}},
            "connection lost": {"starttls": {"lines": ["220 go ahead"], "then": "close"}},
        },
        words.CERTIFICATE.name: {
            word: {"chain": words.CHAINS[word]} if word != "good" else {}
            for word in ("good", "self-signed", "another name", "expired")
        },
        words.MAIL.name: {
            "2xx": {}, "4xx": {"mail": "450 later"}, "5xx": {"mail": "550 not you"},
            "connection lost": {"mail": _CLOSES},
        },
        words.RCPT.name: {
            "2xx": {}, "5xx": {"rcpt": "550 unknown"}, "4xx": {"rcpt": "450 later"},
            "connection lost": {"rcpt": _CLOSES},
        },
        words.DATA.name: {
            "2xx": {}, "4xx": {"data": "451 fault"}, "5xx": {"data": "554 no"},
            "connection lost": {"data": _CLOSES},
        },
        words.END.name: {
            "2xx": {}, "4xx": {"end_of_data": "451 fault"}, "5xx": {"end_of_data": "554 spam"},
            "connection lost": {"end_of_data": _CLOSES},
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

_DATA = (words.SECURE, words.INSECURE)
_RECORDS = tuple(word for word in words.TLSA_RECORDS if word != "too short")
_FULL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        words.ORDER: ("as written", "the other way"),
        words.MX.name: (*_DATA, "no data", "NXDOMAIN", "SERVFAIL", "time-out"),
        words.A: (*_DATA, "no data", "NXDOMAIN", "SERVFAIL", "time-out"),
        words.AAAA: ("no data", "no data, insecure", "SERVFAIL"),
        words.TLSA.name: (*_RECORDS, words.INSECURE, *words.WITHOUT_DATA),
        **{step: tuple(values) for step, values in SERVER_STEPS.items()},
        **{option: tuple(values) for option, values in OPTIONS.items()},
    }
)
_SHORT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **{axis: values[:1] for axis, values in _FULL.items()},
        words.ORDER: _FULL[words.ORDER],
        words.MX.name: _DATA,
        words.A: _DATA,
        words.TLSA.name: (
            "match", "mismatch", "unusable", "insecure", "no data", "NXDOMAIN", "SERVFAIL", "FORMERR",
        ),
        words.CONNECT.name: ("accepted", "refused"),
        words.EHLO.name: ("STARTTLS", "no STARTTLS"),
        words.STARTTLS.name: ("2xx", "4xx", "5xx"),
        words.HANDSHAKE.name: ("completes", "fails"),
        words.CERTIFICATE.name: ("good", "self-signed"),
        words.RCPT.name: ("2xx", "5xx", "4xx"),
        **{option: tuple(values) for option, values in OPTIONS.items()},
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
    (``{"TLSA": ("match", "no data")}``). Host ``n`` is ``hn-a.test.ex`` at ``10.9.n.1``.
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
        """All axes by name: those of a host are called ``TLSA of h1``."""
        names = [words.MX.name, *([words.ORDER] if self.equal and self.hosts > 1 else [])]
        for host in self.names:
            names += [f"{kind} of {host}" for kind in (*_OF_DNS, *SERVER_STEPS)]
        names += self.options
        return {name: Axis(name, self._values(words.asked_of(name)[0])) for name in names}

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
        zone = [self._mx(whole[words.MX.name], whole.get(words.ORDER, ""))]
        servers: dict[str, str | Mapping[str, object]] = {}
        for host in self.names:
            zone += [self._entry(host, kind, whole[f"{kind} of {host}"]) for kind in _OF_DNS]
            does = tuple([(step, whole[f"{step} of {host}"]) for step in SERVER_STEPS])
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
        if order == self._values(words.ORDER)[-1]:
            data.reverse()
        return {"name": self.domain, "type": "MX", **words.answered(word, data)}

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
        if kind != "TLSA":
            return {"name": self.name(host), "type": kind, **words.answered(word, [self.address(host)])}
        records = words.TLSA_RECORDS.get(word)
        found = words.answered(words.SECURE if records else word, records or words.TLSA_RECORDS["match"])
        return {"name": f"_{SERVER_PORT}._tcp.{self.name(host)}", "type": kind, **found}

    # ---- the lazy form

    def entry(self, name: str, type: str, choices: Choices) -> RRset | None:
        """The zone's entry that answers a question; None if no axis is about it."""
        if name == self.domain and type == "MX":
            word = self.value(choices, words.MX.name)
            order = self.value(choices, words.ORDER) if words.ORDER in self.axes and word in _DATA else ""
            return self._mx(word, order)
        owner = name.partition("._tcp.")[2] if type == "TLSA" and name.startswith("_") else name
        host = owner.partition("-")[0]
        if host not in self.names or owner != self.name(host) or type not in _OF_DNS:
            return None
        return self._entry(host, type, self.value(choices, f"{type} of {host}"))


@lru_cache(maxsize=65536)
def script_of(steps: tuple[tuple[str, str], ...]) -> Mapping[str, object]:
    """The script of a server that does this at these steps, and is as it should be for the rest.

    A step adds nothing to a key that an earlier one has spoilt already.
    """
    script: dict[str, object] = {}
    for step, word in steps:
        script.update({key: value for key, value in SERVER_STEPS[step][word].items() if key not in script})
    return script
