"""What ``run`` and ``suite`` have in common: their options, and how results are shown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import TypeVar

import click

from eximsim.errors import ExitCode
from eximsim.profiles import TLS_LIBRARIES
from eximsim.quick_dataclass import dataclass
from eximsim.storage import store_below
from eximsim.suite import golden
from eximsim.suite.runner import WORLDS, TestResult, Verdict, exim_path
from eximsim.visible import visible, visible_lines

_F = TypeVar("_F", bound=Callable[..., object])

DIFFERENCE_FOUND = 1


def _checked(context: click.Context, parameter: click.Parameter, subject: str) -> str:
    exim_path(subject)
    return subject


def setting_options(*, profile_help: str) -> Callable[[_F], _F]:
    """``--profile``, ``--tls``, ``--world`` and ``--subject``."""

    def decorate(function: _F) -> _F:
        for option in (
            click.option("--subject", metavar="model|exim:PATH", default="model", show_default=True,
                         callback=_checked, help="What runs the scenario: the model, or a real program."),
            click.option("--world", type=click.Choice(WORLDS), default="memory", show_default=True,
                         help="Simulated network, or real sockets."),
            click.option("--tls", type=click.Choice(TLS_LIBRARIES),
                         help="The TLS library that the program is built with; default: the profile's own."),
            click.option("--profile", metavar="P", help=profile_help),
        ):  # fmt: skip
            function = option(function)
        return function

    return decorate


keep_option = click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Write outputs as DIR/TEST/log, ..., in the form in which they are compared, and the spool that a"
    " real program's failed test left.",
)  # fmt: skip


@dataclass(slots=True)
class Reporter:
    """Shows each result as it comes, and sums up; ``brief`` leaves the diffs out."""

    as_json: bool = False
    keep: Path | None = None
    trace: bool = False
    brief: bool = False
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    _kept: set[str] = field(default_factory=set)

    def add(self, result: TestResult) -> None:
        """Show one result."""
        self.verdicts[result.verdict] += 1
        if result.verdict is Verdict.UNSUPPORTED:
            self.reasons[result.reason.split(" (")[0]] += 1
        self._keep(result)
        if self.as_json:
            click.echo(json.dumps(result.as_json(), ensure_ascii=False))
            return
        setting = result.setting
        reason = f": {result.reason}" if result.reason else ""
        click.echo(
            f"{result.test} {setting.profile.name} {setting.surroundings} {setting.subject} "
            f"{result.seconds:.3f}s {result.verdict.value}{visible(reason)}"
        )
        if result.verdict is Verdict.FAIL and not self.brief:
            click.echo(visible_lines(result.differences()))
        if self.trace and result.trace is not None:
            for decision in result.trace:
                click.echo(visible(f"  {decision}"))
            asked = f"  the name server was asked: {', '.join(result.questions) or 'nothing'}"
            click.echo(visible(asked))
            if result.setting.world == "loopback":
                click.echo(f"  TLS handshakes completed on real sockets: {result.handshakes}")

    def accepted(self, result: TestResult, changed: list[Path]) -> None:
        """Show which goldens were stored."""
        self._keep(result)
        self.verdicts[Verdict.PASS] += 1
        for path in changed:
            click.echo(f"{result.test} {result.setting.profile.name}: stored {path}")

    def finish(self) -> int:
        """Sum up if there was more than one; returns the exit code. Nothing but skips is no look at all,
        and where debugging output is asked for not everything was looked at."""
        if self.verdicts.total() > 1 and not self.as_json:
            for reason, count in self.reasons.most_common():
                click.echo(visible(f"{count:5} unsupported: {reason}"))
            shown = [one for one in Verdict if self.verdicts[one] or one is not Verdict.PASS_BUT_STDERR]
            click.echo(", ".join(f"{self.verdicts[verdict]} {verdict.value}" for verdict in shown))
        if self.verdicts[Verdict.FAIL] + self.verdicts[Verdict.UNSUPPORTED]:
            return DIFFERENCE_FOUND
        looked = self.verdicts[Verdict.PASS] and not self.verdicts[Verdict.PASS_BUT_STDERR]
        return 0 if looked else ExitCode.COULD_NOT_LOOK

    def _keep(self, result: TestResult) -> None:
        if self.keep is None or not (result.texts or result.spool):
            return
        name = (
            result.test if result.test not in self._kept else f"{result.test}@{result.setting.profile.name}"
        )
        self._kept.add(result.test)
        golden.keep(self.keep, name, result.texts)
        for path, octets in result.spool.items():
            store_below(self.keep, f"{name}/spool/{path}", octets)
