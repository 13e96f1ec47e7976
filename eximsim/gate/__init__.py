"""The gate: what a change of policy, or of release, changes about the outcome of mail."""

MOST_HOSTS = 3
"""So many hosts a recipient's domain can have; with three an exploration takes minutes."""
