"""Rejects requests that are not for an application of a shared port."""

import attrs
from aiohttp import web

from rxkernel.exceptions import (
    HttpException,
    HttpVersionNotSupportedException,
    MethodNotAllowedException,
)
from rxkernel.servers.aiohttp.connection.already_sent import AlreadySent
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.redirect import rejection_of
from rxkernel.servers.aiohttp.request.body_reader import discard_rest
from rxkernel.servers.aiohttp.shared_hosts import SharedHosts
from rxkernel.servers.http.allowed_hosts import mismatch_of, unknown_host
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.pipeline import ALL_METHODS, REJECTED_METHODS, UNSUPPORTED_VERSION
from rxkernel.servers.http.request_head import RequestHead, peer_of


@attrs.frozen(eq=False)
class SharedRules:
    """Implements `RedirectRules`; *status* is ``http.unknown_host``."""

    hosts: SharedHosts
    forwarded: ForwardedHeaders
    connections: ConnectionRegistry
    status: int

    def rejection_for(self, head: RequestHead) -> HttpException | None:
        """The error for a request that no application may handle, or None."""
        if head.version[0] != 1:
            return HttpVersionNotSupportedException(UNSUPPORTED_VERSION)
        if head.method in REJECTED_METHODS:
            return MethodNotAllowedException(headers={"Allow": ALL_METHODS})
        if (error := mismatch_of(head)) is not None:
            return error
        if self.hosts.find(head, peer_of(head)) is None:
            host = head.headers.get("Host", "")
            self.connections.record("http.allowed_hosts", f"rejected host {host!r:.100}")
            return unknown_host(self.status)
        return None

    async def reject(self, native: web.Request, exc: HttpException) -> web.StreamResponse:
        """Respond with *exc* to *native*; the connection stays open for other hosts."""
        connection = connection_of(native)
        await connection.wait_to_start()
        connection.begin_request(native.content)
        if native.version[0] != 1:
            return AlreadySent(exc.status_code, connection.send_final_response(exc, native))
        out = rejection_of(exc)
        self.connections.add_default_headers(out.headers, native)
        connection.set_response(out)
        if not native.content.is_eof():
            discard_rest(native)
        return out
