"""The arguments of `ResourcesBundle`, for commands that do not boot the application."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import attrs
from sqlalchemy import MetaData

from bundles.resources.database.tables import Base, joined
from bundles.resources.settings import DEFAULT, ResourcesSettings
from bundles.resources.stores.choice import uses_stores
from bundles.resources.stores.tables import METADATA
from rxkernel import Application, ConfigurationError

_MISSING = (
    "the bundle resources needs the declarative base of the tables: write "
    "Application(bundles=[ResourcesBundle(Base)])"
)


@attrs.frozen
class Declarations:
    """The bases of each database, by the name of the database."""

    bases: Mapping[str, Sequence[Base]]

    @classmethod
    def of(cls, base: object, databases: object) -> "Declarations":
        """Return the declarations in the arguments of the bundle.

        Raises:
            ConfigurationError: lists each argument that has no tables.
        """
        problems = [*_problems_of(base, databases)]
        if problems:
            raise ConfigurationError(*problems)
        bases = {DEFAULT: base, **cast(Mapping[str, Base], databases)}
        return cls({name: (cast(Base, each),) for name, each in bases.items()})

    def for_sections(self, sections: Mapping[str, Any]) -> "Declarations":
        """Return these declarations and, in the default database, the tables of the stores that
        *sections* use. *sections* are the settings of bundles by name."""
        if not uses_stores(sections):
            return self
        return Declarations({**self.bases, DEFAULT: (*self.bases[DEFAULT], METADATA)})

    def models_of(self, name: str) -> MetaData:
        """Return the tables of the database *name*, joined from all its bases."""
        return joined(self.bases.get(name, ()))


def _problems_of(base: object, databases: object) -> Iterator[str]:
    if base is None:
        yield _MISSING
    elif not _has_tables(base):
        yield (
            f"ResourcesBundle({base!r:.60}) has neither a declarative base nor a MetaData; write "
            f"ResourcesBundle(Base)"
        )
    if not isinstance(databases, Mapping):
        yield (
            f"ResourcesBundle(databases={databases!r:.60}) has no bases by name; write "
            f'databases={{"reports": ReportsBase}}'
        )
        return
    for name, each in databases.items():
        if name == DEFAULT:
            yield (
                f"ResourcesBundle(databases={{{DEFAULT!r}: …}}) has the name of the first "
                f"argument; rename it, as its table [resources.databases.<name>] in the settings"
            )
        elif not _has_tables(each):
            yield (
                f"ResourcesBundle(databases={{{name!r}: {each!r:.60}}}) has neither a declarative "
                f"base nor a MetaData; write {{{name!r}: ReportsBase}}"
            )


def _has_tables(base: object) -> bool:
    metadata = getattr(base, "metadata", None) if isinstance(base, type) else base
    return isinstance(metadata, MetaData)


def declarations_of(application: Application) -> Declarations:
    """Return the declarations of the bundle `resources` of *application*.

    Raises:
        ConfigurationError: the bundle is enabled by its name or its class.
    """
    for bundle in application.bundles:
        declared = getattr(bundle, "declared", None)
        if isinstance(declared, Declarations):
            return declared.for_sections(application.settings.bundles)
    raise ConfigurationError(_MISSING)


def settings_of(application: Application) -> ResourcesSettings:
    """Return the settings of the bundle, before boot."""
    given = application.settings.bundles.get("resources")
    return given if isinstance(given, ResourcesSettings) else ResourcesSettings()
