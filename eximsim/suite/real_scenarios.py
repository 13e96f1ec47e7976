"""Giving a scenario's commands to a real Exim: the counterpart of ``suite.scenario_replay``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from eximsim.subjects.namespace import Ran
from eximsim.subjects.program import CONFIGURATION, EXIM, LOST_PRIVILEGE
from eximsim.subjects.resources import check_end, check_words
from eximsim.suite.real import RUN_SECONDS, RealStand, exit_of
from eximsim.suite.replay import LOG_FILES, logged
from eximsim.suite.scenario_records import FIELDS, Done, ScenarioRecord
from eximsim.suite.scenario_replay import TextNormaliser, shown_connection, shown_message
from eximsim.suite.scenarios import RRsets, Scenario, Servers, Step, endpoint
from eximsim.world.rrsets import rrset_zones
from eximsim.world.smtp_script import server_behaviour

_SPOOL, _CERTIFICATES = "/spool", "/certs"
_USER_IN_SCENARIOS = re.compile(r"^(\s*)(user|group) = 93$", re.M)
"""Exim's own user and group, of whom each program has another number."""

_PATH_IN_SCENARIOS = "exim_path = /exim\n"


def record_scenarios(
    exim: Path, certificates: Path, scenarios: Iterable[Scenario], times: int
) -> Iterator[ScenarioRecord]:
    """What a program does in scenarios, each run ``times`` times; raises as ``RealStand`` does."""
    with RealScenarioStand(exim, certificates) as stand:
        for scenario in scenarios:
            yield stand.record(scenario, times)


class RealScenarioStand(RealStand):
    """A place to run scenarios on one real program; see ``RealStand``."""

    def record(self, scenario: Scenario, times: int = 1) -> ScenarioRecord:
        """What the program does, run ``times`` times; fields that differ are unstable."""
        first, *others = (tuple(self.play(scenario)) for _ in range(times))
        unstable = {
            name
            for other in others
            for name in FIELDS
            if [getattr(done, name) for done in first] != [getattr(done, name) for done in other]
        }
        program = self.program
        return ScenarioRecord(
            scenario.id,
            program.profile.name,
            program.tls,
            first,
            frozenset(unstable),
            program.version,
            program.profile.i18n,
        )

    def play(self, scenario: Scenario) -> Iterator[Done]:
        """Give the commands one after the other, and tell what came of each."""
        self._inside.kill()  # what the scenario before has left running would still write to its spool
        self._inside.fresh(_SPOOL, self.program.uid, {"certs": _CERTIFICATES})
        config = scenario.config.replace(_PATH_IN_SCENARIOS, f"exim_path = {EXIM}\n")
        ids = {"user": self.program.uid, "group": self.program.gid}
        config = _USER_IN_SCENARIOS.sub(lambda found: f"{found[1]}{found[2]} = {ids[found[2]]}", config)
        listed = "".join(f"{' '.join(line)}\n" for line in scenario.hosts)
        texts = {**scenario.files, CONFIGURATION: config, "/etc/hosts": listed}
        self._inside.write({path: text.encode("utf-8", "surrogateescape") for path, text in texts.items()})
        self._serve_zone(scenario.zone)
        self._normalise = TextNormaliser(self.program.version)
        with ExitStack() as doors:
            self._listen(scenario.servers, doors)
            for step in scenario.steps:
                time.sleep(step.sleep)
                if step.servers is not None:
                    doors.close()
                    self._listen(step.servers, doors)
                if step.zone is not None:
                    self._serve_zone(step.zone)
                yield self._step(step)

    def _serve_zone(self, zone: RRsets) -> None:
        self._resolver.zones = rrset_zones(zone, certificate=self._chains.certificate)

    def _listen(self, servers: Servers, doors: ExitStack) -> None:
        for name, server in servers.items():
            behaviour = server_behaviour(server)
            if behaviour.listen:
                doors.callback(self._acceptor.shut, self._door(endpoint(name), behaviour))

    def _step(self, step: Step) -> Done:
        self._served.clear()
        self._resolver.questions.clear()
        argv = [EXIM, "-C", CONFIGURATION, *map(self._argument, step.argv)]
        stdin = step.stdin.encode("utf-8", "surrogateescape")
        began = time.time()
        ran = self._inside.run(argv, stdin, seconds=RUN_SECONDS, settle=True)
        check_end(ran.exit)
        self._acceptor.drain()
        files = self._inside.read(_SPOOL)
        texts = [files.get(path, b"").decode("utf-8", "surrogateescape") for path in LOG_FILES]
        check_words(ran.stderr.decode("utf-8", "replace") + texts[2], texts[0])
        lines = (
            [line for line in text.splitlines() if line and LOST_PRIVILEGE not in line] for text in texts
        )
        log = logged(lines, self._normalise.line)
        for path in LOG_FILES:
            self._inside.remove(f"*/{Path(path).name}", str(Path(path).parent))
        return self._done(ran, log, sum(path.endswith("-H") for path in files), began)

    def _done(self, ran: Ran, log: tuple[str, ...], queued: int, began: float) -> Done:
        for connection in self._served:
            connection.served.rest(None)
        stdout = ran.stdout.decode("utf-8", "surrogateescape").splitlines()
        messages = (
            line
            for connection in self._served
            for message in connection.session.log.messages
            for line in shown_message(message)
        )
        return Done(
            log,
            tuple(map(self._normalise, stdout)),
            tuple(shown_connection(one.session.log) for one in self._served),
            tuple(self._resolver.questions),
            queued,
            exit_of(ran),
            tuple(map(self._normalise, messages)),
            began,
        )

    def _argument(self, text: str) -> str:
        found = re.fullmatch(r"\$msg(\d+)", text)
        if found is None:
            return text
        names = (Path(path).name for path in self._inside.read(f"{_SPOOL}/input"))
        ids = sorted(name.removesuffix("-H") for name in names if name.endswith("-H"))
        return ids[int(found[1]) - 1] if int(found[1]) <= len(ids) else text
