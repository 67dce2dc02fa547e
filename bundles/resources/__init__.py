"""Database sessions for messages, and live CRUD resources from tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.resolvers import Db
from bundles.resources.database.transaction import transaction
from bundles.resources.database.unit import UnitOfWork
from bundles.resources.database.unit_of_work import unit_of_work
from bundles.resources.database.utc_datetime import UtcDateTime
from bundles.resources.entities.apply import apply
from bundles.resources.entities.entity import Entity
from bundles.resources.entities.envelope import Envelope
from bundles.resources.entities.page import Page, Paging
from bundles.resources.entities.repository import Repository
from bundles.resources.entities.slice import Slice
from bundles.resources.entities.view import View
from bundles.resources.filters import BoundFilters, Field, FilterQuery, Filters
from bundles.resources.fixtures.fixture import Fixture
from bundles.resources.fixtures.fixtures import Fixtures
from bundles.resources.fixtures.references import References
from bundles.resources.metaschema import tables_of
from bundles.resources.naming import NAMING_CONVENTION
from bundles.resources.operations.bulk import BulkCreate, BulkRemove, Patch
from bundles.resources.operations.event import OperationEvent
from bundles.resources.operations.listing import List
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.own import Row, operation
from bundles.resources.operations.resource import Resource
from bundles.resources.operations.single import Create, Get, Remove, Update
from bundles.resources.operations.watching import Unwatch, Watch
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = [
    "NAMING_CONVENTION",
    "AfterCommit",
    "BoundFilters",
    "BulkCreate",
    "BulkRemove",
    "Create",
    "Database",
    "DatabaseSettings",
    "Databases",
    "Db",
    "Entity",
    "Envelope",
    "Field",
    "FilterQuery",
    "Filters",
    "Fixture",
    "Fixtures",
    "Get",
    "List",
    "Operation",
    "OperationEvent",
    "Page",
    "Paging",
    "Patch",
    "References",
    "Remove",
    "Repository",
    "Resource",
    "ResourcesBundle",
    "ResourcesSettings",
    "Row",
    "Slice",
    "UnitOfWork",
    "Unwatch",
    "Update",
    "UtcDateTime",
    "View",
    "Watch",
    "apply",
    "operation",
    "tables_of",
    "transaction",
    "unit_of_work",
]
