from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from itertools import pairwise

import pytest

from eximsim.errors import InputError
from eximsim.profiles import (
    ALIASES,
    NEWEST,
    PROFILES,
    TLS_LIBRARIES,
    Profile,
    TlsaMap,
    differences,
    profile,
    recorded_profile,
    with_tls,
)


def test_a_profile_has_the_name_it_is_found_under() -> None:
    assert all(profile(name).name == name for name in PROFILES)
    assert [name for name in PROFILES if "-dev-" not in name][-1] == NEWEST


def test_an_alias_is_another_name_for_a_profile() -> None:
    assert all(profile(alias) is PROFILES[name] for alias, name in ALIASES.items())
    assert not ALIASES.keys() & PROFILES.keys()


@pytest.mark.parametrize("name", ["", "4", "4.870", "Exim 4.88", "newest"])
def test_an_unknown_name_is_an_error_that_lists_the_choices(name: str) -> None:
    with pytest.raises(InputError) as raised:
        profile(name)
    message = str(raised.value)
    assert message.startswith(f"unknown profile {name!r}")
    assert all(choice in message for choice in (*PROFILES, *ALIASES))
    assert "\n" not in message


def test_a_profile_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        profile(NEWEST).tlsa_map = TlsaMap.FALLBACK  # type: ignore[misc]


def test_no_two_profiles_are_the_same() -> None:
    behaviours = {
        tuple(getattr(p, f.name) for f in fields(Profile) if f.name != "name") for p in PROFILES.values()
    }
    assert len(behaviours) == len(PROFILES)


# ---- differences -----------------------------------------------------------------------


def test_the_change_of_april_2016_is_four_switches() -> None:
    found = differences(profile("4.87"), profile("4.88-jh03"))
    assert found.keys() == {
        "tlsa_map",
        "tlsa_failure_ignored_if_requested",
        "unusable_tlsa",
        "dane_failure_log",
    }
    assert found["tlsa_map"] == (TlsaMap.FALLBACK, TlsaMap.NO_FALLBACK)
    assert found["tlsa_failure_ignored_if_requested"] == (True, False)


def test_a_profile_does_not_differ_from_itself_and_differs_both_ways_from_others() -> None:
    names = list(PROFILES)
    for one, two in pairwise(names):
        there, back = differences(profile(one), profile(two)), differences(profile(two), profile(one))
        assert there == {name: (new, old) for name, (old, new) in back.items()}
        assert "name" not in there
    assert differences(profile(NEWEST), profile(NEWEST)) == {}


def test_every_switch_is_used_by_some_release_but_what_only_a_build_decides() -> None:
    values = {f.name: {getattr(p, f.name) for p in PROFILES.values()} for f in fields(Profile)}
    assert [name for name, found in values.items() if len(found) == 1] == ["signature_headed", "ipv6"]


# ---- recordings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "tls", "name", "library"),
    [
        ("4.87", "openssl", "4.87", "openssl-1.0.2"),
        ("4.88-jh03", "openssl", "4.88-jh03", "openssl-1.0.2"),
        ("4.88", "openssl", "4.88", "openssl-3"),
        ("4.94.2+fixes", "openssl", "4.94.2+fixes", "openssl-3"),
        ("4.96", "openssl", "4.96", "openssl-3"),
        ("4.96-gnutls", "gnutls", "4.96-debian12", "gnutls"),
        ("4.97.1", "openssl", "4.97.1", "openssl-3"),
        ("4.98.2", "openssl", "4.98", "openssl-3"),
        ("4.99", "openssl", "4.99", "openssl-3"),
        ("4.99-gnutls", "gnutls", "4.99", "gnutls"),
    ],
)
def test_a_recorded_build_has_a_profile_and_a_tls_library(
    release: str, tls: str, name: str, library: str
) -> None:
    found = recorded_profile(release, tls)
    assert (found.name, found.tls_library) == (name, library)


def test_a_label_that_no_release_has_is_an_error() -> None:
    with pytest.raises(InputError, match=r"unknown profile '4\.60'"):
        recorded_profile("4.60", "openssl")


# ---- the TLS library -------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(PROFILES))
def test_a_release_can_be_built_with_another_library(name: str) -> None:
    for library in TLS_LIBRARIES:
        built = with_tls(profile(name), library)
        assert differences(profile(name), built).keys() <= {"tls_library"}
        assert built.tls_library.startswith(library)
        assert with_tls(built, library) is built
    assert any(with_tls(profile(name), library) is profile(name) for library in TLS_LIBRARIES)


@pytest.mark.parametrize("library", ["", "GnuTLS", "wolfssl", "openssl-3"])
def test_an_unknown_library_is_an_error_that_lists_the_choices(library: str) -> None:
    with pytest.raises(InputError, match=f"unknown TLS library {library!r}; choose from openssl, gnutls"):
        with_tls(profile(NEWEST), library)
