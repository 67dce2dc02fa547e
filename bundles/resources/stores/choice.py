"""Reads from the settings of other bundles whether their stores are in the database."""

from collections.abc import Mapping
from typing import Any

SETTING = "database"


def uses_stores(sections: Mapping[str, Any]) -> bool:
    """Whether one of *sections*, the settings of bundles by name, has a store in the database: for
    sessions or for refresh tokens.

    The classes of the settings are not imported, since those of security require an extra.
    """
    sessions, security = sections.get("sessions"), sections.get("security")
    tokens = getattr(security, "tokens", None)
    return SETTING in (getattr(sessions, "store", None), getattr(tokens, "store", None))
