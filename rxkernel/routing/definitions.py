"""What a route compiles to: a name and a handler, free of any transport."""

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
    """The listeners and the action of a definition, which the kernel compiled together.

    It works as long as its definition is referenced, also after a reload.
    """

    async def handle(self, request: Request, ends_scope: bool = True) -> Response:
        """All phases but the last; raises what no listener answered."""

    async def respond(self, request: Request, response: Response) -> Response:
        """The response phase."""

    async def rescue(self, request: Request, exception: Exception) -> Response:
        """The exception phase."""

    async def finish(
        self, request: Request, response: Response, duration: float, size: int | None
    ) -> None:
        """The terminate phase."""

    @property
    def has_finishers(self) -> bool:
        """Whether `finish` has listeners to call; True until they have been looked up."""

    @property
    def links(self) -> Links:
        """What builds the URLs of the application."""

    @property
    def service_source(self) -> ServiceSource:
        """Where `Request.get` finds services."""


@attrs.frozen(eq=False)
class Definition:
    """A compiled route.

    Attributes:
        metadata: the route that was compiled.
        signature: what the action takes and returns.
        pipeline: the way through the kernel, for transports and the kernel itself.
    """

    metadata: RouteMetadata
    signature: Signature = attrs.field(repr=False)
    pipeline: DefinitionPipeline = attrs.field(repr=False)

    @property
    def handler(self) -> Handler:
        """``await handler(request)`` runs the action with its listeners, and returns the response
        or raises what no listener answered."""
        return self.pipeline.handle

    @property
    def transport(self) -> Transport:
        return self.metadata.transport

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def options(self) -> Mapping[str, Any]:
        return self.metadata.options

    @property
    def status_code(self) -> int:
        """The status of a plain value that the action returns."""
        return self.metadata.status_code

    @property
    def pushes(self) -> tuple[PushedEvent, ...]:
        """The events that the action sends to clients, as `@pushes` declares them."""
        return self.metadata.pushes

    @property
    def description(self) -> str | None:
        """The docstring of the action, or that of the method it overrides, cleaned."""
        return inspect.getdoc(member_of(self.metadata.target, self.metadata.action))


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
        """The text of the template, without trailing slashes, as ``/users/{id}``."""
        return self.template.text

    @property
    def host(self) -> str | None:
        """The host that requests must be for; None where any will do."""
        return self.metadata.host

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that requests must have."""
        return self.metadata.headers


class WebSocketDefinition(Definition):
    """A compiled Socket.IO event."""

    __slots__ = ()

    metadata: WebSocketMetadata

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

    The key is the name; of an event outside the namespace ``/`` it is ``/namespace:name``.
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
