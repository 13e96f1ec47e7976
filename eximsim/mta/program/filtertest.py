"""-bf and -bF: a filter is tested with a message from standard input (src/filtertest.c, src/exim.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eximsim.mta.base.errnos import strerror
from eximsim.mta.base.string import from_octets
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.process.reception import Reception
from eximsim.mta.reception.receive_filter import read_message_body, receive_for_filter
from eximsim.mta.records.spool import Recipient
from eximsim.mta.routing.filters.exim_filter import filter_interpret
from eximsim.mta.routing.filters.running import Outcome
from eximsim.mta.routing.filters.sieve import SieveOptions, sieve_interpret
from eximsim.mta.routing.filters.syntax import STOPPING, FilterType, rda_is_filter
from eximsim.mta.routing.rda import Found, parse_forward_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.process.globals import Process
    from eximsim.mta.program.command_line import FilterTest
    from eximsim.mta.reception.receive_headers import Submitter


def filter_test(
    process: Process, test: FilterTest, sender: str, submitter: Submitter, stdin: bytes, *, dot_ends: bool
) -> int:
    """Read the message and run the filters that are to be tested; the program's exit code."""
    files = [(path, path is test.system) for path in (test.system, test.user) if path is not None]
    texts: list[str] = []
    for path, _ in files:
        try:
            texts.append(from_octets(process.world.read_file(_absolute(process, path))))
        except OSError as error:
            process.err(f"exim: failed to open {path}: {strerror(error.errno or 0)}\n")
            return 1
    reception = Reception(process)
    reception.envelope.sender = sender
    process.variables["sender_address"] = sender
    message = receive_for_filter(reception, stdin, submitter, dot_ends=dot_ends)
    _set_expansions(reception, test, submitter, message.return_path)
    read_body: Callable[[], None] | None = partial(read_message_body, reception, message, dot_ends=dot_ends)
    for (path, is_system), text in zip(files, texts, strict=True):
        kind = rda_is_filter(text)
        if is_system and kind is FilterType.FORWARD:
            kind = FilterType.EXIM
        process.out(f'Testing {kind.value} file "{path}"\n\n')
        if kind is FilterType.FORWARD:
            if not _forwarded(process, text):
                return 1
            continue
        if read_body is not None:
            read_body()
            read_body = None
        if kind is FilterType.SIEVE and not is_system:
            sieve_interpret(process, text, SieveOptions(), testing=True)
        elif not _passed(process, text, is_system):
            return 1
    return 0


def _forwarded(process: Process, text: str) -> bool:
    """Tell what a list of addresses generates; false for an error."""
    read = parse_forward_list(process, text, process.variables["domain"])
    if read.found is Found.BLACKHOLE:
        process.out('exim: forwardfile contains ":blackhole:"\n')
    elif read.found not in (Found.DELIVERED, Found.NOTDELIVERED):
        process.out(f"exim: error in forward file: {read.message}\n")
        return False
    if not read.addresses:
        process.out("exim: no addresses generated from forward file\n")
        return True
    lines = [f"  {one.address}\n" for one in reversed(read.addresses)]
    process.out(f"exim: forward file generated:\n{''.join(lines)}")
    return True


def _absolute(process: Process, path: str) -> str:
    return path if path.startswith("/") else f"{process.machine.directory.rstrip('/')}/{path}"


def _passed(process: Process, text: str, is_system: bool) -> bool:
    allowed = STOPPING if is_system else frozenset[str]()
    result = filter_interpret(process, text, allowed=allowed, system=is_system, testing=True, rewrite=True)
    return result.outcome is not Outcome.ERROR


def _set_expansions(
    reception: Reception, test: FilterTest, submitter: Submitter, return_path: str | None
) -> None:
    """Whom the message is for, as far as a filter can see it; it is told, too."""
    process = reception.process
    variables, tell = process.variables, process.out
    domain = test.domain or qualify_domain(process, is_recipient=True)
    local_part = test.local_part or submitter.login
    variables.update(
        domain=domain, original_domain=domain, local_part=local_part, original_local_part=local_part
    )
    account = process.machine.account(submitter.login)
    if account is not None:
        variables["home"] = account.home
    if test.prefix is not None:
        variables["local_part_prefix"] = test.prefix
    if test.suffix is not None:
        variables["local_part_suffix"] = test.suffix
    sender = variables.get("sender_address", "")
    if return_path is None:
        tell("Return-path copied from sender\n")
    else:
        tell(f"Return-path = {return_path or '<>'}\n")
    process.return_path = sender if return_path is None else return_path
    tell(f"Sender      = {sender or '<>'}\n")
    recipient = f"{test.prefix or ''}{local_part}{test.suffix or ''}@{domain}"
    reception.envelope.recipients = [Recipient(recipient)]
    variables["recipients"], variables["recipients_count"] = recipient, "1"
    tell(f"Recipient   = {recipient}\n")
    if test.prefix is not None:
        tell(f"Prefix    = {test.prefix}\n")
    if test.suffix is not None:
        tell(f"Suffix    = {test.suffix}\n")
