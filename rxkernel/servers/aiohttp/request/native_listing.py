"""Lists the paths that bundles and native aiohttp handlers serve, for commands that print them."""

import attrs
from aiohttp import web

from rxkernel.events.dispatcher import describe
from rxkernel.servers.aiohttp.request.native_paths import MountUse, NativePaths

_METHODS = {MountUse.ALL: "*", MountUse.WEBSOCKET: "GET", MountUse.POST: "POST"}


@attrs.frozen
class NativePath:
    """One path, as it is printed.

    Attributes:
        method: the methods, separated by commas; ``*`` for all.
        type: ``mount``, ``websocket``, ``handler`` for a POST handler, or ``native`` for a route
            of the engine.
        handler: the callable that serves it.
    """

    method: str
    path: str
    type: str
    handler: str


def list_native_paths(native: NativePaths, engine: web.Application) -> list[NativePath]:
    """Return the mounts of *native* and the routes of *engine*, except the routes of Socket.IO.

    Call it after the server was configured and before it starts, because the start adds a route
    for all paths to the engine.
    """
    mounts = [
        NativePath(_METHODS[mount.use], mount.template, mount.use.value, mount.owner)
        for mount in native.mounts
    ]
    routes = [
        _listed(resource)
        for resource in engine.router.resources()
        if resource.canonical not in native.long_lived.exact
    ]
    return mounts + routes


def _listed(resource: web.AbstractResource) -> NativePath:
    routes = list(resource)
    methods = ", ".join(sorted({route.method for route in routes}))
    handler = describe(routes[0].handler) if routes else ""
    return NativePath(methods, resource.canonical, "native", handler)
