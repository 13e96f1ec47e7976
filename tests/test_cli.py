import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

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
