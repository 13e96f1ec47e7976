"""How long a test of a real program will take, told from its script: to begin with the long ones.

Exim in test mode pauses so that its processes write in a fixed order; most of a test's time is such waiting.
"""

from __future__ import annotations

from eximsim.suite import script

_EXIM, _DAEMON, _OTHER = 0.4, 0.4, 0.1
_INPUT_PAUSE = "+++ "
"""A line of a client's or server's script that waits so many seconds."""

_LEAST = 240.0


def expected_seconds(parsed: script.Script) -> float:
    """About so long on a machine that has nothing else to do."""
    return waits(parsed) + sum(_seconds(command) for command in parsed.commands)


def limit(parsed: script.Script) -> float:
    """After how many seconds a test hangs: far more than it takes on a busy machine."""
    return _LEAST + 4 * expected_seconds(parsed)


def waits(parsed: script.Script) -> float:
    """The pauses that the script itself names."""
    return sum(_waits(command) for command in parsed.commands)


def _seconds(command: script.Command) -> float:
    match command:
        case script.Exim(arguments=given):
            return _DAEMON if "-bd" in given else _EXIM
        case script.Note() | script.Write() | script.Echo() | script.ChooseMunge():
            return 0.0
    return _OTHER


def _waits(command: script.Command) -> float:
    match command:
        case script.Sleep(seconds=seconds):
            return seconds
        case script.Exim(wait=wait, body=body):
            return wait + sum(map(_pause, body))
        case script.Client(body=body) | script.Server(body=body):
            return sum(map(_pause, body))
    return 0.0


def _pause(line: str) -> float:
    for mark in (_INPUT_PAUSE, ":sleep:"):
        number = line.removeprefix(mark)
        if number != line and number.strip().isdigit():
            return float(number)
    return 0.0
