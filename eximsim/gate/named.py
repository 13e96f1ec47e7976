"""The names that a configuration tells apart: domains, local parts, senders, hosts and addresses.

They are taken from all that it says (options, named lists, conditions of ACLs, retry rules) and from the
files that it names. A pattern has a name that fits it as its witness: any.bank.example for
``*.bank.example``. That a name is here and makes no difference does no harm: the survey finds that out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, fields, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from eximsim.errors import Gap
from eximsim.explore.relevance import relevance
from eximsim.gate import offers
from eximsim.gate.apart import addresses_apart
from eximsim.gate.named_words import examples_of, fits, held
from eximsim.gate.path_places import place_of_path
from eximsim.mta.base.string import list_items, string_is_ip_address
from eximsim.mta.config.options import Options
from eximsim.mta.config.options_auths import can_be_client
from eximsim.mta.config.readconf import Config
from eximsim.mta.records.lookups import LOOKUPS
from eximsim.quick_dataclass import dataclass
from eximsim.suite.policy import Policy
from eximsim.suite.policy_addresses import HOSTNAME

ANYBODY = "someone"
"""The local part that stands for every one that the configuration does not name."""

ENTRIES = 60
"""Of so many entries of a file each is looked at; of a longer one also those that differ between policies."""

_LABELS = r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_DOMAIN = re.compile(rf"(?<![\w.@/$%-])(\*?\.?)({_LABELS})(?![\w/-])", re.IGNORECASE)
_MAILBOX = re.compile(rf"(?<![\w.+*/$-])([\w.+*-]++)@(\*?\.?)({_LABELS}|[\w-]+)(?![\w-])", re.IGNORECASE)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w.])")
_IPV6 = re.compile(r"(?<![\w.])(?:[0-9a-f]{0,4}:)+[0-9a-f]{0,4}(?:/\d{1,3})?(?![\w.])", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w.}])/[^\s:;{}\"',|]+")
_GUARDED = re.compile(r"exists\s*\{\s*([^\s{}]+)\s*\}")
_HOST_LIST = re.compile(r"hosts?(?:_\w+)?|\w+_hosts(?:_\w+)?|tls_\w*host(?:name)?s")
_REFERENCE = re.compile(r"(?<![\w+])\+(\w+)")
_CAN_MEAN_OWN = re.compile(r"[@$;]|(?<![\w.}])/")
"""What can hold a domain against the machine's own name: ``@``, variables, lookups and files."""
_WORD = re.compile(r"!?\s*([a-z0-9_][\w+-]*)\s*", re.IGNORECASE)
_PATTERN = re.compile(r"\^[^\s:]*")
_LOOKED_UP = re.compile(rf"\b(?:net-)?(?:partial\d*-)?(?:{'|'.join(sorted(LOOKUPS))})(?:\*@?)?;")
_DOMAIN_LISTS = frozenset(
    (
        *("domains", "dns_again_means_nonexist", "dns_ipv4_lookup", "dns_trust_aa", "dnssec_request_domains"),
        *("dnssec_require_domains", "fail_defer_domains", "hold_domains", "mx_domains", "mx_fail_domains"),
        *("percent_hack_domains", "queue_domains", "queue_smtp_domains", "srv_fail_domains"),
    )
)
_LOCAL_LISTS = frozenset(("local_parts", "local_part_prefix", "local_part_suffix"))
Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Named:
    """The names that some configurations tell apart, each once and in their order.

    ``own`` are those of the machine itself: nobody else answers to them, so that a bounce stays here.
    ``hosts`` and ``reached`` are names and networks that lists of hosts for the way out have; ``networks``
    are all, ``locals`` local parts, ``mailboxes`` and ``senders`` whole addresses. ``obscure`` are patterns
    that no witness was found for, with the place of each; ``sampled`` the files of which not every entry is
    here, with the number of those left out. ``guarded`` are files that need not be there: the configuration
    asks whether they are. ``mechanisms`` are those by which it can authenticate as a client, in capitals;
    ``extensions`` are lines of EHLO that an option of its transports is about, and those that go with them;
    ``proxies`` are addresses of SOCKS proxies; ``own_questions`` says that it may ask the DNS something by
    itself.
    ``batches`` says that it matters how many recipients a message has, ``prdr`` that PRDR does then,
    ``limits`` that LIMITS does; ``notify`` that it matters what a sender asks to be told;
    ``late`` when an answer is late for some.
    ``besides`` are the situations of ``scenes.BESIDES`` in which hosts may differ; ``of_errors`` what retry
    rules name, as far as it can be hosts.
    ``together`` has what single routers and verbs of ACLs name, of those that name more than one kind of
    thing.
    """

    domains: dict[str, None] = field(default_factory=dict)
    mailboxes: dict[str, None] = field(default_factory=dict)
    locals: dict[str, None] = field(default_factory=dict)
    senders: dict[str, None] = field(default_factory=dict)
    own: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    reached: dict[Network, None] = field(default_factory=dict)
    networks: dict[Network, None] = field(default_factory=dict)
    obscure: dict[str, str] = field(default_factory=dict)
    sampled: dict[str, int] = field(default_factory=dict)
    guarded: dict[str, None] = field(default_factory=dict)
    mechanisms: dict[str, None] = field(default_factory=dict)
    extensions: dict[str, None] = field(default_factory=dict)
    proxies: dict[str, None] = field(default_factory=dict)
    own_questions: bool = False
    batches: bool = False
    prdr: bool = False
    limits: bool = False
    notify: bool = False
    late: tuple[int, int] = (0, 0)
    besides: dict[str, None] = field(default_factory=dict)
    of_errors: dict[str, None] = field(default_factory=dict)
    together: list[Named] = field(default_factory=list)

    @property
    def mixed(self) -> bool:
        """Whether several kinds are named: domains, local parts, senders."""
        return sum(map(bool, (self.domains, self.locals, self.senders))) > 1

    def addresses(self) -> Iterator[str]:
        """One address of each network for the way out, and one just outside of those that have several."""
        for network in self.reached:
            first = int(network.network_address)
            size = network.num_addresses
            yield str(network[1] if size > 2 else network[0])
            if size > 1 and first > 0:
                yield str(type(network.network_address)(first - 1))


