"""What `ResourcesBundle` was given, for commands that do not boot the application."""

from collections.abc import Mapping, Sequence

import attrs
from sqlalchemy import MetaData

from bundles.resources.database.database import DEFAULT
from bundles.resources.database.tables import Base, metadata_of
from bundles.resources.settings import ResourcesSettings
from bundles.resources.stores.choice import uses_stores
from bundles.resources.stores.tables import METADATA
from rxkernel import Application, ConfigurationError


@attrs.frozen
class Declarations:
    """The bases of each database, by its name."""

    bases: Mapping[str, Sequence[Base]]

    def adding(self, metadata: MetaData) -> "Declarations":
        """These, and the tables of *metadata* in the default database."""
        known = self.bases[DEFAULT]
        if metadata in known:
            return self
        return Declarations({**self.bases, DEFAULT: (*known, metadata)})

    def models_of(self, name: str) -> MetaData:
        """The tables of the database *name*, those of several bases together."""
        first, *others = [metadata_of(base) for base in self.bases.get(name, ())] or [MetaData()]
        if not others:
            return first
        models = MetaData(schema=first.schema, naming_convention=first.naming_convention)
        for metadata in (first, *others):
            for table in metadata.tables.values():
                table.to_metadata(models)
        return models


def declarations_of(application: Application) -> Declarations:
    """Those of the bundle `resources` of *application*.

    Raises:
        ConfigurationError: the bundle was given as a name or a class.
    """
    for bundle in application.bundles:
        declared = getattr(bundle, "declared", None)
        if isinstance(declared, Declarations):
            has_stores = uses_stores(application.settings.bundles)
            return declared.adding(METADATA) if has_stores else declared
    raise ConfigurationError(
        "the bundle resources needs the declarative base of the tables: write "
        "Application(bundles=[ResourcesBundle(Base)])"
    )


def settings_of(application: Application) -> ResourcesSettings:
    """The settings of the bundle, before boot."""
    given = application.settings.bundles.get("resources")
    return given if isinstance(given, ResourcesSettings) else ResourcesSettings()
