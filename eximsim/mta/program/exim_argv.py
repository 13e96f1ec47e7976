"""Exim's command line (the option loop of main() in src/exim.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from eximsim.errors import Unsupported
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.base.string import octets
from eximsim.mta.delivery.queue import QUEUE_ACTIONS, SET_QUEUE, TAKES_ADDRESSES, QueueRun, Selection
from eximsim.mta.program.bad_options import BadOption, BadUse, Clash
from eximsim.mta.program.command_line import FILTER, GIVEN, CommandLine, Mode
from eximsim.mta.program.debug_selector import BadSelector, debug_selector
from eximsim.mta.program.incompatible import incompatible

_DEFINE = re.compile(r"\s*([A-Z][A-Za-z0-9_]*)\s*(?:=\s*(.*))?", re.S)
_QUEUE = re.compile(r"(q?)(i?)(f?)(f?)(l?)(.*)", re.S)
_SELECTING = re.compile(r"(q?)([RS].*)", re.S)
_SELECTED = re.compile(r"(r?)(f?)(f?)")
_LISTING = re.compile(r"c|r?[aiu]?")
_SHORT_ID = "[0-9A-Za-z]{6}-[0-9A-Za-z]{2}"
_LONG_ID = "[0-9A-Za-z]{11}-[0-9A-Za-z]{4}"
MESSAGE_IDS = {
    False: re.compile(f"[0-9A-Za-z]{{6}}-{_SHORT_ID}"),
    True: re.compile(f"[0-9A-Za-z]{{6}}-(?:{_SHORT_ID}|{_LONG_ID})"),
}
"""What a message ID looks like, by ``message_id_long``."""
_DEBUG = re.compile(r"d?((?:[+-][a-z_0-9]+)*)")
_LONGEST_SYSLOG_NAME = 32
_DEBUG_NAME = re.compile(r"([+-])([a-z_0-9]+)")
_IGNORED = re.compile(r"-(?:A[cm]|B.+|m|bm|om|oo|n.+|U.*|pd|x|O.+|X.+)")
_ERROR_MODES = {"e": "sender", "m": "sender", "p": "stderr", "q": "stderr", "w": "sender"}


class _Parser:
    """Goes over the arguments; each handler may take following ones with ``next()``."""

    def __init__(self, argv: Sequence[str], ids: re.Pattern[str]) -> None:
        self.line = CommandLine()
        self._ids = ids
        self._rest = list(argv)
        self._option = ""

    def next(self, wanted: str = "") -> str:
        """The argument of the option at hand; some options say what they expected."""
        if not self._rest:
            raise BadUse(f"{wanted} expected after {self._option}") if wanted else BadOption(self._option)
        return self._rest.pop(0)

    def parse(self) -> CommandLine:
        while self._rest:
            if not self._rest[0].startswith("-"):
                break
            self._option = self._rest.pop(0)
            if self._option == "--":
                break
            self._one(self._option)
            self.line.asked.add(self.line.mode)
        if incompatible(self.line, recipients=bool(self._rest)):
            raise Clash(self.line.sender)
        self.line.arguments += self._rest
        return self.line

    def _one(self, option: str) -> None:
        exact = _EXACT.get(option)
        if exact is not None:
            exact(self)
            return
        for prefix, handler in _PREFIXES:
            if option.startswith(prefix):
                handler(self, option[len(prefix) :])
                return
        if not _IGNORED.fullmatch(option):
            raise BadOption(option)

    # ---- options with something behind them ---------------------------------------------------------

    def skip(self) -> None:
        """-B: what follows is Sendmail's, and does not count."""
        if self._rest:
            self.next()

    def drop(self, option: str) -> None:
        """-O and -X: so does what follows them, but there has to be something."""
        if not self._rest:
            raise BadUse(f"string expected after {option}")
        self.next()

    def hops(self, text: str) -> None:
        """-h with a number, which does not count."""
        if not (text or self.next())[:1].isdigit():
            raise BadOption(self._option)

    def without_delays(self) -> None:
        """-odd: the pauses of Exim's test suite are left out."""
        self.line.new_options["delays_left_out_by_option"] = self._option

    def per_connection(self, text: str) -> None:
        """-oB: how many messages go down a connection."""
        if not text and self._rest and self._rest[0][:1].isdigit():
            text = self.next()
        if text and not text[:1].isdigit():
            raise BadUse("number expected after -oB")
        digits = re.match(r"\d*", text, re.ASCII)
        self.line.per_connection = int(digits[0] or 1) if digits else 1

    def syslog(self, text: str) -> None:
        """-L: the name under which all goes to syslog."""
        name = text or self.next()
        if len(octets(name)) > _LONGEST_SYSLOG_NAME:
            raise BadUse(f'the -L syslog name is too long: "{name}"')
        self.line.to_syslog = True

    def protocol(self, text: str) -> None:
        """-p: the protocol by which a message came, and after a colon the host."""
        text = text or self.next()
        protocol, colon, host = text.partition(":")
        if not text:
            return
        if "received_protocol" in self.line.given:
            raise BadUse("received_protocol is set already")
        self.line.given["received_protocol"] = protocol
        if colon:
            self.line.given["sender_host_name"] = host

    def pid_file(self, text: str) -> None:
        """-oP: the file in which the daemon leaves its number."""
        if text == "X":
            self.line.mode = Mode.REMOVE_PID_FILE
            self.line.new_options["pid_file_removed_by_option"] = self._option
            return
        if text:
            raise BadOption(self._option)
        self.line.pid_file = self.next()

    def exact_ports(self) -> None:
        """-oX: which ports and interfaces a daemon listens on."""
        self.line.ports = self.next()

    def wait(self, text: str) -> None:
        """-bw: a daemon whose socket listens already."""
        seconds = readconf_readtime(text) if text else 0
        if seconds is None or (text and seconds <= 0):
            raise BadUse(f"bad time value {self._option}: abandoned")
        self.line.mode, self.line.listens, self.line.foreground = Mode.DAEMON, True, True
        self.line.wait_mode, self.line.wait_timeout = True, seconds

    def config(self, text: str) -> None:
        self.line.config = text or self.next()

    def define(self, text: str) -> None:
        match = _DEFINE.fullmatch(text)
        if not "A" <= text.lstrip()[:1] <= "Z":
            raise BadUse("macro name set by -D must start with an upper case letter")
        if match is None:
            raise BadOption(self._option)
        if match[1] in self.line.defines:
            raise BadUse("duplicated -D in command line")
        self.line.defines[match[1]] = match[2] or ""

    def filter(self, letters: str) -> None:
        name = FILTER.get(letters)
        if name is None:
            raise BadOption(self._option)
        tests = letters in ("f", "F")
        setattr(self.line.filter_test, name, self.next("file name" if tests else "string"))
        if tests:
            self.line.mode = Mode.FILTER

    def daemon(self, *, foreground: bool = False) -> None:
        self.line.mode, self.line.listens = Mode.DAEMON, True
        self.line.foreground = foreground

    def host_check(self, text: str) -> None:
        if text not in ("", "c"):
            raise BadOption(self._option)
        self.line.mode, self.line.callout, self.line.host = Mode.HOST_CHECK, text == "c", self.next()
        self.line.given["sender_host_address"] = self.line.host

    def list_queue(self, text: str) -> None:
        if not _LISTING.fullmatch(text):
            raise BadOption(self._option)
        self.line.mode = Mode.COUNT_QUEUE if text == "c" else Mode.LIST_QUEUE
        self.line.option = text

    def information(self, text: str) -> None:
        """-bI: what the program knows of something."""
        if not text.startswith(":"):
            raise BadOption(self._option)
        self.line.mode, self.line.option = Mode.INFORMATION, text[1:]

    def last(self, mode: Mode) -> None:
        """What follows is no option any more."""
        self.line.mode = mode
        self.line.arguments += self._rest
        self._rest.clear()

    def sender(self, text: str) -> None:
        self.line.sender = (text or self.next()).strip()

    def name(self, text: str) -> None:
        self.line.sender_name = text or self.next()

    def log_line(self, text: str) -> None:
        self.line.mode = Mode.LOG_LINE
        self.line.option = text or self.next()

    def debug(self, text: str) -> None:
        if text == "ropcr":
            self.line.new_options["dropcr_known"] = self._option
            return
        if text == "p" or text.startswith("t="):
            self.line.new_options["debug_begins_later"] = self._option
            if text == "p":
                self.next()
            return
        if text == "S":
            self.line.new_options["debug_of_the_start"] = self._option
            self.line.debugging = True
            return
        try:
            chosen = debug_selector(text)
        except BadSelector as bad:
            raise BadUse(str(bad)) from None
        self.line.debugging, self.line.verbose = chosen.any, chosen.verbose

    def patience(self, name: str, text: str) -> None:
        """-or and -os: how long to wait for a message, or for an SMTP client."""
        setattr(self.line, name, self._time(text))

    def error_mode(self, text: str) -> None:
        if text[:1] not in _ERROR_MODES or text[1:] not in ("", "e"):
            raise BadOption(self._option)
        self.line.errors = _ERROR_MODES[text[:1]]
        self.line.errors_sender_ok = text[:1] == "e"

    def given(self, text: str) -> None:
        name = GIVEN.get(text)
        if text == "m":
            self.line.reference = self.next("data")
        elif name is None:
            raise BadOption(self._option)
        else:
            self.line.given[name] = self.next("data")

    def message(self, text: str) -> None:
        option = f"-M{text}"
        if option in ("-M", "-Mc", "-Mg"):
            self.line.mode = Mode.DELIVER
            self.line.force, self.line.give_up = option != "-Mc", option == "-Mg"
        elif option == "-Mset":
            self.line.message_set = self._message_id(option, self.next())
            return
        elif option == SET_QUEUE:
            self.line.mode, self.line.option, self.line.destination = Mode.ACT, option, self.next("queue")
        elif option in QUEUE_ACTIONS:
            self.line.mode, self.line.option = Mode.ACT, option
        else:
            raise BadOption(option)
        if not self._rest:
            raise BadUse(f"no message ids given after {option} option")
        ids = [self.next()] if option in TAKES_ADDRESSES else [self.next(), *self._rest]
        if option not in TAKES_ADDRESSES:
            self._rest.clear()
        self.line.arguments += [self._message_id(option, name) for name in ids]
        self.line.acts_on_addresses = option in TAKES_ADDRESSES

    def _message_id(self, option: str, name: str) -> str:
        if not self._ids.fullmatch(name):
            raise BadUse(f"malformed message id {name} after {option} option")
        return name

    def expansion(self, text: str) -> None:
        self.line.mode = Mode.EXPAND
        if text == "m":
            self.line.message_file = self.next()
        elif text:
            raise BadOption(self._option)

    def alias(self, text: str) -> None:
        self.line.alias = text or self.next("string")

    def queue_times(self, text: str) -> None:
        if text != "qt":
            raise BadOption(self._option)
        self.line.queue_times = self.next()

    def queue(self, text: str) -> None:
        if match := _SELECTING.fullmatch(text):
            self.selected(match[2], two_stage=bool(match[1]))
            return
        match = _QUEUE.fullmatch(text)
        assert match is not None
        two_stage, first_delivery, force, thaw, local = (bool(match[number]) for number in range(1, 6))
        run = QueueRun(two_stage, first_delivery, force, thaw, local)
        time = match[6]
        if time.startswith("G"):
            self.line.queue, _, time = time[1:].partition("/")
            if self.line.mode in (Mode.LIST_QUEUE, Mode.COUNT_QUEUE):
                return
        if self.line.run.interval:
            raise Unsupported(f"the option {self._option} after another of its kind")
        follows = self._rest[0] if self._rest else "-"
        if time or not (follows.startswith("-") or self._ids.fullmatch(follows)):
            self._every(time, run)
            return
        ids: list[str | None] = []
        while self._rest and len(ids) < 2 and self._ids.fullmatch(self._rest[0]):
            ids.append(self._rest.pop(0))
        first = ids[0] if ids else None
        last = ids[1] if len(ids) > 1 else None
        self.line.mode = Mode.QUEUE_RUN
        self.line.run = replace(run, ids=(first, last))

    def _every(self, text: str, run: QueueRun) -> None:
        """-q with a time: a daemon that goes over the queue again and again."""
        self.line.apart = not text
        interval = self._time(text, least=1)
        self.line.mode, self.line.run = Mode.DAEMON, replace(run, interval=interval)

    def _time(self, text: str, least: int = 0) -> int:
        """The seconds of a time that is part of the option, or the next argument."""
        given = text or (self.next() if self._rest else self._option)
        seconds = readconf_readtime(given)
        if seconds is None or seconds < least:
            raise BadUse(f"bad time value {self._option if text else given}: abandoned")
        return seconds

    def selected(self, text: str, *, two_stage: bool = False) -> None:
        """-R and -S: a queue run for messages with a text in a recipient or in the sender."""
        which, letters = text[0], text[1:]
        old = self.line.run
        match = _SELECTED.fullmatch(letters)
        regex, force, thaw = (bool(match[number]) for number in (1, 2, 3)) if match else (False,) * 3
        value = letters if match is None else self._selecting(which)
        chosen = Selection(value, regex)
        if not old.interval:
            self.line.mode = Mode.QUEUE_RUN
        self.line.run = QueueRun(
            two_stage=old.two_stage or two_stage,
            force=old.force or force,
            force_thaw=old.force_thaw or thaw,
            recipient=chosen if which == "R" else old.recipient,
            sender=chosen if which == "S" else old.sender,
            interval=old.interval,
        )

    def _selecting(self, which: str) -> str:
        if not self._rest:
            raise BadUse(f"string expected after -{which}")
        return self.next()


