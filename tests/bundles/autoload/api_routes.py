"""A small stand-in for the endpoints: each file of ``api`` is a GET route and an event."""

from collections.abc import Sequence
from typing import Any

from injector import inject

from bundles.autoload import Autoload, Snapshot
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.reload.snapshot_routes import SnapshotRoutes
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    HttpMetadata,
    Request,
    RouteMetadata,
    WebSocketMetadata,
    observe,
)


class ApiRoutes(SnapshotRoutes):
    @inject
    def __init__(self, autoload: Autoload) -> None:
        super().__init__()
        self._autoload = autoload
        self._made: dict[str, tuple[Any, list[RouteMetadata]]] = {}

    def routes_of(self, snapshot: Snapshot) -> Sequence[RouteMetadata]:
        made: dict[str, tuple[Any, list[RouteMetadata]]] = {}
        for unit in snapshot.api.values():
            for method, file in unit.latest.files.items():
                name = f"{unit.name}/{method}"
                value, routes = self._made.get(name, (None, []))
                made[name] = (
                    (value, routes) if value is file.value else (file.value, self._new(name, file))
                )
        self._made = made
        return [route for _, routes in made.values() for route in routes]

    def _new(self, name: str, file: ModuleFile) -> list[RouteMetadata]:
        async def action(request: Request) -> Any:
            with self._autoload.scope():
                return await file.value()

        return [
            HttpMetadata(file, name, f"/api/{name}", "GET", action),
            WebSocketMetadata(file, name, action=action),
        ]


class ApiBoot:
    @inject
    def __init__(self, autoload: Autoload, routes: SnapshotRoutes) -> None:
        self._autoload = autoload
        self._routes = routes

    @observe(ApplicationEvents.BOOTSTRAP, priority=-1)
    async def publish(self, event: BootstrapEvent) -> None:
        self._routes.routes = self._routes.routes_of(self._autoload.snapshot)
        for route in self._routes.routes:
            if isinstance(route, HttpMetadata):
                event.http_metadata_storage.add(route)
            elif isinstance(route, WebSocketMetadata):
                event.websocket_metadata_storage.add(route)
