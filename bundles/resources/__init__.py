"""Database sessions per message, and live CRUD resources made of tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.operations.bulk import BulkCreate, BulkRemove, Patch
from bundles.resources.operations.event import OperationEvent
from bundles.resources.operations.listing import List
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.resource import Resource
from bundles.resources.operations.single import Create, Get, Remove, Update
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = [
    "BulkCreate",
    "BulkRemove",
    "Create",
    "DatabaseSettings",
    "Get",
    "List",
    "Operation",
    "OperationEvent",
    "Patch",
    "Remove",
    "Resource",
    "ResourcesBundle",
    "ResourcesSettings",
    "Update",
]
