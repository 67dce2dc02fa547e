"""What the fast path and the aiohttp path have in common."""

import asyncio
from collections.abc import Collection

import attrs
from aiohttp import web

from rxkernel.kernel.kernel import Kernel
from rxkernel.servers.aiohttp.connection.access_log import HttpAccess
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.request.bodies import Bodies
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.aiohttp.response.sender import ResponseSender
from rxkernel.servers.http.allowed_hosts import HostPolicy
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.response_writer import ResponseWriter

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
    proxies: ForwardedHeaders
    ids: NativeRequestIds
    prepared: ResponseWriter
    delivery: ResponseSender
    connections: ConnectionRegistry
    access_log: HttpAccess | None
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