@dataclass(frozen=True, slots=True)
class _Text:
    """Something that a configuration says: the option's name, the text, and where.

    Only what is ``outbound`` is looked at on the way out, so that a pattern without a witness counts.
    """

    name: str
    text: str
    where: str
    outbound: bool = True
    of_hosts: bool = False


def names_of(policies: Iterable[Policy]) -> Named:
    """All names of some policies. Files that the policies have in different states give what differs, too."""
    policies = tuple(policies)
    sides: list[dict[str, Named]] = []
    every: dict[str, dict[str, bool]] = {"": {}}
    for policy in policies:
        parts = {"": Named()}
        sides.append(parts)
        named, own = parts[""], policy.config.main.text("primary_hostname") or HOSTNAME
        named.own[own] = None
        texts = [(place, one) for place, one in _texts(policy.config) if one.name != "primary_hostname"]
        if any(own.lower() in one.text.lower() or _CAN_MEAN_OWN.search(one.text) for _, one in texts):
            named.domains[own] = None
        named.own_questions = relevance(policy).asks
        patterns = (_DOMAIN.fullmatch(rule.pattern.lower()) for rule in policy.config.retries)
        named.of_errors.update(dict.fromkeys(_fitting(*found.groups()) for found in patterns if found))
        named.mechanisms.update(dict.fromkeys(_mechanisms(policy.config)))
        for place, one in texts:
            named.guarded.update(dict.fromkeys(_GUARDED.findall(one.text)))
            for key in dict.fromkeys(("", place)):
                paths = every.setdefault(key, {})
                _read(parts.setdefault(key, Named()), one)
                for path in _PATH.findall(one.text):
                    paths[path] = paths.get(path, False) or one.of_hosts
    joint = {key: _joined([side.get(key, Named()) for side in sides], policies[-1].path) for key in every}
    named = joint[""]
    named.proxies.update(dict.fromkeys(_proxies(policies)))
    named.extensions.update(dict.fromkeys(offers.extensions(policies)))
    named.besides.update(dict.fromkeys(offers.situations(policies)))
    named.batches, named.prdr, named.limits = offers.of_batches(policies)
    named.late = offers.late(policies)
    named.reached.update(dict.fromkeys(addresses_apart(policies)))
    named.notify = offers.are_told_otherwise(policies)
    for key, part in joint.items():
        for path, of_hosts in every[key].items():
            contents = [policy.files.content(path) for policy in policies]
            _read_file(part, _Text("entry", path, path, of_hosts=of_hosts), contents)
    named.together = [part for part in joint.values() if part is not named and part.mixed]
    return named


