"""Storages of the routes of an application, before the kernel compiles them."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.metadata import (
    HttpMetadata,
    ProcedureMetadata,
    RouteMetadata,
    WebSocketMetadata,
)

M = TypeVar("M", HttpMetadata, WebSocketMetadata, ProcedureMetadata)


class MetadataStorage(Generic[M]):
    """The routes of one kind by key, in the order in which they were added."""

    kind: type[M]
    noun: str

    def __init__(self) -> None:
        self._metadata: dict[str, M] = {}

    def add(self, metadata: M) -> None:
        """Add a route.

        Raises:
            ConfigurationError: the name is already used; the message has both places.
        """
        if not isinstance(metadata, self.kind):
            raise ConfigurationError(
                f"{type(self).__name__} accepts {self.kind.__name__} only, not {metadata!r}"
            )
        if other := self._metadata.get(metadata.key):
            raise ConfigurationError(
                f"{self.noun} name {metadata.key!r} is used twice, {_places(other, metadata)}"
            )
        self._metadata[metadata.key] = metadata

    def get(self, name: str) -> M | None:
        """Return the route with the key *name*, or None."""
        return self._metadata.get(name)

    def has(self, name: str) -> bool:
        return name in self._metadata

    def remove(self, name: str) -> None:
        """Remove a route.

        Raises:
            ConfigurationError: no route has the key *name*.
        """
        if self._metadata.pop(name, None) is None:
            known = ", ".join(self._metadata) or "none"
            raise ConfigurationError(f"no route {name!r} to remove; there is: {known}")

    def all(self) -> tuple[M, ...]:
        """Return all routes, in the order in which they were added."""
        return tuple(self._metadata.values())

    def reset(self) -> None:
        """Remove all routes."""
        self._metadata.clear()

    def __len__(self) -> int:
        return len(self._metadata)

    def __iter__(self) -> Iterator[M]:
        return iter(self.all())

    def __contains__(self, name: object) -> bool:
        return name in self._metadata


def _places(one: RouteMetadata, other: RouteMetadata) -> str:
    """Return the places of two routes with the same name, and a hint."""
    of_one_class = isinstance(one.action, str) and one.owner is other.owner
    if not of_one_class or one.place != other.place or one.target is other.target:
        return f"for {one.location} and for {other.location}; rename or remove one of them"
    name = one.owner.__name__
    return (
        f"for {one.place} of two controllers of the same class; remove one of them, or derive a "
        f'class with a prefix: @controller("/…", name="…_") class Other{name}({name})'
    )


class HttpMetadataStorage(MetadataStorage[HttpMetadata]):
    """The routes over HTTP of one application."""

    kind = HttpMetadata
    noun = "route"


class WebSocketMetadataStorage(MetadataStorage[WebSocketMetadata]):
    """The routes over Socket.IO of one application."""

    kind = WebSocketMetadata
    noun = "event"


class ProcedureMetadataStorage(MetadataStorage[ProcedureMetadata]):
    """The procedures of one application, by ``TRANSPORT:name``."""

    kind = ProcedureMetadata
    noun = "procedure"
