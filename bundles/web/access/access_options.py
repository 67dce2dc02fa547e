"""The access rule of a directory, as an option of its definitions."""

from collections.abc import Mapping
from typing import Any

from bundles.security import access
from bundles.web.directories.directory import Directory


def access_options(directory: Directory) -> Mapping[str, Any]:
    """Return the options of the definitions of *directory*, whose ``access`` has the merged
    fields."""
    return {"access": access("public")}


def public_options() -> Mapping[str, Any]:
    """Return the options of the static files, which have the access rules of their folder."""
    return {"access": access("public")}
