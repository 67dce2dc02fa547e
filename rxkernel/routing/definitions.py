"""What a route compiles to: a name and a handler, free of any transport."""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

import attrs

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata, WebSocketMetadata
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.signature import Signature

Handler = Callable[[Request], Awaitable[Response]]


@attrs.frozen(eq=False)
class HttpDefinition:
    """A compiled HTTP route. ``await handler(request)`` runs it with its listeners."""

    metadata: HttpMetadata
    handler: Handler = attrs.field(repr=False)
    signature: Signature = attrs.field(default=Signature(), repr=False)

    transport = Transport.HTTP

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def method(self) -> str:
        return self.metadata.http_method

    @property
    def path(self) -> str:
        """The template, without trailing slashes, as ``/users/{id}``."""
        return self.metadata.template.text

    @property
    def template(self) -> PathTemplate:
        return self.metadata.template

    @property
    def options(self) -> Mapping[str, Any]:
        return self.metadata.options

    @property
    def status_code(self) -> int:
        """The status of a plain value that the action returns."""
        return self.metadata.status_code

    @property
    def description(self) -> str | None:
        """The docstring of the action, or that of the method it overrides, cleaned."""
        return _description(self.metadata)


@attrs.frozen(eq=False)
class WebSocketDefinition:
    """A compiled Socket.IO event. ``await handler(request)`` runs it with its listeners."""

    metadata: WebSocketMetadata
    handler: Handler = attrs.field(repr=False)
    signature: Signature = attrs.field(default=Signature(), repr=False)

    transport = Transport.SOCKET

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def options(self) -> Mapping[str, Any]:
        return self.metadata.options

    @property
    def status_code(self) -> int:
        """The status of a plain value that the action returns."""
        return self.metadata.status_code

    @property
    def description(self) -> str | None:
        """The docstring of the action, or that of the method it overrides, cleaned."""
        return _description(self.metadata)


def _description(metadata: RouteMetadata) -> str | None:
    return inspect.getdoc(getattr(metadata.target, metadata.action, None))


Definition = HttpDefinition | WebSocketDefinition
D = TypeVar("D", HttpDefinition, WebSocketDefinition)
T = TypeVar("T")


class Definitions(Generic[D]):
    """The definitions of one transport: iterated in registration order, found by key."""

    def __init__(self, definitions: tuple[D, ...] = ()) -> None:
        self._by_key: Mapping[str, D] = {d.metadata.key: d for d in definitions}

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
