"""Inputs of strangers: what they may not do, and where what has no end is given up."""
