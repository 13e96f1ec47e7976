"""What an Exim process and its machine know (src/globals.c), and the logs (src/log.c).

Calls that go up from here and from the rooms above are named in ``upward.py``. May import ``base``,
``config`` and ``records``.
"""
