"""One call of the program: read the command line and the configuration, then do it (src/exim.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.effort import Effort
from eximsim.mta.base.parse import AddressError, addresses_of
from eximsim.mta.base.string import SPACES, from_octets
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.config.readconf import read_config
from eximsim.mta.delivery import queue
from eximsim.mta.delivery.moan import NO_RECIPIENTS, malformed_argument, moan_to_sender, too_many_recipients
from eximsim.mta.delivery.mua_wrapper import NotSent
from eximsim.mta.delivery.queue_list import queue_list
from eximsim.mta.expand.marks import TaintedText
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.process.ends import PanicDie, ProcessDied
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.globals import Process
from eximsim.mta.process.load import above_queue_only_load, log_queued_for_load
from eximsim.mta.process.log import log_write, printed, selector
from eximsim.mta.process.reception import Reception
from eximsim.mta.process.upward import EXIT_NORECIPIENTS
from eximsim.mta.program import daemon
from eximsim.mta.program.address_test import test_address
from eximsim.mta.program.bad_options import USAGE
from eximsim.mta.program.caller import (
    CHECKING,
    Fatal,
    given_sender,
    is_trusted,
    say_who_submits,
    set_sender,
)
from eximsim.mta.program.command_line import CommandLine, Mode
from eximsim.mta.program.exim_argv_refused import read_command_line
from eximsim.mta.program.expand_test import expansion_test
from eximsim.mta.program.filtertest import filter_test
from eximsim.mta.program.readconf_print import readconf_print
from eximsim.mta.program.retry_test import retry_test
from eximsim.mta.program.rewrite_test import rewrite_test
from eximsim.mta.program.smtp_input import host_check, smtp
from eximsim.mta.program.version_print import information, remove_pid_file, version
from eximsim.mta.reception.incoming import new_message_id
from eximsim.mta.reception.limits import recipients_limit
from eximsim.mta.reception.receive_data import DataReader, local_content
from eximsim.mta.reception.receive_local import LocalError, receive_local
from eximsim.mta.reception.smtp_in_start import (
    local_size_limit,
)
from eximsim.quick_dataclass import dataclass
from eximsim.status import Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import Config
    from eximsim.mta.process.globals import Machine
    from eximsim.profiles import Profile


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a call of Exim ended, and what it wrote; a process that died has its signal as negative code."""

    code: int
    stdout: str
    stderr: str
    debugged: bool = False
    """Debugging output was asked for, so standard error is not what Exim writes."""


def run(
    machine: Machine,
    argv: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    profile: Profile,
    config: Config | None = None,
) -> ExitStatus:
    """Run Exim once on ``machine``, to its end; a daemon stays behind and serves.

    ``argv`` does not hold the program's name. ``config`` takes the place of the file that it names. Raises
    ``InputError`` for a bad configuration and ``Unsupported`` for what is not modelled.
    """
    machine.effort = Effort()
    try:
        line = read_command_line(argv, profile)
        config = config or _configuration(machine, line, profile)
    except Fatal as problem:
        return ExitStatus(1, "", str(problem))
    if line.perl_at_start and config.main.is_set("perl_startup"):
        raise Unsupported("perl_startup at the start (-ps)", *config.main.where("perl_startup"))
    if line.to_syslog:
        config = replace(config, main=config.main.replaced(log_file_path="syslog"))
    if line.mode in _SUBMITTING and config.main.flag("mua_wrapper"):
        config, line = _wrapping(config), replace(line, errors="stderr", synchronous=True, queue_smtp=False)
    out: list[str] = []
    err: list[str] = []
    process = Process(machine, config, profile, machine.new_pid(), out=out.append, err=err.append)
    process.environment = env
    try:
        _heed(process, line)
    except Fatal as problem:
        return ExitStatus(1, "", str(problem))
    if profile.no_certificate_always_told and line.mode not in CHECKING and line.mode not in _PRINTING:
        daemon.warn_of_certificate(process)
    _check_arguments_logged(process, line)
    try:
        code = _MODES[line.mode](process, line, stdin)
    except ProcessDied as death:
        code = -death.signal
    except Fatal as problem:
        process.err(str(problem))
        code = 1
    except (PanicDie, NotSent):
        code = 1
    return ExitStatus(code, "".join(out), "".join(err), line.debugging)


