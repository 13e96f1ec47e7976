"""What one Exim process knows (src/globals.c), and what the machine keeps when the process is gone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from eximsim.mta.base.effort import Effort
from eximsim.mta.base.string import from_octets, octets
from eximsim.mta.process.setting import OF_CALLS, Setting
from eximsim.mta.process.unwatched import Unwatched
from eximsim.mta.records.arc import ArcResults
from eximsim.mta.records.cutthrough import Cutthrough
from eximsim.mta.records.dkim import DkimResults
from eximsim.mta.records.process_parts import Asking, Flushing, LostSession, RejectLog, Resolver, TicketKey
from eximsim.mta.records.searched import Searched
from eximsim.mta.records.structs import Account, Address, Authenticated, Downconvert
from eximsim.piped import PipedCommand
from eximsim.ports import DnsAnswer, World
from eximsim.quick_dataclass import dataclass
from eximsim.status import DnsResult, Rc
from eximsim.trace import Trace

if TYPE_CHECKING:
    from eximsim.mta.config.acl_read import AclVerb
    from eximsim.mta.config.readconf import Config
    from eximsim.mta.records.daemon import Daemon
    from eximsim.mta.records.hints import Hints
    from eximsim.mta.records.logs import LogSettings
    from eximsim.mta.records.lookups import Listing
    from eximsim.mta.records.open_call import OpenCall, SerializedCall
    from eximsim.mta.records.spool import Header, Message, Spool
    from eximsim.ports import TlsSession
    from eximsim.profiles import Profile


_OTHER_USER = 1000
"""The ids of users of whom only the login is known."""


class Rng(Protocol):
    """The scenario's one seeded source of randomness (``random.Random`` fits)."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to ``stop`` - 1."""


class UndefinedBehaviour(Exception):
    """What the real program does from here on is left open by what it does: ``args[0]`` says why."""


@dataclass(slots=True)
class Machine:
    """What outlives a process: disk, clock, network and the trace of the run.

    ``files`` holds what Exim wrote outside spool and hints: log files by path, as lists of whole lines.
    ``daemons`` are those that were started and not killed.
    """

    world: World
    rng: Rng
    spool: Spool
    hints: Hints
    trace: Trace = field(default_factory=Trace)
    files: dict[str, list[str]] = field(default_factory=dict)
    daemons: list[Daemon] = field(default_factory=list)
    next_pid: int = 10000
    user: str = "CALLER"
    exim_user: str = "exim"
    uid: int = 1000
    group: str = "CALLER"
    gid: int = 1000
    hostname: str = "myhost.test.ex"
    search_domain: str = ""
    """Where the system's resolver looks for names that may not be whole."""
    users: frozenset[str] = frozenset()
    """Logins of this machine, besides ``user``."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """The users of whom more is known, by login."""
    trust_store: tuple[bytes, ...] | None = None
    """The authorities (DER) that tls_verify_certificates of a client stands for; None: its files are read."""
    privilege_lost: bool = False
    """A process that delivers begins by logging that it lost its privilege for -C; the line is left out."""
    redirected: Mapping[str, str] = field(default_factory=dict)
    """Files into which the caller has redirected ``"stdout"`` and ``"stderr"`` of the program."""
    without_arguments: bool = False
    """Logs are compared without the line that the word ``arguments`` of log_selector asks for."""
    hints_known: bool = False
    """The hints hold all that there is: this machine has had no life before its first command."""
    waiting_port: str | None = None
    """The port of the socket that a daemon gets as its standard input (-bw)."""
    input_delay: float = 0
    """So many seconds pass before there is anything on standard input."""
    input_pause: float = 0
    """So many seconds pass between what is on standard input and its end."""
    abreast: int = 0
    """How many transport processes began while another one of their message was at work."""
    left_behind: int = 0
    """How many deliveries were begun for which the process that began them did not wait."""
    directory: str = "/"
    """Where the caller is when he calls the program."""
    test_harness: bool = False
    """The program runs under Exim's test suite (running_in_test_harness), so that it waits here and there."""
    without_root: bool = False  # the program that runs belongs to Exim's user
    environment_known: bool = True
    """What a process is started with is the whole environment; else more of it is asked for."""
    effort: Effort = field(default_factory=Effort)
    """What the run that is under way has spent."""
    asking: Asking | None = None  # the callout that is under way; the model itself looks at neither of these
    writing: int = 0  # how many messages that Exim has written itself (bounces) are under way
    sending: int = 0
    """How many transports are at work for messages that came in through a daemon."""
    sent_on: list[Callable[[], None]] = field(default_factory=list)
    """Deliveries of messages that a daemon's own transports have brought back to it."""
    unwatched: Unwatched = field(default_factory=Unwatched)
    """What processes do that nobody waits for."""
    serialized: dict[str, SerializedCall] = field(default_factory=dict)
    """What transports of the delivery under way that nobody has heard of yet do with serialize_hosts."""

    def let_servers_deliver(self) -> None:
        """Deliver what the daemon's own transports have brought back to it, if none of them is at work."""
        while self.sent_on and not self.sending:
            self.sent_on.pop(0)()

    def account(self, login: str) -> Account | None:
        """The user of that name (``getpwnam()``); those of whom only the login is known have the ids 1000."""
        if login in self.accounts:
            return self.accounts[login]
        if login == self.user:
            return Account(self.uid, self.gid, f"/home/{login}")
        if login == "root":
            return Account(0, 0, "/root")
        known = login in self.users or login == self.exim_user
        return Account(_OTHER_USER, _OTHER_USER, f"/home/{login}") if known else None

    def new_pid(self) -> int:
        """The next process number."""
        self.next_pid += 1
        return self.next_pid


