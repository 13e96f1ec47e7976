"""The interpreter of filters in Exim's own language (src/filter.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eximsim.bounds import within_bounds
from eximsim.errors import Unsupported
from eximsim.mta.base.parse import AddressError
from eximsim.mta.base.string import SPACES, from_octets, list_items, octets
from eximsim.mta.expand.expand_text import ascii_lower
from eximsim.mta.expand.expand_variables import header_list
from eximsim.mta.expand.marks import Taint, marked, taint_of
from eximsim.mta.process.extract import extract_address
from eximsim.mta.process.log import printed
from eximsim.mta.records.spool import HEADER_OLD, Header, header_kind
from eximsim.mta.routing.filters import mail
from eximsim.mta.routing.filters.commands_read import read_filter
from eximsim.mta.routing.filters.conditions import test_condition
from eximsim.mta.routing.filters.filter_log import FilterLog, LogAccess
from eximsim.mta.routing.filters.generated import Generated
from eximsim.mta.routing.filters.numbers import read_long, to_int
from eximsim.mta.routing.filters.running import Filtered, Filtering, Outcome
from eximsim.mta.routing.filters.syntax import ARGUMENTS, DELIVERIES, Command, FilterError
from eximsim.mta.routing.rewrite import rewrite_address, rewrite_address_qualify

if TYPE_CHECKING:
    from eximsim.mta.process.globals import Process

_MESSAGE_MAX = 1024
_MESSAGE_KEPT = 1000


def filter_interpret(
    process: Process,
    text: str,
    *,
    allowed: frozenset[str],
    system: bool = False,
    testing: bool = False,
    rewrite: bool = False,
    prepend_home: bool = False,
    log: LogAccess = LogAccess.FORBIDDEN,
    owner: tuple[int, int] = (0, 0),
) -> Filtered:
    """Read a filter and obey it.

    ``allowed`` are those of defer, fail and freeze that it may use. With ``testing`` it is only told what
    would be done. ``prepend_home``: a file without a slash at its start is in
    ``$home``. ``owner`` are the ids of a log file that is made. Source: filter_interpret().
    """
    run = Filtering(
        process,
        system=system,
        testing=testing,
        rewrite=rewrite,
        prepend_home=prepend_home,
        log=FilterLog(process, log, owner),
    )
    charset = process.headers_charset
    numbers = {f"n{number}": "0" for number in range(10)}
    numbers |= {f"sn{number}": str(value) for number, value in enumerate(process.filter_sn)}
    unseen = "" if process.profile.unpermitted_recipients_empty else None
    recipients = process.variables.get("recipients") if system else unseen
    try:
        with process.setting(**numbers, recipients=recipients):
            result = _interpret(run, text, allowed)
    finally:
        process.numeric, process.headers_charset = (), charset
    if system:
        process.filter_sn = tuple(run.numbers)
    if testing:
        why = result.message if result.outcome is Outcome.ERROR else ""
        run.tell(f"{result.outcome.value}{why}")
    return result


def _interpret(run: Filtering, text: str, allowed: frozenset[str]) -> Filtered:
    printing = run.process.profile.expansion_errors_quoted
    try:
        read = read_filter(text, allowed=allowed, system=run.system, printing=printing)
        run.pending = read.pending
        with within_bounds("a filter"):
            _Interpreter(run).obey(read.commands)
    except FilterError as error:
        return Filtered(Outcome.ERROR, error.message, run.generated)
    except _Ended as ended:
        return replace(ended.result, generated=run.generated)
    return replace(_finished(run), generated=run.generated)


def _finished(run: Filtering) -> Filtered:
    return Filtered(Outcome.DELIVERED if run.delivered else Outcome.NOTDELIVERED)


class _Ended(Exception):
    """A command that ends the filter."""

    def __init__(self, result: Filtered) -> None:
        self.result = result


class _Interpreter:
    def __init__(self, run: Filtering) -> None:
        self.run = run
        self.process = run.process

    def obey(self, commands: Sequence[Command]) -> None:
        """Carry out the commands in turn. Source: interpret_commands()."""
        for command in commands:
            self.process.effort.spend()
            wanted = command.arguments[: ARGUMENTS.get(command.name, 0)]
            arguments = [self.argument(command, text) for text in wanted]
            self.run.delivered |= command.seen
            _COMMANDS[command.name](self, command, arguments)

    def argument(self, command: Command, text: str | None) -> str | None:
        return None if text is None else self.run.expand(text, f"{command.name} command")

    def tell(self, command: Command, text: str) -> None:
        """Say in a test what a command would do; ``Seen`` or ``Unseen`` comes first if it is unusual."""
        usual = command.name in DELIVERIES
        if command.seen != usual:
            text = f"{'Unseen' if usual else 'Seen'} {text[0].lower()}{text[1:]}"
        self.run.tell(text)

    def generate(self, command: Command, address: str, **more: Any) -> None:
        self.run.generated.insert(0, Generated(address, ignore_error=command.noerror, **more))

    # ---- numbers, headers

    def add(self, command: Command, arguments: Sequence[str | None]) -> None:
        value, variable = (text or "" for text in arguments)
        signs = len(value) - len(value.lstrip("-"))
        value = value[signs - signs % 2 :]
        number = self.number(value)
        if variable == "n":
            raise Unsupported('"add" to "n", where Exim reads on behind the end of the text')
        if variable[:1] != "n" or len(octets(variable)) != 2:
            raise FilterError(f'unknown variable {self.run.quoted(variable)} in "add" command')
        index = self.number(variable[1:])
        self.run.numbers[index] = to_int(self.run.numbers[index] + number)
        self.process.variables[f"n{index}"] = str(self.run.numbers[index])
        if self.run.testing:
            self.run.tell(f"Add {number} to n{index}")

    def number(self, text: str) -> int:
        if not text:
            return 0
        found = read_long(text)
        if found is None or found[1] < len(text):
            raise FilterError(f'malformed number {self.run.quoted(text)} in "add" command')
        return to_int(found[0])

    def headers(self, command: Command, arguments: Sequence[str | None]) -> None:
        text = arguments[0] or ""
        if self.run.testing:
            self.run.tell(f'Headers {command.headers} "{printed(self.run.process, text)}"')
        headers = header_list(self.process)
        if command.headers == "charset":
            self.process.headers_charset = text
        elif command.headers == "remove":
            for name in map(ascii_lower, list_items(text)):
                for header in headers:
                    if ascii_lower(header.text.partition(":")[0].rstrip(SPACES)) == name:
                        header.kind = HEADER_OLD
        elif text := text.lstrip(SPACES):
            self.add_headers(text if text.endswith("\n") else f"{text}\n")

    def add_headers(self, text: str) -> None:
        """Each line that white space does not begin is a header line; the last one's type counts."""
        lines: list[str] = []
        for line in text.splitlines(keepends=True):
            if lines and line[0] in " \t":
                lines[-1] += line
            else:
                lines.append(line)
        new = [Header(" ", line) for line in lines]
        kind, _, resent = header_kind(new[-1].text)
        if not resent:
            new[-1].kind = kind
        if self.process.message is not None:
            self.process.message.headers += new
        else:
            self.process.header_list = [*self.process.header_list, *new]

    # ---- deliveries

    def deliver(self, command: Command, arguments: Sequence[str | None]) -> None:
        address, errors_to = (None if text is None else self.address(text) for text in arguments)
        if errors_to is not None and not self.run.system:
            own = self.run.expand("$local_part@$domain", "deliver command")
            if ascii_lower(own) != ascii_lower(errors_to):
                raise FilterError("errors_to must point to the caller's address")
        if not self.run.testing:
            self.generate(command, address or "", errors_address=errors_to)
            return
        shown = "" if errors_to is None else f" errors_to {errors_to}"
        self.tell(command, f"Deliver message to: {address}{_noerror(command)}{shown}")

    def address(self, text: str) -> str:
        try:
            address = extract_address(self.process, text).address
        except AddressError as error:
            told = f"malformed address {self.run.quoted(text)} in filter file: {error.message}"
            raise FilterError(told) from None
        if self.run.rewrite:
            return rewrite_address(self.process, address, is_recipient=True)
        return rewrite_address_qualify(self.process, address, is_recipient=True)

    def save(self, command: Command, arguments: Sequence[str | None]) -> None:
        path = arguments[0] or ""
        home = self.process.variables.get("home")
        if not self.run.testing:
            if self.run.prepend_home and home and not path.startswith("/"):
                path = marked(f"{home}/{path}", max(taint_of(home), taint_of(path)))
            self.generate(command, path, made_for="file")
            return
        mode = "" if command.mode < 0 else f" {command.mode:04o}"
        self.tell(command, f"Save message to: {path}{mode}{_noerror(command)}")

    def pipe(self, command: Command, arguments: Sequence[str | None]) -> None:
        text = command.arguments[0] or ""
        if self.run.testing:
            self.tell(command, f"Pipe message to: {text}{_noerror(command)}")
            return
        this = self.process.variables.get("thisaddress")
        numeric = self.process.numeric
        self.generate(
            command,
            text if text.startswith("|") else f"|{text}",
            made_for="pipe",
            expand_pipe=True,
            pipe_values=() if this is None and not numeric else (this or "", *numeric),
        )

    def mail(self, command: Command, arguments: Sequence[str | None]) -> None:
        given = mail.expanded(self.run, command)
        if not self.process.return_path:
            if self.run.testing:
                self.run.tell(f"{command.name} command ignored because return_path is empty")
            return
        mail.check(self.run, command, given)
        if self.run.testing:
            for line in mail.shown(self.run, command, given):
                self.run.tell(line)
            return
        to = given.get("to")
        to = self.run.expand("$reply_address", "mail command") if to is None else to
        to = to.lstrip(SPACES).replace("\n", " ")
        reply = mail.reply_of(self.run, command, given, to)
        self.generate(command, mail.reply_address(to), made_for="reply", reply=reply)

    # ---- logs and tests

    def logfile(self, command: Command, arguments: Sequence[str | None]) -> None:
        if self.run.testing:
            self.tell(command, f"Logfile {arguments[0]}")
            return
        if taint_of(arguments[0] or "") is not Taint.NONE:
            raise Unsupported("a filter's log file whose name may come from outside")
        self.run.log.open(arguments[0] or "", command.mode)

    def logwrite(self, command: Command, arguments: Sequence[str | None]) -> None:
        text = arguments[0] or ""
        if self.run.testing:
            self.tell(command, f'Logwrite "{printed(self.run.process, text)}"')
        else:
            self.run.log.write(text)

    def testprint(self, command: Command, arguments: Sequence[str | None]) -> None:
        if self.run.testing:
            self.run.tell(f"Testprint: {printed(self.run.process, arguments[0] or '')}")

    # ---- the way through the filter

    def stop(self, command: Command, arguments: Sequence[str | None]) -> None:
        """defer, fail and freeze."""
        text = octets(arguments[0] or "")
        if len(text) > _MESSAGE_MAX:
            text = text[:_MESSAGE_KEPT] + b" ... (truncated)"
        message = printed(self.run.process, from_octets(text))
        if self.run.testing:
            self.run.tell(f'{command.name.capitalize()} text "{message}"')
        raise _Ended(Filtered(Outcome[command.name.upper()], message))

    def finish(self, command: Command, arguments: Sequence[str | None]) -> None:
        if self.run.testing:
            self.run.tell("Seen finish" if command.seen else "Finish")
        raise _Ended(_finished(self.run))

    def conditional(self, command: Command, arguments: Sequence[str | None]) -> None:
        assert command.condition is not None
        with self.process.setting(thisaddress=self.process.variables.get("thisaddress")):
            held = test_condition(self.run, command.condition)
            if self.run.pending is not None:
                raise FilterError(self.run.pending)
            self.obey(command.then if held else command.otherwise)


def _noerror(command: Command) -> str:
    return " (noerror)" if command.noerror else ""


_COMMANDS: Mapping[str, Callable[[_Interpreter, Command, Sequence[str | None]], None]] = {
    "add": _Interpreter.add,
    "defer": _Interpreter.stop,
    "deliver": _Interpreter.deliver,
    "fail": _Interpreter.stop,
    "finish": _Interpreter.finish,
    "freeze": _Interpreter.stop,
    "headers": _Interpreter.headers,
    "if": _Interpreter.conditional,
    "logfile": _Interpreter.logfile,
    "logwrite": _Interpreter.logwrite,
    "mail": _Interpreter.mail,
    "pipe": _Interpreter.pipe,
    "save": _Interpreter.save,
    "testprint": _Interpreter.testprint,
    "vacation": _Interpreter.mail,
}
