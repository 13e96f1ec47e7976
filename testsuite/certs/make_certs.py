"""Make the certificates of the test folder anew: ``python testsuite/certs/make_certs.py``.

They are kept in the repository so that a run needs to make none, and zones refer to them by name
(``@cert:NAME``), so that nothing else has to change when they are made anew.
"""

from __future__ import annotations

from pathlib import Path

from eximsim.world.certificates import Authority, ChainSet, Sent, save_chains, self_signed

AUTHORITY = Authority(("Lighthouse Root", "Lighthouse Issuing"), organization="eximsim tests")
CHAINS = {
    "alone": self_signed("/C=NO/O=eximsim tests/OU=harbour/CN=quay.example.org", ("quay.example.org",)),
    "issued": AUTHORITY.issue(
        "/CN=beacon.example.org", ("beacon.example.org", "mx.beacon.example.org"), sent=Sent.ROOT
    ),
}


if __name__ == "__main__":
    save_chains(ChainSet(AUTHORITY.root, CHAINS), Path(__file__).parent)
