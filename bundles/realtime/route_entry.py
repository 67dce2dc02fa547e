"""`RouteEntry`: one entry of a route file, checked and compiled."""

from collections.abc import Mapping
from typing import Any

import attrs

from bundles.realtime.middleware import Middleware
from bundles.realtime.route_hooks import Hooks
from bundles.realtime.route_schemas import RouteSchemas
from rxkernel import BundleOption, Definition

OPTION = BundleOption("realtime.route", "realtime", "RealtimeBundle")
"""The option of the routes of route files."""


@attrs.frozen(eq=False, kw_only=True, repr=False)
class RouteEntry:
    """The keys of an entry that are not those of a route of the kernel.

    Attributes:
        place: the file and the number of the entry, for messages.
        methods: the HTTP methods.
        path: the template of the path, with the prefix of the controller.
        handler: the name of the method of the controller.
        schema: the value of the key ``schema``, from which *schemas* are compiled.
        attach_validation: whether the action runs although a schema is broken.
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
        """The place, for ``rxkernel routes``."""
        return self.place


def route_entry(definition: Definition) -> RouteEntry | None:
    """Return the entry of the route file that *definition* was made of; None for other routes."""
    return definition.options.get(OPTION)
