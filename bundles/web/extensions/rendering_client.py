"""What the built-in forms use of a `Client`."""

from collections.abc import Mapping
from typing import Any, Protocol

from rxkernel import Serializer


class RenderingClient(Protocol):
    @property
    def query(self) -> Mapping[str, Any]:
        """The parameters of the URL."""

    @property
    def serializer(self) -> Serializer:
        """That of the application."""
