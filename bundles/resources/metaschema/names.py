"""The names of tables, columns and keys, as metasql writes them."""

IDENTIFIER = "Identifier"
"""The schema whose table has the ids of all rows of registries."""


def lower_camel(name: str) -> str:
    """``FullName`` as ``fullName``."""
    return name[:1].lower() + name[1:]


def upper_camel(name: str) -> str:
    """``fullName`` as ``FullName``."""
    return name[:1].upper() + name[1:]


def key_of(schema: str, *, is_registry: bool) -> str:
    """The name of the primary key of the table *schema*."""
    return "id" if is_registry or schema == IDENTIFIER else f"{lower_camel(schema)}Id"
