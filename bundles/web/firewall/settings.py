"""The section ``[web.firewall]`` of the settings."""

import attrs

from rxkernel import COUNT, Allowed
from rxkernel.networks import is_network

_NETWORKS = Allowed(
    'a list of IP addresses or networks like "192.0.2.0/24"',
    (tuple,),
    lambda networks: all(map(is_network, networks)),
)


@attrs.frozen(kw_only=True)
class FirewallSettings:
    """The section ``[web.firewall]`` of ``rxkernel.toml``. Without limits, nothing is counted."""

    max_requests_per_address: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open requests and socket events of one address; a further one gets 429. IPv6 addresses
    of one /64 network count as one."""

    max_requests_per_session: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open requests and socket events of one session; clients without a session are not
    counted."""

    max_requests_per_host: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open requests and socket events for one requested host, of all clients together."""

    max_streams_per_address: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open event streams and WebSockets of one address."""

    max_streams_per_session: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open event streams and WebSockets of one session."""

    max_streams_per_host: int | None = attrs.field(default=None, validator=COUNT.or_none())
    """Most open event streams and WebSockets for one requested host, of all clients together."""

    denied: tuple[str, ...] = attrs.field(default=(), validator=_NETWORKS)
    """Addresses and networks whose requests get 403."""