def _heed(process: Process, line: CommandLine) -> None:
    """What the options set in the process."""
    machine, profile = process.machine, process.profile
    process.queue_name = line.queue
    process.verbose, process.queue_smtp = line.verbose, line.queue_smtp
    process.tls_on_connect = line.tls_on_connect
    process.log_testing_mode = line.mode in (Mode.EXPAND, Mode.FILTER) and machine.user != machine.exim_user
    may_write = line.mode is Mode.EXPAND and profile.expansion_test_writes
    process.configuration_is_read_only = profile.configuration_is_read_only and not may_write
    process.dont_deliver, process.debugging = line.dont_deliver, line.debugging
    process.synchronous = line.synchronous
    process.receive_timeout, process.smtp_receive_timeout = line.receive_timeout, line.smtp_receive_timeout
    process.fudged_queue_times, process.gateway = line.queue_times, line.gateway
    if line.gateway and not is_trusted(process):
        raise Fatal("exim: permission denied (-G requires a trusted user)\n")
    if line.per_connection is not None and line.mode in _DELIVERING:
        raise Unsupported("the option -oB, where messages are delivered")
    if line.mode in CHECKING or is_trusted(process):
        process.variables.update({name: TaintedText(value) for name, value in line.given.items()})


def _configuration(machine: Machine, line: CommandLine, profile: Profile) -> Config:
    """What the call needs of the configuration; raises ``InputError``.

    A bad -f, for which ``Fatal`` is raised, is seen before more than the main section is read. What is only
    printed need not be modelled.
    """
    printed = line.mode in _PRINTING
    read = partial(read_config, machine.world, line.config, profile, line.defines, tolerant=printed)
    try:
        return read(whole=_reads_all(line, profile))
    except InputError:
        if line.sender is not None:
            given_sender(Process(machine, read(whole=False), profile, machine.next_pid), line.sender)
        raise


_PRINTING = frozenset({Mode.PRINT_CONFIG, Mode.VERSION})


def _check_arguments_logged(process: Process, line: CommandLine) -> None:
    """The line that log_selector's word ``arguments`` asks for is missed where logs are compared."""
    machine = process.machine
    logs = line.mode not in CHECKING and line.mode not in _PRINTING and not machine.without_arguments
    if logs and machine.hints_known and selector(process, "arguments"):
        raise Unsupported("the log selector arguments", *process.config.main.where("log_selector"))


def _reads_all(line: CommandLine, profile: Profile) -> bool:
    """Whether this call needs more of the configuration than its main section."""
    if line.mode is Mode.ACT:
        return line.option == "-Mrm" and profile.removal_raises_events
    return line.mode not in (Mode.LIST_QUEUE, Mode.COUNT_QUEUE)


# ---- messages from standard input ------------------------------------------------------------------


def _receive(process: Process, line: CommandLine, stdin: bytes) -> int:
    if not line.arguments and not line.from_headers:
        process.err(USAGE)
        return 1
    try:
        return _receive_one(process, line, stdin)
    except LocalError as problem:
        if line.errors == "sender":
            sender = process.variables.get("sender_address", "")
            if moan_to_sender(process, sender, problem.why, stdin):
                return 0 if line.errors_sender_ok else 1
            return EXIT_NORECIPIENTS if problem.why.subject == NO_RECIPIENTS.subject else 1
        process.err(str(problem))
    return 1


def _receive_one(process: Process, line: CommandLine, stdin: bytes) -> int:
    sender, submitter = set_sender(process, line, smtp=False)
    variables = process.variables
    say_who_submits(process, submitter)
    reception = Reception(process)
    reception.allow_unqualified_sender = reception.allow_unqualified_recipient = line.qualify
    reception.sender_host_notsocket = "sender_host_address" in variables
    host_build_sender_fullhost(process)
    reception.envelope.raw_sender = reception.envelope.sender = sender
    variables["sender_address"] = sender or ""
    process.doing = f"accepting a local non-SMTP message from <{sender or ''}>"
    size_limit = local_size_limit(process)
    recipients = _recipients(process, line)
    if not _is_in_time(process, stdin):
        return 1
    received = receive_local(
        reception,
        local_content(stdin, dot_ends=line.dot_ends),
        submitter,
        recipients,
        from_headers=line.from_headers,
        size_limit=size_limit,
        reference=line.reference,
    )
    if received.message_id is None:
        return 1
    queued = line.leaves_on_queue(process.config.main) or queue.queue_check_only(process)
    if not queued and (load := above_queue_only_load(process)) is not None:
        process.message_id = received.message_id
        log_queued_for_load(process, load)
        process.message_id = ""
        queued = True
    if received.deliver and not queued:
        crash = "" if line.synchronous else None
        own = queue.LOCAL_DELIVERY
        deliver = partial(queue.deliver_in_child, process, received.message_id, own, crash=crash, anew=True)
        if process.machine.test_harness and not line.synchronous:
            process.machine.unwatched.begun.append((process.world.now(), deliver))
        else:
            deliver()
    return 0


