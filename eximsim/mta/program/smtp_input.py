"""SMTP over standard input: -bs, -bS, -bh and -bhc (the part of src/exim.c that sets it up)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from eximsim.errors import Unsupported
from eximsim.mta.base.ipaddr import host_aton, host_nmtoa, ipv6_nmtoa
from eximsim.mta.base.string import from_octets, string_is_ip_address
from eximsim.mta.delivery import queue
from eximsim.mta.expand.marks import TaintedText
from eximsim.mta.lookup.sender_host import host_build_sender_fullhost
from eximsim.mta.process.ends import ExitsSilently, PanicDie
from eximsim.mta.process.globals import Process
from eximsim.mta.process.reception import Reception
from eximsim.mta.program.caller import set_sender
from eximsim.mta.program.command_line import CommandLine, Mode
from eximsim.mta.reception.caller_sender import may_set_sender
from eximsim.mta.reception.ident import tested_port, verify_get_ident
from eximsim.mta.reception.receive_headers import Submitter
from eximsim.mta.reception.smtp_in import SmtpIn
from eximsim.mta.reception.smtp_in_batch import BadBatch, Batch
from eximsim.mta.reception.smtp_in_start import (
    announce,
    local_size_limit,
    smtp_active_hostname,
)
from eximsim.mta.reception.smtp_in_time import receive_timeout
from eximsim.mta.reception.smtp_session import log_no_mail
from eximsim.ports import Action, Send, StartTls


def smtp(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bs and -bS: a session, or a batch of messages."""
    sender, submitter = set_sender(process, line, smtp=True)
    reception = Reception(process, smtp=True)
    variables = process.variables
    variables.setdefault("sender_ident", submitter.login)
    if not variables["sender_ident"]:
        del variables["sender_ident"]
    if "sender_host_address" in variables:
        _split_port(process)
        host_build_sender_fullhost(process)
        reception.sender_host_notsocket = True
    else:
        reception.sender_host_unknown = True
        batched = "batched " if line.mode is Mode.BATCH else ""
        process.doing = f"accepting a local {batched}SMTP message from <{sender or submitter.login}>"
    if submitter.local:
        variables.setdefault("authenticated_id", submitter.login)
    crash = "" if line.synchronous else None

    def deliver(message_id: str) -> None:
        queue.deliver_in_child(process, message_id, queue.LOCAL_DELIVERY, crash=crash, anew=True)

    if not smtp_active_hostname(process):
        return 1
    may_be_sender = partial(may_set_sender, process, trusted=submitter.trusted)
    session = SmtpIn(reception, deliver, submitter)
    session.queue_only = line.leaves_on_queue(process.config.main) or queue.queue_check_only(process)
    session.real_sender, session.may_be_sender = sender, may_be_sender
    announce(session)
    reception.allow_unqualified_sender = reception.allow_unqualified_recipient = line.qualify
    if line.mode is not Mode.BATCH:
        return _converse(process, session, stdin)
    variables.setdefault("received_protocol", "local-bsmtp")
    session.size_limit = local_size_limit(process)
    session.time_limit = receive_timeout(process, expands=False)
    reception.started = process.world.now()
    try:
        Batch(session, stdin, deliver).run()
    except BadBatch as bad:
        process.out(bad.stdout)
        process.err(bad.stderr)
        return bad.code
    log_no_mail(session)
    return 0


