"""Exim's utility programs as its test suite calls them: what they print and what they do, not how.

What a call asks for beyond that is ``Unsupported``.
"""
