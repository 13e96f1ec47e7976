"""Signatures themselves: canonical forms, tags, keys (src/miscmods/pdkim)."""
