"""Is an address any good? Routing it, and callouts to its hosts with their cache (src/verify.c).

There are two engines for callouts, one for each half of Exim's history. May import ``transports`` and what
is below it.
"""
