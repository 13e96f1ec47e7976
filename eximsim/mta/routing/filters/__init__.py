"""Filters: what a user's .forward or the system filter makes of a message (src/filter.c, src/sieve.c)."""