def _set(**values: object) -> Callable[[_Parser], None]:
    def act(parser: _Parser) -> None:
        for name, value in values.items():
            setattr(parser.line, name, value)

    return act


_EXACT: Mapping[str, Callable[[_Parser], None]] = {
    "-bs": _set(mode=Mode.SMTP),
    "-bS": _set(mode=Mode.BATCH),
    "-bd": lambda parser: parser.daemon(),
    "-bdf": lambda parser: parser.daemon(foreground=True),
    "-tls-on-connect": _set(tls_on_connect=True),
    "-bt": _set(mode=Mode.ADDRESS_TEST, verbose=True),
    "-bv": _set(mode=Mode.VERIFY),
    "-bvs": _set(mode=Mode.VERIFY_SENDER),
    "-bi": _set(mode=Mode.INITIALISE),
    "-bP": _set(mode=Mode.PRINT_CONFIG),
    "-bV": _set(mode=Mode.VERSION),
    "--version": _set(mode=Mode.VERSION),
    "-brt": lambda parser: parser.last(Mode.TRY_RETRY),
    "-brw": lambda parser: parser.last(Mode.TRY_REWRITE),
    "-bnq": _set(qualify=False),
    "-B": _Parser.skip,
    "-O": lambda parser: parser.drop("-O"),
    "-X": lambda parser: parser.drop("-X"),
    "-oX": _Parser.exact_ports,
    "-n": _set(labels=False),
    "-i": _set(dot_ends=False),
    "-oi": _set(dot_ends=False),
    "-oitrue": _set(dot_ends=False),
    "-t": _set(from_headers=True),
    "-ti": _set(from_headers=True, dot_ends=False),
    "-v": _set(verbose=True),
    "-ov": _set(verbose=True),
    "-oY": _set(without_notifier=True),
    "--help": _set(usage=True),
    "-ps": _set(perl_at_start=True),
    "-N": _set(dont_deliver=True, verbose=True),
    "-odb": _set(synchronous=False, queue_only=False),
    "-odd": lambda parser: parser.without_delays(),
    "-odf": _set(synchronous=True, queue_only=False),
    "-odi": _set(synchronous=True, queue_only=False),
    "-odq": _set(synchronous=False, queue_only=True),
    "-odqs": _set(queue_smtp=True, queue_only=False),
}

