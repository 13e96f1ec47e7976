"""Connecting to a host: by itself, or through a SOCKS proxy (src/smtp_out.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eximsim.mta.base import errnos
from eximsim.mta.base.readtime import readconf_printtime
from eximsim.mta.expand.event import event_raise
from eximsim.mta.expand.expand import ExpansionFailed, expand
from eximsim.mta.lookup.verify_hosts import verify_check_given_host
from eximsim.mta.process.globals import UndefinedBehaviour
from eximsim.mta.process.log import log_write
from eximsim.mta.records.structs import PORT_NONE
from eximsim.mta.transports.smtp_out import Dialogue, driver_text
from eximsim.mta.transports.smtp_socks import socks_connect
from eximsim.ports import ConnectError
from eximsim.profiles import ConnectTrace
from eximsim.quick_dataclass import dataclass
from eximsim.status import Errno, Rc

if TYPE_CHECKING:
    from eximsim.mta.config.readconf import DriverInstance
    from eximsim.mta.process.globals import Process
    from eximsim.mta.records.structs import HostItem
    from eximsim.ports import Connection


def smtp_port_for_connect(process: Process, host: HostItem, port: int) -> None:
    """Settle which port this connection uses: the host's own, or else the transport's."""
    if host.port != PORT_NONE:
        if host.port != port:
            text = f"Transport port={port} replaced by host-specific port={host.port}"
            process.hdebug(text, indented=True, with_v=True)
    else:
        host.port = port


@dataclass(frozen=True, slots=True)
class Caller:
    """A call as the client wants it: by which transport, from where, for how long, in seconds.

    ``talks_first``: what is to be said goes out with the call, so that Exim waits for that.
    """

    transport: DriverInstance
    interface: str | None
    timeout: float
    talks_first: bool = False


class RefusedLater(ConnectError):
    """A call by TCP Fast Open that is refused, of which Exim hears as it reads: it was open for it before."""


def smtp_connect(process: Process, host: HostItem, caller: Caller) -> Dialogue:
    """Connect to ``host`` at its settled port; raises ``ConnectError``.

    With socks_proxy it is the proxy that connects to it. The transport's event_action can forbid it.
    """
    assert host.address is not None
    form = _CONNECT_TRACE[process.profile.connect_trace]
    transport = caller.transport
    source = f" from {caller.interface}" if caller.interface else ""
    listed = driver_text(process, transport, "socks_proxy")
    if listed is not None:
        source += " (proxy option set)" if process.profile.socks_option_traced else " via proxy"
    text = f"Connecting to {host.name} [{host.address}]:{host.port}{source} ..."
    process.hdebug(text + form.gap, indented=True, end=form.end, with_v=True)
    listed = _proxies(process, transport, listed)
    if listed is None:
        end = Hop(host.name, host.address, host.port)
        return Dialogue(process, _sock_connect(process, end, caller))

    def to_proxy(address: str, port: int, limit: float) -> Connection:
        return _sock_connect(process, Hop(address, address, port), replace(caller, timeout=limit))

    where = transport.options.where("socks_proxy")
    connection, arrived = socks_connect(process, host, listed, where, caller.timeout, to_proxy)
    return Dialogue(process, connection, arrived=bytearray(arrived))


def _proxies(process: Process, transport: DriverInstance, text: str | None) -> str | None:
    """What socks_proxy says, expanded; None if the host is to be called directly.

    Since 4.99 the expanded text takes the option's place for as long as the process lives.
    """
    if text is None:
        return None
    try:
        listed = expand(process, text)
    except ExpansionFailed:
        log_write(process, f"Bad expansion for socks_proxy in {transport.name}", panic=True)
        what = "why a connection failed is read where socks_proxy cannot be expanded"
        raise UndefinedBehaviour(what) from None
    if not process.profile.socks_empty_is_direct:
        return listed
    process.driver_state.setdefault(transport.name, {})["socks_proxy"] = listed
    return listed or None


@dataclass(frozen=True, slots=True)
class Hop:
    """The other end of one TCP connection: a host, or a proxy that has its address for a name."""

    name: str
    address: str
    port: int


def _sock_connect(process: Process, hop: Hop, caller: Caller) -> Connection:
    """Source: smtp_sock_connect()."""
    form = _CONNECT_TRACE[process.profile.connect_trace]
    process.variables["host_address"], process.variables["host_port"] = hop.address, str(hop.port)
    if event_raise(process, caller.transport.options.text("event_action"), "tcp:connect"):
        raise ConnectError(Errno.EVENT if process.profile.event_refusal_has_errno else errnos.ENOENT)
    nested = form.end != ""
    process.debug_depth += nested
    fast = process.profile.fast_open_asked and _opens_fast(process, hop, caller)
    process.debug_depth -= nested
    interface, timeout = caller.interface, caller.timeout
    try:
        connection = _connection(process, hop, interface, timeout)
    except ConnectError as error:
        limit = f" (timeout={readconf_printtime(int(timeout))})" if error.errno == errnos.ETIMEDOUT else ""
        why = errnos.strerror(error.errno)
        if interface is not None and error.errno == errnos.EADDRNOTAVAIL:
            if process.profile.bind_failure_logged:
                log_write(process, f"bind of [{interface}]:0 failed")
            end = "\n" if process.profile.callout_misconfiguration_logged else ""
            text = f"unable to bind outgoing SMTP call to {interface}: {why}"
            process.hdebug(text, indented=True, end=end, with_v=True)
        process.hdebug(f"{form.failed}: {why}{limit}", indented=True, with_v=True)
        if fast and error.errno == errnos.ECONNREFUSED and error.source is not None:
            _note_source(process, *error.source)
            raise RefusedLater(error.errno, error.source) from None
        raise
    process.hdebug(form.connected, indented=True, with_v=True)
    _note_source(process, connection.local_address, connection.local_port)
    return connection


def _opens_fast(process: Process, hop: Hop, caller: Caller) -> bool:
    """Whether the call is made by TCP Fast Open, without waiting for an answer, as it is since 4.93."""
    options = caller.transport.options
    wanted = driver_text(process, caller.transport, "hosts_try_fastopen")
    if process.profile.fast_open_by_default and wanted is None and not options.is_set("hosts_try_fastopen"):
        wanted = "*"
    listed = verify_check_given_host(process, wanted, hop.name, hop.address, list_name="hosts_try_fastopen")
    waits = caller.talks_first or not process.profile.fast_open_by_default
    return listed is Rc.OK and not waits


def _note_source(process: Process, address: str, port: int) -> None:
    process.variables["sending_ip_address"], process.variables["sending_port"] = address, str(port)


_REFUSED_IS_TIMEOUT = 999_999
"""A connect_timeout with which Exim's test suite makes time-outs of refusals."""


def _connection(process: Process, host: Hop, interface: str | None, timeout: float) -> Connection:
    """Source: ip_connect(), src/ip.c."""
    try:
        return process.world.connect(host.address, host.port, timeout, interface)
    except ConnectError as error:
        wanted = process.machine.test_harness and timeout == _REFUSED_IS_TIMEOUT
        if wanted and error.errno == errnos.ECONNREFUSED:
            raise ConnectError(errnos.ETIMEDOUT) from None
        raise


@dataclass(frozen=True, slots=True)
class _ConnectForm:
    """``gap`` and ``end`` come after ``Connecting to ..``, the rest is the line on the outcome."""

    gap: str
    end: str
    connected: str
    failed: str


_CONNECT_TRACE = {
    ConnectTrace.ONE_LINE: _ConnectForm(" ", "", "connected", "failed"),
    ConnectTrace.SPACED: _ConnectForm(" ", "", " connected", " failed"),
    ConnectTrace.TWO_LINES: _ConnectForm("", "\n", "connected", " failed"),
    ConnectTrace.FAILURE_NAMED: _ConnectForm("", "\n", "connected", " sock_connect failed"),
}
