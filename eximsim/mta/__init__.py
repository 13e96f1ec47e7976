"""The model of Exim, which does no I/O: it asks a World (``eximsim.ports``).

There is one module for each Exim source file that it stands for, with the same base name. The modules stand
in rooms, from the bottom up: base, certs, config, records, process, expand, lookup, auths, miscmods,
routing, transports, verify, delivery, acl, reception, program. A room imports only from those before it,
and says so in its docstring. Where Exim's files call upwards, the call has a name in ``process/upward.py``.
``decisions.py`` lists all decision tables.
"""
