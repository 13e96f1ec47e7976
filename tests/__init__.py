"""The tests of eximsim."""
