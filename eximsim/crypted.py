"""crypt() of the C library, for the forms of passwords that are well known (src/crypt16.c)."""

from __future__ import annotations

_HALF = 8
_SALT = 2
_DES_LENGTH = 13


def crypt_equals(secret: bytes, crypted: str, *, sixteen: bool) -> bool | None:
    """Whether ``secret`` is what was encrypted; None if that form is not known here.

    ``sixteen``: DES for each half of sixteen characters, the second with a salt out of the first (crypt16()).
    """
    from passlib.hash import bcrypt, des_crypt, md5_crypt, sha256_crypt, sha512_crypt  # slow to import

    if sixteen:
        if not des_crypt.identify(crypted[:_DES_LENGTH]):
            return None
        coded = str(des_crypt.using(salt=crypted[:_SALT]).hash(secret[:_HALF]))
        if len(secret) > _HALF:
            coded += des_crypt.using(salt=coded[_SALT : 2 * _SALT]).hash(secret[_HALF:])[_SALT:]
        return coded == crypted
    for form in (md5_crypt, sha256_crypt, sha512_crypt, bcrypt, des_crypt):
        try:
            if form.identify(crypted):
                return bool(form.verify(secret, crypted))
        except ValueError:  # it only begins like one
            return None
    return None
