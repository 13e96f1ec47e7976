"""The header file of a message on the spool, as ``-Mvh`` shows it (src/spool_out.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from eximsim.errors import Unsupported
from eximsim.mta.base.balanced import balanced, walk
from eximsim.mta.base.string import octets
from eximsim.mta.expand.marks import Taint, taint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.spool import Message, Recipient

_OUTSIDE = frozenset(("sender_helo_name", "sender_host_name"))
"""Variables that are tainted whatever they hold: a client or the DNS has said it."""

_CLIENT = (
    ("sender_host_name", "host_name"),
    ("sender_host_authenticated", "host_auth"),
)
_DSN_FLAGS = {"NEVER": 2, "SUCCESS": 4, "FAILURE": 8, "DELAY": 16}
_DSN_RET = {"FULL": 1, "HDRS": 2}


def spool_header(process: Process, message: Message) -> str:
    """The text of the file ``ID-H``. Source: spool_write_header()."""
    return "".join(
        (
            *_envelope(process, message),
            *_tree(message.nonrecipients),
            f"{len(message.recipients)}\n",
            *(_recipient(message, one) for one in message.recipients),
            "\n",
            *(f"{len(octets(one.text)):03d}{one.kind} {one.text}" for one in message.headers),
        )
    )


def _envelope(process: Process, message: Message) -> Iterator[str]:
    profile = process.profile
    seconds, fraction = _time(message.received_time)
    yield f"{message.id}-H\n"
    yield f"{message.originator_login:.63} {message.originator_uid} {message.originator_gid}\n"
    yield f"<{message.sender}>\n{seconds} {message.warning_count}\n"
    if profile.spool_receive_fraction:
        yield f"-received_time_usec .{fraction:06d}\n"
    if profile.spool_receive_end:
        yield "-received_time_complete {}.{:06d}\n".format(*_time(message.received_complete))
    _refuse_tls(message)
    yield from _connection(process, message)
    yield from _acl_variables(process, message)
    yield f"-body_linecount {message.body_lines}\n"
    yield f"-max_received_linelength {message.longest_received}\n"
    if zeros := message.body.count(0):
        yield f"-body_zerocount {zeros}\n"
    for name, shown in (("authenticated_id", "auth_id"), ("authenticated_sender", "auth_sender")):
        yield from _variable(process, message.variables, name, shown)
    yield from (f"-{flag}\n" for flag in _flags(message))
    if message.dsn_envid is not None:
        yield f"-dsn_envid {message.dsn_envid}\n"
    if message.dsn_ret is not None:
        yield f"-dsn_ret {_DSN_RET[message.dsn_ret]}\n"


def _time(moment: float) -> tuple[int, int]:
    """Seconds and microseconds."""
    return divmod(int(moment * 1_000_000), 1_000_000)


def _connection(process: Process, message: Message) -> Iterator[str]:
    known = message.variables
    yield from _variable(process, known, "sender_helo_name", "helo_name")
    form = "[{}]:{}" if process.profile.spool_address_bracketed else "{}.{}"
    for kind, shown in (("sender_host", "host_address"), ("interface", "interface_address")):
        address = known.get(f"{kind}_address")
        if address is not None:
            mark = _mark(process, f"{kind}_address", address)
            yield f"{mark}{shown} {form.format(address, known.get(f'{kind}_port', '0'))}\n"
        if kind == "sender_host":
            for name, own in _CLIENT:
                if name != "sender_host_name" or address is not None:
                    yield from _variable(process, known, name, own)
            if process.profile.spool_auth_published and message.auth_public_name is not None:
                yield f"-host_auth_pubname {message.auth_public_name}\n"
    yield from _variable(process, known, "smtp_active_hostname", "active_hostname")
    yield from _variable(process, known, "sender_ident", "ident")
    yield from _variable(process, known, "received_protocol", "received_protocol")


def _variable(process: Process, known: Mapping[str, str], name: str, shown: str) -> Iterator[str]:
    value = known.get(name)
    if value is not None:
        text = value.replace("\n", " ") if name == "authenticated_sender" else value
        yield f"{_mark(process, name, value)}{shown} {text}\n"


def _mark(process: Process, name: str, value: str) -> str:
    """What a line begins with: one dash, and another if its value comes from outside."""
    tainted = name in _OUTSIDE or taint_of(value) is Taint.TAINTED
    return "--" if tainted and process.profile.spool_taint_marked else "-"


def _acl_variables(process: Process, message: Message) -> Iterator[str]:
    for kind in "cm":
        prefix = f"acl_{kind}"
        held = {name.removeprefix(prefix): name for name in message.variables if name.startswith(prefix)}
        for node in walk(balanced(held)):
            value = message.variables[held[node.name]]
            mark = _mark(process, held[node.name], value)
            yield f"{mark}acl{kind} {node.name} {len(octets(value))}\n{value}\n"


def _flags(message: Message) -> Iterator[str]:
    known = message.variables
    if message.unqualified_recipient:
        yield "allow_unqualified_recipient"
    if message.unqualified_sender:
        yield "allow_unqualified_sender"
    if message.deliver_firsttime:
        yield "deliver_firsttime"
    if message.frozen:
        yield f"frozen {int(message.frozen_at)}"
    for is_set, flag in (
        (message.dont_deliver, "N"),
        (known.get("host_lookup_deferred") == "1", "host_lookup_deferred"),
        (known.get("host_lookup_failed") == "1", "host_lookup_failed"),
        (bool(known.get("sender_local")), "local"),
        (message.local_error_message, "localerror"),
        (message.manual_thaw, "manual_thaw"),
        (message.sender_set_untrusted, "sender_set_untrusted"),
    ):
        if is_set:
            yield flag


def _refuse_tls(message: Message) -> None:
    if message.variables.get("tls_in_cipher"):
        raise Unsupported("the header file of a message that came in over TLS")


def _recipient(message: Message, one: Recipient) -> str:
    address = one.address.replace("\n", " ")
    if one.parent is None and one.errors_to is None and not one.dsn_flags:
        return f"{address}\n"
    errors_to, orcpt = (one.errors_to or "").replace("\n", " "), (one.orcpt or "").replace("\n", " ")
    flags = sum(_DSN_FLAGS[name] for name in one.dsn_flags)
    number = -1 if one.parent is None else message.addresses().index(one.parent)
    return f"{address} {orcpt} {len(orcpt)},{flags} {errors_to} {len(errors_to)},{number}#3\n"


def _tree(names: Mapping[str, None]) -> Iterator[str]:
    """A tree in the form in which it is read again: for each node whether it has children."""
    if not names:
        yield "XX\n"
        return
    for node in walk(balanced(names)):
        yield f"{'Y' if node.left else 'N'}{'Y' if node.right else 'N'} {node.name}\n"
