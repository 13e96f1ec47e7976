"""The program as it is called: its command line, the daemon, testing an address (src/exim.c, src/daemon.c).

May import every room of the model.
"""
