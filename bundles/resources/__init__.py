"""Database sessions per message, and live CRUD resources made of tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.metaschema import tables_of
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = ["DatabaseSettings", "ResourcesBundle", "ResourcesSettings", "tables_of"]
