"""Definitions: compiled routes, with a name and a handler, independent of a server."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, overload

import attrs

from rxkernel.messages.request import Links, Request, ServiceSource
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.metadata import (
    HttpMetadata,
    ProcedureMetadata,
    PushedEvent,
    RouteMetadata,
    WebSocketMetadata,
)
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.signature import Signature
from rxkernel.routing.targets import member_of

Handler = Callable[[Request], Awaitable[Response]]


class DefinitionPipeline(Protocol):
    """The listeners and the action of a definition, as the kernel compiled them.

    It works as long as its definition is referenced, also after a reload.
    """

    async def handle(self, request: Request) -> Response:
        """Run all phases except the terminate phase. The request scope stays open.

        Raises:
            BaseException: an exception for which no exception listener set a response.
        """

    async def handle_and_close(self, request: Request) -> Response:
        """As `handle`, then close the request scope."""

    async def respond(self, request: Request, response: Response) -> Response:
        """Run the response phase."""

    async def handle_exception(self, request: Request, exception: Exception) -> Response:
        """Run the exception phase, then the response phase if a listener has set a response.

        Raises:
            Exception: no listener has set a response, or one raised.
        """

    async def terminate(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> Exception | None:
        """Run the terminate phase, and return the first exception of its listeners, if any."""

    @property
    def has_terminate_listeners(self) -> bool:
        """Whether the terminate phase has listeners; True until they have been looked up."""

    @property
    def links(self) -> Links:
        """Builds the URLs of the application."""

    @property
    def service_source(self) -> ServiceSource:
        """Provides the services of `Request.get`."""


@attrs.frozen(eq=False)
class Definition:
    """A compiled route.

    Attributes:
        metadata: the route that was compiled.
        options: the options of the route, and those that listeners of ``kernel.definition`` set.
        signature: the parameters and the return type of the action.
        pipeline: runs its phases; for transports and the kernel.
    """

    metadata: RouteMetadata
    signature: Signature = attrs.field(repr=False)
    pipeline: DefinitionPipeline = attrs.field(repr=False)
    options: Mapping[str, Any] = attrs.field(init=False, repr=False)

    @options.default
    def _options_of_route(self) -> Mapping[str, Any]:
        return self.metadata.options

    @property
    def handler(self) -> Handler:
        """``await handler(request)`` runs the action with its listeners and returns the response.

        It raises an exception for which no exception listener set a response.
        """
        return self.pipeline.handle_and_close

    @property
    def transport(self) -> Transport:
        return self.metadata.transport

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def status_code(self) -> int:
        """The status of a plain value that the action returns."""
        return self.metadata.status_code

    @property
    def pushes(self) -> tuple[PushedEvent, ...]:
        """The events that the action sends to clients, as `@pushes` declares them."""
        return self.metadata.pushes

    @property
    def function(self) -> Any:
        """The function of the action, as the target has it."""
        return member_of(self.metadata.target, self.metadata.action)

    @property
    def description(self) -> str | None:
        """The docstring of the action, or of the method that it overrides, without indentation."""
        return inspect.getdoc(self.function)


@attrs.frozen(eq=False, auto_attribs=False)
class HttpDefinition(Definition):
    """A compiled HTTP route; ``template`` reads and builds its paths."""

    metadata: HttpMetadata
    template: PathTemplate = attrs.field(repr=False)

    @property
    def method(self) -> str:
        return self.metadata.http_method

    @property
    def path(self) -> str:
        """The text of the template, without trailing slashes, such as ``/users/{id}``."""
        return self.template.text

    @property
    def host(self) -> str | None:
        """The host that a request must have; None means any host."""
        return self.metadata.host

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that a request must have."""
        return self.metadata.headers


@attrs.frozen(eq=False, auto_attribs=False)
class WebSocketDefinition(Definition):
    """A compiled Socket.IO event; ``template`` reads and builds a namespace with parameters."""

    metadata: WebSocketMetadata
    template: PathTemplate | None = attrs.field(default=None, repr=False)

    @property
    def namespace(self) -> str:
        return self.metadata.namespace


class ProcedureDefinition(Definition):
    """A compiled procedure, called over the transport of a bundle."""

    __slots__ = ()

    metadata: ProcedureMetadata


D = TypeVar("D", bound=Definition)
T = TypeVar("T")


class Definitions(Generic[D]):
    """The definitions of one transport: iterated in registration order, found by key.

    The key is the name; for an event outside of the namespace ``/`` it is ``/namespace:name``.
    """

    def __init__(self, definitions: Iterable[D] = ()) -> None:
        self._by_key: Mapping[str, D] = {_key(d.metadata): d for d in definitions}

    def __iter__(self) -> Iterator[D]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __getitem__(self, key: str) -> D:
        try:
            return self._by_key[key]
        except KeyError:
            known = ", ".join(self._by_key) or "none"
            raise KeyError(f"no definition {key!r}; there is: {known}") from None

    @overload
    def get(self, key: str) -> D | None: ...

    @overload
    def get(self, key: str, default: T) -> D | T: ...

    def get(self, key: str, default: Any = None) -> Any:
        return self._by_key.get(key, default)

    def keys(self) -> Iterable[str]:
        return self._by_key.keys()


def _key(metadata: RouteMetadata) -> str:
    return metadata.name if isinstance(metadata, ProcedureMetadata) else metadata.key
