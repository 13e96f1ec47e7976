"""The expansion variables: every name that Exim knows, and where the model has its value (src/expand.c)."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from eximsim.errors import Unanswered
from eximsim.mta.base.rfc2047 import rfc2047_decode
from eximsim.mta.base.string import from_octets
from eximsim.mta.base.tod import Tod
from eximsim.mta.config.expansion_history import MOVING_VARIABLES, lacking
from eximsim.mta.config.expansion_names import (
    BEFORE_ASKED,
    CERTIFICATES,
    COMPUTED,
    LACKING_VARIABLES,
    OF_SIGNATURES,
    SYNONYMS,
    UNSET,
    complete,
)
from eximsim.mta.process.hostname import local_host_number, primary_hostname, qualify_domain
from eximsim.mta.process.local_time import local_stamp
from eximsim.mta.process.upward import host_name_lookup
from eximsim.mta.records.structs import Account

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Header


def _option(name: str) -> Callable[[Process], str]:
    return lambda process: process.config.main.text(name) or ""


def _time(style: Tod) -> Callable[[Process], str]:
    return lambda process: local_stamp(process, style)


def _sender_host_name(process: Process) -> str:
    """Looked up when first wanted, if the client has an address (vtype_host_lookup)."""
    variables = process.variables
    if variables.get("sender_host_address") and variables.get("host_lookup_failed", "0") == "0":
        host_name_lookup(process)
    return variables.get("sender_host_name", "")


def _sender_parts(process: Process) -> tuple[str, str]:
    sender = process.variables.get("sender_address", "")
    local_part, at, domain = sender.rpartition("@")
    return (local_part, domain) if at else (sender, "")


def _reply_address(process: Process) -> str:
    found = find_header(process, "reply-to:", raw=True)
    if not found or not found.strip():
        found = find_header(process, "from:", raw=True)
    return (found or "").strip().replace("\n", " ")


_BODY_ON_ONE_LINE = bytes.maketrans(b"\n\0", b"  ")
_BODY_WITH_LINES = bytes.maketrans(b"\0", b" ")


def _body(process: Process, *, end: bool) -> str:
    """The first or the last ``message_body_visible`` octets of the body of the message at hand."""
    message, options = process.message, process.config.main
    body = process.incoming_body if message is None else message.body
    size = options.number("message_body_visible")
    size = size if message is None else min(size, message.size)
    shown = body[max(0, len(body) - size) :] if end else body[:size]
    lines = options.flag("message_body_newlines")
    return from_octets(shown.translate(_BODY_WITH_LINES if lines else _BODY_ON_ONE_LINE))


def _config_dir(process: Process) -> str:
    path = process.config.path
    if path.startswith("/"):
        return path.rpartition("/")[0] or "/"
    return posixpath.normpath(posixpath.join(process.machine.directory, path, ".."))


_COUNT_KEPT = 60
_COUNT_KEPT_IN_TESTS = 3
"""How long a daemon takes its count of messages for good, in seconds (QUEUE_SIZE_AGE)."""


def _queue_size(process: Process) -> str:
    """What the daemon says; nothing if none runs that can be asked.

    Source: fn_queue_size(), src/expand.c; queue_count_cached(), src/queue.c.
    """
    machine, now = process.machine, process.world.now()
    if not machine.daemons or process.config.main.text("notifier_socket") == "":
        return ""
    daemon = machine.daemons[0]
    if int(now) >= daemon.counted_until:
        kept = _COUNT_KEPT_IN_TESTS if machine.test_harness else _COUNT_KEPT
        daemon.queue_size, daemon.counted_until = len(machine.spool.messages), int(now) + kept
    return str(daemon.queue_size)


def _active_hostname(process: Process) -> str:
    return process.variables.get("smtp_active_hostname") or primary_hostname(process)


_COMPUTED: Mapping[str, Callable[[Process], str]] = complete(
    {
        "bounce_return_size_limit": lambda process: str(
            process.config.main.number("bounce_return_size_limit")
        ),
        "compile_number": lambda process: process.profile.build_number,
        "config_dir": _config_dir,
        "config_file": lambda process: process.config.path,
        "exim_path": _option("exim_path"),
        "initial_cwd": lambda process: process.machine.directory,
        "localhost_number": lambda process: str(local_host_number(process) or 0),
        "message_body": lambda process: _body(process, end=False),
        "message_body_end": lambda process: _body(process, end=True),
        "message_exim_id": lambda process: process.message_id,
        "message_headers": lambda process: find_header(process, None, decode=True) or "",
        "message_headers_raw": lambda process: find_header(process, None, raw=True) or "",
        "pid": lambda process: str(process.pid),
        "primary_hostname": primary_hostname,
        "qualify_domain": partial(qualify_domain, is_recipient=False),
        "qualify_recipient": partial(qualify_domain, is_recipient=True),
        "queue_name": lambda process: process.queue_name,
        "queue_size": _queue_size,
        "reply_address": _reply_address,
        "sender_address_domain": lambda process: _sender_parts(process)[1],
        "sender_address_local_part": lambda process: _sender_parts(process)[0],
        "sender_host_name": _sender_host_name,
        "smtp_active_hostname": _active_hostname,
        "spool_directory": _option("spool_directory"),
        "tod_bsdinbox": _time(Tod.BSDIN),
        "tod_epoch": _time(Tod.EPOCH),
        "tod_epoch_l": _time(Tod.EPOCH_L),
        "tod_full": _time(Tod.FULL),
        "tod_log": _time(Tod.LOG),
        "tod_logfile": _time(Tod.LOG_DATESTAMP_DAILY),
        "tod_zone": _time(Tod.ZONE),
        "tod_zulu": _time(Tod.ZULU),
        "version_number": lambda process: process.profile.version,
    },
    COMPUTED,
)


def _is_lacking(process: Process, name: str) -> bool:
    profile = process.profile
    return name in lacking(profile.option_release, profile.build_lacks).variables


def is_known(process: Process, name: str) -> bool:
    """Whether a reference to ``name`` is allowed now, whatever its value."""
    if name in MOVING_VARIABLES and _is_lacking(process, name):
        return False
    if name in UNSET or name in _COMPUTED or name in SYNONYMS or name in LACKING_VARIABLES:
        return True
    if name in process.variables:
        return True
    if _is_user_variable(process, name):
        return not process.config.main.flag("strict_acl_vars")
    return _is_indexed(name, "auth", 4) or _is_indexed(name, "regex", 9)


def find_variable(process: Process, name: str) -> str | None:
    """The value of ``$name`` (its empty form if it has none), or None if Exim knows no such variable.

    A variable that Exim has and the model does not is asked for. ``$acl_c...``, ``$acl_m...``
    and ``$r_...`` that nothing set are empty, or unknown under ``strict_acl_vars``. Source:
    find_variable(), src/expand.c.
    """
    if name in MOVING_VARIABLES and _is_lacking(process, name):
        return None
    value = process.variables.get(name)
    if value is not None:
        return value if name not in CERTIFICATES else "<cert>"
    if name == "recipients" and not process.profile.unpermitted_recipients_empty:
        return None
    compute = _COMPUTED.get(name)
    if compute is not None:
        return compute(process)
    unset = UNSET.get(name)
    if unset is not None:
        return unset
    if name in SYNONYMS:
        return find_variable(process, SYNONYMS[name])
    if name in LACKING_VARIABLES:
        return _asked(process, name)
    return "" if is_known(process, name) else None


def _asked(process: Process, name: str) -> str:
    """The answer that is given; what Exim has without a message that is signed, if none is."""
    before = BEFORE_ASKED.get(name) if name != "spf_guess" else process.config.main.text(name) or ""
    if before is not None and not (name == "spam_report" and process.variables.get("spam_score")):
        given = process.world.find_answer("variable", name)
        return before if given is None else given.value or ""
    try:
        return process.world.ask("variable", name).value or ""
    except Unanswered:
        if name in _NUMBERS_OF_USERS and process.machine.hints_known:
            return _NUMBERS_OF_USERS[name](process)
        if name not in OF_SIGNATURES:
            raise
        return OF_SIGNATURES[name]


def _exim_user(process: Process) -> Account:
    machine = process.machine
    return machine.account(machine.exim_user) or Account(machine.uid, machine.gid, "/")


def _caller(process: Process) -> Account:
    """Whose process this is: a delivery of a message that has just come in is Exim's own."""
    machine = process.machine
    if process.message is not None and not process.queue_running:
        return _exim_user(process)
    return Account(machine.uid, machine.gid, "/")


