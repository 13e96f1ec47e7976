"""Reports with any text at all in their names, for what has to quote it."""

from __future__ import annotations

from hypothesis import strategies as st

from eximsim.errors import Gap
from eximsim.gate.report import Cause, Change, Everyday, Group, Mail, Outcome, Report
from eximsim.gate.severity import Severity
from eximsim.status import RESULTS, Security

NASTY = st.sampled_from(
    [
        *("a|b", "`", "``` x", "<b>&amp;", "</code></details>", "]]>", "--> <!--",
          "::error::x", "a,b:c%0Ad"),
        *("\r\n::stop-commands::x", "\x1b[31m", "\u202egnp", "\ud800", "\x00", "\ufffe", "\x85\u2028",
          "\\|", "\\"),
        *("@team #12 www.example.com", "{{ x }}{% y %}", "'\"", "* _x_ ~~y~~", "1. x",
          "# x", "", " ", "ä€😀"),
    ]
)  # fmt: skip
TEXT = st.one_of(NASTY, st.text(st.characters(codec=None), max_size=12))

outcomes = st.builds(
    Outcome,
    st.sampled_from(RESULTS),
    st.none() | st.sampled_from(Security),
    TEXT,
    TEXT,
    st.lists(TEXT, max_size=2).map(tuple),
)
changes = st.builds(
    Change,
    st.dictionaries(TEXT, TEXT, max_size=3),
    st.sampled_from(["delivery", "callout"]),
    outcomes,
    outcomes,
    st.sampled_from(Severity),
    st.integers(1, 10_000),
    TEXT,
)
places = TEXT | st.builds(lambda file, line: f"{file}:{line}", TEXT, st.integers(1, 999))
causes = st.builds(Cause, TEXT, places, TEXT)
groups = st.builds(
    Group,
    st.lists(causes, min_size=1, max_size=2).map(tuple),
    st.sampled_from(Severity),
    st.lists(changes, min_size=1, max_size=3).map(tuple),
)
rows = st.builds(Everyday, TEXT, outcomes, outcomes, st.none() | st.sampled_from(Severity))
mails = st.builds(Mail, TEXT, st.lists(rows, min_size=1, max_size=3).map(tuple))
gaps = st.builds(Gap, TEXT, places, TEXT)
reports = st.builds(
    Report,
    TEXT,
    TEXT,
    st.lists(groups, max_size=3).map(tuple),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
    st.lists(TEXT, max_size=2).map(tuple),
    st.lists(gaps, max_size=2).map(tuple),
    st.booleans(),
    st.lists(mails, max_size=2).map(tuple),
)
