"""What `ResourcesBundle` was given, for commands that do not boot the application."""

from collections.abc import Mapping

import attrs
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from bundles.resources.settings import ResourcesSettings
from rxkernel import Application, ConfigurationError


@attrs.frozen
class Declarations:
    """The declarative base of each database, by its name."""

    bases: Mapping[str, type[DeclarativeBase]]

    def models_of(self, name: str) -> MetaData:
        """The tables of the database *name*; empty if no base was given for it."""
        base = self.bases.get(name)
        return MetaData() if base is None else base.metadata


def declarations_of(application: Application) -> Declarations:
    """Those of the bundle `resources` of *application*.

    Raises:
        ConfigurationError: the bundle was given as a name or a class.
    """
    for bundle in application.bundles:
        declared = getattr(bundle, "declared", None)
        if isinstance(declared, Declarations):
            return declared
    raise ConfigurationError(
        "the bundle resources needs the declarative base of the tables: write "
        "Application(bundles=[ResourcesBundle(Base)])"
    )


def settings_of(application: Application) -> ResourcesSettings:
    """The settings of the bundle, before boot."""
    given = application.settings.bundles.get("resources")
    return given if isinstance(given, ResourcesSettings) else ResourcesSettings()
