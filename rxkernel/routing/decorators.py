"""`@http`, `@websocket`, `@both` and `@procedure` label functions as routes.

`@controller`, `@option` and `@pushes` say more of them.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Protocol, TypeVar

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.labels import (
    add_label,
    class_labels,
    labels_along,
    labels_in,
    labels_on,
    refuse_bare,
    refuse_class,
    refuse_function,
)
from rxkernel.messages.transport import Transport
from rxkernel.routing.metadata import (
    HttpMetadata,
    ProcedureMetadata,
    PushedEvent,
    RouteMetadata,
    WebSocketMetadata,
)
from rxkernel.routing.syntax import TemplateSyntax
from rxkernel.routing.targets import owner_of

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_ROUTE = "__rxkernel_route__"
_OPTION = "__rxkernel_option__"
_PUSHES = "__rxkernel_pushes__"
_PREFIX = "__rxkernel_prefix__"


@attrs.frozen
class Prefix:
    """What `@controller` was given."""

    path: str = ""
    name: str = ""
    namespace: str | None = None
    is_valid: bool = True

    def check(self) -> None:
        """Refuse a path that no route can begin with.

        Raises:
            ConfigurationError: with the rule and the fix.
        """
        if not isinstance(self.path, str):
            raise ConfigurationError(f"the path is {self.path!r}; it must be a text")
        if self.path:
            TemplateSyntax.parse(self.path)


class RouteLabel(Protocol):
    """What a decorator of a route was given."""

    def metadata(self, prefix: Prefix, **common: Any) -> RouteMetadata:
        """The route; *common* are the target, the action, the options and the pushed events."""


@attrs.frozen
class HttpLabel:
    """What `@http` was given."""

    method: str
    path: str
    name: str
    status_code: int = 200
    body_limit: int | None = None
    host: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})

    def metadata(self, prefix: Prefix, **common: Any) -> HttpMetadata:
        return HttpMetadata(
            name=_prefixed(prefix.name, self.name),
            path=_prefixed(prefix.path, self.path) if _is_below(self.path) else self.path,
            http_method=self.method,
            status_code=self.status_code,
            body_limit=self.body_limit,
            host=self.host,
            headers=self.headers,
            **common,
        )


@attrs.frozen
class WebSocketLabel:
    """What `@websocket` was given."""

    name: str
    namespace: str | None = None
    status_code: int = 200

    def metadata(self, prefix: Prefix, **common: Any) -> WebSocketMetadata:
        nearest = prefix.namespace if self.namespace is None else self.namespace
        return WebSocketMetadata(
            name=_prefixed(prefix.name, self.name),
            namespace="/" if nearest is None else nearest,
            status_code=self.status_code,
            **common,
        )


@attrs.frozen
class ProcedureLabel:
    """What `@procedure` was given."""

    name: str
    transport: Transport | str
    status_code: int = 200

    def metadata(self, prefix: Prefix, **common: Any) -> ProcedureMetadata:
        return ProcedureMetadata(
            name=_prefixed(prefix.name, self.name),
            transport=self.transport,
            status_code=self.status_code,
            **common,
        )


def _prefixed(prefix: str, own: str) -> str:
    """*own* behind *prefix*; what is not a text is left for the metadata to refuse."""
    return f"{prefix}{own}" if prefix and isinstance(own, str) else own


def _is_below(path: object) -> bool:
    """Whether *path* may stand behind a prefix; any other is left for the metadata to refuse."""
    return isinstance(path, str) and (not path or path.startswith("/"))


def http(
    method: str,
    path: str,
    name: str,
    *,
    status_code: int = 200,
    body_limit: int | None = None,
    host: str | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[F], F]:
    """Serve the decorated controller method over HTTP, as route *name*.

    *path* is a template such as ``/users/{id:int}`` (see `PathTemplate`). A plain ``def``
    runs in a thread pool. A plain value that it returns is sent with *status_code*; a body may
    have *body_limit* bytes, in place of the settings. What is wrong with a route is told at boot.

    Only requests for *host*, ``example.com`` or ``*.example.com``, that have these *headers* are
    for this route. Of several routes with one method and path, the most specific one that a
    request fits answers it.
    """
    route = HttpLabel(method, path, name, status_code, body_limit, host, headers)

    return _route_label("http", route)


def _route_label(decorator: str, route: RouteLabel) -> Callable[[F], F]:
    def label(function: F) -> F:
        refuse_class(decorator, function)
        return add_label(function, _ROUTE, route)

    return label


def websocket(
    name: str, namespace: str | None = None, *, status_code: int = 200
) -> Callable[[F], F]:
    """Serve the decorated controller method as the Socket.IO event *name* of *namespace*.

    Without *namespace* it is that of `@controller`, else ``/``. A plain value that the method
    returns is acknowledged with *status_code*.
    """
    refuse_bare("websocket", name)
    return _route_label("websocket", WebSocketLabel(name, namespace, status_code))


def both(
    method: str,
    path: str,
    name: str,
    *,
    status_code: int = 200,
    body_limit: int | None = None,
    host: str | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[F], F]:
    """Serve the decorated controller method over HTTP and as an event, both called *name*.

    *body_limit*, *host* and *headers* are those of the route over HTTP, see `http`; an event has
    none of them.
    """
    over_http = http(
        method,
        path,
        name,
        status_code=status_code,
        body_limit=body_limit,
        host=host,
        headers=headers,
    )
    over_socket = websocket(name, status_code=status_code)

    def label(function: F) -> F:
        refuse_class("both", function)
        return over_http(over_socket(function))

    return label


def procedure(
    name: str, transport: Transport | str, *, status_code: int = 200
) -> Callable[[F], F]:
    """Serve the decorated method as procedure *name* of *transport*, the one of a bundle.

    It is not reachable over HTTP or Socket.IO.
    """
    return _route_label("procedure", ProcedureLabel(name, transport, status_code))


def controller(
    path: str = "", *, name: str = "", namespace: str | None = None
) -> Callable[[C], C]:
    """Put *path* and *name* in front of those of every route of the decorated class.

    *namespace* is that of its events which name none. The prefixes of a base class and of a
    subclass do not add up: the nearest counts.
    """
    refuse_bare("controller", path, "write @controller()")
    prefix = Prefix(path.rstrip("/") if isinstance(path, str) else path, name, namespace)

    def label(cls: C) -> C:
        refuse_function("controller", cls, "put it on the class of the method")
        return add_label(cls, _PREFIX, prefix)

    return label


def option(key: str, value: Any) -> Callable[[F], F]:
    """Leave *value* in the ``options`` of every route of the decorated method or class.

    This is what a bundle builds its decorators from: ``access = partial(option, "access")``.
    The method's own option wins over the class's, the subclass's over the base class's. The
    same *key* given twice on one of them keeps the outer one. A method that overrides another
    keeps its options, also with a route of its own: to change one, give its *key* again.

    A bundle or the application declares its keys (``Bundle.options``,
    ``Application(options=…)``); boot refuses others.
    """

    def label(labelled: F) -> F:
        return add_label(labelled, _OPTION, (key, value))

    return label


def options_of(function: object) -> dict[str, Any]:
    """The options that `@option` left on *function*, for metadata that is made by hand.

    Those of its class and of the method that it overrides are not among them.
    """
    return dict(labels_on(function, _OPTION))


def pushes(event_name: str, type: Any = None) -> Callable[[F], F]:
    """Declare that the decorated method, or every route of a class, sends *event_name* to clients.

    *type* is the type of its argument. Nothing is checked or sent: it is a fact on the
    definition, for documentation. Inherited as an `option` is.
    """
    refuse_bare("pushes", event_name)

    def label(labelled: F) -> F:
        return add_label(labelled, _PUSHES, PushedEvent(event_name, type))

    return label


def routes_of(target: object) -> Iterator[RouteMetadata | ConfigurationError]:
    """The routes that *target*, a class, an instance or a module, is labelled with.

    In place of an invalid one: its problems. An invalid prefix is reported once, and the class
    has no routes then.
    """
    owner = target if isinstance(target, ModuleType) else owner_of(target)
    facts = _InheritedLabels(owner)
    if isinstance(owner, type):
        try:
            facts.prefix.check()
        except ConfigurationError as error:
            place = f"@controller on {owner.__module__}.{owner.__qualname__}"
            yield ConfigurationError(*(f"{place}: {problem}" for problem in error.problems))
            facts.prefix = attrs.evolve(facts.prefix, path="", is_valid=False)
    for action, label in labels_in(owner, _ROUTE):
        try:
            route: RouteMetadata = label.metadata(
                facts.prefix,
                target=target,
                action=action,
                options=facts.options(action),
                pushes=facts.pushes(action),
            )
        except ConfigurationError as error:
            yield error
        else:
            if facts.prefix.is_valid:
                yield route


class _InheritedLabels:
    """What the labels of a class or module say of its routes."""

    def __init__(self, owner: type | ModuleType) -> None:
        bases = owner.__mro__ if isinstance(owner, type) else ()
        prefixes = (label for base in bases for label in reversed(class_labels(base, _PREFIX)))
        self.prefix: Prefix = next(prefixes, Prefix())
        self._classes = bases[::-1]
        self._owner = owner

    def options(self, action: str) -> dict[str, Any]:
        """By key: the method's own before the class's, the subclass's before the base's."""
        return dict(self._all(action, _OPTION))

    def pushes(self, action: str) -> list[PushedEvent]:
        """By name, as `options`."""
        return list({event.name: event for event in self._all(action, _PUSHES)}.values())

    def _all(self, action: str, kind: str) -> list[Any]:
        """The labels of the classes, then those of the method, base classes first."""
        of_classes = (label for cls in self._classes for label in class_labels(cls, kind))
        return [*of_classes, *labels_along(self._owner, action, kind)]
