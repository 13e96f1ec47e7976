"""What travels through the model and what it leaves behind: hosts, addresses, messages, hints, open calls.

Plain records, mostly under the names of src/structs.h. They hold values and answer questions about them, and
decide nothing. They stand below all code that works on them, so that no room imports another one for the sake
of a type. May import ``base`` and ``config``.
"""
