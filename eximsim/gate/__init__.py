"""The gate: what a change of policy, or of release, changes about the outcome of mail."""
