"""Exim's command line (the option loop of main() in src/exim.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from eximsim.errors import Unsupported
from eximsim.mta.base.readtime import readconf_readtime
from eximsim.mta.delivery.queue import QUEUE_ACTIONS, SET_QUEUE, TAKES_ADDRESSES, QueueRun, Selection
from eximsim.mta.program.command_line import CommandLine, Mode

_DEFINE = re.compile(r"\s*([A-Z][A-Za-z0-9_]*)\s*(?:=\s*(.*))?", re.S)
_QUEUE = re.compile(r"(q?)(i?)(f?)(f?)(l?)(.*)", re.S)
_SELECTING = re.compile(r"(q?)([RS].*)", re.S)
_SELECTED = re.compile(r"(r?)(f?)(f?)")
_INCOMPATIBLE = "incompatible command-line options or arguments"
_LISTING = re.compile(r"c|r?[aiu]?")
MESSAGE_ID = re.compile(r"[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})")
_DEBUG = re.compile(r"d?((?:[+-][a-z_0-9]+)*)")
_DEBUG_NAME = re.compile(r"([+-])([a-z_0-9]+)")
_IGNORED = re.compile(r"-(?:B.*|G|m|bm|ob.*|om|oo|oB\d*|h\d*|U|pd|x|odb?|odi|odf|ov|ti?me|O.*)")
_ERROR_MODES = {"e": "sender", "m": "sender", "p": "stderr", "q": "stderr", "w": "sender"}

USAGE = (
    "Exim is a Mail Transfer Agent. It is normally called by Mail User Agents,\n"
    "not directly from a shell command line. Options and/or arguments control\n"
    "what it does when called. For a list of options, see the Exim documentation.\n"
)
"""What a call without arguments prints."""


class BadOption(Exception):
    """An option that is unknown, malformed or incomplete."""


class BadUse(Exception):
    """Options that do not go together, or an argument that does not fit: what the program says of it."""


class _Parser:
    """Goes over the arguments; each handler may take following ones with ``next()``."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.line = CommandLine()
        self._rest = list(argv)
        self._option = ""

    def next(self, wanted: str = "") -> str:
        """The argument of the option at hand; some options say what they expected."""
        if not self._rest:
            raise BadUse(f"{wanted} expected after {self._option}") if wanted else BadOption(self._option)
        return self._rest.pop(0)

    def parse(self) -> CommandLine:
        while self._rest:
            if not self._rest[0].startswith("-") or self._rest[0] == "-":
                break
            self._option = self._rest.pop(0)
            if self._option == "--":
                break
            self._one(self._option)
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

    def config(self, text: str) -> None:
        self.line.config = text or self.next()

    def define(self, text: str) -> None:
        match = _DEFINE.fullmatch(text)
        if not "A" <= text.lstrip()[:1] <= "Z":
            raise BadUse("macro name set by -D must start with an upper case letter")
        if match is None:
            raise BadOption(self._option)
        self.line.defines[match[1]] = match[2] or ""

    def filter(self, letters: str) -> None:
        name = _FILTER.get(letters)
        if name is None:
            raise BadOption(self._option)
        tests = letters in ("f", "F")
        setattr(self.line.filter_test, name, self.next("file name" if tests else "string"))
        if tests:
            self.line.mode = Mode.FILTER

    def daemon(self, *, foreground: bool = False) -> None:
        if self.line.mode is Mode.QUEUE_RUN:
            raise BadUse(_INCOMPATIBLE)
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

    def last(self, mode: Mode) -> None:
        """What follows is no option any more."""
        self.line.mode = mode
        self.line.arguments += self._rest
        self._rest.clear()

    def sender(self, text: str) -> None:
        self.line.sender = (text or self.next()).strip()

    def name(self, text: str) -> None:
        self.line.sender_name = text or self.next()

    def ports(self, text: str) -> None:
        self.line.ports = text or self.next()

    def log_line(self, text: str) -> None:
        self.line.mode = Mode.LOG_LINE
        self.line.option = text or self.next()

    def debug(self, text: str) -> None:
        if text == "ropcr":
            return  # since 4.00 there is nothing to drop
        names = _DEBUG.fullmatch(text)
        if names is None:
            raise Unsupported(f"the option {self._option}")
        chosen = {"default"}
        for sign, name in _DEBUG_NAME.findall(names[1]):
            if name == "all":
                chosen.clear()
            if sign == "+":
                chosen.add(name)
            else:
                chosen.discard(name)
        self.line.debugging = bool(chosen)
        self.line.verbose = "all" in chosen or "default" in chosen

    def patience(self, name: str, text: str) -> None:
        """-or and -os: how long to wait for a message, or for an SMTP client."""
        setattr(self.line, name, self._time(text))

    def error_mode(self, text: str) -> None:
        if text[:1] not in _ERROR_MODES or text[1:] not in ("", "e"):
            raise BadOption(self._option)
        self.line.errors = _ERROR_MODES[text[:1]]
        self.line.errors_sender_ok = text[:1] == "e"

    def given(self, text: str) -> None:
        name = _GIVEN.get(text)
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
            raise Unsupported(f"the option {option}")
        if not self._rest:
            raise BadUse(f"no message ids given after {option} option")
        ids = [self.next()] if option in TAKES_ADDRESSES else [self.next(), *self._rest]
        if option not in TAKES_ADDRESSES:
            self._rest.clear()
        self.line.arguments += [self._message_id(option, name) for name in ids]

    @staticmethod
    def _message_id(option: str, name: str) -> str:
        if not MESSAGE_ID.fullmatch(name):
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
        if time or not (follows.startswith("-") or MESSAGE_ID.fullmatch(follows)):
            self._every(time, run)
            return
        ids: list[str | None] = []
        while self._rest and len(ids) < 2 and MESSAGE_ID.fullmatch(self._rest[0]):
            ids.append(self._rest.pop(0))
        first = ids[0] if ids else None
        last = ids[1] if len(ids) > 1 else None
        if self.line.mode is Mode.DAEMON:
            raise BadUse(_INCOMPATIBLE)
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


