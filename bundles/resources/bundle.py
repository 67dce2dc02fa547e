"""What the bundle adds to an application."""

from sqlalchemy.orm import DeclarativeBase

from bundles.resources.settings import ResourcesSettings
from rxkernel import Bundle


class ResourcesBundle(Bundle):
    """Database sessions, and resources made of tables: ``ResourcesBundle(Base)``.

    Args:
        base: the declarative base of the application, whose tables are those of its database.
    """

    name = "resources"
    after = ("sessions", "security")
    settings_class = ResourcesSettings

    def __init__(self, base: type[DeclarativeBase]) -> None:
        self._base = base
