"""What a configuration can look at: which parts of the state of a run can still make a difference.

A part may be left out of a state if all that reads it is an expansion that the configuration does not have,
an option that it does not set, or something that is over. Wherever that cannot be told, the part counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from eximsim.explore.state_pickler import EXPANDED_ONLY
from eximsim.mta.config.readconf import Config
from eximsim.mta.lookup.dns import RESOLVER_TIMEOUT, RESOLVER_TRIES
from eximsim.mta.process.globals import Process
from eximsim.mta.records.structs import RetryItem
from eximsim.mta.transports import dane
from eximsim.ports import DnsAnswer
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult
from eximsim.suite.policy import Policy

_WORD = re.compile(r"\w+")
_ACL = re.compile(r"\bacl(?:_(?:not_)?smtp\w*)?\s*(?:=|\{+)\s*([^\s}]+)")
"""What names an ACL, or is one: in an option, a condition or an expansion."""
_NESTED = re.compile(r"\bacl\s*[={]")
"""An ACL in a condition or an expansion."""
_ANYTHING = frozenset(("expand", "system_filter", "allow_filter"))
"""Words after which texts are expanded that the configuration does not hold."""

_CLOCK = re.compile(r"tod_\w+|message_age|received_time|time_eval|time_interval")
_TIMES = ("delay_warning", "ignore_bounce_errors_after", "retry_data_expire")
"""What looks at the clock: expansions, and options whose defaults are hours. What logs tell of it passes.

``auto_thaw`` and ``timeout_frozen_after`` are for messages that an earlier delivery has frozen.
"""
_WAITS = ("command_timeout", "connect_timeout", "data_timeout", "final_timeout")
_DELAY_WARNING = 24 * 3600
"""When the sender is told of a delay, unless the configuration says otherwise."""
_CALLS, _QUESTIONS = 12, 120
"""So often a run waits at most: for a server, three hosts being called twice in two rounds; for the DNS."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """What counts of a state under one configuration; each is true where it cannot be told."""

    text: str
    everything: bool
    """It is not known what the configuration looks at."""
    hidden: frozenset[str]
    """Variables that nothing looks at."""
    clock: bool
    """What time it is.

    It does where something looks at a time that a run can come to: with all that it can wait for.
    """
    ports: bool
    """The port that a connection was made from."""
    sni: bool
    """The server name that DANE has left behind in the transport's options."""
    ocsp: bool
    """Whether DANE has changed hosts_request_ocsp."""
    last_command: bool
    """What Exim's big buffer was last used for."""
    address_security: bool
    """Of a host that was tried: whether its address was secure. What logs tell of it passes."""
    random: bool
    """A callout can ask about a random recipient, after which it may have to call again."""
    sequence: bool
    """What a client said to set its calls up, by first letters."""
    retry_rules: bool
    """For which host or address, and after which error, a retry item is."""
    fallback: bool
    """Hosts can be tried again in the same delivery."""
    defer_ok: bool
    """An address that no host has answered about can pass."""
    acls: bool
    """One statement of an ACL can lead to another ACL."""
    pids: bool = True
    """The numbers of processes."""
    written: bool = False
    """How much has been written; a log line tells it where a server keeps silent."""
    inputs: bool = False
    """What a decision is made from, where the decision itself is the same."""

    @property
    def asks(self) -> bool:
        """Whether the configuration can ask the DNS for any name, in an expansion."""
        return self.everything or "dnsdb" in self.text

    def names(self, host: str) -> bool:
        """Whether the configuration can ask for a host: by its name, or in an expansion by any name."""
        return self.asks or host in self.text

    def has_passed(self, process_clock: float) -> float | None:
        """The time, as far as it counts."""
        return process_clock if self.clock else None

    def variables(self, values: Mapping[str, object]) -> dict[str, object]:
        """The variables that count."""
        return {name: value for name, value in values.items() if name not in self.hidden}

    def retry_item(self, item: RetryItem) -> tuple[object, ...]:
        """What counts of something that is written to the retry database in the end."""
        if self.retry_rules:
            return item.key, item.basic_errno, item.more_errno, item.host
        return (item.host,) if self.clock else ()

    def options_block(self, changed: Mapping[str, object]) -> dict[str, object]:
        """What counts of the options that a driver has changed for itself."""
        counts = {"tls_sni": self.sni, "hosts_request_ocsp": self.ocsp}
        return {name: value for name, value in changed.items() if counts.get(name, True)}

    def failed_question(self, process: Process, type: str, result: DnsResult, answer: DnsAnswer) -> object:
        """What counts of an answer that is remembered as a failure: of TLSA, what would be decided again."""
        if self.inputs or type != "TLSA" or process.config.main.text("dns_trust_aa") is not None:
            return result, answer
        cells, wanted = dane.TLSA_RESULT.cells(process.profile), dane.TLSA_RESULT.columns[2].values
        decided = (cells[result, answer.ad, want] for want in wanted)
        return tuple((row.outcome, row.text, row.log) for row in decided)


