"""Is a certificate good? X.509, the verifiers of OpenSSL and GnuTLS, and how DANE uses them.

Stands for the TLS libraries and for src/dane-openssl.c: octets in, a verdict out; nothing here knows of a
process or of a configuration. May import ``base``.
"""