def _is_in_time(process: Process, stdin: bytes) -> bool:
    """Wait for a message that is slow to come; False if that takes longer than receive_timeout."""
    pause, limit = process.machine.input_pause, process.receive_timeout
    if limit is None:
        limit = process.config.main.seconds("receive_timeout")
    if not 0 < limit <= pause:
        process.world.sleep(pause)
        return True
    process.world.sleep(limit)
    reader = DataReader(strict=False)
    reader.add(stdin)
    if reader.header_done():
        process.message_id = new_message_id(process)
    process.err("exim: timed out while reading - message abandoned\n")
    log_write(process, "timed out while reading local message", when="lost_incoming_connection")
    return False


def _recipients(process: Process, line: CommandLine) -> list[str]:
    found: list[str] = []
    limit = 0 if line.from_headers else recipients_limit(process)
    for argument in line.arguments:
        for text in addresses_of(argument):
            if 0 < limit <= len(found):
                why = too_many_recipients(limit, header_read=False)
                raise LocalError("exim: too many recipients\n", why)
            try:
                address = extract_address(process, text, utf8=process.profile.i18n)
                if process.profile.i18n and string_is_utf8(address.address):
                    process.note_utf8()
                if not address.domain_at and not line.qualify:
                    raise AddressError("unqualified recipient address not allowed")
            except AddressError as error:
                shown = printed(process, argument)
                problem = f'exim: bad recipient address "{shown}": {error.message}\n'
                raise LocalError(problem, malformed_argument(shown, error.message)) from None
            found.append(address.address)
    return found


# ---- tests -----------------------------------------------------------------------------------------


