"""What came of promises as SARIF 2.1.0: results at the lines of the promises that do not hold."""

from __future__ import annotations

from eximsim.gate.proof import Verdict
from eximsim.gate.proof_report import Judgement, broken_by, verdict_lines
from eximsim.gate.sarif import UNLOOKED, digest, document, gap_result, physical, uri
from eximsim.visible import visible


def sarif(judgement: Judgement) -> str:
    """One result for each thing that could not be looked at, then one for each promise that breaks.

    There is a rule for each promise, and one for what could not be looked at: an error, a warning if that was
    allowed. A promise that no file holds stands at the first line of the configuration.
    """
    verdicts = judgement.proof.verdicts
    allowed = judgement.incomplete_is_fine
    results = [
        *(gap_result(gap, 0, allowed=allowed) for gap in judgement.gaps),
        *(
            _result(judgement, verdict, rule)
            for rule, verdict in enumerate(verdicts, 1)
            if judgement.certain(verdict)
        ),
    ]
    properties = {"config": judgement.config, "release": judgement.release}
    invocation = {"executionSuccessful": allowed or not judgement.gaps}
    return document("check", properties, [dict(UNLOOKED), *map(_rule, verdicts)], invocation, results)


def _rule(verdict: Verdict) -> dict[str, object]:
    promise = verdict.promise
    return {
        "id": visible(promise.name),
        "shortDescription": {"text": visible(promise.name)},
        "fullDescription": {"text": visible(promise.sentence)},
        "help": {"text": "The result names the smallest situation in which the promise is broken."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["email", "security"]},
    }


def _result(judgement: Judgement, verdict: Verdict, rule: int) -> dict[str, object]:
    breaches, promise = judgement.certain(verdict), verdict.promise
    beside = {"artifactLocation": {"uri": uri(judgement.config)}, "region": {"startLine": 1}}
    lines = [f"Broken by {broken_by(breaches[0])}", *verdict_lines(judgement, verdict, verbose=False)]
    return {
        "ruleId": visible(promise.name),
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": "\n".join(lines)},
        "locations": [{"physicalLocation": physical(promise.where) or beside}],
        "partialFingerprints": {"eximsimPromise/v1": digest(f"{promise.name}\n{promise.sentence}")},
        "properties": {"breaches": len(breaches)},
    }
