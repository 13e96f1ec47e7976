"""The log lines of a delivery: ``=>``, ``==`` and ``**`` (the logging half of src/deliver.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.utf8 import (
    ConversionError,
    address_utf8_to_alabel,
    domain_utf8_to_alabel,
    localpart_utf8_to_alabel,
)
from eximsim.mta.expand.event import msg_event_raise
from eximsim.mta.lookup.sender_host import host_and_ident
from eximsim.mta.process.errno_numbers import shown_errno
from eximsim.mta.process.log import deliver_msglog, log_write, printed, selector
from eximsim.mta.process.timediff import string_timediff
from eximsim.mta.records.structs import PORT_NONE
from eximsim.mta.transports import tls_out
from eximsim.mta.transports.tls import construct_cipher_name
from eximsim.status import RETRY_BASE, Dnssec

if TYPE_CHECKING:
    from collections.abc import Callable

    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.logs import Rejected
    from eximsim.mta.records.structs import Address, HostItem


def string_log_address(process: Process, addr: Address, *, success: bool = False) -> str:
    """The address as delivery lines show it, with the original recipient if that is written otherwise.

    The local part is as the router saw it: in lower case unless it has caseful_local_part.
    Source: string_log_address(), src/deliver.c.
    """
    local_only = bool(addr.made_for) or (success and _is_logged_as_local(addr))
    if local_only:
        is_relative = addr.made_for == "file" and not addr.local_part.startswith("/")
        text = f"{'save ' if is_relative else ''}{_log_local_part(addr)}"
    else:
        text = f"{_log_local_part(addr)}@{_log_domain(process, addr)}" if addr.cc_local_part else addr.address
    top, between = addr.top, [one.address for one in addr.ancestors()][:-1]
    parents = between if selector(process, "all_parents") else between[:1] if addr.made_for else []
    from_one = addr.onetime_parent is not None
    if not local_only and not parents and not from_one and _is_written_alike(text, top.address):
        return text
    shown = f" ({', '.join(parents)})" if parents else ""
    return f"{text}{shown} <{addr.onetime_parent or top.address}>"


def _is_logged_as_local(addr: Address) -> bool:
    """Whether a success is logged under the local part alone."""
    as_local = addr.router is not None and addr.router.options.flag("log_as_local")
    return as_local and addr.transport is not None and addr.transport.driver != "smtp"


def _log_local_part(addr: Address) -> str:
    parts = (addr.prefix, addr.local_part, addr.suffix) if addr.include_affixes else (addr.local_part,)
    return "".join(_as_told(addr, localpart_utf8_to_alabel, part or "") for part in parts)


def _log_domain(process: Process, addr: Address) -> str:
    as_domain = process.profile.log_domain_is_domain
    return _as_told(addr, domain_utf8_to_alabel if as_domain else localpart_utf8_to_alabel, addr.domain)


def _as_told(addr: Address, convert: Callable[[str], str], text: str) -> str:
    """``text`` in ASCII if the host was told of the address so, and if that can be done."""
    try:
        return convert(text) if addr.downconverted else text
    except ConversionError:
        return text


def _is_written_alike(one: str, two: str) -> bool:
    """Whether two addresses differ at most in the case of their domains."""
    return one.lower() == two.lower() and one.partition("@")[0] == two.partition("@")[0]


def success_msglog(process: Process, addr: Address) -> None:
    """Note a success in the message's own log (``post_process_one()``)."""
    assert addr.transport is not None
    parent = f" <{addr.parent.address}>" if addr.parent else ""
    deliver_msglog(process, f"{addr.address}{parent}: {addr.transport.name} transport succeeded")


def delivery_log(process: Process, addr: Address, mark: str) -> None:
    """Log a success; ``mark`` is the character before ``>`` (``delivery_log()``).

    Without a mark the line begins with an octet of zero, and is shown as so many spaces.
    """
    parts = [f"{mark}> {string_log_address(process, addr, success=True)}", *_sender_parts(process, addr)]
    line = " ".join(parts + _remote_parts(process, addr))
    log_write(process, line if mark else " " * (1 + len(line)))
    raise_event(process, "msg:delivery", addr)


def cutthrough_refused_log(process: Process, addr: Address, what: str, rejected: Rejected | None) -> None:
    """Log that the host of a cutthrough delivery refused the message; with ``rejected`` in both logs."""
    parts = [host_and_ident(process, flagged=True), string_log_address(process, addr, success=True)]
    sender = process.message.sender if process.message else ""
    with_sender = selector(process, "sender_on_delivery")
    parts += _sender_parts(process, addr) if with_sender else [f"F=<{sender}>", *_sender_parts(process, addr)]
    line = " ".join([*parts, what, *_remote_parts(process, addr)])
    log_write(process, line, reject=rejected is not None, rejected=rejected)


