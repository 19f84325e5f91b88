from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from callctl.networks import Networks

NARROW = st.one_of(  # addresses near each other, so that networks overlap
    st.integers(0, 300).map(lambda number: str(ip_address(0x0A000000 + number))),
    st.integers(0, 300).map(lambda number: str(ip_address((0x20010DB8 << 96) + number))),
)
NETWORKS = st.builds(
    lambda address, wide: ip_network(f"{address}/{ip_address(address).max_prefixlen - wide}", strict=False),
    NARROW, st.integers(0, 32),
)  # fmt: skip


@given(st.lists(NETWORKS, max_size=12), NARROW)
def test_an_address_is_held_by_the_networks_that_contain_it_the_narrowest_first(networks, address):
    found = Networks(zip(networks, range(len(networks)), strict=True)).holding(address)
    holding = [number for number, network in enumerate(networks) if ip_address(address) in network]
    assert found == sorted(holding, key=lambda number: -networks[number].prefixlen)


def test_what_is_no_address_is_held_by_nothing():
    everything = Networks([(ip_network("0.0.0.0/0"), 4), (ip_network("::/0"), 6)])
    for text, found in {"203.0.113": [], "": [], "1.2.3.4 ": [], "1.2.3.4": [4], "::1": [6]}.items():
        assert everything.holding(text) == found
