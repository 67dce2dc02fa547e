"""Database sessions per message, and live CRUD resources made of tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.filters import BoundFilters, Field, FilterQuery, Filters
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = [
    "BoundFilters",
    "DatabaseSettings",
    "Field",
    "FilterQuery",
    "Filters",
    "ResourcesBundle",
    "ResourcesSettings",
]
