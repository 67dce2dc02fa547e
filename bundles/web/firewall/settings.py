"""The section ``[web.firewall]`` of the settings."""

from types import NoneType

import attrs

from rxkernel import Allowed
from rxkernel.networks import is_network

_LIMIT = Allowed(
    "a whole number, 1 or more, or none", (int, NoneType), lambda value: value is None or value > 0
)


_NETWORKS = Allowed(
    'a list of IP addresses or networks like "192.0.2.0/24"',
    (tuple,),
    lambda networks: all(map(is_network, networks)),
)


@attrs.frozen(kw_only=True)
class FirewallSettings:
    """The section ``[web.firewall]`` of ``rxkernel.toml``. Without limits, nothing is counted."""

    max_requests_per_address: int | None = attrs.field(default=None, validator=_LIMIT)
    """Most requests and socket events of one address that are open at a time; another one gets
    429. An IPv6 address is its network of 64 bits."""

    max_requests_per_session: int | None = attrs.field(default=None, validator=_LIMIT)
    """As before, for one session; clients without a session are not counted."""

    max_requests_per_host: int | None = attrs.field(default=None, validator=_LIMIT)
    """As before, for one host that clients request, of all clients together."""

    max_streams_per_address: int | None = attrs.field(default=None, validator=_LIMIT)
    """Most event streams and WebSockets of one address that are open at a time."""

    max_streams_per_session: int | None = attrs.field(default=None, validator=_LIMIT)
    """As before, for one session."""

    max_streams_per_host: int | None = attrs.field(default=None, validator=_LIMIT)
    """As before, for one host, of all clients together."""

    denied: tuple[str, ...] = attrs.field(default=(), validator=_NETWORKS)
    """Addresses and networks whose requests get 403."""
