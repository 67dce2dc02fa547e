"""What the fast lane and the ordinary lane have in common."""

import asyncio
from collections.abc import Collection

import attrs
from aiohttp import web

from rxkernel.kernel.kernel import Kernel
from rxkernel.servers.aiohttp.access_log import HttpAccess
from rxkernel.servers.aiohttp.connections import Connections
from rxkernel.servers.aiohttp.delivery import Delivery
from rxkernel.servers.aiohttp.hosts import HostPolicy
from rxkernel.servers.aiohttp.prepared import Prepared
from rxkernel.servers.aiohttp.proxies import ForwardedBy
from rxkernel.servers.aiohttp.request_ids import RequestIds
from rxkernel.servers.aiohttp.requests import Bodies

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
"""OPTIONS may be a browser's question, and the rest is refused: aiohttp's application sees to
both."""


@attrs.define(eq=False, kw_only=True)
class Lane:
    """What all requests of one port share.

    Attributes:
        route: the one that aiohttp finds in *engine* for every path that is not native.
        not_awaited: the paths of native routes that hold connections open.
        has_native_routes: whether there are others, which come before the kernel's.
        access_log: None where none is kept.
    """

    kernel: Kernel
    engine: web.Application
    route: web.AbstractRoute
    not_awaited: Collection[str]
    has_native_routes: bool
    bodies: Bodies
    body_limit: int
    prefix: str
    hosts: HostPolicy
    proxies: ForwardedBy
    ids: RequestIds
    prepared: Prepared
    delivery: Delivery
    connections: Connections
    access_log: HttpAccess | None
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