_PREFIXES: Sequence[tuple[str, Callable[[_Parser, str], None]]] = (
    ("-be", _Parser.expansion),
    ("-bf", lambda parser, text: parser.filter(f"f{text}")),
    ("-bF", lambda parser, text: parser.filter(f"F{text}")),
    ("-bh", _Parser.host_check),
    ("-bI", _Parser.information),
    ("-bp", _Parser.list_queue),
    ("-C", _Parser.config),
    ("-D", _Parser.define),
    ("-d", _Parser.debug),
    ("-G", lambda parser, text: _set(gateway=True)(parser)),
    ("-h", _Parser.hops),
    ("-L", _Parser.syslog),
    ("-oe", _Parser.error_mode),
    ("-e", _Parser.error_mode),
    ("-f", _Parser.sender),
    ("-F", _Parser.name),
    ("-oA", _Parser.alias),
    ("-oB", _Parser.per_connection),
    ("-oP", _Parser.pid_file),
    ("-oM", _Parser.given),
    ("-or", lambda parser, text: parser.patience("receive_timeout", text)),
    ("-os", lambda parser, text: parser.patience("smtp_receive_timeout", text)),
    ("-M", _Parser.message),
    ("-p", _Parser.protocol),
    ("-bw", _Parser.wait),
    ("-q", _Parser.queue),
    ("-T", _Parser.queue_times),
    ("-z", _Parser.log_line),
    ("-R", lambda parser, text: parser.selected(f"R{text}")),
    ("-S", lambda parser, text: parser.selected(f"S{text}")),
)
_NOT_MODELLED = re.compile(r"-(?:bmalware|E.*|MC.*|atrn)")


def parse_argv(argv: Sequence[str], ids: re.Pattern[str] = MESSAGE_IDS[True]) -> CommandLine:
    """Read the command line; ``argv`` does not hold the program's name, and ``ids`` is what message IDs are.

    Raises ``BadOption`` and ``BadUse``, and ``Unsupported`` for what Exim can do and the model cannot.
    """
    for option in argv:
        if option == "--":
            break
        if _NOT_MODELLED.fullmatch(option) and option not in _EXACT:
            raise Unsupported(f"the option {option}")
    return _Parser(argv, ids).parse()
