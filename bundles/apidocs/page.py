"""Serves the documentation page: its files, and the places of the documents and of Socket.IO."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
from injector import inject
from yarl import URL

from bundles.apidocs.documents import OwnController
from bundles.apidocs.routes import DocumentRule
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    HttpMetadata,
    Request,
    Response,
    Settings,
    SocketioServer,
    StaticFiles,
    observe,
)

PATH = "/docs"
FILES = Path(__file__).parent / "static"


@attrs.frozen(eq=False, kw_only=True)
class Page(OwnController):
    """The page at ``/docs``, with routes for itself, its files and ``page.json``.

    Args:
        has_sockets: whether Socket.IO is enabled; if not, the page does not show events.
        socket_port: returns the port of Socket.IO, or None if it is the port of the page. It is
            called for each request, because the port may be unknown before the start.
        options: the options of the routes, such as the rule of a bundle that checks access.
    """

    has_sockets: bool = True
    socket_port: Callable[[], int | None] = lambda: None
    options: Mapping[str, Any] = MappingProxyType({})
    _files: StaticFiles = attrs.field(init=False, repr=False)

    @_files.default
    def _make_files(self) -> StaticFiles:
        return StaticFiles(FILES, path=PATH, name="apidocs_page")

    def routes(self) -> Iterator[HttpMetadata]:
        """Return the routes.

        Raises:
            ConfigurationError: the files are missing.
        """
        self._files.check()
        quiet = {**self.options, "quiet": True}
        for name, path, action, options in (
            ("apidocs_page", PATH, "send_index", self.options),
            ("apidocs_page_configuration", f"{PATH}/page.json", "send_configuration", quiet),
            ("apidocs_page_file", f"{PATH}/{{path:path}}", "send_file", quiet),
        ):
            yield HttpMetadata(self, name, path, "GET", action, options)

    async def send_index(self, request: Request) -> Response:
        """Send the page. A URL without a slash at the end is redirected: the page uses relative
        URLs of its files, so that it works behind any proxy."""
        return self._protected(request, await self._files.send_index(request))

    async def send_file(self, request: Request) -> Response:
        """Send one of the scripts and styles."""
        return self._protected(request, await self._files.send_file(request))

    async def send_configuration(self, request: Request) -> Response:
        """Send the places of the documents, relative to the page, and the port of Socket.IO."""
        content = {
            "openapi": "../openapi.json",
            "asyncapi": "../asyncapi.json" if self.has_sockets else None,
            "socketPort": self.socket_port(),
        }
        return Response(content, headers={"Cache-Control": "no-cache"})

    def _protected(self, request: Request, response: Response) -> Response:
        response.headers["Content-Security-Policy"] = content_security_policy(
            request, self.socket_port()
        )
        return response


def content_security_policy(request: Request, socket_port: int | None) -> str:
    """Return a policy for pages without inline scripts and styles. It allows requests to the
    origin of the page, and to *socket_port* of its host.

    ``'self'`` covers the WebSockets of the same port (CSP Level 3, "scheme-part matches").
    """
    sources = ["'self'"]
    if socket_port is not None:
        host = URL(request.base_url).with_port(socket_port).authority
        sources += [f"{scheme}://{host}" for scheme in ("http", "https", "ws", "wss")]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {' '.join(sources)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class PageRoutes:
    """Adds the routes of the page, if the documents are served."""

    @inject
    def __init__(
        self, rule: DocumentRule, settings: Settings, socketio: SocketioServer | None
    ) -> None:
        self._rule = rule
        self._has_own_port = settings.socketio.port is not None
        self._socketio = socketio

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        if self._rule.rule is None:
            return
        page = Page(
            has_sockets=self._socketio is not None,
            socket_port=self._socket_port,
            options=self._rule.options,
        )
        for metadata in page.routes():
            event.http_metadata_storage.add(metadata)

    def _socket_port(self) -> int | None:
        return self._socketio.port if self._socketio and self._has_own_port else None
