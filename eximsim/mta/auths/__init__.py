"""Authenticating oneself to a server (src/auths/): what each authenticator says.

The transports hand it their dialogue. May import ``expand`` and what is below it.
"""
