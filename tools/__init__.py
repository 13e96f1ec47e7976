"""Generators of docs and measurements; they are not shipped."""
