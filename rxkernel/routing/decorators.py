"""`@http`, `@websocket`, `@both` and `@procedure` label functions as routes.

`@controller`, `@option` and `@pushes` add prefixes, options and pushed events to the routes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from inspect import isroutine
from types import MappingProxyType, ModuleType
from typing import Any, Protocol, TypeVar

import attrs

from rxkernel.events.dispatcher import describe
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
from rxkernel.routing.bundle_option import BundleOption, bundle_option_of
from rxkernel.routing.metadata import (
    ANY_EVENT,
    EventArguments,
    HttpMetadata,
    ProcedureArguments,
    ProcedureMetadata,
    PushedEvent,
    RouteMetadata,
    WebSocketMetadata,
)
from rxkernel.routing.route_source import RouteSource
from rxkernel.routing.syntax import TemplateSyntax
from rxkernel.routing.targets import name_of_target, owner_of

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_ROUTE = "__rxkernel_route__"
_OPTION = "__rxkernel_option__"
_PUSHES = "__rxkernel_pushes__"
_PREFIX = "__rxkernel_prefix__"


@attrs.frozen
class Prefix:
    """The arguments of `@controller`."""

    path: str = ""
    name: str = ""
    namespace: str | None = None
    is_valid: bool = True

    def check(self) -> None:
        """Reject an invalid path.

        Raises:
            ConfigurationError: with the rule and the fix.
        """
        if not isinstance(self.path, str):
            raise ConfigurationError(f"the path is {self.path!r}; it must be a str")
        if self.path:
            TemplateSyntax.parse(self.path)


class RouteLabel(Protocol):
    """The arguments of a decorator of a route."""

    def metadata(self, prefix: Prefix, **common: Any) -> RouteMetadata:
        """Return the route; *common* has the target, action, options and pushed events."""


@attrs.frozen
class HttpLabel:
    """The arguments of `@http`."""

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
    """The arguments of `@websocket`."""

    name: str
    namespace: str | None = None
    status_code: int = 200
    arguments: EventArguments = "envelope"

    def metadata(self, prefix: Prefix, **common: Any) -> WebSocketMetadata:
        nearest = prefix.namespace if self.namespace is None else self.namespace
        return WebSocketMetadata(
            name=self.name if self.name == ANY_EVENT else _prefixed(prefix.name, self.name),
            namespace="/" if nearest is None else nearest,
            status_code=self.status_code,
            arguments=self.arguments,
            **common,
        )


@attrs.frozen
class ProcedureLabel:
    """The arguments of `@procedure`."""

    name: str | Callable[[Any], str]
    transport: Transport | str
    status_code: int = 200
    options: Mapping[str, Any] = MappingProxyType({})
    arguments: ProcedureArguments = "envelope"

    def metadata(self, prefix: Prefix, **common: Any) -> ProcedureMetadata:
        common["options"] = {**common["options"], **self.options}
        name = self.name
        return ProcedureMetadata(
            name=name(common["target"]) if callable(name) else _prefixed(prefix.name, name),
            transport=self.transport,
            status_code=self.status_code,
            arguments=self.arguments,
            **common,
        )


def _prefixed(prefix: str, own: str) -> str:
    """Return *own* with *prefix*; a value that is not a str is unchanged: metadata rejects it."""
    return f"{prefix}{own}" if prefix and isinstance(own, str) else own


def _is_below(path: object) -> bool:
    """Whether *path* may follow a prefix; metadata rejects any other path."""
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
    runs in a thread pool. A plain value that it returns is sent with *status_code*. *body_limit*,
    in bytes, overrides the limits of the settings. Boot reports the problems of a route.

    The route requires *host*, ``example.com`` or ``*.example.com``, and *headers*. If several
    routes have the same method and path, the most specific route that accepts the request is used.
    """
    route = HttpLabel(method, path, name, status_code, body_limit, host, headers)

    return _route_label("http", route)


def _route_label(decorator: str, route: RouteLabel) -> Callable[[F], F]:
    def label(function: F) -> F:
        refuse_class(decorator, function)
        return add_label(function, _ROUTE, route)

    return label


def websocket(
    name: str,
    namespace: str | None = None,
    *,
    status_code: int = 200,
    arguments: EventArguments = "envelope",
) -> Callable[[F], F]:
    """Serve the decorated controller method as the Socket.IO event *name* of *namespace*.

    The name ``*`` receives all events of the namespace without their own method. A namespace may
    have parameters, such as ``/room/{id:int}``; the default is the namespace of `@controller`,
    else ``/``. A plain value that the method returns is acknowledged with *status_code*.

    ``arguments="value"`` is for clients that send and expect one plain value,
    ``arguments="list"`` for clients that send several values, see `WebSocketMetadata`.
    """
    refuse_bare("websocket", name)
    return _route_label("websocket", WebSocketLabel(name, namespace, status_code, arguments))


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

    *body_limit*, *host* and *headers* apply to the route over HTTP only, see `http`.
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
    name: str | Callable[[Any], str],
    transport: Transport | str,
    *,
    status_code: int = 200,
    options: Mapping[str, Any] = MappingProxyType({}),
    arguments: ProcedureArguments = "envelope",
) -> Callable[[F], F]:
    """Serve the decorated method as procedure *name* over *transport* of a bundle.

    It is not reachable over HTTP or Socket.IO. *options* apply to this route only, not to other
    routes of the method, and override those of `option`.

    *name* may be a function: it is called with the target, a class, an instance or a module, and
    returns the whole name, to which `controller` adds no prefix.

    ``arguments="value"`` is for a transport that passes one value, as for an event, see
    `WebSocketMetadata`.
    """
    route = ProcedureLabel(name, transport, status_code, options, arguments)
    return _route_label("procedure", route)


