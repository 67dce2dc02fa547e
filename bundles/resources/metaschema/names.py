"""The names of tables, columns and keys, by the rules of metasql."""

IDENTIFIER = "Identifier"
"""The schema whose table has the ids of all rows of registries."""


def lower_camel(name: str) -> str:
    """Return ``fullName`` for ``FullName``."""
    return name[:1].lower() + name[1:]


def upper_camel(name: str) -> str:
    """Return ``FullName`` for ``fullName``."""
    return name[:1].upper() + name[1:]


def key_of(schema: str, *, is_registry: bool) -> str:
    """Return the name of the primary key of the table *schema*."""
    return "id" if is_registry or schema == IDENTIFIER else f"{lower_camel(schema)}Id"
