import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from eximsim.cli import COMMANDS, SERVERS

ROOT = Path(__file__).parents[1]


def eximsim(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eximsim.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "CI": "", **(env or {})},
    )  # fmt: skip


def test_help_is_the_map_and_loads_no_command() -> None:
    program = (
        "import sys; from eximsim.cli import eximsim\n"
        "eximsim.main(['--help'], standalone_mode=False)\n"
        "heavy = {'cryptography', 'OpenSSL', 'rich', 'dnslib', 'pytest', 'eximsim.mta'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rum",), "eximsim: no command 'rum'; did you mean 'run'? (see eximsim --help)"),
        (("serve", "dsn"), "eximsim: no command 'dsn'; did you mean 'dns'? (see eximsim serve --help)"),
        (("run", "--profil", "4.87"), "--profile"),
        (("run", "584O"), "no test '584O' here; did you mean 5840?"),
        (("run", "5840", "--profile", "4.7"), "unknown profile '4.7'; choose from 4.85, "),
        (("run", "--tls", "wolfssl", "5840"), "wolfssl"),
        (("suite", "--tree", ".", "--tls", "gnuTLS", "5840"), "gnuTLS"),
        (("run", "--world", "moon", "5840"), "'moon' is not one of 'memory', 'loopback'"),
        (("run", "--suite", "nowhere", "5840"), "eximsim: nowhere: no folder scripts/ here"),
        (("suite", "--tree", "nowhere"), "eximsim: nowhere: no folder scripts/ here"),
        (("suite",), "Missing option '--tree'"),
        (("profiles", "4.97", "4.98", "4.99"), "3 names given; expected none, one, or two to compare"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments: Sequence[str], message: str) -> None:
    done = eximsim(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_octets_that_the_terminal_cannot_show_are_escaped() -> None:
    program = (
        "import click, eximsim.cli as cli\n"
        "@cli.eximsim.command()\n"
        "def shout(): click.echo('\\udc83')\n"
        "cli.COMMANDS['shout'] = ('__main__:shout', '')\n"
        "import sys; sys.argv = ['eximsim', 'shout']; cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\\udc83\n", b"")


def test_goldens_are_not_accepted_under_ci() -> None:
    done = eximsim("run", "5840", "--accept", env={"CI": "true"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "CI is set" in done.stderr


def test_profiles_are_listed_and_compared() -> None:
    listed, compared = eximsim("profiles"), eximsim("profiles", "4.96", "4.97")
    assert any(line.startswith("4.88-jh03 ") for line in listed.stdout.splitlines())
    assert any(line.split()[:3] == ["message_id_long", "no", "yes"] for line in compared.stdout.splitlines())


def test_an_interrupt_is_one_line_and_exit_130() -> None:
    program = (
        "import os, signal, click, eximsim.cli as cli\n"
        "@cli.eximsim.command()\n"
        "def stop(): os.kill(os.getpid(), signal.SIGINT)\n"
        "cli.COMMANDS['stop'] = ('__main__:stop', '')\n"
        "import sys; sys.argv = ['eximsim', 'stop']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "eximsim: interrupted\n")


def test_every_command_is_where_the_table_says() -> None:
    import importlib

    import click

    for where, _ in [*COMMANDS.values(), *SERVERS.values()]:
        module, _, attribute = where.partition(":")
        assert isinstance(getattr(importlib.import_module(module), attribute), click.Command)


# ---- output that cannot be written, errors of our own ---------------------------------------------------

PRINTING = (
    ("--help",),
    ("profiles",),
    ("table", "dane"),
    ("run", "5840", "--trace"),
    ("lint", "testsuite/confs/5840", "--json"),
    ("serve", "smtp", "--port", "0"),
    ("serve", "dns", "--zones", "testsuite/dnszones", "--port", "0"),
)


def with_output(output: int | IO[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eximsim", *arguments],
        cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_disk_is_exit_74_and_one_line(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = with_output(full, *arguments)
    assert done.returncode == 74
    assert done.stderr == "eximsim: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_that_went_away_is_exit_141_without_a_word(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = with_output(writer, *arguments)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_output_is_exit_74() -> None:
    command = f"exec {sys.executable} -m eximsim profiles >&-"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (74, "eximsim: cannot write the output: Bad file descriptor\n")


def test_without_a_place_for_messages_the_exit_code_is_the_same() -> None:
    command = f"exec {sys.executable} -m eximsim rum 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")


def failing(error: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of a command that raises ``error``."""
    program = (
        "import click, sys, eximsim.cli as cli\n"
        "from eximsim.errors import Unsupported\n"
        "@click.command()\n"
        f"def fail(): raise {error}\n"
        "cli.COMMANDS['fail'] = ('__main__:fail', '')\n"
        f"sys.argv = ['eximsim', *{arguments!r}]; cli.main()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_an_error_of_our_own_is_one_line_that_invites_a_report_and_exit_70() -> None:
    done = failing("KeyError('a\\nb')", "fail")
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.count("\n") == 1
    assert "KeyError" in done.stderr
    assert "lease report it" in done.stderr


def test_a_name_that_no_file_can_have_is_bad_input() -> None:
    done = failing("OSError(36, 'File name too long', 'x' * 5000)", "fail")
    assert done.returncode == 2
    assert done.stderr == f"eximsim: {'x' * 300}...: File name too long\n"


@pytest.mark.parametrize("arguments", [("--debug", "fail"), ("fail", "--debug")])
def test_where_an_error_of_our_own_came_from_is_told_if_asked(arguments: tuple[str, ...]) -> None:
    done = failing("KeyError('a')", *arguments)
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback")


def test_what_is_not_modelled_is_exit_3() -> None:
    done = failing("Unsupported('a thing', 'exim.conf', 7)", "fail")
    assert (done.returncode, done.stderr) == (3, "eximsim: not modelled: a thing (exim.conf:7)\n")


# ---- completion -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("eximsim pro", ["plain,profiles"]),
        ("eximsim serve ", ["plain,dns", "plain,smtp"]),
        ("eximsim run --wor", ["plain,--world"]),
        ("eximsim run --world me", ["plain,memory"]),
        ("eximsim rum --wor", []),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, completions: list[str]) -> None:
    asked = {"_EXIMSIM_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = eximsim(env=asked)
    assert (done.returncode, done.stdout.split()) == (0, completions)


def test_a_shell_is_told_how_to_complete() -> None:
    done = eximsim(env={"_EXIMSIM_COMPLETE": "bash_source"})
    assert done.returncode == 0
    assert "complete -o nosort -F _eximsim_completion eximsim" in done.stdout
