"""Metadata: the declaration of a route before it is compiled, one frozen record per route.

There are three kinds: routes over HTTP, events of Socket.IO, and procedures of the transports of
bundles.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.transport import Transport
from rxkernel.namespaces import NAMESPACE_RULE, is_namespace
from rxkernel.routing.constraints import Constraints, constraint_problems
from rxkernel.routing.syntax import FIELD, TemplateSyntax
from rxkernel.routing.targets import Action, owner_of, place_of

RESERVED_EVENTS = (
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
)
"""Event names that Socket.IO reserves: its clients do not send them."""

ANY_EVENT = "*"
"""The name of the route for all events of a namespace without their own route."""

EventArguments = Literal["envelope", "value", "list"]
"""The form of the arguments of an event, see `WebSocketMetadata`."""

ProcedureArguments = Literal["envelope", "value"]
"""The form of the arguments of a procedure, see `ProcedureMetadata`."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@attrs.frozen
class PushedEvent:
    """An event that an action sends to clients, as `@pushes` declares it.

    ``type`` is the type of its argument, for documentation; None without an argument.
    """

    name: str
    type: Any = None


def _transport(given: object) -> Any:
    """Convert a name to a `Transport`; other values are unchanged and reported later."""
    try:
        return Transport(given)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return given


def _options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(given))


def _headers(given: Any) -> Any:
    """Return a read-only copy of a mapping; other values are unchanged and reported later."""
    return MappingProxyType(dict(given)) if isinstance(given, Mapping) else given


