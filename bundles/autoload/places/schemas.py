"""The place ``schemas``: named schemas, and classes."""

from types import ModuleType
from typing import Any

import attrs

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.source_file import SourceFile
from bundles.contracts import Schemas
from rxkernel import ConfigurationError


class SchemaFiles:
    """The schemas of one snapshot.

    A file is its class, or the notation in its variable ``schema``. While schemas are loaded,
    others read the notation, so that one can be a part of another one; afterwards they read the
    compiled `Schema`.
    """

    def __init__(self) -> None:
        self.compiled = Schemas()

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        """Return the class or the notation of *file*."""
        names = {} if module is None else vars(module)
        found = names.get(file.stem)
        if isinstance(found, type):
            return found
        if "schema" in names:
            return names["schema"]
        raise ConfigurationError(
            f"defines no schema; write a class {file.stem}, or schema = {{…}} in the notation"
        )

    def compile(self, load: Load) -> None:
        """Compile the notations, and let code read them."""