def _originator(process: Process) -> Account:
    message = process.message
    if message is None:
        return Account(process.machine.uid, process.machine.gid, "/")
    return Account(message.originator_uid, message.originator_gid, "/")


_NUMBERS_OF_USERS: Mapping[str, Callable[[Process], str]] = {
    "caller_gid": lambda process: str(_caller(process).gid),
    "caller_uid": lambda process: str(_caller(process).uid),
    "exim_gid": lambda process: str(_exim_user(process).gid),
    "exim_uid": lambda process: str(_exim_user(process).uid),
    "originator_gid": lambda process: str(_originator(process).gid),
    "originator_uid": lambda process: str(_originator(process).uid),
}
"""Known where the machine is (real_uid and exim_uid in globals.c, originator_uid in spool_in.c)."""


def unknown_variable_hint(name: str) -> str:
    """What the message on an unknown ``acl_`` name adds (check_variable_error_message(), src/expand.c)."""
    if not name.startswith("acl_"):
        return ""
    if name[4:5] not in ("c", "m"):
        return " (user-defined ACL variables must start acl_c or acl_m)"
    if name[5:6].isalpha():
        return " (6th character of a user-defined ACL variable must be a digit or underscore)"
    return " (strict_acl_vars is set)"


def _is_user_variable(process: Process, name: str) -> bool:
    if name.startswith("r_"):
        return process.profile.router_variables
    return name.startswith(("acl_c", "acl_m")) and not name[5:6].isalpha()