DnsFailKey = tuple[str, str, tuple[bool, bool, bool]]
"""Name, type and ``Resolver.options`` of a question that failed."""


_DEBUG_BUFFER, _DEBUG_SHOWN = 2047, 2001
"""So many octets of debugging output do not go into a line with its mark; so many are shown then."""


_TOO_LONG = "**** debug string too long - truncated ****"


def _fitting(text: str, mark: str) -> str:
    """What debug_vprintf() makes of a text that is too long for its buffer, which holds the mark as well."""
    if len(text) < _DEBUG_SHOWN - len(mark) or len(octets(text)) < _DEBUG_BUFFER - len(mark):
        return text
    return f"{from_octets(octets(text)[: _DEBUG_SHOWN - len(mark)])}\n{_TOO_LONG}"


@dataclass(slots=True)
class Process:
    """One Exim process. ``fork()`` gives a child that has a copy of everything, as the kernel does."""

    machine: Machine
    config: Config
    profile: Profile
    pid: int

    # ---- how the program was called
    host_checking: bool = False
    """-bh and -bhc."""
    host_checking_callout: bool = False  # -bhc
    address_test_mode: bool = False
    """-bt."""
    verbose: bool = False
    """-v, and -bt."""
    debugging: bool = False
    """-d: what goes to standard error is not what Exim writes there."""
    dont_deliver: bool = False  # -N
    connection: int = 0
    """The number by which the log knows the incoming connection or message (set_connection_id())."""
    gateway: bool = False
    """-G: header lines of local messages are left as they are (``suppress_local_fixups_default``)."""
    tls_on_connect: bool = False
    """-tls-on-connect: whoever calls starts with TLS."""
    smtp_receive_timeout: int | None = None
    """-os, in seconds."""
    receive_timeout: int | None = None
    """-or, in seconds."""
    reader: tuple[int, int] | None = None  # who reads files, if neither root nor Exim does
    synchronous: bool = False
    """-odf and -odi: what this process takes in is delivered before it goes on."""
    of_daemon: bool = False
    """It has been forked for a connection to a daemon."""
    queue_smtp: bool = False
    """Remote deliveries are left for later: -odqs, and the first stage of -qq."""
    queue_running: bool = False
    queue_run_pid: int = 0
    queue_2stage: bool = False
    """The first stage of -qq."""
    queue_run_local: bool = False
    """-ql."""
    deliver_force: bool = False
    """-qf."""
    attempted: bool = False
    """It, or the last process it had deliver, has delivered: nothing stopped it before, nor did it crash."""
    deliver_force_thaw: bool = False
    """-qff and -M."""
    fudged_queue_times: str = ""
    """What Exim's test suite has taken for the times of messages on the queue, with slashes between."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that keep_environment left."""
    transport_filter: PipedCommand | None = None
    """What the message goes through before a transport sends or writes it."""
    out: Callable[[str], None] = lambda text: None
    err: Callable[[str], None] = lambda text: None

    search_error: str | None = None
    """What the last lookup said (``search_error_message``), None before the first one."""
    searched: Searched = Searched()
    """What lookups have found that is not looked up once more."""
    configuration_is_read_only: bool = False
    """Who writes to a text of the configuration dies; check_string() cuts a lookup's type off so."""
    queue_name: str = ""
    """The named queue in which it works; empty: the one without a name."""
    doing: str = "initializing"  # what it says of itself, as a crash shows it (set_process_info())
    purpose: str = "fresh-exec"  # what it was forked for (exim_fork()), shown by a crash
    acl_verb: str | None = None
    """The verb of an ACL that was come to last, as the log names it; None before, and at an ACL's end."""
    acl_files: dict[str, tuple[AclVerb, ...]] = field(default_factory=dict)
    """ACLs that were read from files, by path."""

    # ---- what expansions see
    variables: dict[str, str] = field(default_factory=dict)
    """The expansion variables that have a value, without the dollar sign."""
    numeric: tuple[str, ...] = ()
    """``$0``, ``$1``, ..."""
    headers_charset: str | None = None
    """What a filter's ``headers charset`` set in place of the option, for as long as the filter runs."""
    forbidden_expansions: Mapping[str, str] = field(default_factory=dict)
    """Items, conditions and operators that a filter must not use, and what is said of each."""
    filter_sn: tuple[int, ...] = (0,) * 10
    """``$sn0`` to ``$sn9``: where the system filter left ``$n0`` to ``$n9``."""
    incoming_body: bytes = b""
    """The body of the message that comes in, once it is there."""
    header_list: list[Header] = field(default_factory=list)
    """The header lines of the message that comes in; in a delivery those of ``message`` count."""
    authentication_local: bool = False
    """A message came from a user of this machine, not by SMTP."""
    arc: ArcResults = field(default_factory=ArcResults)
    """The ARC chain of the message that comes in."""
    dkim: DkimResults = field(default_factory=DkimResults)
    """The signatures of the message that comes in."""

    # ---- internationalised mail
    downconvert: Downconvert = Downconvert.NEVER
    """What ``control = utf8_downconvert`` says for the message (message_utf8_downconvert)."""
    answering_rcpt: bool = False
    """The ACL of a RCPT command is at work (acl_where)."""
    utf8_domains: bool = False
    """Domains may have more than ASCII, as a message that needs it has been seen (allow_utf8_domains)."""

    # ---- the logs, and the trace of -bh
    log_settings: LogSettings | None = None
    """None until something is logged."""
    disable_logging: bool = False
    """Nothing is logged: the router or transport at work says so."""
    acl_eval: Callable[[str], tuple[Rc, str | None, bool]] | None = None
    """Runs an ACL for ``${acl`` in the place of the one that is at work, while one is (acl_where)."""
    log_reject_target: tuple[str, ...] = ("main", "reject")
    """The logs that are told of what an ACL refuses."""
    log_testing_mode: bool = False
    """Log lines go to stderr."""
    log_stderr: bool = True
    """Lines for the panic log go to stderr, too."""
    main_log_open: bool = False
    """This process, or one that it was forked from, has written to the main log."""
    reject_log: RejectLog = field(default_factory=RejectLog)
    debug_depth: int = 0
    """How deep (acl_level + expand_level) the trace of newer releases is nested."""
    debug_line_open: bool = False
    """The last line of the trace is unfinished."""
    scratch: str = ""
    """What big_buffer was last used for."""
    random_seed: int = 0
    """What draws of this process start from under Exim's test suite; 0 before the first one."""
    libc_errno: int = 0
    """errno as the last system call left it: callouts up to 4.88 read a stale one."""

    # ---- names and the DNS
    resolver: Resolver = field(default_factory=Resolver)
    dns_fails: dict[DnsFailKey, tuple[DnsResult, DnsAnswer]] = field(default_factory=dict)
    """The negative cache of src/dns.c."""
    dnsbl_cache: dict[str, Listing] = field(default_factory=dict)
    """What the DNS has said of lists that are kept in it (dnslists), by name."""
    host_find_failed_syntax: bool = False
    """A host was not found because of the syntax of its name."""

    # ---- the client that is served
    smtp_connection: Callable[[], str] | None = None
    """Names the SMTP connection (smtp_get_connection_info())."""
    sender_host_aliases: tuple[str, ...] = ()
    flushing: Flushing = field(default_factory=Flushing)

    # ---- the message that is delivered
    message_id: str = ""
    message: Message | None = None
    local_account: Account | None = None
    """The local user that the router at work has found by check_local_user."""
    duplicates: list[Address] = field(default_factory=list)
    """Addresses that are not delivered as others are the same (addr_duplicate)."""
    duplicates_lost: bool = False
    """Some of them were those of a message before, whose memory was freed."""
    unusable_hosts: dict[str, tuple[bool, str]] = field(default_factory=dict)
    """The hosts that failed in this delivery, by retry key: whether they are expired, and why."""
    continued: OpenCall | None = None  # the open call that this delivery goes on with
    kept_call: OpenCall | None = None  # the open call that it leaves behind
    pass_on: Callable[[OpenCall], None] | None = None
    """Begins the message that such a call was kept for, while the transport goes on with other hosts."""
    dsn_boundaries: int = 0
    """How many boundaries of reports this process has drawn."""
    proxied_tls: TlsSession | None = None
    """The session of a call that was left open; it is not forgotten when the call is over."""
    pipelining_active: bool = False
    """Commands are sent in groups; this stays until the message is sent, also for the next call's set-up."""
    continue_more: bool = False
    """The transport is to leave its call open for more recipients of the message."""
    afterwards: list[Callable[[], None]] | None = None
    """What others do in the background once this delivery has logged its end; None: there is no delivery."""

    # ---- calls to other hosts
    cutthrough: Cutthrough = field(default_factory=Cutthrough)
    """The call of a callout that stays open for the message that is coming in."""
    driver_state: dict[str, dict[str, object]] = field(default_factory=dict)
    """What a driver changed in its own options, by transport: a fault (``SmtpContext.tempfail_tryclear``)."""
    ticket_keys: tuple[TicketKey, ...] = ()
    """With which a server seals the tickets of TLS sessions, the newest first."""
    authenticated: Authenticated | None = None
    """How the client has authenticated itself to the host."""
    callout_context_set: bool = False
    """A callout of this process has got as far as a connection."""
    lost_session: LostSession | None = None
    """The TLS session of an earlier connection that was never closed (tls_out.active)."""
    certificate_verified: bool = False
    """Of the last session there was; a transport process reports it for all its addresses at its end."""
    dane_verified: bool = False
    """Likewise."""
    verify_overridden: bool = False
    """tls_try_verify_hosts has let a certificate pass (tls_out.verify_override)."""
    dkim_signed: tuple[str, ...] = ()
    """Domain and selector of each signature that this process has made, in turn."""
    transport_count: int = 0
    """How many octets of the message have gone to the last host."""
    load_found: int = 0
    """The load that it has been told last, under Exim's test suite (test_harness_load_avg)."""

    @property
    def return_path(self) -> str:
        """The envelope sender that the message is given where it is going; ``$return_path``."""
        return self.variables.get("return_path", "")

    @return_path.setter
    def return_path(self, path: str) -> None:
        self.variables["return_path"] = path

    @property
    def smtputf8(self) -> bool:
        """Whether the message is international (message_smtputf8); only builds with I18N know of it."""
        return "message_smtputf8" in self.variables

    def note_utf8(self) -> None:
        """The message is international, and from here on domains may be."""
        self.variables["message_smtputf8"], self.utf8_domains = "yes", True

    @property
    def utf8_of_message(self) -> Downconvert | None:
        """What an address of the message has in ``Address.utf8``."""
        return self.downconvert if self.smtputf8 else None

    @property
    def world(self) -> World:
        """The world that this process lives in."""
        return self.machine.world

    @property
    def spool(self) -> Spool:
        """The messages of the queue in which it works."""
        return self.machine.spool.queue(self.queue_name)

    @property
    def received_time(self) -> float:
        """When the message that is delivered came in; 0 outside a delivery, as in a callout."""
        return self.message.received_time if self.message else 0.0

    def seconds(self) -> int:
        """The time in whole seconds, as ``time()`` gives it."""
        return int(self.world.now())

    @property
    def trace(self) -> Trace:
        """The trace of the run."""
        return self.machine.trace

    @property
    def effort(self) -> Effort:
        """What the run has spent."""
        return self.machine.effort

    def run_anew(self) -> None:
        """Forget what a program that runs itself again forgets (``child_exec_exim()``)."""
        self.main_log_open = self.machine.privilege_lost
        self.lost_session, self.proxied_tls, self.pipelining_active = None, None, False
        self.transport_count, self.dsn_boundaries, self.load_found, self.purpose = 0, 0, 0, "fresh-exec"
        self.dns_fails, self.unusable_hosts, self.driver_state, self.authenticated = {}, {}, {}, None
        self.certificate_verified = self.dane_verified = self.verify_overridden = False
        self.acl_verb, self.acl_eval, self.searched, self.duplicates_lost = None, None, Searched(), False
        self.variables = {n: text for n, text in self.variables.items() if not n.startswith(OF_CALLS)}

    def fork(self, purpose: str) -> Process:
        """A child process: same machine and configuration, its own copy of everything else."""
        child = copy.copy(self)
        child.pid, child.purpose = self.machine.new_pid(), purpose
        child.variables = dict(self.variables)
        child.resolver = copy.copy(self.resolver)
        child.dns_fails = dict(self.dns_fails)
        child.dnsbl_cache = dict(self.dnsbl_cache)
        child.unusable_hosts = dict(self.unusable_hosts)
        child.cutthrough = copy.copy(self.cutthrough)
        child.driver_state = {name: dict(state) for name, state in self.driver_state.items()}
        return child

    def setting(self, **values: str | None) -> Setting:
        """Give variables other values (None: no value) for a while."""
        return Setting(self, values)

    def hdebug(self, text: str, *, indented: bool = False, end: str = "\n", with_v: bool = False) -> None:
        """What Exim's HDEBUG macro shows under ``-bh`` and ``-bhc``: each line after ``>>> ``, on stderr.

        ``indented`` lines are set in by ``debug_depth`` columns, every fourth a dashed bar, as
        debug_printf_indent() does. What comes after a text whose ``end`` is empty goes on in its line.
        ``with_v``: -v shows the text as well, without the mark.
        """
        if not (self.host_checking or (with_v and self.verbose)):
            return
        sign = ">>> " if self.host_checking else ""
        depth = self.debug_depth if indented else 0
        behind = self.profile.trace_indented_behind_mark
        bar = "   \u254e" if behind else "   ."
        indent = bar * (depth >> 2) + " " * (depth & 3)
        lines = _fitting(f"{indent}{text}", sign).removeprefix(indent).split("\n")
        for number, line in enumerate(lines, 1):
            mark = "" if self.debug_line_open else f"{sign}{indent}"
            if not (self.debug_line_open or behind):
                mark = f"{indent}{sign}" if number == 1 else sign
            if line == _TOO_LONG:
                mark = ""
            self.debug_line_open = number == len(lines) and not end
            self.err(f"{mark}{line}{'' if self.debug_line_open else chr(10)}")
