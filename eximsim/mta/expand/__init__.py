"""String expansion (src/expand.c): reading a text, and working out what it means in a process.

Lists, lookups, ACLs and the name of the client are asked for through ``process/upward.py``. May import
``process`` and what is below it.
"""
