"""DKIM and ARC: signatures over messages (src/miscmods).

May import ``lookup`` and what is below it.
"""
