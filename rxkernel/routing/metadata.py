"""What is known of a route before anything is built: one frozen record per route."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.path import PathTemplate

RESERVED_EVENTS = (
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
)
"""Event names that Socket.IO clients refuse to send: they use them for themselves."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(given))


@attrs.frozen
class HttpMetadata:
    """A route over HTTP: *action* is the method of the controller class *target*.

    ``options`` hold what bundle decorators left for their listeners to read. A plain value
    that the action returns is sent with *status_code*. *body_limit*, in bytes, stands in place
    of the limits of `HttpSettings`.

    Raises:
        ConfigurationError: the name is empty, the method is none of `METHODS`, or the path
            is not a template (see `PathTemplate.parse`).
    """

    target: type
    name: str
    path: str
    http_method: str
    action: str
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options, hash=False)
    status_code: int = attrs.field(default=200, kw_only=True)
    body_limit: int | None = attrs.field(default=None, kw_only=True)
    template: PathTemplate = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        problems = [*_name_problems(self), *_status_problems(self)]
        if self.body_limit is not None and self.body_limit < 1:
            problems.append(
                f"route {self.name!r} ({self.place}) has the body_limit {self.body_limit!r}; "
                f"give it bytes, 1 or more"
            )
        if self.http_method not in METHODS:
            problems.append(
                f"route {self.name!r} ({self.place}) has the method {self.http_method!r}; "
                f"it must be one of {', '.join(METHODS)}"
            )
        try:
            object.__setattr__(self, "template", PathTemplate.parse(str(self.path)))
        except ConfigurationError as error:
            problems.extend(f"route {self.name!r} ({self.place}): {p}" for p in error.problems)
        if problems:
            raise ConfigurationError(*problems)

    @property
    def key(self) -> str:
        """What the route is found by: its name."""
        return self.name

    @property
    def place(self) -> str:
        """Where the action is written."""
        return f"{self.target.__module__}.{self.target.__qualname__}.{self.action}"


@attrs.frozen
class WebSocketMetadata:
    """A route over Socket.IO: *name* is the event, in *namespace*.

    Raises:
        ConfigurationError: the name is empty or the namespace does not begin with ``/``.
    """

    target: type
    name: str
    namespace: str = "/"
    action: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options, hash=False)
    status_code: int = attrs.field(default=200, kw_only=True)

    def __attrs_post_init__(self) -> None:
        problems = [*_name_problems(self), *_status_problems(self)]
        if not isinstance(self.namespace, str):
            problems.append(f"event {self.name!r} ({self.place}) has no text as its namespace")
        elif not self.namespace.startswith("/") or any(c in self.namespace for c in ",?"):
            problems.append(
                f"event {self.name!r} ({self.place}) has the namespace {self.namespace!r}; "
                f"it must begin with '/' and hold no ',' or '?'"
            )
        if self.name in RESERVED_EVENTS:
            problems.append(
                f"event {self.name!r} ({self.place}) has a name that Socket.IO keeps for itself; "
                f"listen to server.connected or server.disconnected, or choose another name"
            )
        if problems:
            raise ConfigurationError(*problems)

    @property
    def key(self) -> str:
        """What the route is found by: ``name``, or ``/namespace:name`` outside ``/``."""
        return self.name if self.namespace == "/" else f"{self.namespace}:{self.name}"

    @property
    def place(self) -> str:
        """Where the action is written."""
        return f"{self.target.__module__}.{self.target.__qualname__}.{self.action}"


RouteMetadata = HttpMetadata | WebSocketMetadata


def _name_problems(metadata: "HttpMetadata | WebSocketMetadata") -> list[str]:
    if isinstance(metadata.name, str) and metadata.name:
        return []
    return [f"the route of {metadata.place} has the name {metadata.name!r}; give it a text"]


def _status_problems(metadata: "HttpMetadata | WebSocketMetadata") -> list[str]:
    status: object = metadata.status_code
    if isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 299:
        return []
    return [
        f"route {metadata.name!r} ({metadata.place}) has the status_code "
        f"{metadata.status_code!r}; a plain value is sent with a number from 200 to 299"
    ]
