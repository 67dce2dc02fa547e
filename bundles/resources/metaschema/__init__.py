"""Tables of SQLAlchemy for schemas in Metarhia's notation.

- `tables` makes one table for each stored schema; `table_builder` reads the fields of one, with
  the types of `column_types` and the names of `names`.
"""

from bundles.resources.metaschema.tables import tables_of

__all__ = ["tables_of"]
