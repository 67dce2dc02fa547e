"""`@http`, `@websocket` and `@option`: label controller methods as routes."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.labels import add_label, labels_in, refuse_bare
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata, WebSocketMetadata

F = TypeVar("F", bound=Callable[..., Any])

_ROUTE = "__rxkernel_route__"
_OPTION = "__rxkernel_option__"


@attrs.frozen
class HttpLabel:
    """What `@http` was given."""

    method: str
    path: str
    name: str
    status_code: int = 200
    body_limit: int | None = None

    def metadata(self, target: type, action: str, options: dict[str, Any]) -> HttpMetadata:
        return HttpMetadata(
            target,
            self.name,
            self.path,
            self.method,
            action,
            options,
            status_code=self.status_code,
            body_limit=self.body_limit,
        )


@attrs.frozen
class WebSocketLabel:
    """What `@websocket` was given."""

    name: str
    namespace: str
    status_code: int = 200

    def metadata(self, target: type, action: str, options: dict[str, Any]) -> WebSocketMetadata:
        return WebSocketMetadata(
            target, self.name, self.namespace, action, options, status_code=self.status_code
        )


def http(
    method: str, path: str, name: str, *, status_code: int = 200, body_limit: int | None = None
) -> Callable[[F], F]:
    """Serve the decorated controller method over HTTP, as route *name*.

    *path* is a template such as ``/users/{id:int}`` (see `PathTemplate`). A plain ``def``
    runs in a thread pool. A plain value that it returns is sent with *status_code*; a body may
    have *body_limit* bytes, in place of the settings. What is wrong with a route is told at boot.
    """

    def label(function: F) -> F:
        return add_label(function, _ROUTE, HttpLabel(method, path, name, status_code, body_limit))

    return label


def websocket(name: str, namespace: str = "/", *, status_code: int = 200) -> Callable[[F], F]:
    """Serve the decorated controller method as the Socket.IO event *name* of *namespace*.

    A plain value that it returns is acknowledged with *status_code*.
    """

    refuse_bare("websocket", name)

    def label(function: F) -> F:
        return add_label(function, _ROUTE, WebSocketLabel(name, namespace, status_code))

    return label


def option(key: str, value: Any) -> Callable[[F], F]:
    """Leave *value* in the ``options`` of every route of the decorated method.

    This is what a bundle builds its decorators from: ``access = partial(option, "access")``.
    The same *key* given twice keeps the outer one.
    """

    def label(function: F) -> F:
        return add_label(function, _OPTION, (key, value))

    return label


def routes_of(controller: type) -> Iterator[RouteMetadata | ConfigurationError]:
    """The routes that *controller* is labelled with; in place of a bad one what is wrong."""
    options: dict[str, dict[str, Any]] = {}
    for action, (key, value) in labels_in(controller, _OPTION):
        options.setdefault(action, {})[key] = value
    for action, label in labels_in(controller, _ROUTE):
        try:
            yield label.metadata(controller, action, dict(options.get(action, ())))
        except ConfigurationError as error:
            yield error
