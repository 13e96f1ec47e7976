"""Messages that could show the password of a database (expand_hide_passwords(), src/expand.c)."""

from __future__ import annotations

_FAILED = ("failed to expand", "expansion of ")
_DATABASES = ("mysql", "pgsql", "redis", "sqlite", "ldap:", "ldaps:", "ldapi:", "ldapdn:", "ldapm:")


def expand_hide_passwords(text: str) -> str:
    """The text; in place of what a database expression has come to, words that say nothing."""
    told = any(words in text for words in _FAILED) and any(name in text for name in _DATABASES)
    return "Temporary internal error" if told else text