def _joined(sides: Sequence[Named], path: str) -> Named:
    """What several policies name; of very many names those that differ, and some of the others."""
    found = Named(own_questions=any(side.own_questions for side in sides))
    for field_ in fields(Named):
        every = [getattr(side, field_.name) for side in sides]
        if not isinstance(every[0], dict):
            continue
        names = {name: place for side in every for name, place in side.items()}
        if field_.name in _MANY and len(names) > 5 * ENTRIES:
            common = dict.fromkeys(name for name in names if all(name in side for side in every))
            kept = dict.fromkeys([name for name in names if name not in common][: 5 * ENTRIES])
            kept |= dict.fromkeys([*common][:ENTRIES])
            found.sampled[path] = found.sampled.get(path, 0) + len(names) - len(kept)
            names = {name: place for name, place in names.items() if name in kept}
        setattr(found, field_.name, names | getattr(found, field_.name))
    return found


_MANY = frozenset(("domains", "mailboxes", "hosts", "reached"))
"""What is explored one by one, so that it can be too many."""


def _mechanisms(config: Config) -> Iterator[str]:
    """The mechanisms of its clients, if a transport lets one authenticate."""
    transports = [one.options for one in config.transports.values() if one.driver == "smtp"]
    if not any(one.is_set(name) for one in transports for name in ("hosts_require_auth", "hosts_try_auth")):
        return
    for one in config.authenticators:
        if can_be_client(one.options):
            yield (one.options.text("public_name") or one.name).upper()


def _proxies(policies: Iterable[Policy]) -> Iterator[str]:
    """The addresses in ``socks_proxy``."""
    for policy in policies:
        for one in policy.config.transports.values():
            if one.driver == "smtp" and (text := one.options.text("socks_proxy")):
                words = (item.split(maxsplit=1)[0] for item in list_items(text) if item)
                named = (*_IPV4.findall(text), *words)
                yield from (word for word in named if string_is_ip_address(word)[0])


# ---- what is said ----------------------------------------------------------------------------------------


def _texts(config: Config) -> Iterator[tuple[str, _Text]]:
    """All that a configuration says; with what is said of one router or verb goes a name for it."""
    for one in _options("", config.main, config.path):
        yield "", one
    for driver in (*config.routers, *config.transports.values()):
        for one in _options(f"{driver.name}: ", driver.options, driver.path):
            yield driver.name, one
            for referred in _referred(one, config, set()):
                yield driver.name, referred
    for kind, lists in config.named_lists.items():
        for name, text in lists.items():
            where = "{}:{}".format(*config.list_places[kind, name])
            yield "", _Text(_OF_A_LIST.get(kind, kind), text, where, outbound=False)
    for name, verbs in config.acls.items():
        for number, verb in enumerate(verbs):
            for condition in verb.conditions:
                where = f"{condition.path}:{condition.line}"
                one = _Text(condition.name, condition.argument, where, outbound=False)
                yield f"acl {name} {number}", one
                for referred in _referred(one, config, set()):
                    yield f"acl {name} {number}", referred
    for rule in config.retries:
        where = f"{rule.path}:{rule.line}"
        yield "", _Text("domains", rule.pattern, where)
        if rule.senders is not None:
            yield "", _Text("senders", rule.senders, where)
    for rewrite in config.rewrites:
        for letter, name in (("T", "recipients"), ("F", "senders")):
            if letter in rewrite.flags:
                yield "", _Text(name, rewrite.pattern, f"{rewrite.path}:{rewrite.line}")


