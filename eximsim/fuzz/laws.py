"""All laws, by id. ``docs/laws.md`` is made from them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from eximsim.fuzz.law import Fault, Law
from eximsim.fuzz.laws_pairs import PAIRS
from eximsim.fuzz.laws_reach import REACH
from eximsim.fuzz.laws_security import SECURITY

__all__ = ["LAWS", "Fault", "Law"]

LAWS: Mapping[str, Law] = MappingProxyType({law.id: law for law in (*SECURITY, *REACH, *PAIRS)})
"""About security, about reaching people, and those that compare two runs, in this order."""
