"""A mistake is in the model for as long as it is wanted, and leaves no trace."""

from __future__ import annotations

import pytest

from eximsim.errors import InputError
from eximsim.fuzz.mutants import MUTANTS
from eximsim.fuzz.patches import Patch, cells_replaced, release
from eximsim.mta.transports import dane, tls_settings
from eximsim.mta.transports.dane import Want
from eximsim.mta.verify import callout_answers
from eximsim.profiles import profile
from eximsim.status import DnsResult, Rc

_PATCHED = ((dane, "TLSA_RESULT"), (tls_settings, "usable_records"), (callout_answers, "CALLOUT_REFUSED"))


def _now() -> list[object]:
    return [vars(module)[name] for module, name in _PATCHED]


def test_a_patched_table_decides_otherwise_and_only_as_long_as_the_mistake_is_in() -> None:
    failed = (DnsResult.AGAIN, False, Want.REQUESTED)
    honest = dane.TLSA_RESULT
    with MUTANTS["M1"].program.running() as newest:
        assert dane.TLSA_RESULT.cells(newest)[failed].outcome is Rc.FAIL_FORCED
    assert dane.TLSA_RESULT is honest
    assert honest.cells(newest)[failed].outcome is Rc.DEFER


@pytest.mark.parametrize("id", MUTANTS)
def test_the_model_is_as_before_after_any_mistake(id: str) -> None:
    before = _now()
    for program in (MUTANTS[id].program, MUTANTS[id].mended):
        with program.running():
            pass
    assert _now() == before


@pytest.mark.parametrize("id", MUTANTS)
def test_what_is_taken_out_is_little(id: str) -> None:
    mutant = MUTANTS[id]
    assert mutant.program != mutant.mended
    assert str(mutant.program) != str(mutant.mended)


def test_the_model_is_restored_after_an_error() -> None:
    honest = dane.TLSA_RESULT
    with pytest.raises(ZeroDivisionError), MUTANTS["M1"].program.running():
        raise ZeroDivisionError
    assert dane.TLSA_RESULT is honest


DANE_HOST = dane.TLSA_HOST


def test_cells_that_are_left_alone_keep_their_words() -> None:
    newest = profile("4.99")
    with cells_replaced("mta.transports.dane", "TLSA_HOST", lambda _inputs, _row: None, "nothing").applied():
        cells = dane.TLSA_HOST.cells(newest)
    assert {key: row.effect for key, row in cells.items()} == {
        key: row.effect for key, row in DANE_HOST.cells(newest).items()
    }


def test_a_program_says_what_it_is() -> None:
    assert str(release("4.99")) == "4.99"
    assert str(MUTANTS["M1"].program) == "4.99; a failed TLSA lookup means no TLSA"
    assert str(MUTANTS["X1"].mended) == "4.87; tlsa_failure_ignored_if_requested=False"


def test_a_patch_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError), Patch("mta.transports.dane", "NO_SUCH", lambda it: it, "nothing").applied():
        pass


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(InputError, match="unknown profile"):
        release("3.36")
