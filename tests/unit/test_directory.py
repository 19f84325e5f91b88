import pytest

from callctl.directory import Snapshot
from callctl.model import Account, Endpoint
from tests.unit.company import DIRECTORY


def test_a_phone_is_found_by_user_and_domain_in_any_case():
    assert DIRECTORY.endpoint_by_aor("1001", "EXAMPLE.net").name == "1001@example.net"
    assert DIRECTORY.endpoint_by_aor("1003", "other.example").name == "1003@Other.example"
    assert DIRECTORY.endpoint_by_aor("1001", "other.example") is None
    assert DIRECTORY.endpoint_by_aor("", "") is None


def test_an_extension_is_an_accounts_own():
    assert DIRECTORY.endpoint_by_extension("acme", "101").user == "1001"
    assert DIRECTORY.endpoint_by_extension("globex", "101").user == "2001"
    assert DIRECTORY.endpoint_by_extension("loose", "101") is None
    assert DIRECTORY.endpoint_by_extension("acme", "") is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7/32"), ("203.0.113.8", "203.0.113.0/24"), ("203.0.114.1", None), ("", None),
        ("203.0.113", None), ("::ffff:203.0.113.7", None), ("2001:db8::1", None), ("203.0.113.7 ", None),
    ],
)  # fmt: skip
def test_a_trunk_is_found_by_the_narrowest_network_that_holds_its_address(address, name):
    found = DIRECTORY.endpoints_by_source(address)
    assert (found[0].name if found else None) == name


def test_networks_of_both_families_live_side_by_side():
    six, four = Endpoint("a", "2001:db8::/32", address="2001:db8::/32"), Endpoint("a", "0.0.0.0/0", address="0.0.0.0/0")
    directory = Snapshot(1, [Account("a")], [four, six])
    assert directory.endpoints_by_source("2001:db8::5") == [six]
    assert directory.endpoints_by_source("198.51.100.1") == [four]
    assert directory.endpoints_by_source("2001:db9::5") == []


def test_what_is_configured_can_be_looked_through():
    assert DIRECTORY.version == 7
    assert DIRECTORY.account("globex").max_duration == 600
    assert DIRECTORY.account("none") is None
    assert DIRECTORY.endpoint("203.0.113.0/24").account == "globex"
    assert DIRECTORY.endpoint("none") is None
    assert [endpoint.user for endpoint in DIRECTORY.endpoints_of("globex")] == ["2001", ""]
