"""The configuration as it is read: options, drivers, macros, includes, rules."""
