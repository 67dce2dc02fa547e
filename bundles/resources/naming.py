"""Names of constraints and indexes."""

from collections.abc import Mapping
from types import MappingProxyType

NAMING_CONVENTION: Mapping[str, str] = MappingProxyType(
    {
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""With ``metadata = MetaData(naming_convention=NAMING_CONVENTION)`` in a declarative base, every
constraint has a name, so that migrations find removed or changed constraints in every database."""
