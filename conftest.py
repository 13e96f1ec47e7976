"""The project's own test scripts are collected like any other test."""

from hypothesis import settings

# a machine may be busy; how long one example took says nothing about the program
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

pytest_plugins = ["eximsim.pytest_plugin"]
