"""The TLS libraries that a program can be built with, as ``Profile.tls_library`` names them."""

from __future__ import annotations

OPENSSL = ("openssl-1.0.2", "openssl-3")
GNUTLS = "gnutls"
