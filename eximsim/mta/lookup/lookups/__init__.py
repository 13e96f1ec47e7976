"""The lookup types of Exim that are modelled (src/lookups)."""
