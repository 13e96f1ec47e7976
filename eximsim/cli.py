"""The command line: a thin door to the commands, which are loaded when they are called."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NoReturn

import click

from eximsim.errors import CouldNotLook, EximsimError, ExitCode, Unsupported
from eximsim.visible import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMPLETION = "_EXIMSIM_COMPLETE"
"""The variable by which a shell asks for completions, as Click has it."""


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Put garbage collection off: what modules make while they are read stays until the end.

    No later collection has to look through it, either, which took a tenth of the time of ``run 5840``.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class LazyGroup(click.Group):
    """A group whose commands are imported on use; their one-line help is known without that.

    ``lazy`` maps a command's name to where it is (``module:attribute``) and its help.
    """

    def __init__(self, *args: object, lazy: Mapping[str, tuple[str, str]], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        with _no_collection():
            found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        if not any(parameter.name == "debug" for parameter in found.params):
            found.params.append(_debug_option(hidden=True))
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that a word could be the beginning of, without importing any; and options."""
        from click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=text)
            for name, (_, text) in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in self.lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        known = ctx.resilient_parsing or args[:1] == [] or args[0].startswith("-") or args[0] in self.lazy
        if not known:
            import difflib  # what is spelt right does without it

            near = difflib.get_close_matches(args[0], self.lazy, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(self.lazy)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("eximsim.commands.run:run", "Replay tests of the project's own testsuite."),
    "suite": ("eximsim.commands.suite:suite", "Replay tests of an Exim source tree, unmodified."),
    "gate": ("eximsim.commands.gate:gate", "Show what a change of policy or release changes."),
    "check": ("eximsim.commands.check:check", "Promises that a configuration must keep in every situation."),
    "compare": ("eximsim.commands.compare:compare", "Compare the model with what real programs did."),
    "record": ("eximsim.commands.record:record", "Record what a real program does in all known situations."),
    "serve": ("eximsim.cli:serve", "Run the test servers on their own: dns, smtp."),
    "explain": (
        "eximsim.commands.explain:explain",
        "Why a message goes the way it goes, and what would change it.",
    ),
    "lint": (
        "eximsim.commands.lint:lint",
        "Which settings of a configuration are modelled, inert, unsupported.",
    ),
    "fuzz": ("eximsim.commands.fuzz:fuzz", "Search for a situation that breaks a law."),
    "table": ("eximsim.commands.table:table", "Print the decision tables, or where two releases differ."),
    "profiles": (
        "eximsim.commands.profiles:profiles",
        "List the releases, or the switches in which two differ.",
    ),
}

SERVERS: dict[str, tuple[str, str]] = {
    "dns": ("eximsim.commands.serve:dns", "A name server for zone files, over UDP and TCP."),
    "smtp": ("eximsim.commands.serve_smtp:smtp", "A scripted SMTP server with TLS."),
}

_CONTEXT = {"help_option_names": ["-h", "--help"]}


def _debug_option(*, hidden: bool = False) -> click.Option:
    """``--debug``, which is taken before a command and after it."""

    def keep(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            context.find_root().meta[_DEBUG] = True

    text = "Show where an error of eximsim's own came from."
    return click.Option(
        ["--debug"], is_flag=True, is_eager=True, expose_value=False, hidden=hidden, callback=keep, help=text
    )


_DEBUG = "eximsim.debug"


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(package_name="eximsim", message="%(prog)s %(version)s")
@click.pass_context
def eximsim(context: click.Context) -> None:
    """What happens to this message, and why?

    A behavioural model of Exim's outbound decisions, and a regression harness around it.

    Exit codes: 0 as it should be, 1 a difference or a broken law was found, 2 bad input, 3 could not look;
    70 an error of eximsim's own, 74 the output could not be written, 130 interrupted, 141 the output's
    reader went away.
    """
    _help_if_alone(context)


eximsim.params.append(_debug_option())


@click.group(cls=LazyGroup, lazy=SERVERS, context_settings=_CONTEXT, invoke_without_command=True)
@click.pass_context
def serve(context: click.Context) -> None:
    """Run the test servers on their own."""
    _help_if_alone(context)


def _help_if_alone(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> NoReturn:
    """Run the command line and exit with one of ``ExitCode``; whatever goes wrong is one line on stderr."""
    _settle_streams()
    debug: dict[str, object] = {}
    try:
        code = _invoke(sys.argv[1:], debug)
        sys.stdout.flush()
        sys.exit(code)
    except click.ClickException as mistake:
        _leave(f"{mistake.format_message()}{_usage(mistake)}", ExitCode.BAD_INPUT)
    except (Unsupported, CouldNotLook) as gap:
        _leave(str(gap), ExitCode.COULD_NOT_LOOK)
    except EximsimError as mistake:
        _leave(str(mistake), ExitCode.BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _leave("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _forget_output()  # whoever read our output has seen enough
        sys.exit(ExitCode.OUTPUT_CLOSED)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in _WRITING:
            _forget_output()
            _leave(f"cannot write the output: {error.strerror}", ExitCode.OUTPUT_FAILED)
        if isinstance(error, OSError) and error.filename is not None and error.errno in _LOOKING:
            _leave(f"{_shortened(os.fsdecode(error.filename))}: {error.strerror}", ExitCode.BAD_INPUT)
        if _DEBUG in debug:
            _traceback()
        _leave(_report(error), ExitCode.INTERNAL)


_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What a write can fail with that is not a mistake of anybody here."""


_LOOKING = (errno.ENAMETOOLONG, errno.EACCES)
"""What keeps from finding out whether something is at a place that was named."""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _invoke(arguments: list[str], meta: dict[str, object]) -> int:
    """Run the command line; ``meta`` is told what was asked for besides the command."""
    if instruction := os.environ.get(_COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(eximsim, {}, "eximsim", _COMPLETION, instruction)
    try:
        # the context outlives a failure only in what it hands to meta
        with eximsim.make_context("eximsim", arguments) as context:
            try:
                eximsim.invoke(context)
            finally:
                meta.update(context.meta)
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return 0


def _settle_streams() -> None:
    """Make sure that there is something to write to, and that it takes every character.

    A standard stream that was closed by the caller is None, and its number would go to the next file that is
    opened. Writing to the output then fails as writing to a closed descriptor does; messages go nowhere.
    """
    for name, flags in (("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            raw = io.FileIO(os.open(os.devnull, flags), "w")
            setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8"))
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):  # a log may hold what the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Keep Python from writing at exit what could not be written."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(mistake: click.ClickException) -> str:
    context = mistake.ctx if isinstance(mistake, click.UsageError) else None
    return f" (see {context.command_path} --help)" if context else ""


def _report(error: Exception) -> str:
    """One line about an error that nobody expected."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else ""
    what = f"{type(error).__name__}{place}: {error}"
    return (
        f"an error of eximsim's own, {what[:_LONGEST]}. Please report it, with the command and its input; "
        "--debug shows where it came from"
    )


_LONGEST = 300


def _traceback() -> None:
    import traceback

    with contextlib.suppress(OSError):
        traceback.print_exc()


def _leave(message: str, code: ExitCode) -> NoReturn:
    with contextlib.suppress(OSError):
        print(f"eximsim: {visible(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