def _remote_parts(process: Process, addr: Address) -> list[str]:
    """How and where the address went."""
    parts = []
    if addr.router:
        parts.append(f"R={addr.router.name}")
    assert addr.transport is not None
    parts.append(f"T={addr.transport.name}")
    if selector(process, "delivery_size"):
        parts.append(f"S={process.transport_count}")
    if addr.transport.driver != "smtp":
        parts += [f"H={host.name}" for host in addr.host_list[:1]]
        parts += [addr.shadow_message.lstrip()] if addr.shadow_message else []
    if addr.host_used is not None:
        parts += _host_parts(process, addr, delivered=True) + _sequence_parts(process, addr)
    parts += _tls_parts(process, addr)
    if addr.host_used is not None:
        parts += _extension_parts(process, addr)
    answered = addr.host_used is not None or addr.transport.driver == "lmtp"
    if selector(process, "smtp_confirmation") and addr.message and answered:
        text = addr.message[:1024].replace("\\", "\\\\").replace('"', '\\"')
        parts.append(f'C="{text}"')
    now = process.world.now()
    if selector(process, "queue_time"):
        parts.append(f"QT={string_timediff(process, now - process.received_time)}")
    if selector(process, "deliver_time"):
        parts.append(_duration(process, addr))
    return parts


def _duration(process: Process, addr: Address) -> str:
    return f"DT={string_timediff(process, addr.delivery_seconds)}"


def _shows_duration_of_failures(process: Process) -> bool:
    return process.profile.deliver_time_on_failures and selector(process, "deliver_time")


def raise_event(process: Process, event: str, addr: Address) -> None:
    """Raise an event about an address whose delivery is over.

    That of a delivery knows its TLS session, that of a failure knows of none (``post_process_one()``).
    """
    done = event == "msg:delivery"
    session = addr.tls if done else None
    cipher = construct_cipher_name(process, session) if session else ""
    known: dict[str, str | None] = tls_out.variables_of(
        process, session, cipher, addr.cv if done else None, addr.peerdn if done else None
    )
    known["tls_out_ocsp"] = addr.ocsp if done else None
    known["tls_out_dane"] = "yes" if done and addr.dane_verified else None
    for name in ("tls_out_cipher_std", "tls_out_bits", "tls_out_certificate_verified"):
        known.pop(name, None)  # the transport's process keeps these to itself
    known["lookup_dnssec_authenticated"] = None
    if addr.host_used is not None:
        known["lookup_dnssec_authenticated"] = _AUTHENTICATED.get(addr.host_used.dnssec)
        if done:
            _note_host(process, addr.host_used)
    with process.setting(**known):
        msg_event_raise(process, event, addr)


def _note_host(process: Process, host: HostItem) -> None:
    """The host of the last delivery is known for as long as the process lives (``delivery_log()``)."""
    variables = process.variables
    variables["host"], variables["host_port"] = host.name, str(host.port)
    variables["host_address"] = host.address or ""


_AUTHENTICATED = {Dnssec.YES: "yes", Dnssec.NO: "no"}


def _sender_parts(process: Process, addr: Address) -> list[str]:
    parts = []
    if selector(process, "sender_on_delivery"):
        sender = process.message.sender if process.message else ""
        parts.append(f"F=<{_as_told(addr, address_utf8_to_alabel, sender)}>")
    parts += _queue_parts(process)
    if addr.return_path is not None and selector(process, "return_path_on_delivery"):
        parts.append(f"P=<{addr.return_path}>")
    return parts


def _queue_parts(process: Process) -> list[str]:
    return [f"Q={process.queue_name}"] if process.queue_name else []


def _host_parts(process: Process, addr: Address, *, delivered: bool = False) -> list[str]:
    """The host, and the end of the connection on this side: ``d_hostlog()``."""
    host, profile = addr.host_used, process.profile
    assert host is not None
    ports = selector(process, "outgoing_port")
    secure = profile.dnssec_status_logged and selector(process, "dnssec") and host.dnssec is Dnssec.YES
    text = f"H={host.name}{' DS' if secure else ''} [{host.address}]{f':{host.port}' if ports else ''}"
    mark = "*" if (delivered or profile.continued_mark_in_host) and _is_continued(process, addr) else ""
    own = process.variables.get("sending_ip_address")
    parts = [text + mark if profile.continued_mark_in_host else text]
    proxy = process.variables.get("proxy_local_address", "")
    logged = profile.absent_proxy_logged or (proxy and profile.socks_logged)
    if logged and selector(process, "proxy"):
        near_port = f":{process.variables.get('proxy_local_port', '0')}" if ports else ""
        parts.append(f"PRX=[{proxy}]{near_port}")
    if own and selector(process, "incoming_interface") and selector(process, "outgoing_interface"):
        colon = ":" if profile.outgoing_interface_colon else ""
        parts.append(f"I=[{own}]{colon + process.variables['sending_port'] if ports else ''}")
    if not profile.continued_mark_in_host:
        parts[-1] += mark
    return parts


