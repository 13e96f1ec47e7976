"""Tests of eximsim.fuzz."""
