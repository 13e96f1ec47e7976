"""The command line: a thin door to the commands, which are loaded when they are called."""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

from eximsim.errors import EximsimError, ExitCode


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
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in self.lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        if args and not args[0].startswith("-") and args[0] not in self.lazy:
            near = difflib.get_close_matches(args[0], self.lazy, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(self.lazy)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("eximsim.commands.run:run", "Replay tests of the project's own testsuite."),
    "suite": ("eximsim.commands.suite:suite", "Replay tests of an Exim source tree, unmodified."),
    "gate": ("eximsim.commands.gate:gate", "Tell what a change of policy or release changes."),
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


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(package_name="eximsim", message="%(prog)s %(version)s")
@click.pass_context
def eximsim(context: click.Context) -> None:
    """What happens to this message, and why?

    A behavioural model of Exim's outbound decisions, and a regression harness around it.

    Exit codes: 0 as it should be, 1 a difference or a broken law was found, 2 bad input, 3 could not look.
    """
    _help_if_alone(context)


@click.group(cls=LazyGroup, lazy=SERVERS, context_settings=_CONTEXT, invoke_without_command=True)
@click.pass_context
def serve(context: click.Context) -> None:
    """Run the test servers on their own."""
    _help_if_alone(context)


def _help_if_alone(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> NoReturn:
    """Run the command line and exit; a mistake of the caller is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a log may hold what the terminal's encoding has not
            stream.reconfigure(errors="backslashreplace")
    try:
        with eximsim.make_context("eximsim", sys.argv[1:]) as context:
            eximsim.invoke(context)
        sys.stdout.flush()
        sys.exit(0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as mistake:
        _leave(f"{mistake.format_message()}{_usage(mistake)}", ExitCode.BAD_INPUT)
    except EximsimError as mistake:
        _leave(str(mistake), ExitCode.BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _leave("interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # whoever read our output has seen enough; keep Python from writing the rest at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _usage(mistake: click.ClickException) -> str:
    context = mistake.ctx if isinstance(mistake, click.UsageError) else None
    return f" (see {context.command_path} --help)" if context else ""


def _leave(message: str, code: int) -> NoReturn:
    print(f"eximsim: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