_GIVEN = {
    "a": "sender_host_address",
    "aa": "sender_host_authenticated",
    "ai": "authenticated_id",
    "as": "authenticated_sender",
    "i": "interface_address",
    "r": "received_protocol",
    "s": "sender_host_name",
    "t": "sender_ident",
}
"""What the -oM options set, by the letters after -oM."""


_FILTER = {
    "F": "system",
    "f": "user",
    "fd": "domain",
    "fl": "local_part",
    "fp": "prefix",
    "fs": "suffix",
}
"""What the -bf options set, by the letters after -b."""


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
    "-brt": lambda parser: parser.last(Mode.TRY_RETRY),
    "-brw": lambda parser: parser.last(Mode.TRY_REWRITE),
    "-bnq": _set(qualify=False),
    "-i": _set(dot_ends=False),
    "-oi": _set(dot_ends=False),
    "-oitrue": _set(dot_ends=False),
    "-t": _set(from_headers=True),
    "-ti": _set(from_headers=True, dot_ends=False),
    "-v": _set(verbose=True),
    "-n": _set(labels=False),
    "-ps": _set(perl_at_start=True),
    "-N": _set(dont_deliver=True, verbose=True),
    "-odb": _set(synchronous=False, queue_only=False),
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
    ("-bp", _Parser.list_queue),
    ("-C", _Parser.config),
    ("-D", _Parser.define),
    ("-d", _Parser.debug),
    ("-oe", _Parser.error_mode),
    ("-e", _Parser.error_mode),
    ("-f", _Parser.sender),
    ("-F", _Parser.name),
    ("-oA", _Parser.alias),
    ("-oM", _Parser.given),
    ("-or", lambda parser, text: parser.patience("receive_timeout", text)),
    ("-os", lambda parser, text: parser.patience("smtp_receive_timeout", text)),
    ("-oX", _Parser.ports),
    ("-M", _Parser.message),
    ("-q", _Parser.queue),
    ("-T", _Parser.queue_times),
    ("-z", _Parser.log_line),
    ("-R", lambda parser, text: parser.selected(f"R{text}")),
    ("-S", lambda parser, text: parser.selected(f"S{text}")),
)
_NOT_MODELLED = re.compile(r"-(?:b[VPSIw].*|bpc.+|oP.*|Q.*|L.*|MC.*)")


def parse_argv(argv: Sequence[str]) -> CommandLine:
    """Read the command line; ``argv`` does not hold the program's name.

    Raises ``BadOption`` and ``BadUse``, and ``Unsupported`` for what Exim can do and the model cannot.
    """
    for option in argv:
        if option == "--":
            break
        if _NOT_MODELLED.fullmatch(option) and option not in _EXACT:
            raise Unsupported(f"the option {option}")
    return _Parser(argv).parse()
