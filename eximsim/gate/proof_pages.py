"""What came of promises for people to read: Markdown for a pull request, and a page."""

from __future__ import annotations

from collections.abc import Iterator

from eximsim.gate.html import templates
from eximsim.gate.markdown import LONGEST, code, items, prose, table
from eximsim.gate.proof import Breach, Verdict
from eximsim.gate.proof_report import Judgement, headline, sign_of, situation_lines

_ROWS = (25, 5, 1)
"""How many breaches of a promise are listed, fewer and fewer until the comment is short enough."""

_MOST = 100
"""How many breaches of a promise a page lists."""


def markdown(judgement: Judgement) -> str:
    """The answer, a table of all promises, then each that is not kept, with the ways in which it breaks.

    GitHub's dialect, and short enough for a comment.
    """
    for rows in _ROWS:
        text = _written(judgement, rows)
        if len(text) <= LONGEST:
            return text
    return _written(judgement, 0)


def _written(judgement: Judgement, rows: int) -> str:
    verdicts = judgement.verdicts
    blocks = [f"## Promises: {prose(headline(judgement))}"]
    if judgement.gaps:
        blocks.append(f"**Could not look:**\n\n{items(map(str, judgement.gaps))}")
    kept = (
        (sign_of(judgement, one), code(one.promise.name), prose(one.promise.sentence)) for one in verdicts
    )
    blocks.append(table(("", "promise", "says"), kept))
    for verdict in verdicts if rows else ():
        if breaches := judgement.new(verdict):
            blocks += _broken(judgement, verdict, breaches, rows)
    return "\n\n".join(blocks) + "\n"


def _broken(judgement: Judgement, verdict: Verdict, breaches: list[Breach], rows: int) -> Iterator[str]:
    yield f"### {sign_of(judgement, verdict)} {prose(verdict.promise.name)}"
    cells = ([prose(one.view.name), _when(one), prose(str(one.outcome))] for one in breaches[:rows])
    yield table(("mail", "when", "what happens"), cells)
    if len(breaches) > rows:
        yield f"*And {len(breaches) - rows:,} other ways.*"


def _when(breach: Breach) -> str:
    return "<br>".join(map(prose, situation_lines(breach.situation)))


def page(judgement: Judgement) -> str:
    """One HTML page: the answer, every promise, and how those break that are not kept."""
    return templates().get_template("proof.html.j2").render(
        judgement=judgement,
        headline=headline(judgement),
        sign_of=sign_of,
        situation_lines=situation_lines,
        most=_MOST,
    )  # fmt: skip
