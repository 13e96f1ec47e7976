"""Certificates and the verifiers of OpenSSL and GnuTLS, which Exim leaves to them."""
