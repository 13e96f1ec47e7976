"""Who runs a scenario."""
