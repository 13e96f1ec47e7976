"""Reading a configuration: its lines, macros, options, drivers, ACLs and rules (src/readconf.c).

The option tables say which options each release has and what the model does with each. Nothing here runs.
May import ``base``.
"""
