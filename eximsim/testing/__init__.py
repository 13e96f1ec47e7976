"""Policy tests of your own: the types of the fixtures ``mta``, ``zone``, ``server``, ``golden``, ``policy``.

from eximsim.testing import Mta, Zone

def test_no_downgrade(mta: Mta, zone: Zone) -> None:
    zone.add("mx.example.com", tlsa="servfail")
    mta(config="exim.conf").deliver("a@example.com").should_defer()
"""

from eximsim.testing.golden import Golden
from eximsim.testing.machine import Machine, Mta
from eximsim.testing.policy import Policies, Policy
from eximsim.testing.result import Callout, Delivery, Security
from eximsim.testing.routing import Routing
from eximsim.testing.server import MailServer, Server
from eximsim.testing.world import World, world
from eximsim.testing.zone import Zone

__all__ = [
    "Callout", "Delivery", "Golden", "Machine", "MailServer", "Mta", "Policies", "Policy", "Routing",
    "Security", "Server", "World", "Zone", "world",
]  # fmt: skip
