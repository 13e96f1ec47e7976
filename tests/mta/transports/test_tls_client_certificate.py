"""Client certificates that cannot be read: the handshake fails before it begins."""

from __future__ import annotations

import pytest

from tests.mta.scenario import NEWEST, Mx, Site

NONE = {"tls_certificate": "/nowhere.pem"}
WORDS = {
    "4.89": "failure while setting up TLS session",
    "4.92": "TLS session: (SSL_CTX_use_certificate_chain_file file=/nowhere.pem): "
    "error:80000002:system library::No such file or directory",
    NEWEST: "TLS session: (SSL_CTX_use_certificate_chain_file file=/nowhere.pem): "
    "error:80000002:system library::No such file or directory",
}


@pytest.mark.parametrize("release", WORDS)
def test_a_certificate_that_is_not_there_fails_the_handshake(release: str) -> None:
    site = Site([Mx()], release, transport={**NONE, "hosts_require_tls": "*"})
    site.deliver()
    assert site.outcome == f"DEFER -37: {WORDS[release]}"
    assert site.events[-1].startswith("TLS-failed")


def test_without_a_need_for_tls_the_message_goes_in_clear() -> None:
    site = Site([Mx()], NEWEST, transport=NONE)
    site.deliver()
    assert site.outcome == "sent to mx1.test.ex (clear)"


def test_gnutls_names_certificate_and_key() -> None:
    site = Site(
        [Mx()], "4.96-debian12", transport={**NONE, "tls_privatekey": "/key", "hosts_require_tls": "*"}
    )
    site.deliver()
    step = "cert/key setup: cert=/nowhere.pem key=/key"
    assert site.outcome == f"DEFER -37: TLS session: ({step}): Error while reading file."
