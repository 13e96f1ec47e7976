"""A report in the form of GitLab's Code Quality: what a merge request shows beside the changed lines."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from types import MappingProxyType

from eximsim.gate.report import Group, Report
from eximsim.gate.report_text import answers, asked, meant, occasion, position, sides, title
from eximsim.gate.sarif import fingerprint
from eximsim.gate.severity import FAILING, Severity
from eximsim.visible import visible

_WEIGHTS: Mapping[Severity, str] = MappingProxyType(
    {Severity.LESS: "critical", Severity.DIES: "critical", Severity.BOUNCED: "critical",
     Severity.HELD: "major", Severity.RELEASED: "major"}
)  # fmt: skip
"""GitLab's severities, of what fails; others are minor, and what does not fail is for information."""


def code_quality(report: Report, failing: Collection[Severity] = FAILING) -> str:
    """The answers, then each thing that could not be looked at, then each group, as a JSON array.

    What has no place in a file stands at the first line of the configuration. Source: GitLab's pages about
    Code Quality reports, which are a part of Code Climate's form.
    """
    (question, answer), (other, less) = answers(report)
    told = f"{question} {answer} {other} {less}"
    issues = [_issue(report, "answers", told, "info", "", "answers")]
    level = "minor" if report.incomplete_allowed else "blocker"
    issues += [
        _issue(report, "could-not-look", f"Could not look: {gap}", level, gap.where, gap.what)
        for gap in report.gaps
    ]
    issues += [_group(report, group, failing) for group in report.groups]
    return json.dumps(issues, indent=2) + "\n"


def _group(report: Report, group: Group, failing: Collection[Severity]) -> dict[str, object]:
    before, after = sides(group.witness)
    where = next((cause.where for cause in group.cause if position(cause.where)), "")
    causes = "; ".join(f"{cause.name} ({cause.where}): {cause.text}" for cause in group.cause)
    text = (
        f"{meant(group)}: {title(group)}. {causes} For example {occasion(group.witness)}, "
        f"{asked(group.witness)}: was {before}, is {after}."
    )
    weight = _WEIGHTS.get(group.severity, "minor") if group.severity in failing else "info"
    return _issue(report, group.severity.key, text, weight, where, fingerprint(group))


def _issue(
    report: Report, check: str, text: str, weight: str, where: str, identity: str
) -> dict[str, object]:
    path, line = position(where) or (report.head.partition(" (")[0], 1)
    return {
        "description": visible(text),
        "check_name": f"eximsim-gate/{check}",
        "fingerprint": sha256(f"{check}\n{identity}".encode(errors="surrogatepass")).hexdigest(),
        "severity": weight,
        "location": {"path": visible(path), "lines": {"begin": line}},
    }
