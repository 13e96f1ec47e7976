"""A faithful behavioural model of Exim's outbound security decisions, and a test harness around it."""

__version__ = "0.2.0"