def relevance(policy: Policy) -> Relevance:
    """What counts under a policy."""
    config = policy.config
    text = "\n".join(line for line in config.shown if not line.startswith("#"))
    words = frozenset(_WORD.findall(text))
    if "all" not in _WORD.findall(config.main.text("log_selector") or ""):
        words -= {"all"}
    everything = policy.changed is not None or not words.isdisjoint(_ANYTHING) or _acls_from_elsewhere(text)
    rules = config.retries
    return Relevance(
        text,
        everything,
        hidden=frozenset(_hidden(words)) if not everything else frozenset(),
        clock=everything
        or any(map(_CLOCK.fullmatch, words))
        or any(time <= _longest(config) for time in _looked_at(config)),
        ports=everything or "sending_port" in words,
        sni=everything or any("sni" in word for word in words),
        ocsp=everything or any("ocsp" in word for word in words),
        last_command=everything or not words.isdisjoint({"smtps", "submissions"}),
        address_security=everything or "lookup_dnssec_authenticated" in words,
        random=everything or "random" in words,
        sequence=False,
        retry_rules=any(rule.basic_errno or rule.senders or rule.pattern != "*" for rule in rules),
        fallback="fallback_hosts" in words,
        defer_ok=everything or "defer_ok" in words,
        acls=everything or _NESTED.search(text) is not None,
    )


def _acls_from_elsewhere(text: str) -> bool:
    """Whether an ACL can be in a file of its own, or in the result of an expansion."""
    return any(not {"$", "/"}.isdisjoint(found) for found in _ACL.findall(text))


def _longest(config: Config) -> int:
    """So many seconds a run can take at most."""
    drivers = (one.options for one in config.transports.values())
    waits = (one.value(name) for one in drivers for name in _WAITS if name in one.names)
    longest = max((wait for wait in waits if isinstance(wait, int)), default=0)
    asked = config.main.number("dns_retry") or RESOLVER_TRIES
    dns = asked * (config.main.seconds("dns_retrans") or RESOLVER_TIMEOUT)
    return _CALLS * longest + _QUESTIONS * dns


def _looked_at(config: Config) -> Iterator[int]:
    """The times that are looked at, in seconds from the beginning: of the main section and of retry rules."""
    yield _DELAY_WARNING
    for name in _TIMES:
        if config.main.is_set(name):
            yield from config.main.times(name) or (config.main.seconds(name),)
    yield from (rule.rules[-1].timeout for rule in config.retries if rule.rules)


def _hidden(words: frozenset[str]) -> Iterator[str]:
    yield from (name for name in EXPANDED_ONLY if not _named(name, words))
    yield from (name for name, named in _OWN_END.items() if words.isdisjoint(named))


_OWN_END = {
    "sending_ip_address": ("sending_ip_address", "outgoing_interface", "all"),
    "sending_port": ("sending_port",),
}
"""Variables of this end of a connection, and what tells of them: expansions, and a log selector."""


def _named(variable: str, words: frozenset[str]) -> bool:
    """Whether a configuration has the variable, or the name that it had before it was one of two."""
    return variable in words or variable.replace("_out", "") in words
