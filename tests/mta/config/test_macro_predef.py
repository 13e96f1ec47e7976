from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eximsim.mta.config.macro_predef import SIGN_HEADERS, builtin_macros
from eximsim.mta.config.options_history import HISTORY
from eximsim.profiles import PROFILES, profile, with_tls
from tests.mta.scenario import NEWEST, Site

RELEASES = [changes.release for changes in HISTORY]


def macros(release: str = NEWEST, library: str = "openssl") -> tuple[str, ...]:
    known = with_tls(profile(release), library)
    made = builtin_macros(
        known.option_release, known.tls_library, known.build_lacks, expansions=known.expansion_macros
    )
    return tuple(name for name, _ in made)


def test_the_last_kind_comes_first() -> None:
    kinds = ("_EXP_VAR_", "_EXP_COND_", "_EXP_OP_", "_EXP_ITEM_", "_OPT_OPENSSL_", "_OPT_TRANSPORT", "_HAVE_")
    firsts = [next(n for n, name in enumerate(macros()) if name.startswith(kind)) for kind in kinds]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("release", list(PROFILES))
def test_expansions_are_named_by_releases_that_do(release: str) -> None:
    named = {name for name in macros(release) if name.startswith("_EXP_")}
    assert bool(named) == profile(release).expansion_macros
    assert not named or {"_EXP_ITEM_CERTEXTRACT", "_EXP_VAR_TLS_OUT_DANE"} <= named


@pytest.mark.parametrize(("library", "other"), [("openssl", "gnutls"), ("gnutls", "openssl")])
def test_the_library_is_one_of_them(library: str, other: str) -> None:
    names = macros(library=library)
    assert f"_HAVE_{library.upper()}" in names
    assert f"_HAVE_{other.upper()}" not in names
    assert ("_OPT_OPENSSL_NO_TLSV1_3_X" in names) == (library == "openssl")


@given(st.sampled_from(RELEASES), st.booleans())
def test_no_macro_is_there_twice(release: str, expansions: bool) -> None:
    names = builtin_macros(release, "openssl-3", expansions=expansions)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("release", "known"), [("4.89", 0), ("4.90", 1), ("4.93", 1), ("4.95", 2)])
def test_the_header_lines_for_signatures_have_names(release: str, known: int) -> None:
    assert sum(name.startswith("_DKIM_") for name in macros(release)) == known


# ---- exim -bP macros ---------------------------------------------------------------------------


def test_macros_are_printed_with_the_configurations_own_last() -> None:
    printed = Site(release=NEWEST).exim("-DONE=1 and more", "-bP", "macros").stdout.splitlines()
    names = [line[: len(name)] for line, name in zip(printed, macros(), strict=False)]
    assert names == list(macros())
    assert f"_DKIM_SIGN_HEADERS={SIGN_HEADERS}" in printed
    assert "_HAVE_DKIM=y" in printed
    assert printed[-1] == "ONE=1 and more"
