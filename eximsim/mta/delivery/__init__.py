"""Delivering a message, and going over the queue (src/deliver.c, src/queue.c).

May import ``verify`` and what is below it. That a bounce is taken in as a new message goes through
``process/upward.py``.
"""
