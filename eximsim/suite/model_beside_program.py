"""One test on two subjects: where they part."""

from __future__ import annotations

from collections.abc import Mapping

from eximsim.quick_dataclass import dataclass
from eximsim.suite import golden
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import TestResult, Verdict

_RUN = (Verdict.PASS, Verdict.PASS_BUT_STDERR, Verdict.FAIL)


@dataclass(frozen=True, slots=True)
class Sides:
    """What came of one test on the subject and on the one that it is held ``against``."""

    subject: TestResult
    against: TestResult
    first: Sides | None = None
    """Their first run, in which they parted, if this is the second."""

    @property
    def compared(self) -> bool:
        """Whether both ran it."""
        return self.subject.verdict in _RUN and self.against.verdict in _RUN

    @property
    def parted(self) -> tuple[str, ...]:
        """The outputs in which they part, ``completion`` first if one came to its end and one did not.

        What one of them does not compare is not looked at.
        """
        if not self.compared:
            return ()
        uncompared = {
            name
            for side in (self.subject, self.against)
            for name, how in side.outputs.items()
            if how is Comparison.NOT_COMPARED
        }
        found = golden.compare(self.subject.texts, self.against.texts)
        unlike = [name for name, how in found.items() if how is not Comparison.SAME]
        ended = ["completion"] if self.subject.completed != self.against.completed else []
        return (*ended, *(name for name in unlike if name not in uncompared))

    @property
    def result(self) -> str:
        """What came of it, in a word or two: unsteady is what also differs from run to run of one of them."""
        if not self.compared:
            return "not compared"
        if not self.parted:
            return "same"
        return "unsteady" if self._differs_from_itself() else "parted"

    def _differs_from_itself(self) -> bool:
        if self.first is None:
            return False
        runs = ((self.subject, self.first.subject), (self.against, self.first.against))
        return any(now.texts.get(name) != then.texts.get(name) for now, then in runs for name in self.parted)

    def as_json(self) -> Mapping[str, object]:
        """The object that ``--json`` prints."""
        sides = {"subject": self.subject.as_json(), "against": self.against.as_json()}
        return {"test": self.subject.test, "result": self.result, "parted": list(self.parted),
                "again": self.first is not None, **sides}  # fmt: skip

    def told(self) -> str:
        """One line: the verdicts, and the outputs that differ."""
        one, other = (self._verdict(side) for side in (self.subject, self.against))
        names = f": {', '.join(self.parted)}" if self.parted else ""
        once = "" if self.parted or self.first is None else ": parted at first, not when run again"
        names += " (from run to run, too)" if self.result == "unsteady" else ""
        return f"{self.subject.test} {one}, {self.against.setting.subject} {other}{names}{once}"

    @staticmethod
    def _verdict(side: TestResult) -> str:
        reason = f" ({side.reason})" if side.reason and side.verdict is not Verdict.FAIL else ""
        return f"{side.verdict.value}{reason}"

    def differences(self) -> str:
        """Each output in which they part, as a diff from the one to the other."""
        return "\n".join(
            golden.difference(
                name, self.subject.texts.get(name), self.against.texts.get(name),
                f"{name} of {self.subject.test} by {self.against.setting.subject}",
            )
            for name in self.parted
            if name != "completion"
        )  # fmt: skip
