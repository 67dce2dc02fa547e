"""`RouteEntry`: one entry of a route file, checked and compiled."""

from collections.abc import Mapping
from typing import Any

import attrs

from bundles.realtime.middleware import Middleware
from bundles.realtime.route_hooks import Hooks
from bundles.realtime.route_schemas import RouteSchemas
from rxkernel import BundleOption, Definition

OPTION = BundleOption("realtime.route", "realtime", "RealtimeBundle")
"""The option that marks the routes of route files; its value is the `RouteEntry`."""


@attrs.frozen(eq=False, kw_only=True, repr=False)
class RouteEntry:
    """One entry of a route file.

    Attributes:
        place: the file and the number of the entry, for messages.
        methods: the HTTP methods.
        path: the template of the path, with the prefix of the controller.
        handler: the name of the method of the controller.
        schema: the value of the key ``schema``, from which *schemas* are compiled.
        attach_validation: whether the action runs although the request violates a schema.
        config: the value of the key ``config``, for the application.
    """

    place: str
    methods: tuple[str, ...]
    path: str
    handler: str
    hooks: Hooks = attrs.field(factory=Hooks)
    middlewares: tuple[type[Middleware] | Middleware, ...] = ()
    schemas: RouteSchemas = attrs.field(factory=RouteSchemas)
    schema: Mapping[str, Any] = attrs.field(factory=dict)
    attach_validation: bool = False
    body_limit: int | None = None
    host: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    head: bool = True
    config: Mapping[str, Any] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        """Return the place, which ``rxkernel routes`` shows."""
        return self.place


def route_entry(definition: Definition) -> RouteEntry | None:
    """Return the entry of the route file from which *definition* was made; None for other
    routes."""
    return definition.options.get(OPTION)
