"""Makes the tables of schemas."""

from pathlib import Path

from sqlalchemy import MetaData, Table

from bundles.contracts import Schemas
from bundles.resources.metaschema.table_builder import TableBuilder
from rxkernel import ConfigurationError


def tables_of(schemas: Schemas | Path | str, metadata: MetaData | None = None) -> dict[str, Table]:
    """Return a table for each stored schema in Metarhia's notation, by the name of the schema.

    The rules are those of metasql: the table has the name of the schema and a key ``<name>Id``;
    ``Registry`` shares the ids of ``Identifier``; a field that names a stored schema is a column
    ``<field>Id`` with a foreign key; a nested struct is flattened; ``{'many': 'City'}`` is a table
    of pairs. Kinds without a table are ``Struct``, ``Scalar``, ``Form``, ``Projection``, ``View``,
    schemas without a kind, and those with ``'store': 'memory'``. Values without a column type,
    such as an array, are stored as JSON.

    Args:
        schemas: compiled schemas, or a folder with one file for each.
        metadata: the tables are added to it, such as ``Base.metadata``; by default, a new one.

    Raises:
        ConfigurationError: lists every error of every schema.
    """
    compiled = schemas if isinstance(schemas, Schemas) else Schemas.load(schemas)
    builder = TableBuilder(
        {name: schema.node for name, schema in compiled.items()},
        MetaData() if metadata is None else metadata,
    )
    tables = builder.build_all()
    if builder.problems:
        raise ConfigurationError(*builder.problems)
    return tables
