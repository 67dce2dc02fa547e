"""Sets of addresses and networks."""

import pytest

from rxkernel.networks import Networks


@pytest.mark.parametrize(
    ("host", "is_in"),
    [
        pytest.param("192.0.2.77", True, id="in a network"),
        pytest.param("192.0.3.1", False, id="beside a network"),
        pytest.param("198.51.100.7", True, id="an address"),
        pytest.param("198.51.100.8", False, id="beside an address"),
        pytest.param("::ffff:192.0.2.1", True, id="IPv4 over IPv6"),
        pytest.param("2001:db8:1::5", True, id="in a network of IPv6"),
        pytest.param("2001:db8:2::5", False, id="beside a network of IPv6"),
        pytest.param("fe80::1%eth0", True, id="with a zone"),
        pytest.param("::c000:201", False, id="the number of an IPv4 address in IPv6"),
        pytest.param("example.org", False, id="a name"),
        pytest.param("", False, id="empty"),
    ],
)
def test_networks_contain_addresses_below_their_prefixes(host: str, is_in: bool) -> None:
    networks = Networks(("192.0.2.0/24", "198.51.100.7", "2001:db8:1::/48", "fe80::/10"))

    assert (host in networks) is is_in
    assert (host in networks) is is_in  # from the cache of looked-up addresses


def test_networks_empty_set_is_false() -> None:
    assert not Networks(())
    assert Networks(("0.0.0.0/0",))
    assert "203.0.113.9" in Networks(("0.0.0.0/0",))
