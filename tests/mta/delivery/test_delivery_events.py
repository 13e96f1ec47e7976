"""What the events that the delivery's own process raises know of the connection."""

from __future__ import annotations

import pytest

from tests.suite.test_scenario_compare import done, scenario

NOTED = (
    "noted:\n  accept logwrite = $event_name $tls_out_ver <$tls_out_cipher_std> $tls_out_bits "
    "$tls_out_certificate_verified <$sending_ip_address>\n"
)


@pytest.mark.parametrize(("selected", "told"), [("", "<>"), ("+incoming_interface", "<10.9.1.1>")])
@pytest.mark.parametrize("release", ["4.95", "4.99"])
def test_what_only_the_transports_process_knows_is_not_there_afterwards(
    selected: str, told: str, release: str
) -> None:
    action = "${acl{noted}}"
    (one,) = done(
        scenario(
            main={"log_selector": selected, "event_action": action},
            transport={"event_action": action},
            acl=NOTED,
        ),
        release,
    )
    lines = {
        name: rest for _, name, rest in (line.split(" ", 2) for line in one.log if ":" in line.split()[1])
    }
    assert lines["tcp:close"] == "TLS1.3 <TLS_AES_256_GCM_SHA384> 256 1 <10.9.1.1>"
    assert lines["msg:delivery"] == f"TLS1.3 <> 0 0 {told}"
    assert lines["msg:complete"].endswith(told)