class RouteMetadata:
    """The base class of the three kinds of routes.

    Attributes:
        transport: the transport of the route.
        target: a registered controller class, an instance, or a module.
        name: the name of the route.
        action: the name of a member of *target*, or a callable.
        options: values that decorators of bundles set and their listeners read.
        status_code: the status of a plain value that the action returns.
        pushes: the events that the action sends to clients.
        source: the file that declares the route, for messages; None if the action declares it.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def transport(self) -> Transport: ...

        @property
        def target(self) -> Any: ...

        @property
        def name(self) -> str: ...

        @property
        def action(self) -> Action: ...

        @property
        def options(self) -> Mapping[str, Any]: ...

        @property
        def status_code(self) -> int: ...

        @property
        def pushes(self) -> tuple[PushedEvent, ...]: ...

        @property
        def source(self) -> str | None: ...

    @property
    def key(self) -> str:
        """The key of the route in its storage: its name."""
        return self.name

    @property
    def place(self) -> str:
        """Where the action is defined, for messages."""
        return place_of(self.target, self.action)

    @property
    def location(self) -> str:
        """`place`, and `source` if it is set, for messages."""
        return self.place if self.source is None else f"{self.place} in {self.source}"

    @property
    def template_syntax(self) -> TemplateSyntax | None:
        """The template of the path, or of a namespace with parameters; else None."""
        return None

    @property
    def owner(self) -> type:
        """The class of the action, in which its annotations are resolved."""
        return owner_of(self.target)


@attrs.frozen
class HttpMetadata(RouteMetadata):
    """A route over HTTP: *action* of *target*, a controller class, an instance or a module.

    *options* has values that decorators of bundles set and their listeners read. A plain value
    that the action returns is sent with *status_code*. *body_limit*, in bytes, overrides the
    limits of `HttpSettings`. A request must have *host* and *headers*, see `Constraints`. A GET
    route also serves HEAD, unless *head* is False. If *routed* is False, requests for *path* do
    not find the route: *path* is for documents, and the `Rewriter` of the HTTP server returns the
    definition.

    Raises:
        ConfigurationError: the name is empty, the method is not one of `METHODS`, or the path (see
            `TemplateSyntax.parse`), the host or a header is invalid.
    """

    target: Any = attrs.field(hash=False)
    name: str
    path: str
    http_method: str
    action: Action
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options, hash=False)
    status_code: int = attrs.field(default=200, kw_only=True)
    body_limit: int | None = attrs.field(default=None, kw_only=True)
    pushes: tuple[PushedEvent, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    host: str | None = attrs.field(default=None, kw_only=True)
    headers: Mapping[str, str] = attrs.field(
        factory=dict, converter=_headers, hash=False, kw_only=True
    )
    head: bool = attrs.field(default=True, kw_only=True)
    routed: bool = attrs.field(default=True, kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)
    syntax: TemplateSyntax = attrs.field(init=False, eq=False, repr=False)
    constraints: Constraints = attrs.field(init=False, eq=False, repr=False)

    transport = Transport.HTTP

    @property
    def template_syntax(self) -> TemplateSyntax:
        return self.syntax

    def __attrs_post_init__(self) -> None:
        problems = _common_problems(self)
        if self.body_limit is not None and self.body_limit < 1:
            problems.append(
                f"route {self.name!r} ({self.place}) has the body_limit {self.body_limit!r}; "
                f"it must be 1 byte or more"
            )
        if self.http_method not in METHODS:
            problems.append(
                f"route {self.name!r} ({self.place}) has the method {self.http_method!r}; "
                f"it must be one of {', '.join(METHODS)}"
            )
        try:
            object.__setattr__(self, "syntax", TemplateSyntax.parse(str(self.path)))
        except ConfigurationError as error:
            problems.extend(f"route {self.name!r} ({self.place}): {p}" for p in error.problems)
        problems.extend(
            f"route {self.name!r} ({self.place}) has {problem}"
            for problem in constraint_problems(self.host, self.headers)
        )
        if problems:
            raise ConfigurationError(*problems)
        object.__setattr__(self, "constraints", Constraints.of(self.host, self.headers))


@attrs.frozen
class WebSocketMetadata(RouteMetadata):
    """A route over Socket.IO: *name* is the event, in *namespace*.

    The name ``*`` is the route for all events of its namespace without their own route. A
    namespace with parameters, such as ``/room/{id}``, is a template like the path of a route.

    *arguments* is the form of the values that the client sends:

    - ``envelope``: an object ``{params, body}``; the client receives ``{statusCode, headers,
      content}``.
    - ``value``: one value. The fields of an object are the parameters, and the object, or any
      other value, is the body; the client receives the content only. A parameter of the action
      whose type is a list is a field, and so is an object if there are other parameters, unless
      they are marked: ``Annotated[list[int], Body()]``.
    - ``list``: any number of values. The body is the list of them; the client receives the content
      only, or the values of an `Acknowledgement`.

    Raises:
        ConfigurationError: the name is empty or reserved, or the namespace or *arguments* is
            invalid.
    """

    target: Any = attrs.field(hash=False)
    name: str
    namespace: str = "/"
    action: Action = ""
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options, hash=False)
    status_code: int = attrs.field(default=200, kw_only=True)
    pushes: tuple[PushedEvent, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    arguments: EventArguments = attrs.field(default="envelope", kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)
    syntax: TemplateSyntax | None = attrs.field(init=False, eq=False, repr=False, default=None)

    transport = Transport.SOCKET

    def __attrs_post_init__(self) -> None:
        problems = _common_problems(self)
        if not is_namespace(self.namespace):
            problems.append(
                f"event {self.name!r} ({self.place}) has the namespace {self.namespace!r}; "
                f"{NAMESPACE_RULE}"
            )
        elif "{" in self.namespace or "}" in self.namespace:
            problems.extend(self._read_template())
        problems += _problems_of_arguments("event", self, EventArguments)
        if self.name in RESERVED_EVENTS:
            problems.append(
                f"event {self.name!r} ({self.place}) has a name that Socket.IO reserves; "
                f"listen to server.connected or server.disconnected, or choose another name"
            )
        if problems:
            raise ConfigurationError(*problems)

    def _read_template(self) -> list[str]:
        """Set `syntax`, or return the problems of the template."""
        try:
            syntax = TemplateSyntax.parse(self.namespace)
        except ConfigurationError as error:
            return [f"event {self.name!r} ({self.place}): {p}" for p in error.problems]
        if syntax.text != self.namespace:
            return [
                f"event {self.name!r} ({self.place}) has the namespace {self.namespace!r}; "
                f"remove the '/' at its end"
            ]
        object.__setattr__(self, "syntax", syntax)
        return []

    @property
    def template_syntax(self) -> TemplateSyntax | None:
        return self.syntax

    @property
    def key(self) -> str:
        """The key of the event: ``name``, or ``/namespace:name`` outside of ``/``.

        The keys of two events are never equal: ``:`` and ``%`` in the namespace are
        percent-encoded outside of its parameters, and the name ``/a:b`` in ``/`` has the key
        ``/:/a:b``.
        """
        if self.namespace == "/" and not (self.name.startswith("/") and ":" in self.name):
            return self.name
        return f"{_encoded(self.namespace)}:{self.name}"


@attrs.frozen
class ProcedureMetadata(RouteMetadata):
    """A route over the transport of a bundle, called by *name*.

    It is not reachable over HTTP or Socket.IO. *arguments* is the form of its arguments: with
    ``envelope`` the transport passes parameters and a body, with ``value`` one value, as for an
    event.

    Raises:
        ConfigurationError: the name is empty, *transport* is not that of a bundle, or *arguments*
            is invalid.
    """

    target: Any = attrs.field(hash=False)
    name: str
    action: Action
    transport: Transport = attrs.field(converter=_transport)
    options: Mapping[str, Any] = attrs.field(factory=dict, converter=_options, hash=False)
    status_code: int = attrs.field(default=200, kw_only=True)
    pushes: tuple[PushedEvent, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    arguments: ProcedureArguments = attrs.field(default="envelope", kw_only=True)
    source: str | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        problems = _common_problems(self)
        problems += _problems_of_arguments("procedure", self, ProcedureArguments)
        if type(self.transport) is not Transport:
            problems.append(
                f"procedure {self.name!r} ({self.place}) has the transport {self.transport!r}; "
                f"it must be a Transport, or its name in capital letters"
            )
        elif self.transport in (Transport.HTTP, Transport.SOCKET):
            decorator = "@http" if self.transport is Transport.HTTP else "@websocket"
            problems.append(
                f"procedure {self.name!r} ({self.place}) has the transport {self.transport!r}, "
                f"which is not one of a bundle; use {decorator}"
            )
        if problems:
            raise ConfigurationError(*problems)

    @property
    def key(self) -> str:
        """The key of the procedure in its storage: ``TRANSPORT:name``."""
        return f"{self.transport}:{self.name}"


def _encoded(namespace: str) -> str:
    literals = FIELD.split(namespace)[:: FIELD.groups + 1]
    fields = [found[0] for found in FIELD.finditer(namespace)]
    encoded = (literal.replace("%", "%25").replace(":", "%3A") for literal in literals)
    return "".join(text for pair in zip_longest(encoded, fields, fillvalue="") for text in pair)


def _common_problems(metadata: RouteMetadata) -> list[str]:
    problems: list[str] = []
    if not (isinstance(metadata.name, str) and metadata.name):
        problems.append(
            f"the route of {metadata.place} has the name {metadata.name!r}; it must be a "
            f"str that is not empty"
        )
    status: object = metadata.status_code
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 299:
        problems.append(
            f"route {metadata.name!r} ({metadata.place}) has the status_code {status!r}; "
            f"it must be a number from 200 to 299"
        )
    return problems


def _problems_of_arguments(
    kind: str, metadata: "WebSocketMetadata | ProcedureMetadata", forms: object
) -> Iterator[str]:
    allowed = get_args(forms)
    if metadata.arguments not in allowed:
        yield (
            f"{kind} {metadata.name!r} ({metadata.place}) has the arguments "
            f"{metadata.arguments!r}; it must be one of {', '.join(map(repr, allowed))}"
        )
