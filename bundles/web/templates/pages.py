"""The templates that are pages."""

from collections.abc import Mapping

PAGES: Mapping[str, tuple[str, ...]] = {"html": ("html",), "ajax": ("ajax", "html")}
"""The names of a directory's page, by its extension. In one directory, the first one is used."""

ERROR_PAGE = ("error",)
"""The page of errors, with ``title``, ``message`` and ``status``."""
