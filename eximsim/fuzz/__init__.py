"""Scenarios made at random: what they are made of, and how the smallest with a property is found."""
