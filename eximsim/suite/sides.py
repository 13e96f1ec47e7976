"""One test on two subjects: where they part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eximsim.suite import golden
from eximsim.suite.golden import Comparison
from eximsim.suite.runner import TestResult, Verdict

_RUN = (Verdict.PASS, Verdict.PASS_BUT_STDERR, Verdict.FAIL)


@dataclass(frozen=True, slots=True)
class Sides:
    """What came of one test on the subject and on the one that it is held ``against``."""

    subject: TestResult
    against: TestResult
    again: bool = False
    """This is their second run: they parted in the first."""

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

    def as_json(self) -> Mapping[str, object]:
        """The object that ``--json`` prints."""
        result = "not compared" if not self.compared else "parted" if self.parted else "same"
        sides = {"subject": self.subject.as_json(), "against": self.against.as_json()}
        return {"test": self.subject.test, "result": result, "parted": list(self.parted),
                "again": self.again, **sides}  # fmt: skip

    def told(self) -> str:
        """One line: the verdicts, and the outputs that differ."""
        one, other = (self._verdict(side) for side in (self.subject, self.against))
        names = f": {', '.join(self.parted)}" if self.parted else ""
        once = "" if self.parted or not self.again else ": parted at first, not when run again"
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
