"""Lists the paths of native handlers (mounts, WebSockets of bundles, routes of the engine), and
the rules of bundles for the targets of requests."""

from rxkernel.application.application import Application
from rxkernel.servers.aiohttp.request.native_listing import NativePath, list_native_paths
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.http.rewriting import ListedRule


async def native_paths_of(application: Application) -> list[NativePath]:
    """Return the native paths of the HTTP server. This configures the servers, but does not start
    them, because bundles may add paths until then."""
    servers = application.servers
    await servers.configure(application.kernel)
    return [
        path
        for server in servers.values()
        if isinstance(server, HttpServer)
        for path in list_native_paths(server.native_paths, server.engine)
    ]


def rules_of(application: Application) -> list[ListedRule]:
    """Return the rules of the HTTP server, in their order."""
    servers = application.servers.values()
    return [
        rule
        for server in servers
        if isinstance(server, HttpServer)
        for rule in server.rewriting.listed
    ]