def _is_indexed(name: str, stem: str, most: int) -> bool:
    digits = name.removeprefix(stem)
    return digits != name and digits.isdigit() and 0 < int(digits) <= most


# ---- headers ------------------------------------------------------------------------------------------

_ADDRESS_KINDS = frozenset("BCFRST")
_INSERT_MAX = 64 * 1024


def header_list(process: Process) -> Sequence[Header]:
    """The header lines of the message that is received or delivered."""
    if process.header_list or process.message is None:
        return process.header_list
    return process.message.headers


def headers_charset(process: Process) -> str:
    """The character set into which header lines are recoded."""
    return process.headers_charset or process.config.main.text("headers_charset") or "UTF-8"


def find_header(
    process: Process,
    name: str | None,
    *,
    raw: bool = False,
    as_list: bool = False,
    decode: bool = False,
    charset: str | None = None,
) -> str | None:
    """The content of all header lines that begin with ``name`` (with its colon); None if there is none.

    ``name`` None takes all lines whole. Contents are stripped and joined with newlines, those of address
    headers with commas too; ``raw`` joins them as they are; ``as_list`` gives an Exim list of the lines.
    ``decode`` undoes RFC 2047 coding and recodes to ``charset``, if there is one. At most 64K are returned.
    Source: find_header(), src/expand.c.
    """
    wanted = "" if name is None else name.lower()
    size = len(wanted)
    found = [h for h in header_list(process) if h.kind != "*" and h.text[:size].lower() == wanted]
    if not found:
        return None if name is not None else ""
    lines = [header.text[size:] for header in found]
    if as_list:
        return ":".join(line.rstrip("\n").replace(":", "::") for line in lines)[:_INSERT_MAX]
    if raw:
        return "".join(lines)[:_INSERT_MAX]
    comma = name is not None and any(header.kind in _ADDRESS_KINDS for header in found)
    separator = ",\n" if comma else "\n"
    joined = separator.join(filter(None, (line.strip(" \t\n\r\v\f") for line in lines)))[:_INSERT_MAX]
    if decode and "=?" in joined:
        check_length = process.config.main.flag("check_rfc2047_length")
        decoded, error = rfc2047_decode(joined, charset, check_length=check_length)
        return joined if error is not None and process.profile.unknown_charset_undecoded else decoded
    return joined
