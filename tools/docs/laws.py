"""The generated pages about laws and about what they have found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eximsim.commands.tabular import Grid, as_markdown
from eximsim.fuzz.findings import FINDINGS, Finding
from eximsim.fuzz.law import Law
from eximsim.fuzz.laws import LAWS
from eximsim.fuzz.laws_pairs import PAIRS
from eximsim.fuzz.laws_reach import REACH
from eximsim.fuzz.laws_security import SECURITY
from eximsim.fuzz.space import OPTIONS, Space
from eximsim.profiles import NEWEST

_GROUPS = (
    ("About security", SECURITY),
    ("About reaching people", REACH),
    ("About two runs", PAIRS),
)
_REMARK = (
    "This fault could be used against a server. Only its outcome is told here; Exim's maintainers hear of it"
    " before anything about it is published."
)


def laws_page() -> str:
    """``docs/laws.md``: every law, its promise, where it comes from, and when it applies."""
    parts = [
        "# Laws",
        "Written by `python -m tools.docs` from `eximsim/fuzz/laws.py`.",
        "A law is a promise that must hold in every run. What the run did is held against what the situation"
        " itself says (its zone, its servers, its settings), read without the model by"
        " `eximsim/fuzz/expected.py`, so that a mistake in the model or in a release cannot excuse itself."
        " Facts come from the trace of decisions, from what servers saw and from what became of recipients;"
        " the log is read only by the law about the log.",
        "    from eximsim.fuzz.hold_laws import judge\n    broken = judge(situation, profile)",
        "runs a situation, and every variation of it that a law needs, and gives the laws that were broken,"
        " each with the decision to blame. [Findings](findings.md) says what the newest release breaks;"
        " [the finite space](space.md) how all situations of one and two hosts are held against all laws.",
    ]
    for title, laws in _GROUPS:
        parts += [f"## {title}", as_markdown(_grid(laws))]
    return "\n\n".join(parts) + "\n"


def _grid(laws: Iterable[Law]) -> Grid:
    rows = [
        [
            f"`{law.id}`",
            law.promise,
            law.when if law.varies is None else f"{law.when}; compared with: {law.varies.value}",
            law.reference,
        ]
        for law in laws
    ]
    return Grid("", "", "", ["law", "promise", "applies", "reference"], rows)


def findings_page() -> str:
    """``docs/findings.md``: what the newest release breaks, with the smallest scenarios."""
    parts = [
        "# Findings",
        "Written by `python -m tools.docs` from `eximsim/fuzz/findings.py`, where they are data: a"
        " search over a release shows what is not among them.",
        f"The laws that Exim {NEWEST} breaks, and how. Each scenario is the smallest of its kind in the"
        " [space of two hosts](space.md): what is not said is as it should be, with a matching TLSA record at"
        " both hosts and the options at their defaults. A test runs each of them.",
        "The complete short space of one host, deliveries and callouts, with OpenSSL and with GnuTLS, was"
        " held against all laws: nothing else was broken.",
    ]
    for finding in FINDINGS:
        parts += _finding(finding)
    return "\n\n".join(parts) + "\n"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"## {finding.id}: {finding.title}"
    yield finding.story
    broken = ", ".join(f"[`{id}`](laws.md)" for id in finding.laws if id in LAWS)
    yield f"Breaks {broken}."
    if finding.reserved:
        yield _REMARK
    else:
        kind = f"As a {finding.kind}"
        against = f"; compared with {finding.compared}" if finding.compared else ""
        yield f"{kind}{against}:\n\n" + as_markdown(Grid("", "", "", ["", ""], _rows(finding)))
    yield f"Seen in {finding.confirmed}." if finding.confirmed else "Not confirmed on a real program yet."


def _rows(finding: Finding) -> list[list[str]]:
    """The scenario: each axis that is not the plainest, with what it is otherwise."""
    axes = Space(hosts=2, detail="full", options=tuple(OPTIONS)).axes
    return [[name, f"{value} (else {axes[name].values[0]})"] for name, value in finding.path.items()]