def controller(
    path: str = "", *, name: str = "", namespace: str | None = None
) -> Callable[[C], C]:
    """Prefix the paths and names of all routes of the decorated class with *path* and *name*.

    *namespace* is the default for its events. The prefix of a subclass replaces that of its base
    class.
    """
    refuse_bare("controller", path, "write @controller()")
    prefix = Prefix(path.rstrip("/") if isinstance(path, str) else path, name, namespace)

    def label(cls: C) -> C:
        refuse_function("controller", cls, "put it on the class of the method")
        return add_label(cls, _PREFIX, prefix)

    return label


def option(key: str, value: Any) -> Callable[[F], F]:
    """Set ``options[key]`` to *value* for every route of the decorated method or class.

    Bundles build their decorators with it: ``access = partial(option, "access")``. An option of a
    method overrides that of the class, and an option of a subclass that of the base class. If one
    of them has the same *key* twice, the outer decorator wins. A method that overrides another one
    inherits its options, even if it has its own route; to change an option, set its *key* again.

    A bundle or the application declares its keys (``Bundle.options``,
    ``Application(options=…)``); boot rejects other keys.

    Raises:
        ConfigurationError: *value* belongs to a decorator of a bundle; use the decorator.
    """
    bundle_option = bundle_option_of(type(value))
    if bundle_option is not None and not isinstance(key, BundleOption):
        raise ConfigurationError(
            f"@option({key!r}, …) has the value of the decorator @{bundle_option} of the bundle "
            f"{bundle_option.bundle!r}; write @{bundle_option}(…)"
        )

    def label(labelled: F) -> F:
        return add_label(labelled, _OPTION, (key, value))

    return label


def options_of(function: object) -> dict[str, Any]:
    """Return the options that `@option` has set on *function*, for metadata created in code.

    Options of its class and of the method that it overrides are not included.
    """
    return dict(labels_on(function, _OPTION))


def all_options_of(target: object, action: str) -> dict[str, Any]:
    """As `options_of`, including the options of the class of *target* and of the methods that
    *action* overrides: the options for a route of *target* that a bundle creates."""
    return _InheritedLabels(_owner_of(target)).options(action)


def _owner_of(target: object) -> type | ModuleType:
    """Return the object with the labels of *target*: its class, or a class or module itself."""
    return target if isinstance(target, ModuleType) else owner_of(target)


def pushes(event_name: str, type: Any = None) -> Callable[[F], F]:
    """Declare that the decorated method, or every route of a class, sends *event_name* to clients.

    *type* is the type of its argument. The declaration is for documentation; nothing is checked or
    sent. It is inherited like an `option`.
    """
    refuse_bare("pushes", event_name)

    def label(labelled: F) -> F:
        return add_label(labelled, _PUSHES, PushedEvent(event_name, type))

    return label


def routes_of(target: object) -> Iterator[RouteMetadata | ConfigurationError]:
    """Yield the routes of *target*, a class, an instance or a module: those of labelled methods,
    and those of a `RouteSource`.

    For an invalid route, its error is yielded. For an invalid prefix, one error is yielded instead
    of the routes of the class.
    """
    if isinstance(target, RouteSource):
        try:
            yield from target.routes()
        except ConfigurationError as error:
            yield error
    elif isinstance(target, type) and issubclass(target, RouteSource):
        name = name_of_target(target)
        yield ConfigurationError(
            f"controller {name} creates its routes from its arguments; pass an instance of it"
        )
    owner = _owner_of(target)
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


def options_without_route(
    target: object, actions: Collection[str], methods: Collection[str] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the key and the place of each option on *target* that has no effect.

    *target* is a controller or a listener. *actions* are its methods with a route. An option has
    no effect on any other method, and on a class without actions. With *methods*, only these
    methods are searched. Options of base classes are ignored: they may be for other subclasses.
    """
    if isroutine(target):
        if not actions:
            yield from ((key, describe(target)) for key in options_of(target))
        return
    owner = _owner_of(target)
    name = name_of_target(target)
    for method, (key, _) in labels_in(owner, _OPTION):
        is_own = bool(labels_on(vars(owner).get(method), _OPTION))
        if is_own and method not in actions and (methods is None or method in methods):
            yield key, f"{name}.{method}"
    if isinstance(owner, type) and not actions:
        for key in dict(class_labels(owner, _OPTION)):
            yield key, name


class _InheritedLabels:
    """The prefix, options and pushed events from the labels of a class, its bases and methods."""

    def __init__(self, owner: type | ModuleType) -> None:
        bases = owner.__mro__ if isinstance(owner, type) else ()
        prefixes = (label for base in bases for label in reversed(class_labels(base, _PREFIX)))
        self.prefix: Prefix = next(prefixes, Prefix())
        self._classes = bases[::-1]
        self._owner = owner

    def options(self, action: str) -> dict[str, Any]:
        """Return the options of a route; those of the method and of subclasses win."""
        return dict(self._all(action, _OPTION))

    def pushes(self, action: str) -> list[PushedEvent]:
        """Return the pushed events of a route, one per name; precedence as in `options`."""
        return list({event.name: event for event in self._all(action, _PUSHES)}.values())

    def _all(self, action: str, kind: str) -> list[Any]:
        """Return the labels of the classes, base classes first, then those of the method."""
        of_classes = (label for cls in self._classes for label in class_labels(cls, kind))
        return [*of_classes, *labels_along(self._owner, action, kind)]
