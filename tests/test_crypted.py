"""Passwords as crypt() codes them. The coded ones were made by glibc's libcrypt and Exim."""

from __future__ import annotations

import pytest

from eximsim.crypted import crypt_equals


@pytest.mark.parametrize(
    ("text", "crypted", "sixteen"),
    [
        ("MySecret", "azrazPWCQJhyg", False),
        ("MySecret", "azrazPWCQJhyg", True),
        ("MySecretRhubarb", "azrazPWCQJhyg", False),
        ("MySecretRhubarb", "azrazPWCQJhygdJWzb77lQMA", True),
        ("pw", "$1$abcdefgh$IQtUouv7y7Q9dRWkQEPCc.", False),
        ("pw", "$5$abcdefgh$ijtOJ//yvc/9bq1g0llFn9dB688BwBDRD90DlKKSKE1", False),
    ],
)
def test_the_right_text_is_known(text: str, crypted: str, sixteen: bool) -> None:
    assert crypt_equals(text.encode(), crypted, sixteen=sixteen)
    assert crypt_equals(b"wrong", crypted, sixteen=sixteen) is False


def test_what_is_not_known_is_left_to_be_asked() -> None:
    assert crypt_equals(b"pw", "$y$j9T$x$y", sixteen=False) is None
    assert crypt_equals(b"pw", "?", sixteen=True) is None
