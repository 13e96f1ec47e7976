"""Access control lists: their verbs, conditions and modifiers (src/acl.c).

May import ``delivery`` and what is below it; in fact it uses ``verify``, ``lookup`` and ``expand``.
"""
