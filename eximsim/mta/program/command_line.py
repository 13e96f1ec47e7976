"""What a command line asks for: ``exim_argv`` reads it, ``exim`` carries it out (main() in src/exim.c)."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from eximsim.mta.delivery.queue import QueueRun
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.config.options import Options

DEFAULT_CONFIG = "/usr/exim/configure"


GIVEN = {
    "a": "sender_host_address",
    "aa": "sender_host_authenticated",
    "ai": "authenticated_id",
    "as": "authenticated_sender",
    "i": "interface_address",
    "r": "received_protocol",
    "s": "sender_host_name",
    "t": "sender_ident",
}
"""What the -oM options set, by the letters after -oM."""


FILTER = {
    "F": "system",
    "f": "user",
    "fd": "domain",
    "fl": "local_part",
    "fp": "prefix",
    "fs": "suffix",
}
"""What the -bf options set, by the letters after -b."""


class Mode(Enum):
    """What this call of Exim is for."""

    RECEIVE = "take in a message from standard input"
    SMTP = "-bs"
    BATCH = "-bS"
    HOST_CHECK = "-bh"
    DAEMON = "-bd"
    ADDRESS_TEST = "-bt"
    VERIFY = "-bv"
    VERIFY_SENDER = "-bvs"
    EXPAND = "-be"
    TRY_RETRY = "-brt"
    TRY_REWRITE = "-brw"
    FILTER = "-bf, -bF"
    LIST_QUEUE = "-bp"
    COUNT_QUEUE = "-bpc"
    PRINT_CONFIG = "-bP"
    VERSION = "-bV"
    ACT = "-M... on messages"
    DELIVER = "-M, -Mc, -Mg"
    QUEUE_RUN = "-q"
    LOG_LINE = "-z"
    INITIALISE = "-bi"
    INFORMATION = "-bI"
    REMOVE_PID_FILE = "-oPX"


@dataclass(slots=True)
class FilterTest:
    """What the -bf options ask for: the files of the system's and of the user's filter, and whose it is."""

    system: str | None = None
    user: str | None = None
    domain: str | None = None
    local_part: str | None = None
    prefix: str | None = None
    suffix: str | None = None


@dataclass(slots=True)
class CommandLine:
    """One call of Exim. ``arguments`` are what is left: recipients, addresses, strings or message ids.

    ``option`` has the letters after -bp, or the -M option itself. ``given`` are the expansion variables that
    -oM options set.
    """

    mode: Mode = Mode.RECEIVE
    config: str = DEFAULT_CONFIG
    defines: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    option: str = ""
    host: str = ""
    callout: bool = False
    foreground: bool = False
    listens: bool = False
    """A daemon listens for SMTP; one that has only a time for queue runs does not."""
    tls_on_connect: bool = False
    """Every port is for TLS from the start."""
    ports: str | None = None
    apart: bool = False
    """The time of -q stands in an argument of its own."""
    run: QueueRun = field(default_factory=QueueRun)
    sender: str | None = None
    sender_name: str | None = None
    from_headers: bool = False
    dot_ends: bool = True
    queue_only: bool | None = None
    queue_smtp: bool = False
    synchronous: bool = False
    receive_timeout: int | None = None
    smtp_receive_timeout: int | None = None
    dont_deliver: bool = False
    verbose: bool = False
    debugging: bool = False
    """Some debugging output is asked for (-d), which is not modelled; what else comes out is the same."""
    errors: str = "sender"
    errors_sender_ok: bool = False
    """A report to the sender is no failure (-oee)."""
    qualify: bool = True
    reference: str | None = None
    force: bool = False
    give_up: bool = False
    given: dict[str, str] = field(default_factory=dict)
    queue_times: str = ""
    queue: str = ""
    """The named queue of -q...G."""
    destination: str = ""
    """The queue into which -MG moves messages."""
    """What to take for the time on the queue, one for each message of a run (-Tqt, in Exim's test suite)."""
    message_set: str | None = None
    """The message on the queue whose variables an expansion sees (-Mset)."""
    message_file: str | None = None
    """The file with the message whose variables an expansion sees (-bem)."""
    alias: str | None = None
    """What -bi gives to its command (-oA)."""
    perl_at_start: bool = False
    labels: bool = True
    """Whether -bP says what each value is of; -n: it does not."""
    filter_test: FilterTest = field(default_factory=FilterTest)
    asked: set[Mode] = field(default_factory=set)
    """All modes that options have named: some do not go together."""
    acts_on_addresses: bool = False
    """An -M option that takes addresses behind the message."""
    without_notifier: bool = False
    """-oY: a daemon without the socket by which others tell it what there is to do."""
    usage: bool = False
    """--help."""
    new_options: dict[str, str] = field(default_factory=dict)
    """Options that not all releases know, as they were given, by the switches that bring them."""
    gateway: bool = False
    """-G: header lines of local messages are left as they are."""
    per_connection: int | None = None
    """-oB: in place of connection_max_messages."""
    to_syslog: bool = False
    """-L: all logs go to syslog."""
    pid_file: str | None = None
    """-oP: in place of pid_file_path."""
    wait_mode: bool = False
    """-bw: the daemon's socket listens already."""
    wait_timeout: int = 0
    """The seconds after which such a daemon ends if nobody has called; 0: never."""

    def leaves_on_queue(self, options: Options) -> bool:
        """Whether messages are only queued: -od.. says so, or queue_only, which -od.. may override."""
        if options.flag("mua_wrapper"):
            return False
        if self.queue_only is not None and (self.queue_only or options.flag("queue_only_override")):
            return self.queue_only
        return options.flag("queue_only")
