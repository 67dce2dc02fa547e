"""Database sessions per message, and live CRUD resources made of tables."""

from bundles.resources.bundle import ResourcesBundle
from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.resolvers import Db
from bundles.resources.database.transaction import transaction
from bundles.resources.database.unit import UnitOfWork
from bundles.resources.database.unit_of_work import unit_of_work
from bundles.resources.entities.apply import apply
from bundles.resources.entities.entity import Entity
from bundles.resources.entities.envelope import Envelope
from bundles.resources.entities.page import Page, Paging
from bundles.resources.entities.repository import Repository
from bundles.resources.entities.slice import Slice
from bundles.resources.entities.view import View
from bundles.resources.settings import DatabaseSettings, ResourcesSettings

__all__ = [
    "AfterCommit",
    "Database",
    "DatabaseSettings",
    "Databases",
    "Db",
    "Entity",
    "Envelope",
    "Page",
    "Paging",
    "Repository",
    "ResourcesBundle",
    "ResourcesSettings",
    "Slice",
    "UnitOfWork",
    "View",
    "apply",
    "transaction",
    "unit_of_work",
]
