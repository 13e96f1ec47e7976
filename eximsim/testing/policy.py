"""The fixture ``policy``: promises of a configuration, proven in every situation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eximsim.errors import InputError
from eximsim.files import read_named_text
from eximsim.gate import MOST_HOSTS
from eximsim.testing.arguments import check_arguments, told_where_called
from eximsim.testing.configurations import Configurations

if TYPE_CHECKING:
    from eximsim.fuzz.baseline import Entry
    from eximsim.fuzz.promise import Promise
    from eximsim.gate.proof import Prover
    from eximsim.suite import policy as suite

Words = str | Sequence[str]
When = Mapping[str, Words]


@told_where_called
class Policies:
    """The fixture ``policy``: call it with a configuration to check promises against it."""

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations

    def __repr__(self) -> str:
        return f"<policy: {self._configurations.release} unless a test says more>"

    def __call__(
        self,
        config: str | Path | None = None,
        *,
        text: str | None = None,
        profile: str | None = None,
        defines: Mapping[str, str] | None = None,
        hosts: int = 1,
        baseline: str | Path | None = None,
        allow_incomplete: bool = False,
    ) -> Policy:
        """The policy of a configuration.

        Args:
            config: its file, looked for as ``mta(config)`` does.
            text: the configuration itself, in place of a file.
            profile: the release; the newest, or what pytest was told.
            defines: macros, as with Exim's ``-D``.
            hosts: how many hosts a recipient's domain has, 1 to 3; each more takes ten times as long.
            baseline: a file with known breaches (``eximsim check --baseline``).
            allow_incomplete: what could not be looked at does not fail a test.

        Raises:
            InputError: there is no such file, or a mistake in it.
            Unsupported: the configuration needs something that is not modelled.
        """
        check_arguments({"hosts": int, "baseline?": str}, hosts=hosts, baseline=baseline)
        if not 1 <= hosts <= MOST_HOSTS:
            raise InputError(f"hosts {hosts}: expected 1 to {MOST_HOSTS}")
        from eximsim.fuzz.baseline import read_baseline
        from eximsim.gate.lattice import certificates
        from eximsim.gate.proof import Prover

        read = self._configurations.read(certificates(("mail.invalid",)), config, text, profile, defines)
        known: frozenset[Entry] = frozenset()
        if baseline is not None:
            path = self._configurations.find(Path(baseline))
            known = read_baseline(read_named_text(path, "a baseline"), str(path))
        return Policy(read, Prover(read, hosts), self._configurations, known, allow_incomplete)


@told_where_called
class Policy:
    """A configuration whose promises are checked. What was explored once is not explored again.

    Each method raises ``AssertionError`` if a promise does not hold, with the smallest situation that breaks
    it, or if something could not be looked at. It raises ``InputError`` for unknown words.
    """

    def __init__(
        self,
        policy: suite.Policy,
        prover: Prover,
        configurations: Configurations,
        known: frozenset[Entry],
        allow_incomplete: bool,
    ) -> None:
        self._policy, self._prover, self._configurations = policy, prover, configurations
        self._known, self._allow_incomplete = known, allow_incomplete

    def __repr__(self) -> str:
        return f"<policy of {self._policy.path}, {self._policy.profile.name}>"

    def never(
        self,
        recipient: Words = "*",
        *,
        outcome: Words = (),
        below: str | None = None,
        when: When | None = None,
    ) -> Self:
        """Mail for ``recipient`` never has this outcome, whenever ``when`` holds.

        Args:
            recipient: a pattern with ``*`` and ``?``, or several; without ``@`` a domain.
            outcome: ``delivered``, ``deferred``, ``failed``, ``accepted``, ``tempfailed``, ``refused``,
                ``crash``, or several; taken in any way, if it is not given.
            below: only what is taken with less protection counts: ``tls``, ``verified``, ``dane``.
            when: what DNS and servers say: ``{"TLSA": "SERVFAIL"}``; docs/promises.md has all words.

        Raises:
            AssertionError: it does in some situation, or something could not be looked at.
            InputError: an unknown word.
        """
        __tracebackhide__ = True
        from eximsim.gate.promises import promise

        return self._hold(
            [promise("never", recipient=recipient, outcome=outcome, protection=below, when=when)]
        )

    def always(
        self,
        recipient: Words = "*",
        *,
        outcome: Words = (),
        at_least: str | None = None,
        when: When | None = None,
    ) -> Self:
        """Mail for ``recipient`` always has this outcome, whenever ``when`` holds.

        Args:
            recipient: a pattern with ``*`` and ``?``, or several; without ``@`` a domain.
            outcome: as for ``never``; any, if it is not given.
            at_least: what is taken is protected so well or better: ``tls``, ``verified``, ``dane``.
            when: what DNS and servers say, as for ``never``.

        Raises:
            AssertionError: it has another in some situation, or something could not be looked at.
            InputError: an unknown word, or neither ``outcome`` nor ``at_least``.
        """
        __tracebackhide__ = True
        from eximsim.gate.promises import promise

        return self._hold(
            [promise("always", recipient=recipient, outcome=outcome, protection=at_least, when=when)]
        )

    def keeps(self, *promises: str | Path) -> Self:
        """All of these promises hold: presets (``no-downgrade``), or files with promises.

        Args:
            promises: names of presets; a name that ends in ``.toml``, or a path, is a file beside the test or
                in a folder above it.

        Raises:
            AssertionError: one does not, or something could not be looked at.
            InputError: there is no such preset or file, or a mistake in it.
        """
        __tracebackhide__ = True
        from eximsim.gate.promises import named, preset, read_promises

        if not promises:
            raise InputError("expected a preset or a file with promises")
        check_arguments({"promises": [str]}, promises=promises)

        found: list[Promise] = []
        for one in promises:
            if isinstance(one, Path) or one.endswith(".toml"):
                path = self._configurations.find(Path(one))
                found += read_promises(read_named_text(path, "promises"), str(one))
            else:
                found += preset(one)
        return self._hold(named(found))

    def _hold(self, promises: Sequence[Promise]) -> Self:
        __tracebackhide__ = True
        from eximsim.gate.proof_report import Judgement, lines

        path, release = self._policy.path, self._policy.profile.name
        proof = self._prover.prove(promises)
        judgement = Judgement(path, release, proof, self._known, self._allow_incomplete)
        if judgement.exit_code:
            raise AssertionError("\n".join(lines(judgement)))
        return self
