"""The project's own test scripts are collected like any other test."""

pytest_plugins = ["eximsim.pytest_plugin"]
