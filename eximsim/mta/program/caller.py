"""Who calls the program, and who the sender is of what the caller brings (main() in src/exim.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base.parse import AddressError, local_part_quote
from eximsim.mta.base.phrase import parse_fix_phrase
from eximsim.mta.base.string import SPACES, list_items
from eximsim.mta.base.utf8 import string_is_utf8
from eximsim.mta.expand.expand_variables import headers_charset
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.hostname import qualify_domain
from eximsim.mta.program.command_line import CommandLine, Mode
from eximsim.mta.reception.caller_sender import may_set_sender
from eximsim.mta.reception.originator import full_name, login_name
from eximsim.mta.reception.receive_headers import Submitter
from eximsim.mta.routing.rewrite import rewrite_address_qualify

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

CHECKING = frozenset(
    {
        *(Mode.HOST_CHECK, Mode.ADDRESS_TEST, Mode.VERIFY, Mode.VERIFY_SENDER),
        *(Mode.EXPAND, Mode.FILTER),
    }
)
"""Where anyone may say with -oM who sends."""


def is_trusted(process: Process) -> bool:
    """Whether the caller may say who the sender is (trusted_users, trusted_groups)."""
    machine, options = process.machine, process.config.main
    if machine.uid == 0:
        return True
    users = list(list_items(options.text("trusted_users") or "", ":"))
    groups = list(list_items(options.text("trusted_groups") or "", ":"))
    return machine.user in users or str(machine.uid) in users or machine.group in groups


def _originator_name(process: Process, line: CommandLine) -> str:
    """The caller's full name: from -F, or gecos_name where gecos_pattern matches."""
    if line.sender_name is not None:
        longer = process.profile.encoded_first_word_longer
        return parse_fix_phrase(line.sender_name, headers_charset(process), first_longer=longer)
    return full_name(process, login_name(process, process.machine.user))


def set_sender(process: Process, line: CommandLine, *, smtp: bool) -> tuple[str | None, Submitter]:
    """The envelope sender, qualified, None if SMTP will say; and who brings the message."""
    trusted = is_trusted(process)
    login = login_name(process, process.machine.user)
    given = line.sender
    testing = line.mode is Mode.FILTER
    if given is not None:
        given = given_sender(process, given)
    local = (given is None and not smtp) or not (trusted or testing)
    sender, forced = given, given is not None
    must_not = (not smtp and given is None) or not may_set_sender(process, given, trusted=trusted)
    if must_not and (given is None or (given and line.mode not in CHECKING)):
        sender, forced = local_part_quote(login), False
    if sender:
        sender = rewrite_address_qualify(process, sender, is_recipient=False)
    name = _originator_name(process, line) if given is None or not trusted or line.sender_name else ""
    submitter = Submitter(login, name, local, trusted, forced, line.sender_name is not None)
    return sender, submitter


def given_sender(process: Process, text: str) -> str:
    """The sender that -f names; raises ``Fatal`` for what is no address."""
    try:
        return "" if text in ("", "<>") else _extracted(process, text)
    except AddressError as error:
        raise Fatal(f'exim: bad -f address "{text}": {error.message}\n') from None


def _extracted(process: Process, text: str) -> str:
    """The address of -f, which may be more than the configuration allows until that has been read.

    Raises ``AddressError``.
    """
    utf8, options = process.profile.i18n, process.config.main
    found = extract_address(process, text, allow_null=True, literals=True, utf8=utf8, strip_dot=True)
    if utf8 and string_is_utf8(found.address):
        process.variables["message_smtputf8"] = "yes"
    if found.address[found.domain_at :].startswith("[") and not options.flag("allow_domain_literals"):
        raise Fatal(f'exim: bad -f address "{found.address}": domain literals not allowed\n')
    if text.rstrip(SPACES).endswith(".") and not options.flag("strip_trailing_dot"):
        why = "domain is malformed (trailing dot not allowed)"
        raise Fatal(f'exim: bad -f address "{found.address}.": {why}\n')
    return found.address


class Fatal(Exception):
    """Exim writes this to stderr and gives up."""


def say_who_submits(process: Process, submitter: Submitter) -> None:
    """Set the variables about the local user who brings a message, unless -oM has."""
    variables = process.variables
    variables.setdefault("sender_ident", submitter.login)
    if not variables["sender_ident"]:
        del variables["sender_ident"]
    variables.setdefault("received_protocol", "local")
    if submitter.local:
        variables.setdefault("authenticated_id", submitter.login)
        domain = qualify_domain(process, is_recipient=False)
        variables.setdefault("authenticated_sender", f"{submitter.login}@{domain}")
