"""Database sessions per message, and live CRUD resources made of tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.resolvers import Db
from bundles.resources.database.transaction import transaction
from bundles.resources.database.unit import UnitOfWork
from bundles.resources.database.unit_of_work import unit_of_work
from bundles.resources.fixtures.fixture import Fixture
from bundles.resources.fixtures.fixtures import Fixtures
from bundles.resources.fixtures.references import References
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = [
    "AfterCommit",
    "Database",
    "DatabaseSettings",
    "Databases",
    "Db",
    "Fixture",
    "Fixtures",
    "References",
    "ResourcesBundle",
    "ResourcesSettings",
    "UnitOfWork",
    "transaction",
    "unit_of_work",
]
