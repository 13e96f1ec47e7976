from __future__ import annotations

import pytest

from tests.mta.scenario import NEWEST, Site, variant

MUST = {"hosts_require_tls": "*"}


@pytest.mark.parametrize("library", ["openssl-3", "gnutls"])
def test_a_protocol_that_must_be_agreed_on_and_is_not_ends_the_session(library: str) -> None:
    release = variant(NEWEST, tls_library=library)
    site = Site(release=release, transport={**MUST, "tls_alpn": "smtp", "hosts_require_alpn": "*"})
    assert any(
        "TLS session: (handshake): ALPN required but not negotiated" in line for line in site.deliver()
    )


@pytest.mark.parametrize("options", [{"tls_alpn": "smtp"}, {"tls_alpn": "", "hosts_require_alpn": "*"}])
def test_a_server_that_knows_nothing_of_protocols_is_used_where_none_is_a_must(
    options: dict[str, str],
) -> None:
    site = Site(release=NEWEST, transport={**MUST, **options})
    site.deliver()
    assert site.outcome.startswith("sent to") is (options["tls_alpn"] == "smtp")
