"""The bundle __bundle__: a header on every response."""

from __folder__.bundle import PlaceholderBundle
from __folder__.settings import PlaceholderSettings

__all__ = ["PlaceholderBundle", "PlaceholderSettings"]