def missing_files(policy: Policy) -> Iterator[tuple[str, Gap]]:
    """The files that a policy's runs have asked for, and that are not here, each with its gap."""
    for path in policy.files.missed:
        what = f"names {path}: {policy.files.why_missing(path)}"
        yield path, Gap(what, place_of_path(path, policy.config))


_OF_A_LIST = {"domain": "domains", "localpart": "local_parts"}


def _referred(one: _Text, config: Config, seen: set[str]) -> Iterator[_Text]:
    """The named lists that a text refers to, read as the text itself is."""
    for name in _REFERENCE.findall(one.text):
        for kind, lists in config.named_lists.items():
            if name in lists and f"{kind} {name}" not in seen:
                seen.add(f"{kind} {name}")
                of_hosts = one.of_hosts and kind == "host"
                found = _Text(
                    _OF_A_LIST.get(kind, kind), lists[name], one.where, one.outbound, of_hosts=of_hosts
                )
                yield found
                yield from _referred(found, config, seen)


def _options(place: str, options: Options, path: str) -> Iterator[_Text]:
    for name, (file, line) in options.settings():
        value = options.value(name)
        if isinstance(value, str):
            of_hosts = _HOST_LIST.fullmatch(name) is not None or "$host" in value or "${host" in value
            outward = place != "" or name == "hosts_treat_as_local"
            yield _Text(name, value, f"{file or path}:{line}", of_hosts=of_hosts and outward)


def _read(named: Named, one: _Text) -> None:
    text = one.text
    domains = [_fitting(star, name.lower()) for star, name in _DOMAIN.findall(text)]
    named.domains.update(dict.fromkeys(domains))
    if one.of_hosts:
        named.hosts.update(dict.fromkeys(domains))
    mailboxes = [
        f"{local.replace('*', ANYBODY) or ANYBODY}@{_fitting(star, domain.lower())}"
        for local, star, domain in _MAILBOX.findall(text)
    ]
    named.mailboxes.update(dict.fromkeys(mailboxes))
    named.domains.update(dict.fromkeys(one.rpartition("@")[2] for one in mailboxes))
    if "sender" in one.name or "sender" in text or "return_path" in text:
        named.senders.update(dict.fromkeys(("", *mailboxes, *(f"{ANYBODY}@{domain}" for domain in domains))))
    for word in (*_IPV4.findall(text), *_IPV6.findall(text), *_IPV6.findall(text.replace("::", ":"))):
        _add_network(named, word, one)
    if one.name in _DOMAIN_LISTS:
        named.domains.update(dict.fromkeys(word.lower() for word in _items(text)))
    elif one.name in _LOCAL_LISTS:
        affix = "{0}" if one.name == "local_parts" else "{0}" + ANYBODY
        affix = ANYBODY + "{0}" if one.name == "local_part_suffix" else affix
        named.locals.update(dict.fromkeys(affix.format(word.strip("* ")) for word in _affixes(text)))
    _add_held(named, one)
    of_a_list = one.name in _LISTS or (_HOST_LIST.fullmatch(one.name) is not None and one.of_hosts)
    for pattern in _PATTERN.findall(text) if of_a_list else ():
        _add_pattern(named, one, pattern)


_LISTS = _DOMAIN_LISTS | _LOCAL_LISTS | {"senders", "hosts", "host", "address", "recipients"}


def _fitting(star: str, name: str) -> str:
    """A name that fits the pattern: ``*.`` and ``*`` before it, or nothing."""
    return f"any.{name}" if star in ("*.", ".") else f"any{name}" if star else name


def _items(text: str) -> Iterator[str]:
    """The items of a list that are single words, but for those that say how something is looked up."""
    for item in re.split(r"[:;,\n]", _LOOKED_UP.sub(";", text.removeprefix("<"))):
        if word := _WORD.fullmatch(item.strip()):
            yield word[1]


def _affixes(text: str) -> Iterator[str]:
    for item in re.split(r"[:;,\n]", text.removeprefix("<")):
        word = item.strip().lstrip("!").strip()
        if word and re.fullmatch(r"\*?[\w.+=-]+\*?", word):
            yield word