def _is_continued(process: Process, addr: Address) -> bool:
    if process.profile.continued_mark_by_transport:
        return addr.continued
    return process.continued is not None and process.continued.sequence > 1


def _sequence_parts(process: Process, addr: Address) -> list[str]:
    shown = process.profile.protocol_sequence_logged and selector(process, "protocol_detail")
    return [f"PS={addr.protocol_sequence}"] if shown and addr.protocol_sequence else []


def _tls_parts(process: Process, addr: Address) -> list[str]:
    if addr.tls is None:
        return []
    parts = []
    if selector(process, "tls_cipher"):
        mark = "*" if addr.tls.resumed and selector(process, "tls_resumption") else ""
        parts.append(f"X={construct_cipher_name(process, addr.tls)}{mark}")
    if selector(process, "tls_certificate_verified"):
        parts.append(f"CV={addr.cv}")
    if selector(process, "tls_peerdn") and addr.peerdn:
        parts.append(f'DN="{printed(process, addr.peerdn)}"')
    return parts


def _extension_parts(process: Process, addr: Address) -> list[str]:
    """What of SMTP's extensions the delivery used: A=, PRDR, K (``delivery_log()``)."""
    parts = []
    if (used := addr.authenticated) is not None:
        known = f"{used.name}:{used.id}" if used.id else used.name
        told = used.id and used.sender and selector(process, "smtp_mailauth")
        parts.append(f"A={known}:{used.sender}" if told else f"A={known}")
    if addr.pipelining_used and selector(process, "pipelining"):
        parts.append("L*" if addr.early_pipe else "L")
    if addr.prdr_used:
        parts.append("PRDR")
    if addr.chunking_used:
        parts.append("K")
    if addr.dkim_used and selector(process, "dkim_verbose"):
        parts.append(f"DKIM={addr.dkim_used}")
    return parts


def defer_log(process: Process, addr: Address, *, kind: str, name: str | None, panic: bool = False) -> None:
    """Log a deferral: ``kind`` is ``"T"``, ``"R"`` or ``"none"``, ``name`` the driver if there was one."""
    text = " ".join([string_log_address(process, addr), *_queue_parts(process)])
    if name is not None:
        if kind == "T" and addr.router:
            text += f" R={addr.router.name}"
        text += f" {kind}={name}"
    else:
        text += {"T": " transporting", "R": " routing"}.get(kind, "")
    text += f" defer ({shown_errno(process, addr.basic_errno)})"
    if addr.basic_errno > 0:
        text += f": {errnos.strerror(addr.basic_errno)}"
    if addr.host_used is not None:
        text += " " + " ".join(_deferred_host_parts(process, addr, addr.host_used))
    if _shows_duration_of_failures(process):
        text += f" {_duration(process, addr)}"
    if addr.message:
        text += f": {addr.message}"
    first = process.message is not None and process.message.deliver_firsttime
    if first or addr.basic_errno > RETRY_BASE:
        deliver_msglog(process, text)
    when = "retry_defer" if addr.basic_errno <= RETRY_BASE else None
    log_write(process, f"== {text}", when=when, panic=panic)


def _deferred_host_parts(process: Process, addr: Address, host: HostItem) -> list[str]:
    if process.profile.deferral_names_own_end:
        return _host_parts(process, addr)
    port = 25 if host.port == PORT_NONE else host.port
    return [f"H={host.name} [{host.address}]{f':{port}' if selector(process, 'outgoing_port') else ''}"]


def failure_log(process: Process, addr: Address) -> None:
    """Log a permanent failure."""
    early = process.profile.ignored_failure_raises_event
    if early and not addr.ignore_error and not addr.dsn_flags - {"FAILURE"}:
        raise_event(process, "msg:fail:delivery", addr)
    parts = [string_log_address(process, addr), *_sender_parts(process, addr)]
    if addr.router:
        parts.append(f"R={addr.router.name}")
    if addr.transport:
        parts.append(f"T={addr.transport.name}")
    if addr.host_used is not None:
        parts += _host_parts(process, addr)
    parts += _sequence_parts(process, addr) + _tls_parts(process, addr)
    text = " ".join(parts)
    colon = " : " if process.profile.failed_address_colon_spaced else ": "
    if addr.basic_errno > 0:
        text += f"{colon}{errnos.strerror(addr.basic_errno)}"
    if addr.message:
        text += f"{colon}{addr.message}"
    if _shows_duration_of_failures(process):
        text += f" {_duration(process, addr)}"
    routed = addr.router is not None or addr.transport is not None
    deliver_msglog(process, text if routed else f"routing failed for {text}")
    log_write(process, f"** {text}")
    if not early:
        raise_event(process, "msg:fail:delivery", addr)
