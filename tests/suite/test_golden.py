from pathlib import Path

import pytest

from eximsim.errors import InputError
from eximsim.suite import golden
from eximsim.suite.golden import Comparison
from eximsim.suite.munge import SERVER_HEADING

STAMP = "1999-03-02 09:44:33"
DEFERRED = (
    f"{STAMP} 10HmbJ-0005vi-00 == a@dane.no.2 R=client T=smtp defer (-36): DANE error: tlsa lookup DEFER\n"
)
DELIVERED = (
    f'{STAMP} 10HmbJ-0005vi-00 => a@dane.no.2 R=client T=smtp H=x [ip4] X=TLSv1:A:256 CV=no C="250 OK"\n'
)
BOUNCED = f"{STAMP} 10HmbI-0005vi-00 ** b@dane.no.1 R=client T=smtp: DANE error: tlsa lookup FAIL\n"
CLEAR = f'{STAMP} 10HmbK-0005vi-00 => c@d R=client T=smtp H=x [ip4] C="250 OK"\n'


def test_outputs_are_same_different_or_missing() -> None:
    found = golden.compare(
        {"log": "a", "stdout": "b", "stderr": "c", "paniclog": ""}, {"log": "a", "stdout": "x", "mail/u": "m"}
    )
    assert found == {
        "log": Comparison.SAME, "stdout": Comparison.DIFFERS, "stderr": Comparison.MISSING,
        "mail/u": Comparison.MISSING,
    }  # fmt: skip


def test_the_meaning_of_a_difference_is_told_per_recipient() -> None:
    assert golden.meaning(DEFERRED + BOUNCED, DELIVERED + BOUNCED) == [
        "10HmbJ dane.no.2: deferred (-36), golden has delivered CV=no"
    ]


def test_a_recipient_without_outcome_has_nothing() -> None:
    assert golden.meaning("", BOUNCED) == ["10HmbI dane.no.1: nothing, golden has bounced"]


def test_several_outcomes_of_a_recipient_are_told_in_order() -> None:
    assert golden.meaning(DEFERRED + DELIVERED, DEFERRED) == [
        "10HmbJ dane.no.2: deferred (-36), then delivered CV=no, golden has deferred (-36)"
    ]


def test_delivery_without_tls_is_told_as_such() -> None:
    assert golden.meaning(CLEAR, "") == ["10HmbK d: delivered in clear, golden has nothing"]


def test_a_difference_of_the_server_is_told_too() -> None:
    mine, other = f"x\n{SERVER_HEADING}{DELIVERED}", f"x\n{SERVER_HEADING}"
    assert golden.meaning(mine, other) == ["10HmbJ dane.no.2: delivered CV=no, golden has nothing"]


def test_a_log_that_says_the_same_in_other_words_has_no_other_meaning() -> None:
    assert golden.meaning(DEFERRED.replace("DEFER\n", "later\n"), DEFERRED) == []


def test_a_difference_shows_meaning_first_then_the_diff() -> None:
    lines = golden.difference("log", DEFERRED, DELIVERED, "log/5840").split("\n")
    assert lines[:3] == [
        "10HmbJ dane.no.2: deferred (-36), golden has delivered CV=no",
        "--- golden log/5840",
        "+++ log of this run",
    ]
    assert lines[4] == f"-{DELIVERED.rstrip()}"


def test_outputs_are_kept_octet_for_octet(tmp_path: Path) -> None:
    golden.keep(tmp_path, "5840", {"log": "a\udc80é\n", "mail/userx": "m\n"})
    assert (tmp_path / "5840" / "log").read_bytes() == b"a\x80\xc3\xa9\n"
    assert (tmp_path / "5840" / "mail" / "userx").read_bytes() == b"m\n"


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "5840").write_text("in the way")
    with pytest.raises(InputError, match="expected a place to write to"):
        golden.keep(tmp_path, "5840", {"log": ""})


def test_goldens_are_not_accepted_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(InputError, match="CI is set"):
        golden.refuse_under_ci()
    monkeypatch.setenv("CI", "")
    golden.refuse_under_ci()
