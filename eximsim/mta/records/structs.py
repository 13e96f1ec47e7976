"""The records that travel through the model, under the names of src/structs.h."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from eximsim.ports import TlsSession
from eximsim.quick_dataclass import dataclass
from eximsim.status import Dnssec, Errno, HostStatus, Rc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eximsim.mta.config.drivers import DriverInstance
    from eximsim.mta.records.lists import ListCache

MX_NONE = -1
"""``HostItem.mx`` of a host that did not come from an MX record."""

PORT_NONE = -1
"""``HostItem.port`` of a host for which the router named no port."""


class TlsNeeds(Enum):
    """What an SRV record of the service smtp-tls says of TLS (``srv_tls_t``)."""

    UNKNOWN = "nothing"
    STARTTLS = "STARTTLS must be there"
    ON_CONNECT = "TLS on connect"


@dataclass(slots=True)
class HostItem:
    """One host (one address of it) that a delivery may be tried to: ``host_item``."""

    name: str
    address: str | None = None
    port: int = PORT_NONE
    mx: int = MX_NONE
    sort_key: int = 0
    dnssec: Dnssec = Dnssec.UNK
    certname: str = ""
    """The name before any CNAME was followed, for certificate checks (``host_item.certname``, since 4.95)."""
    tls_needs: TlsNeeds = TlsNeeds.UNKNOWN
    status: HostStatus = HostStatus.UNKNOWN
    why: str = ""
    """Why it is unusable: ``"retry"`` or ``"deferred"`` (hwhy_...)."""
    last_try: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, as the password file has it."""

    uid: int
    gid: int
    home: str


BAD_REPLY = ">**bad-reply**"
"""The address of a reply to nobody (``af_bad_reply``)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that the autoreply transport sends: ``reply_item``. Times are in seconds; None: not set."""

    sender: str | None = None
    reply_to: str | None = None
    to: str | None = None
    cc: str | None = None
    bcc: str | None = None
    subject: str | None = None
    headers: str | None = None
    text: str | None = None
    file: str | None = None
    log: str | None = None
    once: str | None = None
    once_repeat: int = 0
    file_expand: bool = False
    return_message: bool = False
    forbidden: Mapping[str, str] = field(default_factory=dict)
    """What the router of the filter forbids expansions to do, and how it is told: ``expand_forbid``."""


@dataclass(frozen=True, slots=True)
class Authenticated:
    """That a process has authenticated itself to a server (client_authenticator and its kin).

    ``name`` is the authenticator's, ``id`` what client_set_id gives, ``sender`` what MAIL was told.
    """

    name: str
    id: str | None = None
    sender: str | None = None

    def sending(self, sender: str) -> Authenticated:
        """The same, with the AUTH parameter of MAIL."""
        return replace(self, sender=sender)


class Downconvert(IntEnum):
    """Whether the addresses of an international message are put into ASCII where it is going."""

    NEVER = 0
    ALWAYS = 1
    IF_NEEDED = -1


