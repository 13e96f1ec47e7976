"""The project's own test scripts are collected like any other test."""

import signal

from hypothesis import settings

# a machine may be busy; how long one example took says nothing about the program
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# what a shell starts in the background ignores interrupts, and tests that send one would wait for ever
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["eximsim.pytest_plugin"]
