"""The choice of the stores in the database, by the settings of the bundles that have them."""

from collections.abc import Mapping
from typing import Any

SETTING = "database"


def uses_stores(sections: Mapping[str, Any]) -> bool:
    """Whether one of *sections*, by the names of their bundles, has a store in the database: of
    sessions or of refresh tokens.

    The classes of the sections are not imported: those of security need an extra.
    """
    sessions, security = sections.get("sessions"), sections.get("security")
    tokens = getattr(security, "tokens", None)
    return SETTING in (getattr(sessions, "store", None), getattr(tokens, "store", None))