@dataclass(slots=True)
class Address:
    """One recipient on its way: ``address_item``."""

    address: str
    local_part: str = ""
    """As the router at work sees it: without affixes, in lower case unless it has caseful_local_part."""
    domain: str = ""
    unique: str = ""
    parent: Address | None = None
    domain_cache: ListCache = field(default_factory=dict, compare=False, repr=False)
    """Whether the domain is in named lists, once that is known."""
    local_part_cache: ListCache = field(default_factory=dict, compare=False, repr=False)
    """The same of the local part without affixes."""
    router: DriverInstance | None = None
    transport: DriverInstance | None = None
    start_router: DriverInstance | None = None
    host_list: list[HostItem] = field(default_factory=list)
    fallback_hosts: list[HostItem] = field(default_factory=list)
    host_used: HostItem | None = None
    errors_address: str | None = None
    """The sender that the router's ``errors_to`` sets for this address; None: as the message has it."""
    basic_errno: int = Errno.UNKNOWNERROR
    more_errno: int = 0
    delivery_seconds: int = 0
    """How long the last attempt took (``delivery_time``); for the log only."""
    message: str | None = None
    user_message: str | None = None
    transport_return: Rc = Rc.DEFER
    special_action: str = ""
    retry_keys: list[RetryItem] = field(default_factory=list)
    return_path: str | None = None
    tls: TlsSession | None = None
    cv: str | None = None
    """The word after ``CV=``: ``"dane"``, ``"yes"``, ``"no"``, or None without TLS."""
    dane_verified: bool = False
    """The session was DANE's (``af_dane_verified``); ``CV=`` asks whether anything was verified first."""
    peerdn: str | None = None
    ocsp: str | None = None
    """``$tls_out_ocsp`` of the delivery."""
    authenticated: Authenticated | None = None
    protocol_sequence: str = ""
    """What a client said to set calls up for this address, by first letters (EHLO, STARTTLS, AUTH)."""
    routing_copied: bool = False
    """It has its route from another address of the domain (same_domain_copy_routing)."""
    early_pipe: bool = False
    """Commands were sent before the server had greeted (``af_early_pipe``)."""
    pipelining_used: bool = False
    """Commands were sent before the replies to those before them (``af_pipelining``)."""
    chunking_used: bool = False
    """The message went by BDAT (``af_chunking_used``)."""
    dkim_used: str | None = None
    """Domain and selector of each signature, if this is the address that the log names them for."""
    prdr_used: bool = False
    """The server answered for each recipient after the message (``af_prdr_used``)."""
    continued: bool = False
    """It went down a connection that was there already."""
    local_address: str = ""
    local_port: int = 0
    clean: bool = False
    """It was read from the machine's own data, so that nothing of it is tainted."""
    data: dict[str, str] = field(default_factory=dict)
    """``$address_data``, ``$local_part_data``, ... of this address."""
    cc_local_part: str = ""
    """As it came, unquoted; ``deliver_split_address()`` sets it, ``local_part`` and ``domain``."""
    prefix: str | None = None
    suffix: str | None = None
    prefix_v: str | None = None
    suffix_v: str | None = None
    """What the wildcard of an affix stands for."""
    include_affixes: bool = False
    """A server was told of it with its affixes; so log lines show them (``af_include_affixes``)."""
    address_retry_key: str = ""
    """The key of its own retry record; made before routing, so that affixes are part of it."""
    self_hostname: str | None = None
    extra_headers: tuple[str, ...] = ()
    """What routers' headers_add gave, newest first, each ending in a newline."""
    remove_headers: str | None = None
    child_count: int = 0
    made_for: str = ""
    """``"file"``, ``"pipe"`` or ``"reply"`` for what is no address but came of a redirection (``af_pfr``)."""
    expand_pipe: bool = False
    """The words of its pipe command are expanded, as it came from a filter (``af_expand_pipe``)."""
    pipe_values: tuple[str, ...] = ()
    """``$thisaddress``, ``$0``, ``$1`` and so on, as the filter had them (``pipe_expandn``)."""
    reply: Reply | None = None
    """What a filter wants to be sent, for the autoreply transport."""
    permitted: bool = False
    """Its router lets messages be delivered so (af_allow_file and its kin); of what ``made_for`` tells."""
    uid: int | None = None
    gid: int | None = None
    """Under which a local transport is to run, if its router says so."""
    home_dir: str | None = None
    home_expanded: bool = False
    """``home_dir`` is not to be expanded any more (``af_home_expanded``)."""
    current_dir: str | None = None
    return_text: str | None = None
    """What a command wrote that it was piped to, if the sender is to be told."""
    shadow_message: str = ""
    """What the log line tells of the shadow transport."""
    onetime_parent: str | None = None
    """The recipient in whose place it is to be put if it has to wait (one_time)."""
    copied_from: Address | None = None
    """The address that this is the copy of which a remote transport's process has."""
    dupof: Address | None = None
    """The address that this one is the same as, so that it is not delivered."""
    hide_child: bool = False
    pass_message: bool = False
    """``message`` may be shown to the SMTP client (``af_pass_message``)."""
    local_host_removed: bool = False
    retry_skipped: bool = False
    """Some host was skipped because its retry time had not come: the address cannot time out yet."""
    retry_timedout: bool = False
    utf8: Downconvert | None = None
    """The message needs SMTPUTF8 to go there (``prop.utf8_msg``), or this; None: it does not."""
    downconverted: bool = False
    """A host was told of it in ASCII, and so are log lines (``af_utf8_downcvt``)."""
    dsn_flags: frozenset[str] = frozenset()
    """When its sender wants to be told: the words of NOTIFY."""
    dsn_orcpt: str | None = None
    dsn_aware: bool = False
    """The server has been told of it with all that is asked for."""
    dsn_lasthop: bool = False
    """What is asked for is told to nobody beyond this router's transport (``rf_dsnlasthop``)."""
    first: Address | None = None
    """The first address of the batch in which this one was delivered; None for that one itself."""
    ignore_error: bool = False
    dr_retry_exists: bool = False
    local_retry_exists: bool = False
    """There is a retry record for its local delivery (af_lt_retry_exists)."""

    @property
    def is_homonym(self) -> bool:
        """Whether it is the same as one that it comes from; ``unique`` tells them apart (af_homonym)."""
        return self.unique.startswith("\\")

    @property
    def base_unique(self) -> str:
        """``unique`` without what tells homonyms apart."""
        return self.unique[3:] if self.is_homonym else self.unique

    def ancestors(self) -> Iterator[Address]:
        """The addresses that it comes from, nearest first."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    @property
    def top(self) -> Address:
        """The recipient of the message that it comes from; itself if it is one."""
        *_, top = (self, *self.ancestors())
        return top


@dataclass(frozen=True, slots=True)
class RetryItem:
    """A retry record to be written (or, with ``delete``, removed) after a delivery: ``retry_item``."""

    key: str
    basic_errno: int
    more_errno: int
    message: str | None
    delete: bool = False
    host: bool = False
    message_specific: bool = False
