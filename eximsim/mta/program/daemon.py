"""The daemon: listen for SMTP, and serve each connection in a process of its own (src/daemon.c)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from eximsim.beside import Link
from eximsim.errors import InputError, Unsupported
from eximsim.mta.base.readtime import readconf_printtime
from eximsim.mta.base.string import list_items, octets
from eximsim.mta.certs.tls_libraries import GNUTLS
from eximsim.mta.delivery import queue
from eximsim.mta.delivery.queue import QueueRun
from eximsim.mta.lookup.sender_host import connection_for_log, host_build_sender_fullhost
from eximsim.mta.process.ends import ExitsSilently, PanicDie, ProcessDied
from eximsim.mta.process.harness import fork_pause, pause
from eximsim.mta.process.log import drop_selector, log_write, selector
from eximsim.mta.process.reception import Reception
from eximsim.mta.process.unwatched import Alarm
from eximsim.mta.program.daemon_limits import Connections
from eximsim.mta.reception import smtp_in_tickets
from eximsim.mta.reception.dh_parameters import warn_of_dh_parameters
from eximsim.mta.reception.ident import IDENT_PORT, verify_get_ident
from eximsim.mta.reception.smtp_in import SmtpIn
from eximsim.mta.records.daemon import Daemon, Listener
from eximsim.ports import Action, Close, Endpoint, Send, TlsSession
from eximsim.quick_dataclass import dataclass

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Machine, Process

_PORTS = {"smtp": 25, "smtps": 465, "submission": 587, "submissions": 465}
_MOST_LOGGED = 10
_DELIVERY = "daemon-accept-delivery"


@dataclass(frozen=True, slots=True)
class Listening:
    """How a daemon listens for SMTP: on the ``ports`` of -oX; ``queue_only``: what comes in stays queued.

    ``waited``: on a socket that listens already (-bw), for so many seconds if nobody calls; 0: for ever.
    """

    ports: str | None
    queue_only: bool = False
    waited: int | None = None


def daemon_go(
    parent: Process, listening: Listening | None, run: QueueRun, *, foreground: bool = False
) -> None:
    """Start a daemon that listens for SMTP, or runs the queue every ``run.interval`` seconds, or both.

    In the background it has no standard error. Source: daemon_go().
    """
    if parent.config.main.flag("mua_wrapper"):
        parent.err("Daemon cannot be run when mua_wrapper is set\n")
        log_write(parent, "Daemon cannot be run when mua_wrapper is set", panic=True)
        raise PanicDie("Daemon cannot be run when mua_wrapper is set")
    if listening and parent.queue_name:
        raise Unsupported(f"a daemon that listens and runs a named queue ({parent.queue_name})")
    if not parent.profile.no_certificate_always_told:
        warn_of_certificate(parent)
    process = parent.fork("daemon")
    daemon = Daemon(tuple(_listeners(process, listening.ports)) if listening else ())
    process.log_stderr = foreground
    process.err = daemon.stderr.append
    process.out = lambda text: None
    process.variables.pop("sender_ident", None)
    if listening:
        _listen(process, daemon.listeners, queue_only=listening.queue_only)
    process.machine.daemons.append(daemon)
    log_write(
        process,
        f"exim {process.profile.version} daemon started: pid={process.pid}, "
        + _works(process, daemon, listening, run),
    )
    _load_dh_parameters(process)
    if run.interval:
        next_run = Alarm(process.world.now() + run.interval, run.interval, partial(_run_queue, process, run))
        process.machine.unwatched.alarms.append(next_run)
        next_run.job()


def _works(process: Process, daemon: Daemon, listening: Listening | None, run: QueueRun) -> str:
    """What the daemon does, as the start-up line has it."""
    if listening and listening.waited is not None:
        ends = f"terminating after {listening.waited} seconds" if listening.waited else "with no wait timeout"
        return f"launched with listening socket, {ends}"
    where = f"listening for {_describe(process, daemon.listeners)}" if listening else "not listening for SMTP"
    return f"{_queue_runs(process, run, listens=listening is not None)}, {where}"


def _listen(process: Process, listeners: tuple[Listener, ...], *, queue_only: bool) -> None:
    connections = Connections()
    for listener in listeners:
        process.world.listen(
            listener.address,
            listener.port,
            lambda: DaemonSession(process, connections, queue_only=queue_only),
        )


def _queue_runs(process: Process, run: QueueRun, *, listens: bool) -> str:
    """The queue runs, as the start-up line names them."""
    if not run.interval:
        return "no queue runs"
    profile = process.profile
    named = profile.two_stage_daemon_named if listens else profile.queue_runners_described
    queue = f"G{process.queue_name}/" if process.queue_name else ""
    return f"-q{'q' if run.two_stage and named else ''}{queue}{readconf_printtime(run.interval)}"


def _run_queue(process: Process, run: QueueRun) -> None:
    """Run the queue in a process of its own, beside the daemon where the world has that."""
    runner = partial(queue.queue_run, process.fork("queue-runner"), run)
    if process.world.side_by_side:
        process.world.spawn(runner)
    else:
        runner()


_ADVICE = "\n Suggested action: either install a certificate or change tls_advertise_hosts option"


def warn_of_certificate(process: Process) -> None:
    """Tell the log that TLS is offered without a certificate (tls_dropprivs_validate_require_cipher())."""
    options = process.config.main
    if options.text("tls_advertise_hosts") in (None, "", ":") or options.is_set("tls_certificate"):
        return
    made = process.profile.server_makes_certificate
    what = "will use a selfsigned one." if made else "TLS connections will fail."
    log_write(process, f"Warning: No server certificate defined; {what}{_ADVICE}", panic=not made)


def _load_dh_parameters(process: Process) -> None:
    """Load tls_dhparam before there are clients, if it can be (init_dh(), init_server_dh())."""
    options = process.config.main
    name = options.text("tls_dhparam") or ""
    offered = options.text("tls_advertise_hosts") not in (None, "", ":")
    if offered and "$" not in name and process.profile.tls_library != GNUTLS:
        warn_of_dh_parameters(process, name)


def kill(machine: Machine) -> str:
    """Stop every daemon; what they wrote to stderr."""
    written: list[str] = []
    for daemon in machine.daemons:
        for listener in daemon.listeners:
            machine.world.unlisten(listener.address, listener.port)
        written += daemon.stderr
    machine.daemons.clear()
    machine.unwatched.alarms.clear()
    return "".join(written)


# ---- ports and interfaces --------------------------------------------------------------------------


def _listeners(process: Process, override: str | None) -> Iterator[Listener]:
    """local_interfaces times daemon_smtp_ports, either replaced by the items of -oX that look like it."""
    options = process.config.main
    items = list(list_items(override or ""))
    given_ports = [item for item in items if not _is_interface(item)]
    given_interfaces = [item for item in items if _is_interface(item)]
    ports = given_ports or list(list_items(options.text("daemon_smtp_ports") or "smtp"))
    interfaces = given_interfaces or list(list_items(options.text("local_interfaces") or "<; ::0 ; 0.0.0.0"))
    wildcards: set[int] = set()
    for interface in interfaces:
        address, own_port = _split_port(interface)
        for port in [own_port] if own_port else [_port(text) for text in ports]:
            if address in ("0.0.0.0", "::0", "::"):
                if port not in wildcards:
                    wildcards.add(port)
                    yield Listener(None, port)
            else:
                yield Listener(address, port)


def _is_interface(item: str) -> bool:
    return "." in item or ":" in item


def _split_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, _port(port.removeprefix(":")) if port else 0
    if ":" not in text and text.count(".") == 4:
        address, _, port = text.rpartition(".")
        return address, _port(port)
    return text, 0


def _port(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    if text not in _PORTS:
        raise InputError(f'TCP port "{text}" not found: a number or the name of a mail service expected')
    return _PORTS[text]


def _describe(process: Process, listeners: tuple[Listener, ...]) -> str:
    """The sockets as the start-up line names them, those for SMTP first."""
    options = process.config.main
    secure = {_port(text) for text in list_items(options.text("tls_on_connect_ports") or "")}
    parts = []
    for word, chosen in (("SMTP", False), ("SMTPS", True)):
        group = [one for one in listeners if (process.tls_on_connect or one.port in secure) is chosen]
        if group:
            more = " ..." if len(group) > _MOST_LOGGED else ""
            parts.append(f"{word} on{''.join(_names(process, group[:_MOST_LOGGED]))}{more}")
    return " and for ".join(parts)


def _names(process: Process, listeners: list[Listener]) -> Iterator[str]:
    both = any(":" in address for address in process.world.interface_addresses())
    grouped: dict[str, list[int]] = {}
    for listener in listeners:
        if listener.address is not None:
            grouped.setdefault(listener.address, []).append(listener.port)
    group_ports = process.profile.daemon_ports_grouped
    for listener in listeners:
        if listener.address is None:
            yield f" port {listener.port} ({'IPv6 and IPv4' if both else 'IPv4'})"
        elif not group_ports or len(grouped[listener.address]) == 1:
            yield f" [{listener.address}]:{listener.port}"
        elif grouped[listener.address][0] == listener.port:
            ports = ",".join(map(str, grouped[listener.address]))
            yield f" [{listener.address}]:{{{ports}}}"


def _deliver(process: Process, message_id: str) -> None:
    """Deliver a message that has come in.

    What is only routed because of ``control = queue/first_pass_route`` is overtaken by what the client says
    next, as Exim's test suite has it. A transport of the daemon's own is done first.
    """
    machine = process.machine
    if process.world.side_by_side:
        process.world.spawn(queue.begin_delivery(process, message_id, _DELIVERY, crash=None, anew=True))
        pause(process, fork_pause(process))
    elif machine.sending:
        machine.sent_on.append(
            partial(queue.deliver_in_child, process, message_id, _DELIVERY, crash=None, anew=True)
        )
    elif process.queue_smtp and machine.test_harness:
        begun = process.fork(_DELIVERY)
        job = partial(queue.deliver_in_child, begun, message_id, _DELIVERY, crash=None, anew=True)
        machine.unwatched.later.append((process.world.now(), job))
    else:
        queue.deliver_in_child(process, message_id, _DELIVERY, crash=None, anew=True)


# ---- connections -----------------------------------------------------------------------------------


def _who(process: Process) -> str:
    """The client of a connection, as the log calls it before there is a name."""
    known = process.variables
    who = f"[{known['sender_host_address']}]"
    if selector(process, "incoming_port"):
        who += f":{known['sender_host_port']}"
    if selector(process, "incoming_interface"):
        who += f" I=[{known['interface_address']}]:{known['interface_port']}"
    return who


class DaemonSession:
    """One connection to a daemon, a ``world.Session``; its process is forked from the daemon."""

    def __init__(self, daemon: Process, connections: Connections, *, queue_only: bool = False) -> None:
        self._daemon = daemon
        self._connections = connections
        self._client, self._count = "", 0
        self._queue_only = queue_only
        self._smtp: SmtpIn | None = None
        self._link: Link | None = None

    def watch(self, link: Link) -> None:
        """See ``ports.Watching``."""
        self._link = link

    def on_connect(self, client: Endpoint, server: Endpoint) -> Iterable[Action]:
        """Begin the session (handle_smtp_call()), as soon as the daemon is there for it."""
        self._connections.take_turn(self._daemon)
        machine = self._daemon.machine
        machine.unwatched.run_later(until=machine.world.now())
        known = {
            "sender_host_address": client.address,
            "sender_host_port": str(client.port),
            "interface_address": server.address,
            "interface_port": str(server.port),
        }
        own = self._daemon.variables
        self._daemon.variables = own | known
        refused = self._connections.refused(self._daemon, client.address, _who(self._daemon))
        self._daemon.variables = own
        if refused:
            return (Send(octets(refused)), Close())
        smtp_in_tickets.renew_keys(self._daemon)
        process = self._daemon.fork("daemon-accept")
        process.of_daemon, process.connection = True, process.pid
        self._client = client.address
        self._count = self._connections.begin(process, client.address)
        process.variables |= {**known, "smtp_count_at_connection_start": str(self._count)}
        reception = Reception(process, smtp=True, link=self._link)

        session = SmtpIn(reception, partial(_deliver, process))
        session.queue_only = self._queue_only
        session.connections = self._connections.count
        self._announce(process, session)
        verify_get_ident(process, IDENT_PORT)
        host_build_sender_fullhost(process)
        self._smtp = session
        return self._guarded(session.start())

    def _announce(self, process: Process, session: SmtpIn) -> None:
        if not selector(process, "smtp_connection"):
            return
        if session.client_in("hosts_connection_nolog"):
            drop_selector(process, "smtp_connection")
            return
        who = _who(process) + connection_for_log(process)
        log_write(self._daemon, f"SMTP connection from {who} (TCP/IP connection count = {self._count})")

    def _guarded(self, actions: Iterator[Action]) -> Iterator[Action]:
        """The session's actions; a process that dies takes its connection with it."""
        try:
            yield from actions
        except (ProcessDied, ExitsSilently):
            yield Close()
        except PanicDie:
            if self._smtp is not None:
                yield from self._smtp.closedown("Unexpected failure, please try later")

    def on_data(self, data: bytes) -> Iterable[Action]:
        """See ``world.Session``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.feed(data))

    def on_early_data(self, data: bytes) -> Iterable[Action] | None:
        """See ``ports.Minding``."""
        assert self._smtp is not None
        return self._smtp.before_greeting(data)

    def on_tls(self, session: TlsSession) -> Iterable[Action]:
        """See ``world.Session``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.tls_started(session))

    def on_tls_end(self) -> Iterable[Action]:
        """See ``ports.GoingOn``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.tls_ended())

    def on_tls_failure(self, reason: str) -> Iterable[Action]:
        """See ``world.Session``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.tls_failed(reason))

    def on_eof(self, *, cut: bool = False) -> Iterable[Action]:
        """See ``world.Session``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.eof(cut=cut))

    def deadline(self) -> float | None:
        """See ``ports.TimedSession``."""
        return None if self._smtp is None else self._smtp.deadline()

    def on_deadline(self) -> Iterable[Action]:
        """See ``ports.TimedSession``."""
        assert self._smtp is not None
        return self._guarded(self._smtp.time_out())

    def on_close(self) -> None:
        """See ``world.Session``."""
        self._connections.end(self._client)
