from dataclasses import replace

from eximsim.mta.lookup.host_chain import has_ipv6
from eximsim.profiles import profile
from tests.mta.scenario import NEWEST, Site


def test_a_build_without_ipv6_is_as_one_that_does_not_use_it() -> None:
    release = profile(NEWEST)
    assert has_ipv6(Site(release=release).process())
    assert not has_ipv6(Site(release=replace(release, ipv6=False)).process())
