"""The smtp transport and its calls to hosts, with DANE, TLS and retries (src/transports/smtp.c).

May import ``routing`` and what is below it.
"""
