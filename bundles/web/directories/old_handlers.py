"""Files of Impress: handlers and access rules in JavaScript, which a copied tree still has."""

import re

import attrs

from bundles.autoload.loading.source_file import SourceFile
from bundles.web.directories.handler_file_names import ACCESS, STAGES
from rxkernel import ConfigurationError

_SUFFIX = ".js"

_NAMES = frozenset(f"{stem}{_SUFFIX}" for stem in (*STAGES, ACCESS))

_EXPORTS = re.compile(rb"\bmodule\.exports\b|\(\s*client\s*,\s*callback\s*\)")
"""Text that handlers of Impress contain, and scripts for browsers do not."""


@attrs.frozen(eq=False)
class OldHandler:
    """A file such as ``get.js``. It is a script for browsers if its directory has no handlers and
    *exports* is false.

    Attributes:
        stage: its name.
        exports: whether its text looks like a handler.
        key: of its file.
    """

    stage: str
    exports: bool
    key: str

    @property
    def problem(self) -> str:
        advice = "move it out of app, or rename it if it is a script for browsers"
        return f"is a handler of Impress; write it as {self.stage}.py, and {advice}"


def has_old_name(key: str) -> bool:
    """Whether the file *key* has a name of Impress: ``access.js``, or a stage such as
    ``get.js``."""
    return key.rpartition("/")[2] in _NAMES


def old_handler_of(file: SourceFile) -> OldHandler:
    """Return the `OldHandler` in *file*.

    Raises:
        ConfigurationError: it has access rules.
    """
    if file.stem == ACCESS:
        raise ConfigurationError(
            f"has the access rules of Impress, which are not read; write them in {ACCESS}.py, "
            f"and remove this file: it may contain a password"
        )
    return OldHandler(file.stem, _EXPORTS.search(file.content) is not None, file.key)
