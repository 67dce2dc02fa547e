"""What the bundle adds to an application."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import DeclarativeBase

from bundles.resources.operations.routes import routes_of_resource
from bundles.resources.operations.run import RunMarker, RunResolver
from bundles.resources.settings import ResourcesSettings
from rxkernel import Bundle, RouteMetadata


class ResourcesBundle(Bundle):
    """Database sessions, and resources made of tables: ``ResourcesBundle(Base)``.

    Args:
        base: the declarative base of the application, whose tables are those of its database.
    """

    name = "resources"
    after = ("sessions", "security")
    resolvers = MappingProxyType({RunMarker: RunResolver})
    settings_class = ResourcesSettings

    def __init__(self, base: type[DeclarativeBase]) -> None:
        self._base = base

    def routes_of(self, controller: Any) -> Iterable[RouteMetadata]:
        return routes_of_resource(controller)