def _addresses(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bt, -bv and -bvs."""
    process.log_testing_mode = True
    process.address_test_mode = line.mode is Mode.ADDRESS_TEST
    sender, _ = set_sender(process, line, smtp=False)
    process.variables["sender_address"] = sender or ""
    process.variables["sender_ident"] = process.machine.user
    code = 0
    seen: set[str] = set()
    is_recipient = line.mode is not Mode.VERIFY_SENDER
    full = line.verbose or line.debugging
    for text in _inputs(process, line, stdin, split=True):
        rc = test_address(process, text, seen, is_recipient=is_recipient, full=full)
        if rc is Rc.FAIL:
            code = 2
        elif rc is Rc.DEFER and code == 0:
            code = 1
    return code


def _inputs(process: Process, line: CommandLine, stdin: bytes, *, split: bool) -> Iterator[str]:
    """The arguments, or without any the logical lines of standard input after a prompt for each."""
    if line.arguments:
        for argument in line.arguments:
            yield from addresses_of(argument) if split else (argument,)
        return
    lines = from_octets(stdin).splitlines()
    while True:
        process.out("> ")
        if not lines:
            process.out("\n")
            return
        text = lines.pop(0).rstrip(SPACES)
        while text.endswith("\\") and lines:
            text = text[:-1] + lines.pop(0).strip(SPACES)
        yield text


def _expand(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-be and -bem."""
    return expansion_test(process, line, _inputs(process, line, stdin, split=False))


def _filter(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bf and -bF."""
    process.log_testing_mode = True
    sender, submitter = set_sender(process, line, smtp=False)
    say_who_submits(process, submitter)
    return filter_test(process, line.filter_test, sender or "", submitter, stdin, dot_ends=line.dot_ends)


def _rewrite(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-brw."""
    if not line.arguments:
        process.out("-brw needs an address argument\n")
        return 1
    process.log_testing_mode = True
    rewrite_test(process, line.arguments[0])
    return 0


# ---- the queue -------------------------------------------------------------------------------------


def _list_queue(process: Process, line: CommandLine, stdin: bytes) -> int:
    queue_list(process, line.option, line.arguments)
    return 0


def _count_queue(process: Process, line: CommandLine, stdin: bytes) -> int:
    process.out(f"{len(process.spool.messages)}\n")
    return 0


def _act(process: Process, line: CommandLine, stdin: bytes) -> int:
    first, *rest = line.arguments
    if line.option in queue.TAKES_ADDRESSES:
        done = queue.queue_action(process, line.option, first, rest)
    else:
        told = [line.destination] if line.option == queue.SET_QUEUE else []
        done = not [m for m in line.arguments if not queue.queue_action(process, line.option, m, told)]
        if line.option in ("-Mmad", queue.SET_QUEUE) and process.profile.marking_ends_line:
            process.out("\n")
    return 0 if done else 1


def _deliver(process: Process, line: CommandLine, stdin: bytes) -> int:
    process.deliver_force_thaw = line.force
    *_, last = line.arguments
    for message_id in line.arguments:
        purpose = process.purpose if message_id == last else "cmdline-delivery"
        queue.deliver_in_child(
            process, message_id, purpose, force=line.force, give_up=line.give_up, crash=None
        )
    return 0


def _queue_run(process: Process, line: CommandLine, stdin: bytes) -> int:
    queue.queue_run(process, line.run)
    return 0


def _log_line(process: Process, line: CommandLine, stdin: bytes) -> int:
    log_write(process, line.option)
    return 0


def _initialise(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bi: run the command of the configuration in place of what Sendmail does there."""
    command = process.config.main.text("bi_command")
    if command:
        words = [command, *([line.alias] if line.alias is not None else [])]
        told = process.world.ask_command(words)
        process.out(told.value or "")
        return told.status
    return 0


def _daemon(process: Process, line: CommandLine, stdin: bytes) -> int:
    queue_only = line.leaves_on_queue(process.config.main)
    waited = line.wait_timeout if line.wait_mode else None
    ports = process.machine.waiting_port if line.wait_mode else line.ports
    if line.wait_mode and (ports is None or waited):
        raise Unsupported("a daemon on a socket that listens already (-bw)")
    if line.pid_file is not None and not (process.machine.test_harness or process.machine.uid == 0):
        raise Unsupported("the option -oP from somebody who is not root")
    listening = daemon.Listening(ports, queue_only, waited) if line.listens else None
    daemon.daemon_go(process, listening, line.run, foreground=line.foreground)
    return 0


_DELIVERING = frozenset((Mode.RECEIVE, Mode.SMTP, Mode.BATCH, Mode.DAEMON, Mode.QUEUE_RUN, Mode.DELIVER))
_SUBMITTING = frozenset((Mode.RECEIVE, Mode.SMTP, Mode.BATCH))


def _wrapping(config: Config) -> Config:
    """The configuration with what mua_wrapper forces. Source: main()."""
    forced = {"remote_max_parallel": 1, "deliver_drop_privilege": True, "queue_smtp_domains": None}
    return replace(config, main=config.main.replaced(**forced))


_MODES: Mapping[Mode, Callable[[Process, CommandLine, bytes], int]] = {
    Mode.RECEIVE: _receive,
    Mode.SMTP: smtp,
    Mode.BATCH: smtp,
    Mode.HOST_CHECK: host_check,
    Mode.DAEMON: _daemon,
    Mode.ADDRESS_TEST: _addresses,
    Mode.VERIFY: _addresses,
    Mode.VERIFY_SENDER: _addresses,
    Mode.EXPAND: _expand,
    Mode.FILTER: _filter,
    Mode.TRY_RETRY: lambda process, line, stdin: retry_test(process, line.arguments, line.sender),
    Mode.TRY_REWRITE: _rewrite,
    Mode.LIST_QUEUE: _list_queue,
    Mode.COUNT_QUEUE: _count_queue,
    Mode.PRINT_CONFIG: lambda process, line, stdin: readconf_print(
        process, line.arguments, label=line.labels
    ),
    Mode.VERSION: version,
    Mode.ACT: _act,
    Mode.DELIVER: _deliver,
    Mode.QUEUE_RUN: _queue_run,
    Mode.LOG_LINE: _log_line,
    Mode.INITIALISE: _initialise,
    Mode.INFORMATION: information,
    Mode.REMOVE_PID_FILE: remove_pid_file,
}
