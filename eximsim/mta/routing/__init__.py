"""Where does an address go? Routers, their conditions, rewriting (src/route.c, src/routers/).

May import ``lookup`` and what is below it. That ``errors_to`` is verified goes through
``process/upward.py``.
"""