@lru_cache(maxsize=1 << 16)
def _network(word: str) -> Network | None:
    try:
        return ip_network(word, strict=False)
    except ValueError:
        return None


def _add_network(named: Named, word: str, one: _Text) -> None:
    network = _network(word)
    if network is None:
        return
    named.networks[network] = None
    if one.of_hosts:
        named.reached[network] = None


# ---- patterns --------------------------------------------------------------------------------------------


def _add_pattern(named: Named, one: _Text, pattern: str, of: str = "") -> None:
    """Names that fit a pattern; ``of`` is what it is held against, if the option does not say so."""
    quoted = r"\N" in one.text
    written = pattern.replace(r"\N", "") if quoted else re.sub(r"\\(.)", r"\1", pattern)
    witnesses = examples_of(written)
    if not witnesses and one.outbound:
        named.obscure[f"{one.name}: {pattern}: no name was found that fits it"] = one.where
    for witness in witnesses:
        _add_witness(named, one, written, witness, of or ("local" if one.name in _LOCAL_LISTS else ""))


def _add_witness(named: Named, one: _Text, pattern: str, witness: str, of: str) -> None:
    if of == "local":
        named.locals[witness] = None
        return
    fuller = (witness, f"{witness}.any.example", f"{witness}@any.example", f"{ANYBODY}@{witness}")
    if of in ("sender", "address"):
        whole = (name for name in fuller if "@" in name and fits(pattern, name))
        full = max(whole, key=lambda name: "." in name.rpartition("@")[2], default="")
        if full and of == "sender":
            named.senders[full] = None
        elif full:
            named.mailboxes[full] = None
    elif "@" in witness:
        named.mailboxes[witness] = None
        named.senders[witness] = None
    else:
        full = witness if "." in witness else fuller[1]
        found = full if fits(pattern, full) else witness
        named.domains[found] = None
        if one.of_hosts:
            named.hosts[found] = None


def _add_held(named: Named, one: _Text) -> None:
    """What an expansion holds against parts of addresses."""
    for it in held(one.text):
        if it.pattern:
            _add_pattern(named, one, it.text, it.of)
        elif it.of == "local":
            named.locals[it.text] = None
        elif it.of == "domain" and "." not in it.text:
            named.domains[f"{it.text}.any.example"] = None
        elif it.of == "sender" and "." not in it.text:
            named.senders[f"{it.text}@{next(iter(named.own), 'any.example')}"] = None


# ---- files -----------------------------------------------------------------------------------------------

_BIG = 4_000_000


def _read_file(named: Named, one: _Text, contents: list[bytes | None]) -> None:
    """The keys of a file's lines; of a long one the first, and what only one of the policies has."""
    sides = [_lines(content) for content in contents if content is not None and len(content) <= _BIG]
    if not sides or any(b"-----BEGIN" in (content or b"")[:4096] for content in contents):
        return
    common = dict.fromkeys(sides[0])
    for side in sides[1:]:
        common = dict.fromkeys(line for line in common if line in side)
    different = dict.fromkeys(line for side in sides for line in side if line not in common)
    if len(sides) < len(contents):
        different |= common
    shown = [*different, *(line for line in common if line not in different)]
    most = max(ENTRIES, min(len(different), 5 * ENTRIES))
    if len(shown) > most:
        named.sampled[one.where] = len(shown) - most
    for line in shown[:most]:
        _read_entry(named, replace(one, text=line))


def _lines(content: bytes) -> dict[str, None]:
    lines = (line.strip() for line in content.decode("utf-8", "surrogateescape").splitlines())
    return dict.fromkeys(line for line in lines if line and not line.startswith("#"))


_KEY = re.compile(r'"?([^\s:"]+)"?')


def _read_entry(named: Named, line: _Text) -> None:
    key = _KEY.match(line.text)
    _read(named, line)
    if key is None:
        return
    word = key[1].lower()
    if word.startswith("^"):
        _add_pattern(named, line, word)
    elif re.fullmatch(r"\*?[a-z0-9_.+-]+\*?", word) and not _DOMAIN.fullmatch(word):
        named.locals[word.strip("*") or ANYBODY] = None
        named.domains[word.strip("*.") or "any"] = None