def host_check(process: Process, line: CommandLine, stdin: bytes) -> int:
    """-bh and -bhc: a session as if from the host given."""
    _ask_ident(process, line)
    process.host_checking = process.log_testing_mode = True
    process.host_checking_callout = line.callout
    host = line.given["sender_host_address"]
    address, _ = _address_and_port(host)
    if not string_is_ip_address(address)[0]:
        process.err(f"exim: malformed host address {host} for host checking\n")
        return 1
    value, width = host_aton(address)
    short = process.profile.tested_client_compressed and ":" in address
    shown = ipv6_nmtoa(value) if short else host_nmtoa(value, width, separator=":" if ":" in address else ".")
    process.variables["sender_host_address"] = host
    _split_port(process)
    process.variables["sender_host_address"] = shown
    host_build_sender_fullhost(process)
    if not smtp_active_hostname(process):
        return 1
    reception = Reception(process, smtp=True, sender_host_notsocket=True)
    process.out(
        f"\n**** SMTP testing session as if from host {shown}\n"
        "**** but without any ident (RFC 1413) callback.\n"
        "**** This is not for real!\n\n"
    )
    session = SmtpIn(reception, lambda message_id: None, Submitter(process.machine.user))
    sender, _ = set_sender(process, line, smtp=False)
    announce(session)
    code = _converse(process, session, stdin, calling=sender)
    return code if session.gave_up else 0


def _ask_ident(process: Process, line: CommandLine) -> None:
    """Under Exim's test suite, where all ports are given, who the client's user is is asked even so."""
    if not process.machine.test_harness or "sender_ident" in line.given:
        return
    with process.setting(sender_host_address=line.given["sender_host_address"]):
        _split_port(process)
        if {"sender_host_port", "interface_address", "interface_port"} <= process.variables.keys():
            verify_get_ident(process, tested_port(process))


def _address_and_port(text: str) -> tuple[str, str]:
    """``[address]:port`` or ``address.port`` in parts; the port may be missing."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.removeprefix(":")
    if text.count(".") == 4 and ":" not in text:
        address, _, port = text.rpartition(".")
        return address, port
    return text, ""


def _split_port(process: Process) -> None:
    for address_name, port_name in (
        ("sender_host_address", "sender_host_port"),
        ("interface_address", "interface_port"),
    ):
        if address_name in process.variables:
            address, port = _address_and_port(process.variables[address_name])
            process.variables[address_name] = TaintedText(address)
            if port:
                process.variables[port_name] = port


def _converse(process: Process, session: SmtpIn, stdin: bytes, calling: str | None = None) -> int:
    """Drive a session from standard input to standard output; Exim's exit code.

    ``calling`` is the sender that there is until the first command: whoever calls, if a session is tested.
    """

    def start() -> Iterator[Action]:
        with process.setting(sender_address=calling or process.variables.get("sender_address")):
            return session.start()

    unread = stdin

    def read() -> Iterator[Action]:
        nonlocal unread
        unread = b""
        return session.feed(stdin)

    try:
        steps = (
            start,
            partial(_wait_for_input, process, session),
            read,
            partial(_end_of_input, process, session),
        )
        for step in steps:
            if not session.ended:
                _carry_out(process, step())
    except ExitsSilently:
        process.out(from_octets(session.replies.take()))
        raise
    except PanicDie:
        _carry_out(process, session.closedown("Unexpected failure, please try later"))
        if unread:  # it was given up before the first command
            _carry_out(process, session.feed(unread))
        return 1
    return 1 if session.lost else 0


def _wait_for_input(process: Process, session: SmtpIn) -> Iterator[Action]:
    """Nothing comes for a while; the server's patience may be over before."""
    delay, deadline = process.machine.input_delay, session.deadline()
    process.machine.input_delay = 0
    begun = process.world.now()
    if delay and deadline is not None and deadline <= begun + delay:
        process.world.sleep(deadline - begun)
        yield from session.time_out()
    process.world.sleep(max(0.0, begun + delay - process.world.now()))


def _end_of_input(process: Process, session: SmtpIn) -> Iterator[Action]:
    """The end of standard input, or before it that of the server's patience."""
    now, deadline = process.world.now(), session.deadline()
    if deadline is not None and deadline <= now + process.machine.input_pause:
        process.world.sleep(deadline - now)
        return session.time_out()
    process.world.sleep(process.machine.input_pause)
    return session.eof()


def _carry_out(process: Process, actions: Iterator[Action]) -> None:
    for action in actions:
        if isinstance(action, Send):
            process.out(from_octets(action.data))
        elif isinstance(action, StartTls):
            raise Unsupported("STARTTLS on standard input")
