"""Where routes are collected at boot, before the kernel compiles them."""

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
    """The routes of one transport by key, in the order they were added. Fails loudly."""

    kind: type[M]
    noun: str

    def __init__(self) -> None:
        self._metadata: dict[str, M] = {}

    def add(self, metadata: M) -> None:
        """Add a route.

        Raises:
            ConfigurationError: the name is taken; the message names both places.
        """
        if not isinstance(metadata, self.kind):
            raise ConfigurationError(
                f"{type(self).__name__} takes {self.kind.__name__}, not {metadata!r}"
            )
        if other := self._metadata.get(metadata.key):
            raise ConfigurationError(
                f"{self.noun} name {metadata.key!r} is given twice, {_places(other, metadata)}"
            )
        self._metadata[metadata.key] = metadata

    def get(self, name: str) -> M | None:
        """The route of that key, None when there is none."""
        return self._metadata.get(name)

    def has(self, name: str) -> bool:
        return name in self._metadata

    def remove(self, name: str) -> None:
        """Take a route out.

        Raises:
            ConfigurationError: there is none of that name.
        """
        if self._metadata.pop(name, None) is None:
            known = ", ".join(self._metadata) or "none"
            raise ConfigurationError(f"no route {name!r} to remove; there is: {known}")

    def all(self) -> tuple[M, ...]:
        """Every route, in the order they were added."""
        return tuple(self._metadata.values())

    def reset(self) -> None:
        """Take every route out."""
        self._metadata.clear()

    def __len__(self) -> int:
        return len(self._metadata)

    def __iter__(self) -> Iterator[M]:
        return iter(self.all())

    def __contains__(self, name: object) -> bool:
        return name in self._metadata


def _places(one: RouteMetadata, other: RouteMetadata) -> str:
    """Where two routes of one name are, and what to write instead."""
    of_one_class = isinstance(one.action, str) and one.owner is other.owner
    if not of_one_class or one.place != other.place or one.target is other.target:
        return f"to {one.place} and to {other.place}; rename or remove one of them"
    name = one.owner.__name__
    return (
        f"to {one.place} of two controllers of one class; remove one of them, or derive a class "
        f'for it, with a prefix: @controller("/…", name="…_") class Other{name}({name})'
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
